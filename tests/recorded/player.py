"""Answers of programs, recorded once on a system that has them and given again where there are none.

`player.py record|play TAPE STATE PROGRAM WORD…` stands in the place of a program. A tape is a list of objects: the words of a
call with what is another one each time replaced (`HOME`, `ROOT`, names of jobs), its status, what it printed, and the files
that it made below a directory that one of its words names. Of equal calls each answer is given in turn, the last one again.
"""

import json
import os
import re
import subprocess
import sys
from pathlib import Path


KINDS = {"[0-9a-f]{32}": "TOKEN", "[0-9a-f]{24}": "JOB", "rpm-[0-9a-f]{16}": "WORK"}
"""What is another one each time: tokens of answers, names of jobs, and of what they belong to."""


def plain(word: str, root: str) -> str:
    """Return a word without what is another one each time."""
    word = word.replace(os.environ["HOME"], "HOME").replace(root, "ROOT")
    for form, name in KINDS.items():
        word = re.sub(form, name, word)
    return word


def real(text: str, root: str, words: list[str]) -> str:
    """Return an answer as it would be here."""
    text = text.replace("HOME", os.environ["HOME"]).replace("ROOT", root)
    for form, name in KINDS.items():
        found = re.search(form, " ".join(words))
        text = text.replace(name, found.group(0)) if found else text
    return text


def directory(words: list[str]) -> Path | None:
    """Return the directory in which a call makes files."""
    named = [word.partition("=")[2] for word in words if word.startswith(("--store=", "--destdir="))]
    return Path(named[0]) if named else None


def record(tape: Path, root: str, program: str, words: list[str]) -> int:
    """Carry out a call, and put it on the tape."""
    done = subprocess.run([f"/usr/bin/{program}", *words], stdout=subprocess.PIPE, stderr=subprocess.STDOUT, check=False)
    place = directory(words)
    files = {}
    for path in sorted(place.rglob("*")) if place else ():
        if path.is_file():
            files[str(path.relative_to(place or path))] = path.read_text() if path.suffix == ".json" else ""
    row = {"words": [program, *(plain(word, root) for word in words)], "status": done.returncode, "files": files}
    row["said"] = plain(done.stdout.decode(), root)
    with tape.open("a") as file:
        file.write(json.dumps(row) + "\n")
    sys.stdout.buffer.write(done.stdout)
    return done.returncode


def play(tape: Path, state: Path, root: str, program: str, words: list[str]) -> int:
    """Give the recorded answer to a call."""
    asked = [program, *(plain(word, root) for word in words)]
    rows = [row for row in map(json.loads, tape.read_text().splitlines()) if row["words"] == asked]
    if not rows:
        print("nobody recorded", json.dumps(asked), file=sys.stderr)
        return 99
    name = state / re.sub("[^a-z0-9]", "_", json.dumps(asked).lower())[-200:]
    number = int(name.read_text()) if name.exists() else 0
    name.write_text(str(number + 1))
    row = rows[min(number, len(rows) - 1)]
    place = directory(words)
    for file, text in row["files"].items():
        assert place
        (place / file).parent.mkdir(parents=True, exist_ok=True)
        (place / file).write_text(text)
    sys.stdout.write(real(row["said"], root, words))
    return row["status"]


def main() -> int:
    """Record or play."""
    mode, tape, state, root, program, *words = sys.argv[1:]
    if mode == "record":
        return record(Path(tape), root, program, words)
    return play(Path(tape), Path(state), root, program, words)


sys.exit(main())
