"""What a run costs where nothing has changed: commands on hosts, and looks at what is on record."""

from collections import Counter
from collections.abc import Iterable, Iterator

import pytest

from sshsync.core.algorithm import maker
from sshsync.model import events as ev
from sshsync.model.item import Item, Key
from sshsync.model.row import Digest, Stamp
from sshsync.model.topology import Repository
from sshsync.state.journal import Journal
from sshsync.transports.memory import Fault
from tests.conftest import CHAIN, World

ROOTS = {"master": b"/m", "proxy": b"/p", "node1": b"/n", "node2": b"/n"}
FILES = {b"a": b"alpha", b"d/b": b"beta", b"d/e/c": b"", b"odd '$(x)\n\xff": b"odd"}
COST = {"probe": 1, "list": 1}


class Counted(Journal):
    """A journal that counts how often it is asked about a repository."""

    asked: Counter[tuple[str, str]] = Counter()

    def verified(self, repository: Repository) -> Iterator[tuple[Key, Digest]]:
        self.asked["verified", repository.name] += 1
        return super().verified(repository)

    def count(self, repository: Repository) -> int:
        self.asked["count", repository.name] += 1
        return super().count(repository)

    def in_sync(self, repository: Repository) -> float:
        self.asked["in_sync", repository.name] += 1
        return super().in_sync(repository)

    def cached(self, repository: Repository, maker: str) -> Iterator[tuple[Key, Stamp, Digest]]:
        self.asked["cached", repository.name] += 1
        return super().cached(repository, maker)

    def learn(self, repository: Repository, maker: str, items: Iterable[Item], *, soon: bool = False) -> None:
        self.asked["learn", repository.name] += 1
        super().learn(repository, maker, items, soon=soon)

    def forget(self, repository: Repository, maker: str, keys: Iterable[Key]) -> None:
        self.asked["forget", repository.name] += 1
        super().forget(repository, maker, keys)


def settled(world: World, text: str = CHAIN, files: dict[bytes, bytes] = FILES) -> None:
    """Bring all in sync."""
    world.fill("master", ROOTS["master"], files)
    assert world.run(text=text).exit_code == 0
    for host in world.hosts.values():
        host.started.clear()


def started(world: World) -> dict[str, dict[str, int]]:
    return {name: dict(Counter(host.started)) for name, host in world.hosts.items()}


def test_what_is_unchanged_costs_one_listing_also_right_after_the_first_copy(world: World) -> None:
    settled(world)
    Counted.asked = Counter()
    result = world.run(journal=Counted)
    assert [str(job.outcome) for job in result.report.jobs] == ["unchanged"] * 3
    assert started(world) == dict.fromkeys(ROOTS, COST)
    assert [event.hashed for event in world.seen(ev.Scanned)] == [0] * 4
    assert not {what for what, _ in Counted.asked} & {"learn", "forget"}, "nothing is written of what is known"


def test_what_is_on_record_of_digests_is_read_once_a_scan_and_what_is_gone_goes_from_it(world: World) -> None:
    """However much there is: a changed, a new and a removed file cost no second look at all the others."""
    settled(world)
    master = world.host("master")
    del master.files[ROOTS["master"] + b"/d/b"]
    master.put(ROOTS["master"] + b"/a", b"another alpha")
    master.put(ROOTS["master"] + b"/new", b"new")
    Counted.asked = Counter()
    with world.sync(journal=Counted) as sync:
        assert sync.run([["proxy"]]).exit_code == 0
        asked = dict(Counted.asked)
        repository = sync.config.tree.repositories["master"]
        assert {key for key, _, _ in sync.journal.cached(repository, maker(repository))} == {b"a", b"d/e/c", b"odd '$(x)\n\xff", b"new"}
    assert {what: count for what, count in asked.items() if what[1] == "master" and what[0] != "count"} == {("cached", "master"): 1, ("learn", "master"): 1, ("forget", "master"): 1}


def test_a_listcmd_costs_its_stat_besides(world: World) -> None:
    settled(world)
    for name, root in ROOTS.items():
        listed = b"TOKEN root " + root + b"\nTOKEN listed\n" + b"".join(root + b"/" + key + b"\0" for key in FILES)
        world.host(name).faults.append(Fault("answer", "template-list", payload=listed))
    result = world.run(text=CHAIN.replace("[DEFAULT]", "[DEFAULT]\nlistcmd = find ${REPOPATH} -type f -print0"))
    assert [str(job.outcome) for job in result.report.jobs] == ["unchanged"] * 3
    assert started(world) == dict.fromkeys(ROOTS, {"template-list": 1, "stat": 1, "probe": 1})


def test_a_dry_run_costs_the_same(world: World) -> None:
    settled(world)
    assert world.run(dry_run=True).exit_code == 0
    assert started(world) == dict.fromkeys(ROOTS, COST)


@pytest.mark.parametrize("stages", [["proxy", "node1,node2"], ["node1,node2"]], ids=["from the master on", "from the proxy on"])
def test_two_children_cost_their_parent_no_more_than_one(world: World, stages: list[str]) -> None:
    text = CHAIN.replace("[DEFAULT]", "[DEFAULT]\nverify_share = 1%")
    settled(world, text)

    def asked(*names: str) -> Counter[tuple[str, str]]:
        Counted.asked = Counter()
        assert world.run(*names, text=text, journal=Counted).exit_code == 0
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
    assert started(world) == {"master": {}, "proxy": COST, "node1": COST, "node2": COST}


def rot(world: World, name: str, path: bytes, data: bytes) -> None:
    """Change bytes as a disk does: nothing else shows it."""
    world.host(name).files[path].data = data


@pytest.mark.parametrize(("share", "nights", "more"), [(25, 4, 0), (2, 50, 300)])
def test_a_share_is_read_again_and_a_file_that_rotted_is_mended_and_told_of(world: World, share: int, nights: int, more: int) -> None:
    text = CHAIN.replace("[DEFAULT]", f"[DEFAULT]\nverify_share = {share}%")
    files = {**FILES, **{b"more/%03d" % number: b"%d" % number * 40 for number in range(more)}}
    settled(world, text, files)
    rot(world, "node1", b"/n/a", b"ALPHA")
    hashed = Counter[str]()
    told, most = [], 0
    for _ in range(nights):
        assert world.run(text=text).exit_code == 0
        hashed.update({event.repository: event.hashed for event in world.seen(ev.Scanned)})
        most = max(most, *(event.hashed for event in world.seen(ev.Scanned)))
        told += [event for event in world.seen(ev.Remarked) if "other bytes than before" in event.text]
    assert world.host("node1").below(b"/n") == files
    assert [event.repository for event in told] == ["node1"]
    assert told[0].text.endswith("such as a: look at the disk")
    size = sum(map(len, files.values()))
    assert hashed == dict.fromkeys(ROOTS, size), "all of it, once"
    assert not more or most < 3 * size * share / 100, "about as much each night"


def test_without_a_share_nothing_is_read_again(world: World) -> None:
    settled(world)
    rot(world, "node1", b"/n/a", b"ALPHA")
    assert world.run().exit_code == 0
    assert not any(event.hashed for event in world.seen(ev.Scanned))
