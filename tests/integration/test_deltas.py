"""Big files over real OpenSSH of which the child has most: with nothing but dd and a digest tool, and with python3 or perl."""

import os
import random
import shutil
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

from tests.integration.conftest import Site
from tests.sshd import require

OLD = random.Random(7).randbytes(24 << 20)
TOOLS = (
    "find", "tar", "mv", "rm", "mkdir", "rmdir", "chmod", "touch", "cat", "dd", "sha256sum", "stat", "sync", "sh", "cp", "df", "ls", "sleep", "date",
    "uname", "printf", "head", "cut", "tr", "sed", "id", "env", "pwd", "ps", "hostname",
)  # fmt: skip


def scattered(old: bytes) -> bytes:
    new = bytearray(old)
    for at in range(100_001, len(old), 1_000_000):
        new[at : at + 4096] = b"x" * 4096
    return bytes(new)


EDITS: dict[str, Callable[[bytes], bytes]] = {
    "a spot": lambda old: old[:9_000_001] + b"x" * 4096 + old[9_004_097:],
    "scattered": scattered,
    "inserted": lambda old: b"100 bytes " * 10 + old,
    "cut off and grown": lambda old: old[:20_000_001] + b"new" * 1000,
}
MOST = {"dd alone": {"a spot": 1 << 17, "scattered": 32 << 16, "inserted": len(OLD) + 100, "cut off and grown": 1 << 17}}
FEW = {"a spot": 1 << 17, "scattered": 24 << 15, "inserted": 1 << 17, "cut off and grown": 1 << 17}


def tools(directory: Path, *more: str) -> Path:
    """Return a directory with the tools that every Unix has, and some more."""
    directory.mkdir()
    for name in (*TOOLS, *more):
        # What is called python3 on a PATH may be a script that looks for one.
        found = sys.executable if name == "python3" else shutil.which(name)
        require(bool(found) or name not in more, name)
        if found:
            (directory / name).symlink_to(os.path.realpath(found))
    return directory


@pytest.mark.parametrize("edit", EDITS)
@pytest.mark.parametrize("form", ["dd alone", "python3", "perl"])
def test_what_the_child_has_of_a_big_file_is_not_sent(site: Site, tmp_path: Path, form: str, edit: str) -> None:
    place = tools(tmp_path / "tools", *([] if form == "dd alone" else [form]))
    new = EDITS[edit](OLD)
    site.fill("m", {"big": new})
    site.fill("c", {"big": OLD}, mtime=1_500_000_000)
    sections = ["[DEFAULT]\nstable_for = 0\n"]
    for name, parent in (("m", ""), ("c", "m")):
        more = {"parent": parent} if parent else {}
        sections.append(f"[{name}]\n" + site.server(name, environment=f"PATH={place}").section(path=site.root(name), **more))
    site.write("\n".join(sections))
    found = site.summary("--sync", "c")
    assert found["exit_code"] == 0, found
    site.same("m", "c")
    told = found["by_name"]["c"]["bytes"]
    assert told["moved"] + told["saved"] == len(new)
    assert told["moved"] <= MOST.get(form, FEW)[edit]


def test_a_big_file_that_was_renamed_is_not_sent(site: Site) -> None:
    site.fill("m", {"new": OLD})
    site.fill("c", {"d/old": OLD})
    site.here("m", "c", defaults="delete = yes\nmax_delete = 100%")
    found = site.summary("--sync", "c")
    assert found["exit_code"] == 0
    site.same("m", "c")
    assert found["by_name"]["c"]["bytes"]["moved"] == 0
    assert found["by_name"]["c"]["bytes"]["saved"] == len(OLD)
    assert os.path.getsize(site.root("c") / "new") == len(OLD)


def test_a_dry_run_tells_how_each_big_file_would_come_in_text_and_json(site: Site, tmp_path: Path) -> None:
    """As the run behind it then does, over real connections."""
    server = site.server("m", environment=f"PATH={tools(tmp_path / 'tools', 'python3')}")
    site.write(f"[DEFAULT]\nstable_for = 0\nbwlimit = 50M\ndelete = yes\nmax_delete = 100%\n[m]\n{server.section(path=site.root('m'))}[c]\nparent = m\n{server.section(path=site.root('c'))}")
    site.fill("m", {"big": EDITS["a spot"](OLD[: 8 << 20]), "new/name": OLD[: 4 << 20], "small2": b"small", "other": b"new"})
    site.fill("c", {"big": OLD[: 8 << 20], "name": OLD[: 4 << 20], "small1": b"small"}, mtime=1_500_000_000)
    ways = {"new/name: copied on the child, nothing sent", "1 small file(s): copied on the child, nothing sent", "big: compared on both hosts, only what differs is sent"}

    def decided(found: dict) -> set[str]:
        texts = [event["text"] for event in found["events"] if event["type"] == "decided"]
        return {next((way for way in ways if text.startswith(way)), text) for text in texts}

    shown = site.cli("--sync", "c", "--dry-run")
    assert shown.returncode == 11
    assert all(f"c: {way}" in shown.stdout + shown.stderr for way in ways), shown.stdout + shown.stderr
    assert decided(site.summary("--sync", "c", "--dry-run")) == ways
    found = site.summary("--sync", "c")
    assert decided(found) == ways
    assert found["by_name"]["c"]["bytes"]["moved"] < 1 << 18
    site.same("m", "c")
