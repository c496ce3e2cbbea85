"""A run that is narrowed, from outside: `--include` and `--exclude` over a chain of real servers."""

import os
import signal
from collections.abc import Callable

import pytest

from tests.integration.conftest import Site
from tests.integration.test_links import links, make

pytestmark = pytest.mark.integration

FILES = {"a.rpm": b"alpha", "d/b.rpm": b"beta", "c.txt": b"text", "d/e.txt": b"more"}
LINE = ("--sync", "proxy", "--sync", "node1,node2")
RPMS = {b"a.rpm", b"d/b.rpm"}


def held(site: Site, name: str) -> set[bytes]:
    found = set()
    for base, directories, files in os.walk(os.fsencode(site.root(name))):
        directories[:] = [one for one in directories if one != b".sshsync"]
        found |= {os.path.relpath(os.path.join(base, file), os.fsencode(site.root(name))) for file in files}
    return found


def test_a_part_goes_through_the_chain_and_nothing_else_is_touched(chain: Callable[..., Site]) -> None:
    site = chain("delete = yes\nmax_delete = 100%")
    site.fill("master", FILES)
    assert site.cli(*LINE).returncode == 0
    since = [row["in_sync"] for row in site.summary_of_status()]
    site.fill("master", {"a.rpm": b"another", "c.txt": b"changed", "new.rpm": b"new"}, 1_600_000_100)
    for gone in ("d/b.rpm", "d/e.txt"):
        (site.root("master") / gone).unlink()
    done = site.cli(*LINE, "--include", "*.rpm")
    assert done.returncode == 0, done.stderr
    assert "narrowed to *.rpm: 9 files of 3 repositories looked at, nothing is said of the rest" in done.stdout
    assert "in sync;" not in done.stdout
    for name in ("proxy", "node1", "node2"):
        assert held(site, name) == {b"a.rpm", b"new.rpm", b"c.txt", b"d/e.txt"}
        assert (site.root(name) / "a.rpm").read_bytes() == b"another"
        assert (site.root(name) / "c.txt").read_bytes() == b"text"
    assert [row["in_sync"] for row in site.summary_of_status()] == since, "of an earlier success nothing changes"
    history = site.cli("history").stdout
    assert "3 of 3 in part" in history and "--include '*.rpm'" in history
    assert site.cli(*LINE).returncode == 0
    site.same("master", "proxy", "node1", "node2")


def test_one_that_is_stopped_goes_on_with_its_patterns(chain: Callable[..., Site]) -> None:
    site = chain()
    begun, goes_on = site.directory / "begun", site.directory / "goes_on"
    for fifo in (begun, goes_on):
        os.mkfifo(fifo)
    site.fill("master", FILES)
    text = site.config.read_text()
    site.config.write_text(text.replace("[proxy]\n", f"[proxy]\npre_cmd = echo begun > {begun}; cat {goes_on}\n"))
    run = site.popen(*LINE, "--include", "*.rpm", "--exclude", "d/")
    begun.read_text()
    run.send_signal(signal.SIGTERM)
    goes_on.write_text("on")
    run.communicate(timeout=60)
    assert run.returncode == 143
    site.config.write_text(text)
    resumed = site.summary("resume")
    assert resumed["exit_code"] == 0
    assert resumed["narrowed"] == {"include": ["*.rpm"], "exclude": ["d/"]}
    assert resumed["events"][0]["continued"] is True
    for name in ("proxy", "node1", "node2"):
        assert held(site, name) == {b"a.rpm"}
    assert site.cli("resume").returncode == 0
    assert [row["in_sync"] for row in site.summary_of_status()] == [0.0, 0.0, 0.0]
    assert site.cli("status").returncode != 0, "nobody was ever in sync"


def test_wrong_patterns_are_told_before_anything_is_contacted(local: Site) -> None:
    for option, pattern in (("--include", "[[:nothing:]]"), ("--exclude", ""), ("--include", "# none"), ("--exclude", "a\\")):
        done = local.cli("--all", option, pattern)
        assert done.returncode == 2
        assert f"{option}: pattern " in done.stderr
        assert "write it as in a .gitignore" in done.stderr
    assert local.cli("--include", "*.rpm").returncode == 2
    assert local.cli("--include", "*.rpm", "status").returncode == 2
    assert not (local.directory / "state" / "journal.sqlite").exists()


def test_a_pattern_that_matches_nothing_is_told_by_name(local: Site) -> None:
    local.fill("m", {"lib/libalpha.so": b"x"})
    done = local.cli("--all", "--include", "libalhpa.so")
    assert done.returncode == 6
    assert "c: failed: nothing on m matches --include libalhpa.so: did you mean libalpha.so?" in done.stdout
    assert held(local, "c") == set()


def test_a_link_is_named_by_a_pattern_as_a_file_is(local: Site) -> None:
    """A link that is switched, and one that went, by their names alone; also one that is refused, with the reason."""
    local.here("m", "c", defaults="links = copy\ndelete = yes\nmax_delete = 100%")
    make(local.root("m"), {b"cur": b"a", b"old": b"a"})
    assert local.cli("--all").returncode == 0
    for name in ("cur", "old"):
        (local.root("m") / name).unlink()
    make(local.root("m"), {b"cur": b"d", b"out": b"/etc"})
    done = local.cli("--all", "--include", "cur")
    assert (done.returncode, "matches" in done.stdout) == (0, False), done.stdout
    assert links(local.root("c")) == {b"cur": b"d", b"old": b"a"}
    assert local.cli("--all", "--include", "old").returncode == 0
    assert links(local.root("c")) == {b"cur": b"d"}
    local.config.write_text(local.config.read_text().replace("links = copy", "links = follow"))
    assert "c: out: blocked: leads outside of the repository" in local.cli("--all", "--include", "out").stdout


def test_what_failed_in_a_part_is_gone_on_with_by_resume_and_said(site: Site) -> None:
    """How a narrowed run ended says nothing of whole repositories, so --failed leaves it out; but not without a word."""
    site.here("m", "c", defaults="delete = yes\nmax_delete = 0")
    site.fill("m", {"a.x": b"a"})
    site.fill("c", {"b.x": b"b"})
    assert site.cli("--sync", "c", "--include", "*.x").returncode == 9
    done = site.cli("--failed")
    assert done.returncode == 0
    assert "nothing to do: everything that ran ended well last, but for a run of its own kind (sshsync --sync c --include '*.x'); to go on with it: sshsync -c " in done.stdout
