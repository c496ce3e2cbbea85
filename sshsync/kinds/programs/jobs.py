# Jobs that a package manager does, each in a session of its own; see work. Comes between that and what carries a job
# out. For Python 2.7 and later.
#
# fetch    has every package that is to come brought into the job's directory, or says why that cannot be
# bring    the same for the way back: packages that are there now
# apply    installs from there, and removes; only under a lease, and never two at once
# wait     waits for a while for one of these, and says what became of it
# settle   waits for a while for whatever changes packages here, and forgets what such jobs left
# keep     puts what a job brought aside, for the way back from a run
# rotate   forgets what was put aside, but for the last runs
# clear    forgets jobs
import fcntl
import json
import os
import re
import shutil
import signal
import subprocess
import sys
import time
import traceback

from work import fail, free, lock, names, private, say

SLICE = 4.0
LOST = 45


def folder(place, name, make=True):
    top = place + "/.sshsync/transaction"
    job = top + "/" + re.sub("[^0-9a-z-]", "", name)
    return job if all(private(one, make) for one in (top, job)) else ""


def put(path, text):
    # Whole or not at all, and there after a loss of power.
    with open(path + ".new", "w") as file:
        file.write(text)
        file.flush()
        os.fsync(file.fileno())
    os.rename(path + ".new", path)


def read(path):
    # Names of other programs may be any bytes.
    try:
        with open(path, "rb") as file:
            return file.read().decode("utf-8", "replace")
    except (IOError, OSError):
        return ""


def result(job):
    told = read(job + "/result")
    return json.loads(told) if told else None


def burned():
    # What this job's programs used of the processor and wrote, as far as that can be told: whether they are at work.
    own, session, total = str(os.getpid()), str(os.getsid(0)), 0
    for name in names("/proc"):
        told = read("/proc/%s/stat" % name) if name.isdigit() and name != own else ""
        rest = told.rpartition(")")[2].split()
        if rest[3:4] == [session]:
            total += int(rest[11]) + int(rest[12])
    return total


def size(path):
    try:
        return os.lstat(path).st_size
    except OSError:
        return 0


def grown(job):
    total = 0
    for place, _, files in os.walk(job):
        total += sum(size(os.path.join(place, name)) for name in files)
    return total


def carried_out(job, words, **more):
    # The status of a program, and the end of what it said. Shows all the while whether it gets on.
    output = job + "/output"
    with open(output, "ab") as said, open(os.devnull) as nothing:
        begin = said.tell()
        running = subprocess.Popen(words, stdin=nothing, stdout=said, stderr=said, close_fds=False, cwd=job, **more)
        sign, looked, pause = None, 0.0, 0.002
        while running.poll() is None:
            if time.time() - looked > 2:
                looked, now = time.time(), (burned(), grown(job))
                if now != sign:
                    sign = now
                    os.utime(job + "/begun", None)
            time.sleep(pause)
            pause = min(0.05, 1.5 * pause)
    with open(output, "rb") as said:
        said.seek(begin)
        return running.returncode, said.read()[-(1 << 20) :].decode("utf-8", "replace")


def apart(job, held, deed, spec):
    # Carries out a job in a session of its own, with its locks, whatever becomes of this one.
    if os.path.exists(job + "/scratch"):
        shutil.rmtree(job + "/scratch")
    os.mkdir(job + "/scratch", 0o700)
    put(job + "/room", " " * 8192)
    put(job + "/begun", "")
    sys.stdout.flush()
    if os.fork():
        return
    os.setsid()
    signal.signal(signal.SIGHUP, signal.SIG_IGN)
    if os.fork():
        os._exit(0)
    nothing = os.open(os.devnull, os.O_RDWR)
    said = os.open(job + "/output", os.O_WRONLY | os.O_CREAT | os.O_APPEND, 0o600)
    for number, one in ((0, nothing), (1, said), (2, said)):
        os.dup2(one, number)
    for one in range(3, 256):
        if one in held:
            # What it starts holds them, too.
            fcntl.fcntl(one, fcntl.F_SETFD, 0)
        else:
            os.closerange(one, one + 1)
    try:
        conclude(job, deed, spec)
    except BaseException:  # noqa: BLE001 - whatever it was, somebody can read it
        traceback.print_exc()
    os._exit(0)


def conclude(job, deed, spec):
    # A disk that is full has room for the words that say so.
    try:
        put(job + "/result", json.dumps(deed(job, spec)))
    except (Exception, SystemExit) as error:  # noqa: BLE001 - whatever it was, who asked is told
        said = (read(job + "/output").strip().splitlines() or [""])[-1]
        traceback.print_exc()
        os.unlink(job + "/room")
        words = "%s (it ended itself)" % said if isinstance(error, SystemExit) else told_of(error)
        put(job + "/result", json.dumps({"broken": words}))


def told_of(error):
    if isinstance(error, EnvironmentError):
        return "%s: %s" % (error.filename or "its work", error.strerror or error)
    return "%s: %s" % (type(error).__name__, error)


def tell(job):
    # What became of a job that has ended: without a result something ended it.
    say(**(result(job) or {"died": True}))


def fetch(place, spec, deed):
    job = folder(place, spec["id"])
    ours = lock(job + "/lock")
    found = result(job) if ours is not None else None
    # Only what was found out is an answer for the next try, too, and no reason why it could not be.
    if found and "refused" in found and not found.get("trouble"):
        say(**found)
        return
    if ours is not None:
        if found:
            os.unlink(job + "/result")
        apart(job, [ours], deed, spec)
    say(busy=True, quiet=0)


def apply(place, spec, deed):
    job = folder(place, spec["id"])
    alone = lock(place + "/.sshsync/lock")
    if alone is None:
        say(busy=True, quiet=0)
        return
    # Whoever took the lease over since has waited for this lock, or finds it.
    held(place, spec)
    ours = lock(job + "/lock")
    if os.path.exists(job + "/begun") or ours is None:
        tell(job)
        return
    apart(job, [alone, ours], deed, spec)
    say(busy=True, quiet=0)


def quiet(job):
    try:
        return max(0, int(time.time() - os.stat(job + "/begun").st_mtime))
    except OSError:
        return 0


def still(path):
    until = time.time() + SLICE
    while not free(path):
        if time.time() > until:
            return True
        time.sleep(0.1)
    return False


def wait(place, spec):
    job = folder(place, spec["id"], False)
    if not job or not os.path.exists(job + "/begun"):
        say(absent=True)
    elif still(job + "/lock"):
        say(busy=True, quiet=quiet(job))
    else:
        tell(job)


def settle(place, spec):
    own = place + "/.sshsync/"
    jobs = [own + "transaction/" + name for name in names(own + "transaction")]
    running = still(own + "lock")
    if not running:
        for job in jobs:
            if free(job + "/lock") and not os.path.isdir(job + "/packages"):
                shutil.rmtree(job)
    say(busy=running, quiet=min([quiet(job) for job in jobs] or [0]))


def held(place, spec):
    if spec["lease"] and not os.path.isdir(place + "/.sshsync/lease/" + spec["lease"]):
        sys.exit(LOST)


def keep(place, spec):
    held(place, spec)
    brought, top = folder(place, spec["id"]) + "/packages", place + "/.sshsync/kept"
    aside = top + "/" + spec["run"]
    if names(brought) and private(top, True) and private(aside, True):
        for name in names(brought):
            os.rename(brought + "/" + name, aside + "/" + name)
    say(busy=False)


def rotate(place, spec):
    held(place, spec)
    kept = place + "/.sshsync/kept"
    for name in names(kept)[: -spec["keep"] or None]:
        shutil.rmtree(kept + "/" + name)
    say(busy=False)


def clear(place, spec):
    held(place, spec)
    for name in names(place + "/.sshsync/transaction"):
        job = folder(place, name, False)
        if (not spec["id"] or name == spec["id"]) and job and free(job + "/lock"):
            shutil.rmtree(job)
    say(busy=False)


def serve(place, mode, deeds):
    # What is asked for; `deeds` are how a package manager does what only it can do.
    spec = json.loads(sys.stdin.read())
    plain = {"wait": wait, "settle": settle, "keep": keep, "rotate": rotate, "clear": clear}
    try:
        if mode in deeds:
            (apply if mode == "apply" else fetch)(place, spec, deeds[mode])
        else:
            plain[mode](place, spec)
    except EnvironmentError as error:
        fail(told_of(error))
