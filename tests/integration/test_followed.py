"""`links = follow` on real disks and servers: tools of several Unixes, names of all kinds, links that lead astray."""

import os
import shutil

import pytest

from tests.integration.conftest import OLD, Site
from tests.integration.test_links import FILES, equipped, files, links, make, outcomes

pytestmark = [pytest.mark.integration, pytest.mark.timeout(180)]

LINKS = {
    b"current": b"releases/2/x", b"d/up": b"../a", b"line\nfeed": b"a", b"-rf": b"a", b" x ": b"d/b", b"\xff\xfe": b"a", b"$(touch INJECTED)": b"a", b"'\"": b"a",
    b"back\\slash": b"a", b"*": b"a", b"deep/er/l": b"../../releases/./1//x", b"token": b"current", b"ends\n": b"a",
}  # fmt: skip
MEANT = {
    **FILES, "current": b"two", "d/up": b"alpha", "line\nfeed": b"alpha", "-rf": b"alpha", " x ": b"beta", "\udcff\udcfe": b"alpha", "$(touch INJECTED)": b"alpha", "'\"": b"alpha",
    "back\\slash": b"alpha", "*": b"alpha", "deep/er/l": b"one", "token": b"two", "ends\n": b"alpha",
}  # fmt: skip


@pytest.mark.parametrize("host", ["gnu", "gnu alone", "bsd", "perl", "busybox"])
def test_what_links_lead_to_comes_and_changes_whatever_the_tools_are(site: Site, host: str) -> None:
    server = equipped(site, host)
    site.fill("m", FILES)
    make(site.root("m"), LINKS)
    site.write(
        f"[DEFAULT]\nstable_for = 0\nlinks = follow\ndelete = yes\nmax_delete = 100%\n[m]\n{server.section(path=site.root('m'))}"
        f"[p]\nparent = m\n{server.section(path=site.root('p'))}[c]\nparent = p\n{server.section(path=site.root('c'))}"
    )
    found = site.summary("--all")
    assert found["exit_code"] == 0, found["by_name"]
    assert files(site.root("p")) == files(site.root("c")) == MEANT
    assert links(site.root("c")) == {}
    assert outcomes(site) == {"p": "unchanged", "c": "unchanged"}
    assert "left out" not in site.cli("--all").stdout
    assert site.cli("verify").returncode == 0
    assert site.cli("diff", "p").returncode == 0
    assert not list(site.directory.rglob("INJECTED"))

    os.unlink(site.root("m") / "current")
    make(site.root("m"), {b"current": b"releases/1/x", b"out": b"/etc/passwd", b"dir": b"d", b"gone": b"not/there", b"loop": b"loop"})
    site.fill("p", {"out": b"own"})
    done = site.cli("--all")
    assert done.returncode == 7
    for words in ("out: blocked: leads outside of the repository", "dir: blocked: leads to a directory", "gone: blocked: leads to nothing", "loop: blocked: leads to nothing"):
        assert f"p: {words}" in done.stdout
    assert files(site.root("p")) == {**MEANT, "current": b"one", "token": b"one", "out": b"own"}


def test_a_big_file_comes_by_its_link_in_pieces_and_costs_nothing_beside_its_like(site: Site) -> None:
    """What lies on the child already under its own name is copied there."""
    big = os.urandom(20_000_000)
    site.fill("m", {"releases/1": big})
    make(site.root("m"), {b"current": b"releases/1"})
    site.here("m", "c", defaults="links = follow")
    found = site.summary("--all")
    assert files(site.root("c")) == {"releases/1": big, "current": big}
    assert found["exit_code"] == 0
    site.fill("m", {"releases/2": bytes(reversed(big))})
    os.unlink(site.root("m") / "current")
    make(site.root("m"), {b"current": b"releases/2"})
    assert site.summary("--all")["exit_code"] == 0
    assert files(site.root("c"))["current"] == bytes(reversed(big))


def test_a_listcmd_tells_of_no_link_and_that_is_said(site: Site) -> None:
    site.fill("m", {"a": b"alpha"})
    make(site.root("m"), {b"l": b"a"})
    site.here("m", "c", defaults="links = follow\nlistcmd = find ${REPOPATH} -type f")
    found = site.summary("--all")
    assert found["exit_code"] == 0
    assert "links are not looked at: m tells of items only" in str(found["by_name"]["c"]["notices"])
    assert files(site.root("c")) == {"a": b"alpha"}


@pytest.mark.parametrize("policy", ["skip", "follow"])
def test_links_of_a_child_are_no_files_of_it_although_its_own_children_take_what_they_lead_to(site: Site, policy: str) -> None:
    """A link in the place of a file is replaced, never taken for that file; one that the parent knows nothing of stays."""
    site.fill("m", {"a": b"old", "current": b"old"})
    site.here("m", "p", "c", defaults="links = follow\ndelete = yes\nmax_delete = 100%")
    site.config.write_text(site.config.read_text().replace("[p]\n", f"[p]\nlinks = {policy}\n"))
    assert site.summary("--all")["exit_code"] == 0
    os.unlink(site.root("p") / "current")
    make(site.root("p"), {b"current": b"a", b"own": b"a"})
    assert site.cli("diff", "p").returncode == 11
    site.fill("m", {"a": b"new"}, OLD + 5)
    assert site.summary("--all")["exit_code"] == 0
    assert files(site.root("p")) == {"a": b"new", "current": b"old"}
    assert links(site.root("p")) == {b"own": b"a"}
    assert files(site.root("c")) == {"a": b"new", "current": b"old", "own": b"new"}
    assert site.cli("diff", "p").returncode == 0
    assert outcomes(site) == {"p": "unchanged", "c": "unchanged"}


@pytest.mark.parametrize(("before", "after"), [("link", "file"), ("file", "link"), ("file", "astray")])
def test_a_link_that_becomes_a_file_while_it_is_listed_or_the_reverse_costs_nothing_but_that_name(site: Site, before: str, after: str) -> None:
    """Files and links are listed one after the other: what one look tells another way than the next is not acted on."""
    root, was, new = site.root("m"), site.root("was"), site.root("new")
    for directory, sort in ((was, before), (new, after)):
        if sort == "file":
            (directory / "x").write_bytes(b"alpha")
        else:
            (directory / "x").symlink_to("a" if sort == "link" else "/etc/passwd")
    site.fill("m", {"a": b"alpha", "b": b"1"})
    os.rename(was / "x", root / "x")
    turned = site.root("tools")
    (turned / "find").write_text(f"#!/bin/sh\n{shutil.which('find')} \"$@\" || exit\ncase $PWD in {root}) [ ! -e {site.directory}/turn ] || {{ rm {site.directory}/turn; mv {new}/x {root}/x; }} ;; esac\n")
    (turned / "find").chmod(0o755)
    server = site.server("m", environment=f"PATH={turned}:{os.environ['PATH']}")
    site.write(
        f"[DEFAULT]\nstable_for = 0\nlinks = follow\ndelete = yes\nmax_delete = 100%\n[m]\n{server.section(path=root)}"
        f"[c]\nparent = m\ntransport = local\npath = {site.root('c')}\n"
    )
    assert site.summary("--all")["exit_code"] == 0
    site.fill("m", {"b": b"two"})
    (site.directory / "turn").touch()
    done = site.cli("--all")
    assert "x changed while it was listed" in done.stdout, done.stdout + done.stderr
    assert files(site.root("c")) == {"a": b"alpha", "b": b"two", "x": b"alpha"}


def test_a_synccmd_that_brings_links_instead_of_files_fails_for_these_only_and_is_told_of(site: Site) -> None:
    site.fill("m", {"a": b"alpha", "d/b": b"beta"})
    make(site.root("m"), {b"l": b"a", b"abs": os.fsencode(site.root("m") / "a")})
    site.here("m", "c", defaults="links = follow\nsynccmd = cp -a ${REMOTEDIR}/${FILE} ${LOCALDIR}/${FILE}")
    done = site.cli("--all")
    assert "c: failed: abs and 1 more: synccmd failed: it brings a symbolic link and not the file that it leads to (let it follow links: rsync -L, cp -L)" in done.stdout
    assert files(site.root("c")) == {"a": b"alpha", "d/b": b"beta"}
    assert links(site.root("c")) == {}
    site.config.write_text(site.config.read_text().replace("cp -a ", "cp -aL "))
    assert site.cli("--all").returncode == 0
    assert files(site.root("c")) == {"a": b"alpha", "d/b": b"beta", "abs": b"alpha", "l": b"alpha"}


def test_a_link_that_led_astray_does_so_no_more_when_a_file_took_its_place_or_came_where_it_leads(site: Site) -> None:
    site.fill("m", {"l": b"1", "late": b"2"})
    make(site.root("p"), {b"l": b"/etc/passwd", b"own": b"late"})
    site.here("m", "p", "c", defaults="links = follow")
    done = site.cli("--all")
    assert (done.returncode, "blocked" in done.stdout) == (0, False), done.stdout
    assert files(site.root("c")) == {"l": b"1", "late": b"2", "own": b"2"}
    assert links(site.root("p")) == {b"own": b"late"}
