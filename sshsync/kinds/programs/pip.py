# Prints what a Python has installed: a line of JSON for each distribution, behind a word that no file knows. What the
# system's own package manager owns is left out. Names on stdin are those of which each file is compared with what was
# installed. With `make` the directory for changes is made. For Python 2.7 and later; needs no pip, imports nothing that
# it lists.
import base64
import csv
import hashlib
import io
import json
import os
import re
import subprocess
import sys

from work import STANDARD, headers, left, managed_by_system, normalized, of_python, say

MAKE, PROVED = sys.argv[2] == "make", frozenset(sys.stdin.read().split())
DEBIAN = re.compile("/usr/lib/python[0-9.]*/dist-packages(/|$)")


def read(path):
    # A pipe in the place of a file would never end.
    if not os.path.isfile(path):
        return None
    try:
        with io.open(path, "rb") as file:
            return file.read(1 << 22).decode("utf-8", "replace")
    except (IOError, OSError):
        return None


def commit(place):
    # The revision that a working copy stands at, without git.
    while True:
        git = os.path.join(place, ".git")
        pointer = read(git)
        if pointer and pointer.startswith("gitdir:"):
            git = os.path.join(place, pointer[7:].strip())
        if os.path.isdir(git):
            break
        if os.path.dirname(place) == place:
            return ""
        place = os.path.dirname(place)
    head = (read(os.path.join(git, "HEAD")) or "").strip()
    if not head.startswith("ref:"):
        return head
    name = head[4:].strip()
    common = os.path.join(git, (read(os.path.join(git, "commondir")) or ".").strip())
    for where in (git, common):
        found = (read(os.path.join(where, name)) or "").strip()
        if found:
            return found
    for line in (read(os.path.join(common, "packed-refs")) or "").splitlines():
        if line.endswith(" " + name):
            return line.split(" ")[0]
    return ""


def rows(record):
    # What is compiled may be gone, and is made again.
    text = io.StringIO(record) if sys.version_info[0] > 2 else record.encode("utf-8").splitlines()
    return [row for row in csv.reader(text) if row and not row[0].endswith((".pyc", ".pyo"))]


def changed(path, told):
    # Whether a file is another than was installed, by what RECORD tells of it: "sha256=" and the digest, in base64.
    name, _, value = told.partition("=")
    if name not in ("sha256", "sha384", "sha512") or not os.path.isfile(path):
        return False
    made = hashlib.new(name)
    with io.open(path, "rb") as file:
        for piece in iter(lambda: file.read(1 << 20), b""):
            made.update(piece)
    return base64.urlsafe_b64encode(made.digest()).decode("ascii").rstrip("=") != value


def damage(place, meta, record):
    if not meta.get("name") or not meta.get("version"):
        return "its metadata is cut or missing"
    files = rows(record) if record else []
    absent = [row[0] for row in files if not os.path.lexists(os.path.join(place, row[0]))]
    if absent:
        return "%d of its files are missing, such as %s" % (len(absent), absent[0])
    if normalized(meta["name"]) not in PROVED:
        return ""
    others = [row[0] for row in files if len(row) > 1 and changed(os.path.join(place, row[0]), row[1])]
    return "%d of its files are not as installed, such as %s" % (len(others), others[0]) if others else ""


def origin(path):
    # PEP 610: where a distribution came from that is not from an index.
    text = read(os.path.join(path, "direct_url.json"))
    if text is None:
        return {}
    try:
        said = json.loads(text)
        url = said["url"]
        vcs = said.get("vcs_info") or {}
        archive = said.get("archive_info") or {}
        editable = bool((said.get("dir_info") or {}).get("editable"))
        hashes = archive.get("hashes") or dict([archive["hash"].split("=", 1)] if archive.get("hash") else [])
        told = {"url": url, "editable": editable, "sha256": hashes.get("sha256", "")}
        if vcs:
            told.update(vcs=vcs.get("vcs", ""), commit=vcs.get("commit_id", ""))
        elif "dir_info" in said and url.startswith("file://"):
            told["commit"] = commit(url[7:])
        return told
    except (ValueError, KeyError, TypeError, AttributeError):
        return {"url": "", "damage": "its direct_url.json is garbled"}


def named(entry):
    # What a directory's own name tells: NAME-VERSION.
    return entry.rsplit(".", 1)[0].partition("-")[0]


def owned(paths):
    # By rpm, which knows each file; Debian's own lie in a place of their own.
    found = set(path for path in paths if DEBIAN.match(path))
    rest = [path for path in paths if path not in found and path.startswith("/usr/lib")]
    if not rest:
        return found
    try:
        asked = subprocess.Popen(["rpm", "-qf", "--qf", "=\n"] + rest, stdout=subprocess.PIPE, stderr=subprocess.PIPE)
        lines = asked.communicate()[0].decode("ascii", "replace").splitlines()
    except (IOError, OSError):
        return found
    if len(lines) == len(rest):
        found.update(path for path, line in zip(rest, lines) if line == "=")
    return found


def distributions(place):
    entries = os.listdir(place)
    for entry in sorted(entries):
        path = os.path.join(place, entry)
        if entry.startswith("~"):
            yield {"left": entry, "place": place}, path
        elif entry.endswith(".dist-info"):
            meta, record = headers(read(os.path.join(path, "METADATA"))), read(os.path.join(path, "RECORD"))
            yield dict(origin(path), meta=meta, record=record, entry=entry, place=place), path
        elif entry.endswith(".egg-info"):
            meta = headers(read(os.path.join(path, "PKG-INFO") if os.path.isdir(path) else path))
            yield dict(origin(path), meta=meta, entry=entry, place=place), path
        elif entry.endswith(".egg") and os.path.isdir(path):
            yield (
                {"meta": headers(read(os.path.join(path, "EGG-INFO", "PKG-INFO"))), "entry": entry, "place": place},
                path,
            )
        elif entry.endswith(".egg-link"):
            source = (read(path) or "").splitlines()[:1]
            place_of = os.path.normpath(source[0].strip()) if source else ""
            infos = [
                one for one in (os.listdir(place_of) if os.path.isdir(place_of) else []) if one.endswith(".egg-info")
            ]
            meta = headers(read(os.path.join(place_of, infos[0], "PKG-INFO"))) if infos else {}
            yield (
                {
                    "meta": meta,
                    "entry": entry,
                    "url": "file://" + place_of,
                    "editable": True,
                    "commit": commit(place_of) if place_of else "",
                    "place": place,
                },
                path,
            )


def main():
    writable = any(
        place.startswith(sys.prefix) and place != STANDARD and os.access(place, os.W_OK) for place in sys.path
    )
    place = of_python(MAKE)
    managed = managed_by_system()
    version = "%d.%d.%d" % sys.version_info[:3]
    say(python=version, prefix=sys.prefix, writable=writable, managed=managed, work=place, left=left(place))
    seen, found = set(), []
    for place in sys.path:
        real = os.path.realpath(place)
        if real in seen or real in (STANDARD, os.path.join(STANDARD, "lib-dynload")) or not os.path.isdir(real):
            continue
        seen.add(real)
        try:
            found.extend(distributions(real))
        except (IOError, OSError) as error:
            say(closed=real, why=str(error.strerror))
    system = owned([path for _, path in found])
    for one, path in found:
        meta = one.pop("meta", None)
        if path in system:
            if meta and meta.get("name"):
                say(owned=meta["name"])
            continue
        if meta is not None:
            harm = one.pop("damage", "") or damage(one["place"], meta, one.pop("record", None))
            one.update(name=meta.get("name") or named(one["entry"]), version=meta.get("version", ""), damage=harm)
        one.pop("record", None)
        one.pop("entry", None)
        say(**one)


main()
