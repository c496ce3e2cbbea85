"""Guards tell which files they keep, and let one run through: asked for on a terminal, needed literally elsewhere."""

import os
import pty
import subprocess
import sys

import pytest

from tests.integration.conftest import Site

pytestmark = pytest.mark.integration


@pytest.fixture
def guarded(site: Site) -> Site:
    """A child with nine files, of which its master does not have three any more; two may go."""
    site.fill("m", {f"f{number}": b"x" for number in range(6)} | {"a": b"a", "b\n": b"b", "c": b"c"})
    site.here("m", "c", defaults="delete = yes\nmax_delete = 2, 25%")
    assert site.cli("--all").returncode == 0
    for name in ("a", "b\n", "c"):
        (site.root("m") / name).unlink()
    return site


def held(site: Site) -> set[str]:
    return {file.name for file in site.root("c").iterdir() if file.is_file()}


def test_which_would_be_deleted(guarded: Site) -> None:
    done = guarded.cli("--all")
    assert done.returncode == 9
    assert "c: refused: 3 of 9 item(s) would be deleted: a, b\\n, c (all: --dry-run); max_delete = 2, 25% allows less" in done.stdout
    assert "to let one run delete them: --max-delete 3" in done.stdout
    assert done.stdout.splitlines()[-1] == f"after you looked into the refusal: sshsync -c {guarded.config} resume --max-delete 3"
    dry = guarded.cli("--all", "--dry-run")
    assert dry.returncode == 9
    assert [line.rpartition(": ")[2] for line in dry.stderr.splitlines() if "would delete" in line] == ["would delete a", "would delete b\\n", "would delete c"]
    assert len(held(guarded)) == 9


def test_of_many_the_first_are_named(site: Site) -> None:
    site.fill("m", {f"f{number:03}": b"x" for number in range(40)} | {"z": b"z"})
    site.here("m", "c", defaults="delete = yes\nmax_delete = 2")
    assert site.cli("--all").returncode == 0
    for number in range(40):
        (site.root("m") / f"f{number:03}").unlink()
    said = site.cli("--all").stdout
    assert "40 of 41 item(s) would be deleted: f000, f001, f002, f003, f004 and 35 more (all: --dry-run)" in said


def test_one_run_is_let_through_up_to_a_number(guarded: Site) -> None:
    assert guarded.cli("--all", "--max-delete", "2").returncode == 9
    assert guarded.cli("--all", "--max-delete", "3").returncode == 0
    assert held(guarded) == {f"f{number}" for number in range(6)}
    for number in range(3):
        (guarded.root("m") / f"f{number}").unlink()
    assert guarded.cli("--all").returncode == 9, "that one run only"
    done = guarded.cli("resume", "--max-delete", "3")
    assert done.returncode == 0, done.stdout
    assert len(held(guarded)) == 3


def test_an_emptied_master_is_let_through_by_name(guarded: Site) -> None:
    for file in guarded.root("m").iterdir():
        file.unlink()
    done = guarded.cli("--all")
    assert done.returncode == 9
    assert "m is empty but held 9 item(s) before" in done.stdout
    assert done.stdout.splitlines()[-1] == f"after you looked into the refusal: sshsync -c {guarded.config} resume --allow-empty m"
    done = guarded.cli("resume", "--allow-empty", "m")
    assert done.returncode == 9, "its deletions are another matter"
    assert "9 of 9 item(s) would be deleted" in done.stdout
    assert guarded.cli("resume", "--allow-empty", "m", "--max-delete", "9").returncode == 0
    assert held(guarded) == set()
    assert guarded.cli("--all", "--allow-empty", "nobody").returncode == 4
    assert guarded.cli("status", "--max-delete", "1").returncode == 2


def test_programs_get_the_option_too(guarded: Site) -> None:
    found = guarded.summary("--all")
    assert [event["option"] for event in found["events"] if event["type"] == "refused"] == ["--max-delete 3"]
    assert found["repositories"][0]["allow"] == "--max-delete 3"


@pytest.mark.parametrize(("answer", "code", "left"), [("n", 9, 9), ("", 9, 9), ("y", 0, 6)])
def test_on_a_terminal_it_is_asked_for(guarded: Site, answer: str, code: int, left: int) -> None:
    said, got = answered(guarded, answer, "--all")
    assert "would be deleted: a, b\\n, c" in said
    assert said.count("Let one more run through with --max-delete 3? [y/N]") == 1
    assert (got, len(held(guarded))) == (code, left), said


def test_nobody_is_asked_who_asked_for_quiet_or_nothing_but_a_look(guarded: Site) -> None:
    for words in (["--quiet", "--all"], ["--all", "--dry-run"]):
        said, code = answered(guarded, "y", *words)
        assert (code, "Let one more" in said, len(held(guarded))) == (9, False, 9), said


def answered(site: Site, answer: str, *words: str) -> tuple[str, int]:
    """Run the command line on a terminal where somebody has typed a line already; return what stood there, and the code."""
    ours, theirs = pty.openpty()
    os.write(ours, f"{answer}\n".encode())
    command = [sys.executable, "-m", "sshsync", "--config", str(site.config), *words]
    with subprocess.Popen(command, stdin=theirs, stdout=theirs, stderr=theirs, env={**os.environ, "HOME": str(site.directory), "TERM": "xterm", "COLUMNS": "200"}) as running:
        os.close(theirs)
        said = b""
        while True:
            try:
                some = os.read(ours, 65536)
            except OSError:
                break
            said += some
        code = running.wait(60)
    os.close(ours)
    return said.decode(), code
