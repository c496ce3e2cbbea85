"""Big files in several streams, and through servers that change their keys often, on real servers."""

import os
import random
import signal
import time
from collections.abc import Callable
from pathlib import Path

import pytest

from sshsync.api import Sync, load
from sshsync.model.events import Progress
from tests.integration.conftest import Site

REKEY = "RekeyLimit 1M"
FULL = pytest.mark.skipif(not os.environ.get("SSHSYNC_FULL"), reason="2 GiB each way; SSHSYNC_FULL=1 runs it")
BIG = random.Random(7).randbytes(9_000_001)


def logins(site: Site, name: str) -> int:
    return site.server(name).log.read_text().count("Accepted publickey")


def chained(chain: Callable[[str], Site], defaults: str) -> Site:
    site = chain(defaults)
    site.fill("master", {"big": BIG})
    return site


@pytest.mark.parametrize(("streams", "connections"), [("1", 1), ("3", 3), ("8", 4)])
def test_streams_go_over_connections_of_their_own(chain: Callable[[str], Site], streams: str, connections: int) -> None:
    site = chained(chain, f"streams = {streams}")
    assert site.cli("--sync", "proxy").returncode == 0
    site.same("master", "proxy")
    assert {name: logins(site, name) for name in ("master", "proxy")} == {"master": connections, "proxy": connections}


def writer(part: str) -> int:
    """Return the process of a `cat` that writes to a part, as soon as there is one."""
    until = time.monotonic() + 60
    while time.monotonic() < until:
        for process in Path("/proc").glob("[0-9]*"):
            try:
                if (process / "comm").read_text() == "cat\n" and os.readlink(process / "fd" / "1").startswith(part):
                    return int(process.name)
            except OSError:
                continue
    pytest.fail("nobody writes there")


def test_one_stream_that_is_killed_is_tried_again(chain: Callable[[str], Site]) -> None:
    site = chained(chain, "streams = 3\nbwlimit = 3M")
    running = site.popen("--json", "--sync", "proxy")
    os.kill(writer(f"{site.root('proxy')}/.sshsync/part/"), signal.SIGKILL)
    out, err = running.communicate(timeout=120)
    assert running.returncode == 0, err
    site.same("master", "proxy")
    assert b'"retried"' in out


@pytest.mark.parametrize("streams", ["1", "3"])
def test_keys_that_change_often_hurt_nobody(site: Site, streams: str) -> None:
    assert carried(site, streams, lambda file: file.write_bytes(BIG)) >= 2 * len(BIG) >> 20
    assert (site.root("back") / "big").read_bytes() == BIG


@FULL
def test_two_gibibytes_each_way_survive_changes_of_keys(site: Site) -> None:
    size = (2 << 30) + 12_345

    def sparse(file: Path) -> None:
        with file.open("wb") as out:
            out.truncate(size)

    # Between two changes goes what the limit says and what was on its way: the last of eight may not be due any more.
    assert carried(site, "1", sparse, "RekeyLimit 256M") >= 2 * ((size >> 28) - 1)
    assert (site.root("back") / "big").stat().st_size == size


def carried(site: Site, streams: str, write: Callable[[Path], object], limit: str = REKEY) -> int:
    """Push a file to a server, and pull it from there; return how often the server changed keys."""
    server = site.server("far", limit, "LogLevel DEBUG1")
    write(site.root("here") / "big")
    site.write(
        f"[DEFAULT]\nstable_for = 0\nstreams = {streams}\n"
        f"[here]\ntransport = local\npath = {site.root('here')}\n"
        f"[far]\nparent = here\n{server.section(path=site.root('far'))}"
        f"[back]\nparent = far\ntransport = local\npath = {site.root('back')}\n"
    )
    done = site.cli("--sync", "far", "--sync", "back", timeout=900)
    assert done.returncode == 0, done.stderr
    return server.log.read_text().count("ssh_set_newkeys: rekeying in")


def test_all_streams_together_keep_to_the_limit(chain: Callable[[str], Site]) -> None:
    """Within a twentieth, whatever number of streams and connections it goes over."""
    rate, site = 1_000_000, chained(chain, "streams = 3\nbwlimit = 1M")
    went: list[tuple[float, int]] = []
    with Sync(load(site.config), sinks=[lambda event: went.append((time.monotonic(), event.bytes)) if isinstance(event, Progress) else None]) as sync:
        assert sync.run([["proxy"]]).exit_code == 0
    site.same("master", "proxy")
    assert logins(site, "proxy") == 3
    seconds = went[-1][0] - went[0][0]
    assert sum(count for _, count in went[1:]) <= 1.05 * rate * seconds
