# Changes packages of rpm by dnf 4, as jobs of their own; see work and jobs. For dnf's own Python, 3.6 and later.
#
# dnf's own resolver says what would change, and has it downloaded. The change itself is one transaction from the files
# that came, with no repository at all: nothing can be pulled into it that was not foreseen.
import os
import re
import shlex
import shutil
import sys
import time

from dnf_plans import IN_ROOT, ROOT, Refused, had, needed, opened, planned, rows, solved, there, why_not
from jobs import carried_out, folder, put, result, serve
from work import left, names, say, work

LOCKED = 200
# What rpm -V says of a file that is not the operator's to change (c) nor made by the package itself (g).
CHANGED = re.compile("(missing|..5......) +([dlr] )?/")
SCRIPTLET = re.compile("%[a-z]+[(](.+)-[^-]+-[^-]+[)] scriptlet failed|Error in [A-Z]+ scriptlet in rpm package (.+)")


def kept_files(job):
    top = os.path.dirname(os.path.dirname(job)) + "/kept"
    return [os.path.join(top, run, name) for run in names(top) for name in names(top + "/" + run)]


def patient(job, spec, attempt):
    # Waits for whoever holds dnf's locks, for as long as is asked for.
    import dnf.exceptions

    until = time.time() + spec["patience"]
    while True:
        try:
            return attempt()
        except dnf.exceptions.LockError as error:
            if time.time() > until:
                return {"locked": str(error)}
        os.utime(job + "/begun", None)
        time.sleep(0.5)


def guarded(deed):
    # What ends a deed that is none of a package, in dnf's own words.
    def done(job, spec):
        import dnf.exceptions

        try:
            return patient(job, spec, lambda: deed(job, spec))
        except dnf.exceptions.DownloadError as error:
            words = str(error)
            return {"untrusted" if "checksum" in words else "broken" if "space left" in words else "trouble": words}
        except dnf.exceptions.RepoError as error:
            return {"trouble": str(error)}
        except dnf.exceptions.Error as error:
            return {"untrusted" if "checksum" in str(error) else "broken": str(error)}

    return done


def barred(job, spec):
    # Why nothing could be changed there at all.
    if spec["sudo"] and os.geteuid():
        status, text = carried_out(job, sudo(spec) + ["dnf", "--version"])
        return {"barred": complaint(text)} if status else {}
    return {"barred": "only root changes packages"} if os.geteuid() else {}


def sudo(spec):
    return ["sudo", "-n", "--"] if spec["sudo"] and os.geteuid() else []


def fetched(job, spec):
    no = barred(job, spec)
    if no:
        return no
    kept = kept_files(job)
    for online in (False, True) if kept else (True,):
        base = opened(spec, online, kept)
        refused, install, (coming, going) = planned(base, spec)
        if online or not refused:
            break
    untrusted = downloaded(base, job, coming)
    if untrusted:
        return {"untrusted": "; ".join(sorted(untrusted.values())[:3])}
    return {
        "refused": refused,
        "in": rows(coming),
        "out": rows(going),
        "needs": needed(base, list(install.values()), coming),
        "machine": os.uname()[4],
    }


def downloaded(base, job, packages):
    # Brings packages into the directory of a job; returns words for each that is not to be trusted.
    import dnf.exceptions

    top = job + "/packages"
    if not os.path.isdir(top):
        os.mkdir(top, 0o700)
    for repo in base.repos.iter_enabled():
        repo.pkgdir = top
    wanted = [one for one in packages if one.reponame != "@commandline"]
    wrong = {}
    try:
        base.download_packages(wanted)
    except dnf.exceptions.Error:
        for one in wanted:
            if os.path.exists(one.localPkg()) and not one.verifyLocalPkg():
                wrong[one] = "%s is not what its repository %s says of it" % (one, one.reponame)
        if not wrong:
            raise
        return wrong
    for one in packages:
        status, words = base.package_signature_check(one)
        if status:
            wrong[one] = "%s (repository %s)" % (words, one.reponame)
        elif os.path.dirname(one.localPkg()) != top:
            shutil.copy(one.localPkg(), top)
    return wrong


def brought(job, spec):
    base = opened(spec, True, kept_files(job))
    refused, found = {}, {}
    for key, version in spec["install"]:
        which = had(base, key, version)
        if which:
            found[which[0]] = key
        else:
            refused[key] = why_not(base, key, version)
    refused.update((found[one], words) for one, words in downloaded(base, job, list(found)).items())
    return {"refused": refused}


def complaint(text):
    # From its first word of an error on; in what comes without, the last line tells most.
    lines = [line.strip() for line in text.splitlines() if line.strip()]
    first = [number for number, line in enumerate(lines) if line.startswith(("Error", "error:"))]
    return "; ".join(lines[first[0] :][:4] if first else lines[-1:])[:600]


def changed(job, spec):
    brought = folder(os.path.dirname(os.path.dirname(os.path.dirname(job))), spec["fetched"])
    files = [os.path.join(brought, "packages", name) for name in names(brought + "/packages")]
    foreseen = result(brought) or {}
    base = opened(spec, False, files)
    install = list(base.sack.query().available().filterm(reponame="@commandline"))
    remove = [one for key in spec["remove"] for one in there(base, key)]
    try:
        coming, going = solved(base, install, remove, erasing=spec["erasing"])
    except Refused as refused:
        return {"words": str(refused)}
    if "in" in foreseen and [rows(coming), rows(going)] != [foreseen["in"], foreseen["out"]]:
        return {"words": "what is there changed meanwhile, and so would what was foreseen: nothing was done"}
    touched = sorted({one.name for one in coming + going})
    before = complaints(job, touched)
    lines = ["install " + " ".join(shlex.quote(one.localPkg()) for one in coming)] if coming else []
    lines += ["remove " + " ".join(str(one) for one in remove)] if remove else []
    put(job + "/script", "".join(line + "\n" for line in lines))
    base.close()
    text = patient(job, spec, lambda: transaction(job, spec))
    if isinstance(text, dict):
        return text
    status, text = text
    told = {}
    for line in text.splitlines():
        found = SCRIPTLET.search(line)
        if found and (found.group(1) or found.group(2) not in told):
            told[found.group(1) or found.group(2)] = line.strip()
    for name, line in complaints(job, touched):
        if (name, line) not in before:
            told.setdefault(name, line)
    notes = [line.strip() for line in text.splitlines() if ".rpmnew" in line or ".rpmsave" in line]
    return {"words": complaint(text) if status else "", "complaints": told, "notes": notes[:50] + restarts(job, spec)}


def transaction(job, spec):
    import dnf.exceptions

    how = ["--setopt=%s" % one for one in ("exit_on_lock=1", "install_weak_deps=0", "clean_requirements_on_remove=0")]
    how += ["--disableexcludes=all", "--disableplugin=versionlock"] if spec["held"] else []
    words = sudo(spec) + ["dnf", "--assumeyes", "--disablerepo=*"] + how + IN_ROOT + ["shell", job + "/script"]
    status, text = carried_out(job, words, env=dict(os.environ, LC_ALL="C.UTF-8"))
    if status == LOCKED:
        raise dnf.exceptions.LockError(holder(text))
    return status, text


def holder(text):
    found = [line.strip() for line in text.splitlines() if "locked by" in line or "with PID" in line]
    return "; ".join(found[-2:])


def complaints(job, touched):
    # What dnf says of what is installed, and rpm of the files of some: by the name of a package.
    found = []
    check = ["dnf", "--quiet", "--cacheonly", "--disablerepo=*"] + IN_ROOT + ["check"]
    for line in carried_out(job, check)[1].splitlines():
        package, _, words = line.strip().partition(" ")
        if words and package.count("-") > 1:
            found.append((package.rsplit("-", 2)[0], line.strip()))
    for name in touched:
        words = ["rpm"] + (["--root", ROOT] if ROOT else []) + ["-V", "--nodeps", "--noscripts", "--noghost", name]
        for line in carried_out(job, words)[1].splitlines():
            if CHANGED.match(line):
                found.append((name, "rpm -V: " + line.strip()))
    return found


def restarts(job, spec):
    if ROOT:
        return []
    status, text = carried_out(job, ["dnf", "--quiet", "needs-restarting", "-r"])
    known = "No such command" not in text
    notes = ["the host is to be started anew (dnf needs-restarting -r)"] if status == 1 and known else []
    status, text = carried_out(job, sudo(spec) + ["dnf", "--quiet", "needs-restarting", "-s"])
    services = [line for line in text.splitlines() if re.match("[^ ]+[.]service$", line)]
    words = "to be started anew, for they use what was replaced: " + ", ".join(services[:20])
    return notes + ([words] if services else [])


def look(place):
    say(work=place, left=left(place))


PLACE = work("rpm", ROOT or "/", sys.argv[2] != "look")
if sys.argv[2] in ("look", "make"):
    look(PLACE)
else:
    serve(PLACE, sys.argv[2], {"fetch": guarded(fetched), "bring": guarded(brought), "apply": guarded(changed)})
