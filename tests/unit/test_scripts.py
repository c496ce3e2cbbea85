"""The programs for hosts as files: all of them known, complete, and good shell."""

import re
import shutil
import subprocess
from pathlib import Path

import pytest

import sshsync.remote.scripts
from sshsync.remote.scripts import EVERY, STAT_IN_PERL, Script, Status
from sshsync.remote.scripts.program import SHARED, stripped
from tests.sshd import require

HERE = Path(sshsync.remote.scripts.__file__).parent
FILES = sorted(HERE.glob("*/*.sh"))
CALLED = r"(?:^|[;&|(){{!]|\b(?:then|do|else|elif|if|while|until))[ \t]*{}\b(?!\(|=)"
"""Where a command stands, not where a function begins or a variable is set."""


def relative(file: Path) -> str:
    return file.relative_to(HERE).as_posix()


def laid_out_by_bash(text: str) -> str:
    """What is left of a program when its layout and its comments are taken away."""
    done = subprocess.run(["bash", "-c", f"whole() {{\n{text}\n}}\ndeclare -f whole"], capture_output=True, text=True, check=True)
    return done.stdout


def test_every_file_is_a_program_or_a_shared_part() -> None:
    shared = {f"base/{name}.sh" for name in SHARED} | {"base/start.sh", "base/end.sh"}
    assert sorted(Path(name).stem for name in {relative(file) for file in FILES} - shared) == sorted(script.name for script in EVERY)
    assert shared <= {relative(file) for file in FILES}


@pytest.mark.parametrize("file", FILES, ids=relative)
def test_what_is_stripped_is_layout(file: Path) -> None:
    text = file.read_text()
    assert text.startswith("# "), "it says what it is"
    assert laid_out_by_bash(stripped(text)) == laid_out_by_bash(text)
    assert not re.search(r"^[\s#]", stripped(text), re.MULTILINE)


@pytest.mark.parametrize("script", EVERY, ids=lambda script: script.name)
def test_a_program_has_what_it_calls_and_nothing_else(script: Script) -> None:
    code = re.sub(r'echo "[^"]*"', "echo", script.body)
    functions = set(re.findall(r"^(\w+)\(\)", code, re.MULTILINE))
    for name in {*SHARED, *functions} - {"main"}:
        called = bool(re.search(CALLED.format(name), code, re.MULTILINE))
        # A program's own function may be called by a shared one: these are in the text as well.
        assert called == (name in functions), name
    for status in Status:
        assert (f'"${status.name}"' in code) == (f"{status.name}={status.value}\n" in code), status
    assert not re.search(r"return [3-9]", code), "a status with a meaning has a name"


def test_shellcheck_finds_nothing() -> None:
    require(bool(shutil.which("shellcheck")), "shellcheck")
    done = subprocess.run(["shellcheck", *map(relative, FILES)], cwd=HERE, capture_output=True, text=True, check=False)
    assert (done.returncode, done.stdout) == (0, "")


def test_the_stat_of_hosts_without_one_is_good_perl() -> None:
    require(bool(shutil.which("perl")), "perl")
    assert subprocess.run(["perl", "-c", "-e", STAT_IN_PERL], capture_output=True, check=False).returncode == 0
