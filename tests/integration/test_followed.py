"""`links = follow` on real disks and servers: tools of several Unixes, names of all kinds, links that lead astray."""

import os

import pytest

from tests.integration.conftest import Site
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
