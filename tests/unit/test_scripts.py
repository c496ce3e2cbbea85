"""The programs for hosts as files: all of them known, complete, and good shell."""

import ast
import re
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

import sshsync.kinds
import sshsync.remote.scripts
from sshsync.remote import encode
from sshsync.remote.scripts import ASSEMBLERS, CUTTERS, EVERY, PIECES, RENAMERS, STAT_IN_PERL, Foreign, Script, Status
from sshsync.remote.scripts.program import SHARED, indented, python, stripped
from tests.sshd import require

HERE = Path(sshsync.remote.scripts.__file__).parent
FILES = sorted(HERE.glob("*/*.sh"))
OF_KINDS = sorted((Path(sshsync.kinds.__file__).parent / "programs").iterdir())
"""What kinds ask hosts by programs of their own."""
CALLED = r"(?:^|[;&|(){{!]|\b(?:then|do|else|elif|if|while|until|deflated|inflated))[ \t]*{}\b(?!\(|=)"
"""Where a command stands, not where a function begins or a variable is set."""


def relative(file: Path) -> str:
    return file.relative_to(HERE).as_posix()


def laid_out_by_bash(text: str) -> str:
    """What is left of a program when its layout and its comments are taken away."""
    done = subprocess.run(["bash", "-c", f"whole() {{\n{text}\n}}\ndeclare -f whole"], capture_output=True, text=True, check=True)
    return done.stdout


def test_every_file_is_a_program_or_a_shared_part() -> None:
    shared = {f"base/{name}.sh" for name in SHARED} | {"base/start.sh", "base/end.sh", "look/follow.sh"}
    assert sorted(Path(name).stem for name in {relative(file) for file in FILES} - shared) == sorted(script.name for script in EVERY)
    assert shared <= {relative(file) for file in FILES}


@pytest.mark.parametrize("file", [*FILES, *(file for file in OF_KINDS if file.suffix == ".sh")], ids=lambda file: file.name)
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
    # Variables come with the command, and a program is part of a whole: no first line, no last one.
    asked = ["shellcheck", "-s", "sh", "-e", "SC2148,SC2154,SC2086,SC2034,SC2153"]
    done = subprocess.run([*asked, *(file for file in OF_KINDS if file.suffix == ".sh")], capture_output=True, text=True, check=False)
    assert (done.returncode, done.stdout) == (0, "")


@pytest.mark.parametrize("name", ["pip", "pip_jobs"])
def test_a_program_for_any_python_is_one(name: str) -> None:
    """From 2.7 on: what it is made of has a form that each of them reads; the integration suite runs them."""
    text = python("programs/work", f"programs/{name}", room="sshsync.kinds")
    tree = ast.parse(text, feature_version=(3, 4))
    assert not [node for node in ast.walk(tree) if isinstance(node, (ast.JoinedStr, ast.AnnAssign, ast.Starred, ast.Nonlocal))]
    assert not [node for node in ast.walk(tree) if isinstance(node, ast.FunctionDef) and (node.returns or node.args.kwonlyargs)]
    written = [node for part in ("work", name) for node in ast.parse(next(file for file in OF_KINDS if file.name == f"{part}.py").read_text()).body]
    assert [ast.dump(node) for node in tree.body] == [ast.dump(node) for node in written if not (isinstance(node, ast.ImportFrom) and node.module == "work")]
    assert len(text) < 32 << 10


def test_the_stat_of_hosts_without_one_is_good_perl() -> None:
    require(bool(shutil.which("perl")), "perl")
    assert subprocess.run(["perl", "-c", "-e", STAT_IN_PERL], capture_output=True, check=False).returncode == 0


PROGRAMS = sorted(HERE.glob("programs/*"))


def test_every_program_is_there_in_every_language() -> None:
    names = {relative(file) for file in PROGRAMS if file.is_file()}
    assert names == {f"programs/{name}.{ending}" for name in ("pieces", "assemble", "rename", "aside") for ending in ("py", "pl")}
    assert set(CUTTERS) == set(ASSEMBLERS) == set(RENAMERS) == {"python3", "perl"}


@pytest.mark.parametrize("programs", [CUTTERS, ASSEMBLERS, RENAMERS], ids=["pieces", "assemble", "rename"])
def test_a_program_is_good_code_and_short_enough_for_any_command_line(programs: dict[str, Foreign]) -> None:
    require(bool(shutil.which("perl")), "perl")
    ast.parse(programs["python3"].text, feature_version=(3, 4))
    assert subprocess.run(["perl", "-c", "-e", programs["perl"].text], capture_output=True, check=False).returncode == 0
    for program in programs.values():
        line = encode.command_line("/bin/sh", PIECES.text, {**program.variables, "ROOT": b"/" + b"\xff" * 4096, "BELOW": b"\xff" * 4096})
        assert len(line) < 128 << 10


@pytest.mark.parametrize("file", [file for file in PROGRAMS if file.suffix == ".py"], ids=relative)
def test_what_is_left_of_a_program_in_python_means_the_same(file: Path) -> None:
    text = file.read_text()
    left, meant = ast.parse(indented(text)), ast.parse(text)
    assert [ast.dump(node) for node in left.body[1:]] == [ast.dump(node) for node in meant.body[1:]]
    assert ast.get_docstring(meant), "it says what it is"
    assert not [line for line in indented(text).splitlines() if not line.strip() or line.lstrip().startswith("#")]
    imported = {node.module if isinstance(node, ast.ImportFrom) else alias.name for node in ast.walk(ast.parse(text)) if isinstance(node, (ast.Import, ast.ImportFrom)) for alias in node.names}
    assert {str(name).partition(".")[0] for name in imported} <= sys.stdlib_module_names
