"""Children that take from a parent while that is still being synchronized, on real servers."""

import os
from pathlib import Path
import signal

import pytest

from tests.integration.conftest import Site
from tests.integration.holding import Gate, running, sizes, until

pytestmark = [pytest.mark.integration, pytest.mark.timeout(300)]


def configure(site: Site, more: str = "") -> None:
    site.write(
        f"[DEFAULT]\nstable_for = 0\npipeline = yes\n"
        f"[m]\n{site.server('m').section(path=site.root('m'))}"
        f"[p]\nparent = m\n{more}{site.server('p').section(path=site.root('p'))}"
        f"[c]\nparent = p\ndelete = yes\n{site.server('c').section(path=site.root('c'))}"
    )


FILES = {"a": b"alpha", "d/b": b"beta", "odd \n'name": b"odd", "big": os.urandom(5_000_000)}


def held(site: Site, name: str) -> dict[str, bytes]:
    """Return what a reader sees; staging, whose directories come and go, is not looked into."""
    root, found = site.root(name), {}
    for base, directories, files in os.walk(root):
        directories[:] = [one for one in directories if one != ".sshsync"]
        found |= {str((Path(base) / file).relative_to(root)): (Path(base) / file).read_bytes() for file in files}
    return found


def held_at_the_big_one(site: Site) -> Gate:
    """A chain whose proxy holds where it digests the big file: it has all of it, and shows nothing of it."""
    site.fill("m", FILES)
    gate = Gate(site, "-2")
    gate.arm()
    configure(site, gate.command)
    return gate


def big_staged(site: Site) -> bool:
    """Tell whether every byte of the big file is in the node's staging."""
    return 5_000_000 in sizes(site.root("c") / ".sshsync/part")


def test_a_node_has_it_while_the_proxy_still_verifies(site: Site) -> None:
    """The proxy holds at the digest of the big file: by then the node has all others, and every byte of this one."""
    gate = held_at_the_big_one(site)
    with running(site, "--json", "--sync", "p", "--sync", "c") as run:
        gate.wait(run)
        until(lambda: "a" in held(site, "c"), "small files are on the node")
        until(lambda: big_staged(site), "the big one is there")
        assert "big" not in held(site, "c"), "nobody shows what the proxy does not show"
        assert "big" not in held(site, "p")
        gate.open()
        assert run.ended() == 0, run.said
    assert held(site, "p") == held(site, "c") == FILES
    told = run.summary()["by_name"]
    assert (told["c"]["outcome"], told["c"]["files"]["copied"]) == ("done", 4)


@pytest.mark.parametrize("number", [signal.SIGKILL, signal.SIGTERM])
def test_what_a_run_that_ended_early_brought_to_both_is_not_sent_again(site: Site, number: int) -> None:
    gate = held_at_the_big_one(site)
    with running(site, "--json", "--sync", "p", "--sync", "c") as run:
        gate.wait(run)
        until(lambda: big_staged(site), "the big one is there")
        run.process.send_signal(number)
        assert run.ended() != 0
        gate.open()
    found = site.summary("--sync", "p", "--sync", "c")
    assert found["exit_code"] == 0, found
    assert held(site, "p") == held(site, "c") == FILES
    moved = [entry["bytes"]["moved"] + entry["bytes"]["resent"] for entry in found["by_name"].values()]
    assert sum(moved) < 5_000_000, (found["by_name"], site.directory)


def test_nothing_is_deleted_on_a_node_whose_proxy_did_not_end_well(site: Site) -> None:
    site.fill("m", {"a": b"alpha", "bad/b": b"beta", "z": b"zeta"})
    site.fill("c", {"own": b"own"})
    configure(site)
    (site.root("p") / "bad").write_bytes(b"a file of the proxy's own where a directory belongs")
    found = site.summary("--sync", "p", "--sync", "c")
    assert found["by_name"]["p"]["outcome"] == "partial"
    assert found["by_name"]["c"]["outcome"] == "partial"
    assert held(site, "c") == {**held(site, "p"), "own": b"own"}
