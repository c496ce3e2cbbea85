"""Real servers that open one channel, and links that carry little: what is slow arrives, whoever waits for whom."""

import contextlib
import os
import random
from collections.abc import Iterator

import pytest

from benchmarks.wire import Link, RelayWire
from tests.integration.conftest import Site

pytestmark = [pytest.mark.integration, pytest.mark.timeout(300)]

NAMES = [f"{'' if number % 3 else 'd/'}{number:03}" for number in range(60)]
ONE = "MaxSessions 1"


def small() -> dict[str, bytes]:
    return {name: name.encode() * 400 for name in NAMES}


def words(size: int) -> bytes:
    chance = random.Random(3)
    return b"".join(b"%d of the log, as always\n" % chance.randrange(10**6) for _ in range(size // 28))


def chain(site: Site, *extra: str, defaults: str = "", by: dict[str, int] | None = None) -> None:
    """Configure `m` and its child `c` on servers of their own, perhaps by other ports."""
    text = f"[DEFAULT]\nstable_for = 0\nretries = 3\n{defaults}"
    for name in ("m", "c"):
        server = site.server(name, *extra)
        more = {"port": by[name]} if by else {}
        text += f"[{name}]\n{server.section(path=site.root(name), **more)}" + ("parent = m\n" if name == "c" else "")
    site.write(text)
    if by:
        known = [site.servers[name].known.replace(str(site.servers[name].port), str(port)) for name, port in by.items()]
        (site.directory / "state" / "known_hosts").write_text("\n".join(known) + "\n")


@pytest.mark.parametrize("streams", ["auto", "4"])
def test_hosts_that_open_one_channel_get_everything_without_a_failed_try(site: Site, streams: str) -> None:
    """What is verified and published beside the next batch waits for the one channel, and is no trouble to anybody."""
    many = {f"many{number}": b"" for number in range(2_500)}
    site.fill("m", {**small(), **many, **{f"big{number}": os.urandom(2_500_000) for number in range(3)}})
    chain(site, ONE, defaults=f"streams = {streams}\ntimeout = 5\n")
    found = site.summary("--sync", "c")
    assert found["exit_code"] == 0, found
    site.same("m", "c")
    (site.root("m") / "d" / "000").write_bytes(b"another")
    os.utime(site.root("m") / "d" / "000", (1_600_000_100, 1_600_000_100))
    (site.root("m") / "001").unlink()
    again = site.summary("--sync", "c")
    assert again["exit_code"] == 0, again
    assert again["by_name"]["c"]["files"]["copied"] == 1
    for each in (found, again):
        assert [event for event in each["events"] if event["type"] == "retried"] == []


def test_what_is_compressed_arrives_and_the_wire_carries_less(site: Site) -> None:
    site.fill("m", {**small(), "big": words(6_000_000), "noise": os.urandom(1_500_000)})
    with wires(site, Link(), Link()) as (made, by):
        chain(site, defaults="compress = yes\nstreams = 3\n", by=by)
        found = site.summary("--sync", "c")
        counts = [wire.count() for wire in made]
    assert found["exit_code"] == 0, found
    site.same("m", "c")
    entry = found["by_name"]["c"]["bytes"]
    total = sum(file.stat().st_size for file in site.root("m").rglob("*") if file.is_file())
    assert max(counts[0].received, counts[1].sent) < total * 0.7
    assert entry["moved"] + entry["saved"] == total
    assert abs(entry["moved"] - max(counts[0].received, counts[1].sent)) < 200_000, "what is told is what went"


@contextlib.contextmanager
def wires(site: Site, *links: Link) -> Iterator[tuple[list[RelayWire], dict[str, int]]]:
    """Have links to `m` and `c`, and the ports by which they lead there."""
    made = [RelayWire(link) for link in links]
    try:
        yield made, {name: wire.join(site.server(name).port) for name, wire in zip(("m", "c"), made, strict=True)}
    finally:
        for wire in made:
            wire.close()


@pytest.mark.parametrize("far", ["m", "c"])
@pytest.mark.parametrize("name", ["one big file in several streams", "small files"])
def test_several_streams_over_a_slow_line_are_left_alone(site: Site, name: str, far: str) -> None:
    """All that waits in queues on its way takes many times the silence that is allowed: it arrives all the same."""
    files = {"big": os.urandom(4_400_000)} if "big" in name else {f"f{number}": os.urandom(60_000) for number in range(40)}
    site.fill("m", files)
    with wires(site, *(Link(rate=150_000 if end == far else 0) for end in ("m", "c"))) as (_, by):
        chain(site, defaults="streams = 4\ntimeout = 10\n", by=by)
        found = site.summary("--sync", "c")
    assert found["exit_code"] == 0, found
    site.same("m", "c")
    assert [event for event in found["events"] if event["type"] in ("retried", "resent")] == []
