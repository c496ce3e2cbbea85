# Changes packages by pip, as jobs of their own; see work. For Python 2.7 and later, and pip 9 and later.
import os
import re
import shutil
import sys
import zipfile

from jobs import carried_out, folder, put, serve
from work import headers, managed_by_system, names, normalized, of_python

# What makes pip install elsewhere, or not at all.
MISLEADING = "TARGET PREFIX ROOT USER REQUIRE_VIRTUALENV DRY_RUN UPGRADE REQUIREMENT CONSTRAINT EDITABLE NO_DEPS"
UNREACHABLE = re.compile(
    "Retrying \\(Retry\\(|Max retries exceeded|Could not fetch URL|ReadTimeoutError|ConnectTimeout"
    "|NewConnectionError|Temporary failure in name resolution|ConnectionResetError|ProtocolError"
)
FULL = re.compile("No space left on device|Disk quota exceeded")
LACKING = re.compile("No matching distribution found for ([A-Za-z0-9._-]+?)==")


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
    wheels, asked = job + "/packages", [sorted(versions)]
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
    came = versions_in(wheels)
    for name in [] if trouble else versions:
        if name not in refused and came.get(name) != versions[name]:
            refused[name] = "the index has %s in its place" % came[name] if name in came else "pip brought nothing"
    return {"refused": refused, "distrusted": distrusted, "trouble": trouble}


def versions_in(wheels):
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
        wheels = folder(os.path.dirname(os.path.dirname(os.path.dirname(job))), spec["fetched"]) + "/packages"
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


serve(of_python(make=True), sys.argv[2], {"fetch": fetched, "bring": fetched, "apply": changed})
