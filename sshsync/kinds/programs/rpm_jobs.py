# Changes packages of rpm by a dnf of the host, as jobs of their own; see work, jobs and plans. Comes before the solver
# that speaks to one of its generations. For Python 3.6 and later.
#
# dnf's own resolver says what would change, and has it downloaded. The change itself is one transaction from the files
# that came, with no repository at all: nothing can be pulled into it that was not foreseen.
import fcntl
import hashlib
import os
import pwd
import re
import shutil
import struct
import sys
import time

from jobs import carried_out, folder, read, result, serve
from plans import planned, torn, tried
from work import names, of_rpm

ROOT = os.path.realpath(sys.argv[3]) if sys.argv[3] else ""
IN_ROOT = ["--installroot=" + ROOT] if ROOT else []
RPM = ["rpm"] + (["--root", ROOT] if ROOT else [])
SCRIPTLET = re.compile("%[a-z]+[(](.+)-[^-]+-[^-]+[)] scriptlet failed|Error in [A-Z]+ scriptlet in rpm package (.+)")
# What is said where there is no room, also by whoever only downloads.
FULL = "space left|Curl error .23."
# What rpm -V says of a file that is not the operator's to change (c) nor made by the package itself (g).
CHANGED = re.compile("(missing|..5......) +([dlr] )?/")


class Ended(Exception):
    # What ends a deed that is none of a package: of which sort, and in dnf's own words.
    def __init__(self, sort, words):
        Exception.__init__(self, words)
        self.sort = sort


def rows(packages):
    return sorted([one.name, one.arch, one.evr] for one in packages)


def kept_files(job):
    top = os.path.dirname(os.path.dirname(job)) + "/kept"
    return [os.path.join(top, run, name) for run in names(top) for name in names(top + "/" + run)]


def brought_files(job, name):
    top = folder(os.path.dirname(os.path.dirname(os.path.dirname(job))), name) if name else ""
    return top, [os.path.join(top, "packages", file) for file in names(top + "/packages")] if top else []


def patient(job, spec, attempt):
    # Waits for whoever holds the locks of a package manager, for as long as is asked for.
    until = time.time() + spec["patience"]
    while True:
        try:
            return attempt()
        except Ended as error:
            if error.sort != "locked" or time.time() > until:
                raise
        os.utime(job + "/begun", None)
        time.sleep(0.5)


def guarded(deed):
    def done(job, spec):
        try:
            return patient(job, spec, lambda: deed(job, spec))
        except Ended as error:
            return {error.sort: str(error)}

    return done


def sudo(spec):
    return ["sudo", "-n", "--"] if spec["sudo"] and os.geteuid() else []


def barred(job, spec, tool):
    # Raises why nothing could be changed there at all.
    if os.geteuid() and not spec["sudo"]:
        raise Ended("barred", "only root changes packages")
    status, text = carried_out(job, sudo(spec) + [tool, "--version"]) if sudo(spec) else (0, "")
    if status:
        name, path = pwd.getpwuid(os.geteuid()).pw_name, shutil.which(tool) or tool
        line = "%s ALL=(root) NOPASSWD: %s" % (name, path)
        raise Ended("barred", "%s (sudoers is to say there: %s)" % (complaint(text), line))


def fetched(job, spec, made):
    barred(job, spec, made.tool)
    kept = kept_files(job)
    for online in (False, True) if kept else (True,):
        solver = made(job, spec, online, kept)
        refused, install, (coming, going) = planned(solver, spec)
        if online or not refused:
            break
    wrong = downloaded(solver, coming, job + "/packages").values()
    for sort in ("untrusted", "trouble"):
        said = sorted(words for one, words in wrong if one == sort)
        if said:
            raise Ended(sort, "; ".join(said[:3]))
    told = {"in": rows(coming), "out": rows(going), "machine": os.uname()[4]}
    return dict(told, refused=refused, needs=solver.needed(list(install.values()), coming))


def brought(job, spec, made):
    solver = made(job, spec, True, kept_files(job))
    refused, found = {}, {}
    for key, version in spec["install"]:
        which = solver.had(key, version)
        if which:
            found[which[0]] = key
        else:
            refused[key] = solver.why_not(key, version)
    wrong = downloaded(solver, list(found), job + "/packages")
    return {"refused": dict(refused, **{found[one]: words for one, (_, words) in wrong.items()})}


def downloaded(solver, packages, top):
    # Brings packages into a directory; returns why one did not come, or must not be trusted, with the sort of it.
    wrong = {}
    if not os.path.isdir(top):
        os.mkdir(top, 0o700)
    try:
        solver.download(packages, top)
    except Ended as error:
        if error.sort not in ("lacking", "untrusted", "trouble"):
            raise
        # What keeps one of them from coming does not concern the others.
        for one in packages:
            try:
                solver.download([one], top)
            except Ended as alone:
                if alone.sort not in ("lacking", "untrusted"):
                    raise
                wrong[one] = (alone.sort.replace("lacking", "trouble"), str(alone))
    unsigned = solver.unsigned([one for one in packages if one not in wrong], top)
    wrong.update((one, ("untrusted", words)) for one, words in unsigned.items())
    harmless(top)
    return wrong


def harmless(top):
    # A repository may call its files whatever it likes, and the shell of dnf reads lines.
    for name in names(top):
        if not re.fullmatch("[A-Za-z0-9][A-Za-z0-9._+~^-]*[.]rpm", name):
            other = hashlib.sha256(os.fsencode(name)).hexdigest()[:32] + ".rpm"
            os.rename(os.path.join(top, name), os.path.join(top, other))


def changed(job, spec, made):
    top, files = brought_files(job, spec["fetched"])
    foreseen = (result(top) if top else None) or {}
    solver = made(job, spec, False, files)
    remove = [one for key, version in spec["install"] for one in torn(solver, key, version)]
    remove += [one for key in spec["remove"] for one in solver.there(key)]
    plan, words = tried(solver, solver.local(), remove, spec["erasing"])
    if plan is None:
        return {"words": words}
    if "in" in foreseen and [rows(plan[0]), rows(plan[1])] != [foreseen["in"], foreseen["out"]]:
        return {"words": "what is there changed meanwhile, and so would what was foreseen: nothing was done"}
    touched = sorted({one.name for one in plan[0] + plan[1]})
    before = complaints(job, solver, touched)
    status, text = patient(job, spec, lambda: alone(job) or solver.transaction(plan[0], remove))
    told = scripts_told(text)
    for name, line in complaints(job, solver, touched):
        if (name, line) not in before:
            told.setdefault(name, line)
    aside = [line.strip() for line in text.splitlines() if ".rpmnew" in line or ".rpmsave" in line]
    notes = [re.sub("^(warning: |>>> )", "", line) for line in aside][:50] + ([] if ROOT else solver.restarts())
    return {"words": complaint(text) if status else "", "complaints": told, "notes": notes}


def alone(job):
    # Raises who holds a lock that a transaction would wait for without a limit, or fail of.
    place = carried_out(job, ["rpm", "--eval", "%{_dbpath}"])[1].strip()
    for path in (ROOT + place + "/.rpm.lock", ROOT + "/var/lib/dnf/system-repo.lock"):
        holder = holder_of(path)
        if holder:
            raise Ended("locked", "%s holds %s" % (process(holder), path))


def holder_of(path):
    try:
        with open(path, "rb") as file:
            asked = struct.pack("hhqqi", fcntl.F_RDLCK, os.SEEK_SET, 0, 0, 0)
            kind, _, _, _, holder = struct.unpack("hhqqi", fcntl.fcntl(file, fcntl.F_GETLK, asked))
    except (IOError, OSError):
        return 0
    return 0 if kind == fcntl.F_UNLCK else holder or -1


def process(number):
    # Who holds a lock, for people.
    if number < 0:
        return "a process that cannot be seen there"
    return "process %d (%s)" % (number, " ".join(read("/proc/%d/cmdline" % number).split("\0")).strip()[:100])


def complaint(text):
    # From its first word of an error on; in what comes without, the last line tells most.
    lines = [line.strip() for line in text.splitlines() if line.strip()]
    first = [number for number, line in enumerate(lines) if re.match("Error|error:|Failed to|Transaction failed", line)]
    return "; ".join(lines[first[0] :][:4] if first else lines[-1:])[:600]


def scripts_told(text):
    # Scripts of packages that failed, whatever the package manager made of it; what tells the status tells more.
    told = {}
    for line in text.splitlines():
        found = SCRIPTLET.search(line)
        if found and (found.group(1) or found.group(2) not in told):
            told[found.group(1) or found.group(2)] = line.strip("> \n")
    return told


def complaints(job, solver, touched):
    # What dnf says of all that is installed, and rpm of the files of some: by the name of a package.
    found = solver.checked()
    # rpm does not say of which package it speaks: only where something is wrong they are looked at one by one.
    for name in touched if unlike(job, touched) else ():
        found += [(name, "rpm -V: " + line) for line in unlike(job, [name])]
    return found


def unlike(job, some):
    lines = carried_out(job, RPM + ["-V", "--nodeps", "--noscripts", "--noghost"] + some)[1].splitlines()
    return [line.strip() for line in lines if CHANGED.match(line)]


def restarts(solver, whole, services):
    # Whether the host, and which of its services, still use what was replaced.
    status, text = ran(solver.job, [solver.tool, "--quiet", "needs-restarting"] + whole)
    command = " ".join([solver.tool, "needs-restarting"] + whole)
    notes = ["the host is to be started anew (%s)" % command] if status == 1 and "eboot" in text else []
    text = ran(solver.job, sudo(solver.spec) + [solver.tool, "--quiet", "needs-restarting"] + services)[1]
    found = [line for line in text.splitlines() if re.match("[^ ]+[.]service$", line)]
    words = "to be started anew, for they use what was replaced: " + ", ".join(found[:20])
    return notes + ([words] if found else [])


def ran(job, words):
    return carried_out(job, words, env=dict(os.environ, LC_ALL="C.UTF-8"))


def absent(others):
    # That no repository has a version, and which it has of them.
    return "no repository of it has it" + (", but " + ", ".join(sorted(set(others))[-3:]) if others else "")


def main(made):
    deeds = {"fetch": fetched, "bring": brought, "apply": changed}
    bound = {name: guarded(lambda job, spec, deed=deed: deed(job, spec, made)) for name, deed in deeds.items()}
    serve(of_rpm(sys.argv[3], True), sys.argv[2], bound)
