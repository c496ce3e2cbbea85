# Changes packages by pip, as jobs of their own; see work. For Python 2.7 and later, and pip 9 and later.
#
# fetch    has every package that is to come brought into the job's directory, or says why that cannot be
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
import zipfile

from work import fail, free, headers, lock, managed_by_system, names, normalized, private, say, work

SLICE = 4.0
LOST = 45
# What makes pip install elsewhere, or not at all.
MISLEADING = "TARGET PREFIX ROOT USER REQUIRE_VIRTUALENV DRY_RUN UPGRADE REQUIREMENT CONSTRAINT EDITABLE NO_DEPS"
UNREACHABLE = re.compile(
    "Retrying \\(Retry\\(|Max retries exceeded|Could not fetch URL|ReadTimeoutError|ConnectTimeout"
    "|NewConnectionError|Temporary failure in name resolution|ConnectionResetError|ProtocolError"
)
FULL = re.compile("No space left on device|Disk quota exceeded")
LACKING = re.compile("No matching distribution found for ([A-Za-z0-9._-]+?)==")


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
        sign, looked = None, 0.0
        while running.poll() is None:
            if time.time() - looked > 2:
                looked, now = time.time(), (burned(), grown(job))
                if now != sign:
                    sign = now
                    os.utime(job + "/begun", None)
            time.sleep(0.05)
    with open(output, "rb") as said:
        said.seek(begin)
        return running.returncode, said.read()[-(1 << 20) :].decode("utf-8", "replace")


def environment(job):
    kept = dict(
        os.environ, TMPDIR=job + "/scratch", PIP_NO_INPUT="1", PIP_DISABLE_PIP_VERSION_CHECK="1", LC_ALL="C.UTF-8"
    )
    for name in MISLEADING.split():
        kept.pop("PIP_" + name, None)
    return kept


def pip(job, spec, words):
    own = [sys.executable, "-E", "-s", "-m", "pip"] + words
    sudo = ["sudo", "-n", "--"] if spec.get("sudo") and words[0] != "download" and words[0] != "wheel" else []
    return carried_out(job, sudo + own, env=environment(job))


def complaint(text):
    # Its own words of an error are the best; in what comes without, the last line tells most.
    lines = [line.strip() for line in text.splitlines() if line.strip()]
    errors = [re.sub("^ERROR: ", "", line) for line in lines if line.startswith("ERROR: ")]
    old = [line for line in lines if line.startswith(("Could not find", "No matching", "THESE PACKAGES"))]
    return "; ".join(errors[:3] or old[:2] or lines[-1:])[:600]


def fetched(job, spec):
    versions, refused, distrusted, trouble = dict(spec["install"]), {}, [], ""
    how = ["wheel", "--wheel-dir"] if spec["sources"] else ["download", "--only-binary", ":all:", "--dest"]
    wheels, asked = job + "/wheels", [sorted(versions)]
    kept = os.path.dirname(os.path.dirname(job)) + "/kept"
    how[1:1] = [word for run in names(kept) for word in ("--find-links", kept + "/" + run)]
    while asked and not trouble:
        some = asked.pop()
        if not some:
            continue
        put(job + "/requirements", "".join("%s==%s\n" % (name, versions[name]) for name in some))
        status, text = pip(job, spec, how + [wheels, "--no-deps", "-r", job + "/requirements"])
        if not status:
            continue
        if "No module named pip" in text:
            return {"absent_pip": complaint(text)}
        if FULL.search(text):
            return {"broken": complaint(text)}
        lacking = [normalized(name) for name in LACKING.findall(text)]
        culprits = some if len(some) == 1 else [name for name in lacking if name in some]
        if UNREACHABLE.search(text):
            trouble = complaint(text) or "the index cannot be reached"
        elif culprits:
            refused.update((name, complaint(text)) for name in culprits)
            distrusted.extend(culprits if "DO NOT MATCH THE HASHES" in text else [])
            asked.append([name for name in some if name not in culprits])
        else:
            asked.extend((some[: len(some) // 2], some[len(some) // 2 :]))
    came = brought(wheels)
    for name in [] if trouble else versions:
        if name not in refused and came.get(name) != versions[name]:
            refused[name] = "the index has %s in its place" % came[name] if name in came else "pip brought nothing"
    return {"refused": refused, "distrusted": distrusted, "trouble": trouble}


def brought(wheels):
    found = {}
    for file in names(wheels):
        if zipfile.is_zipfile(os.path.join(wheels, file)):
            with zipfile.ZipFile(os.path.join(wheels, file)) as held:
                meta = [name for name in held.namelist() if re.match("[^/]+[.]dist-info/METADATA$", name)]
                told = headers(held.read(meta[0]).decode("utf-8", "replace") if meta else "")
            found[normalized(told.get("name", ""))] = told.get("version", "")
    return found


def complaints(job, spec):
    status, text = pip(job, dict(spec, sudo=False), ["check"])
    return [line.strip() for line in text.splitlines() if line.strip()] if status else []


def changed(job, spec):
    before = complaints(job, spec)
    managed = ["--break-system-packages"] if spec["managed"] and managed_by_system() else []
    status, text = 0, ""
    if spec["remove"]:
        put(job + "/removed", "".join("%s\n" % name for name in spec["remove"]))
        status, text = pip(job, spec, ["uninstall", "--isolated", "--yes"] + managed + ["-r", job + "/removed"])
    if spec["install"]:
        put(job + "/installed", "".join("%s==%s\n" % (name, version) for name, version in spec["install"]))
        wheels = folder(os.path.dirname(os.path.dirname(os.path.dirname(job))), spec["fetched"]) + "/wheels"
        how = [
            "install",
            "--isolated",
            "--no-deps",
            "--no-index",
            "--find-links",
            wheels,
            "--upgrade",
            "--force-reinstall",
        ]
        status, text = pip(job, spec, how + managed + ["-r", job + "/installed"])
        clean([name for name, _ in spec["install"]])
    after = [line for line in complaints(job, spec) if line not in before]
    return {"status": status, "words": complaint(text) if status else "", "complaints": after[:200]}


def clean(installed):
    # A package that is moved aside while another takes its place bears its name with another first letter, ~.
    for place in sys.path:
        for entry in names(place):
            rest = normalized(re.sub("(-[^-]*)?[.](dist-info|egg-info|egg)$", "", entry[1:]))
            if entry.startswith("~") and rest and any(name[1:] == rest for name in installed):
                shutil.rmtree(os.path.join(place, entry), ignore_errors=True)


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
    except EnvironmentError as error:
        os.unlink(job + "/room")
        put(job + "/result", json.dumps({"broken": told_of(error)}))


def told_of(error):
    return "%s: %s" % (error.filename or "its work", error.strerror or error)


def tell(job):
    # What became of a job that has ended: without a result something ended it.
    say(**(result(job) or {"died": True}))


def fetch(place, spec):
    job = folder(place, spec["id"])
    ours = lock(job + "/lock")
    found = result(job) if ours is not None else None
    if found and not (found.get("trouble") or found.get("absent_pip") or found.get("broken")):
        say(**found)
        return
    if ours is not None:
        if found:
            os.unlink(job + "/result")
        apart(job, [ours], fetched, spec)
    say(busy=True, quiet=0)


def apply(place, spec):
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
    apart(job, [alone, ours], changed, spec)
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
            if free(job + "/lock") and not os.path.isdir(job + "/wheels"):
                shutil.rmtree(job)
    say(busy=running, quiet=min([quiet(job) for job in jobs] or [0]))


def held(place, spec):
    if spec["lease"] and not os.path.isdir(place + "/.sshsync/lease/" + spec["lease"]):
        sys.exit(LOST)


def keep(place, spec):
    held(place, spec)
    brought, top = folder(place, spec["id"]) + "/wheels", place + "/.sshsync/kept"
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


MODES = {"fetch": fetch, "apply": apply, "wait": wait, "settle": settle, "keep": keep, "rotate": rotate, "clear": clear}
try:
    MODES[sys.argv[2]](work(make=True), json.loads(sys.stdin.read()))
except EnvironmentError as error:
    fail(told_of(error))
