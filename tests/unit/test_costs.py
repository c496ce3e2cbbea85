"""What a run costs where nothing has changed: commands on hosts, and looks at what is on record."""

from collections import Counter
from collections.abc import Iterable

import pytest

from sshsync.model import events as ev
from sshsync.model.item import Digest, Item, Key, Stamp
from sshsync.model.topology import Repository
from sshsync.state.journal import Journal
from sshsync.transports.memory import Fault
from tests.conftest import CHAIN, World

ROOTS = {"master": b"/m", "proxy": b"/p", "node1": b"/n", "node2": b"/n"}
FILES = {b"a": b"alpha", b"d/b": b"beta", b"d/e/c": b"", b"odd '$(x)\n\xff": b"odd"}
PARENT = {"probe": 1, "root": 1, "list": 1}
CHILD = {**PARENT, "staged": 1}


class Counted(Journal):
    """A journal that counts how often it is asked about a repository."""

    asked: Counter[tuple[str, str]]

    def verified(self, repository: Repository) -> dict[Key, Digest]:
        self.asked["verified", repository.name] += 1
        return super().verified(repository)

    def count(self, repository: Repository) -> int:
        self.asked["count", repository.name] += 1
        return super().count(repository)

    def in_sync(self, repository: Repository) -> float:
        self.asked["in_sync", repository.name] += 1
        return super().in_sync(repository)

    def cached(self, repository: Repository, maker: str) -> dict[Key, tuple[Stamp, Digest]]:
        self.asked["cached", repository.name] += 1
        return super().cached(repository, maker)

    def remember(self, repository: Repository, maker: str, items: Iterable[Item]) -> None:
        self.asked["remember", repository.name] += 1
        super().remember(repository, maker, items)


def settled(world: World, text: str = CHAIN) -> None:
    """Bring all in sync, and let the digests of what was brought become old enough to be kept."""
    world.fill("master", ROOTS["master"], FILES)
    for _ in range(2):
        assert world.run(text=text).exit_code == 0
    for host in world.hosts.values():
        host.started.clear()


def started(world: World) -> dict[str, dict[str, int]]:
    return {name: dict(Counter(host.started)) for name, host in world.hosts.items()}


def test_what_is_unchanged_costs_a_listing_and_one_look_for_leftovers(world: World) -> None:
    settled(world)
    result = world.run()
    assert [str(job.outcome) for job in result.report.jobs] == ["unchanged"] * 3
    assert started(world) == {"master": PARENT, "proxy": CHILD, "node1": CHILD, "node2": CHILD}


def test_a_listcmd_costs_its_stat_besides(world: World) -> None:
    settled(world)
    for name, root in ROOTS.items():
        listed = b"\0".join(root + b"/" + key for key in FILES) + b"\0"
        world.host(name).faults.append(Fault("answer", "template-list", payload=listed))
    result = world.run(text=CHAIN.replace("[DEFAULT]", "[DEFAULT]\nlistcmd = find ${REPOPATH} -type f -print0"))
    assert [str(job.outcome) for job in result.report.jobs] == ["unchanged"] * 3
    by_words = {"template-list": 1, "stat": 1, "probe": 1, "root": 1}
    child = {**by_words, "staged": 1}
    assert started(world) == {"master": by_words, "proxy": child, "node1": child, "node2": child}


def test_a_dry_run_costs_no_look_for_leftovers(world: World) -> None:
    settled(world)
    assert world.run(dry_run=True).exit_code == 0
    assert started(world) == dict.fromkeys(ROOTS, PARENT)


@pytest.mark.parametrize("stages", [["proxy", "node1,node2"], ["node1,node2"]], ids=["from the master on", "from the proxy on"])
def test_two_children_cost_their_parent_no_more_than_one(world: World, stages: list[str]) -> None:
    settled(world)

    def asked(*names: str) -> Counter[tuple[str, str]]:
        Counted.asked = Counter()
        assert world.run(*names, journal=Counted).exit_code == 0
        return Counted.asked

    parents = {"master", "proxy"}
    one, two = asked(*(stage.partition(",")[0] for stage in stages)), asked(*stages)
    for host in parents:
        assert {found for found in two.items() if found[0][1] == host} == {found for found in one.items() if found[0][1] == host}
    assert max(two["count", "master"], two["verified", "master"], two["cached", "proxy"]) <= 1
    assert two["verified", "proxy"] == len(stages), "once for its children, and once for itself where it is a child"
    assert [event.repository for event in world.seen(ev.Scanned)].count("proxy") == 1
    assert world.host("proxy").started.count("list") == 2, "once in each of the two runs"


def test_a_parent_that_is_no_part_of_the_run_is_looked_at_once_for_all(world: World) -> None:
    settled(world)
    assert world.run("node1,node2").exit_code == 0
    assert started(world) == {"master": {}, "proxy": PARENT, "node1": CHILD, "node2": CHILD}
