"""`links = follow` on real disks and servers: tools of several Unixes, names of all kinds, links that lead astray."""

import os
from pathlib import Path

import pytest

from tests.integration.conftest import Site
from tests.integration.test_links import FILES, files, links, make, outcomes
from tests.integration.test_repeat import busybox
from tests.integration.test_tools import BSD_STAT, PLAIN_SYNC, tools

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
    if host == "busybox":
        path: Path | str = busybox(site.root("tools"))
    elif host == "gnu":
        path = os.environ["PATH"]
    else:
        own = {"bsd": {"stat": BSD_STAT, "sync": PLAIN_SYNC}}.get(host, {})
        also = {"bsd": ("readlink",), "perl": ("perl",), "gnu alone": ("stat", "readlink")}[host]
        path = tools(site, own, also=("sha256sum", *also))
    server = site.server("host", environment=f"PATH={path}")
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
