"""Configurations of ten thousand repositories: what is done with them takes time in proportion to their number."""

import gc
import time
from collections.abc import Callable, Iterator

import pytest
from hypothesis import given
from hypothesis import strategies as st

from sshsync.config.load import parse
from sshsync.config.resolve import Config, resolve
from sshsync.core import planner, tree
from sshsync.errors import ConfigError
from sshsync.model.topology import Repository
from tests import values
from tests.conftest import ACCOUNT

FEW, MANY = 1_000, 10_000
MOST = 25
"""Times as long as few, that many may take: ten would be exact, and a hundred what pairs take."""

NODES = """
[m]
host = m
path = /m
[p]
host = p
path = /p
parent = m
[node[00001-{count:05}]]
host = node{{n}}
path = /n
parent = p
via = p
"""


@pytest.fixture
def _uncollected() -> Iterator[None]:
    """The collector looks at all objects again and again: its time is no part of what is compared."""
    gc.collect()
    gc.disable()
    yield
    gc.enable()


def config(text: str) -> Config:
    return resolve(parse(text.encode(), "f.conf"), ACCOUNT)


def faults(text: str) -> int:
    with pytest.raises(ConfigError) as caught:
        config(text)
    return len(caught.value.problems)


def growth(work: Callable[[str], object]) -> float:
    """Return how many times as long the work takes for many nodes as for few."""

    def best(count: int) -> float:
        seconds = []
        for _ in range(3):
            begun = time.process_time()
            work(NODES.format(count=count))
            seconds.append(time.process_time() - begun)
        return min(seconds)

    return best(MANY) / best(FEW)


def planned(text: str) -> None:
    made = config("[sshsync]\nplan.nightly = --all\n" + text).tree
    assert len(planner.plan(made, planner.everything(made)).jobs) == len(made.repositories) - 1


WORK: dict[str, Callable[[str], object]] = {
    "a good one": planned,
    "all on one root": lambda text: faults(text.replace("host = node{n}", "host = node")),
    "an unknown parent": lambda text: faults(text.replace("parent = p", "parent = q")),
    "unknown parents": lambda text: faults(text.replace("parent = p", "parent = q{n}")),
    "nothing to inherit from": lambda text: faults(text.replace("parent = p", "inherit = q")),
    "circles of jump hosts": lambda text: faults(text.replace("via = p", "via = node{n}")),
    "circles": lambda text: faults(text.replace("parent = p", "parent = node{n}")),
}


@pytest.mark.usefixtures("_uncollected")
@pytest.mark.parametrize("what", values.some(WORK, 3))
def test_ten_times_as_many_repositories_take_about_ten_times_as_long(what: str) -> None:
    assert growth(WORK[what]) < MOST


def test_a_chain_may_be_as_long_as_it_likes() -> None:
    links = "".join(f"[c{n}]\nhost = c{n}\npath = /c\nparent = c{n - 1}\n" for n in range(1, 3000))
    made = config("[sshsync]\nplan.nightly = --all\n[c0]\nhost = c0\npath = /c\n" + links).tree
    assert (made.level("c2999"), made.origin("c2999").name) == (2999, "c0")
    assert len(made.chain("c1500")) == 3000


def overlap(one: Repository, other: Repository) -> bool:
    """Tell whether two repositories have the same root, or one lies in that of the other."""
    if (one.host.address, one.host.port) != (other.host.address, other.host.port):
        return False
    ours, theirs = ([part for part in found.path.split("/") if part] for found in (one, other))
    shorter = min(len(ours), len(theirs))
    return ours[:shorter] == theirs[:shorter]


ROOTS = st.lists(
    st.tuples(
        st.sampled_from("gh"),
        st.sampled_from([22, 23]),
        st.lists(st.sampled_from(["a", "b", "ab"]), min_size=1, max_size=4).map(lambda parts: "/" + "/".join(parts)),
        st.sampled_from(["", "/"]),
    ),
    max_size=12,
)


@given(ROOTS)
def test_shared_roots_are_those_that_all_pairs_show(roots: list[tuple[str, int, str, str]]) -> None:
    made = [
        values.repository(f"r{number}", host=values.host(address, port), path=path + end)
        for number, (address, port, path, end) in enumerate(roots)
    ]
    wanted = []
    for number, one in enumerate(made):
        first = next((other.name for other in made[:number] if overlap(one, other)), "")
        if first:
            wanted.append((one.name, "path", f"shares its root with [{first}] on the same host"))
    assert tree.faults({found.name: found for found in made}) == wanted


LINKS = st.dictionaries(st.integers(0, 9).map(str), st.integers(0, 11).map(str), max_size=10)


@given(LINKS)
def test_circles_are_told_once_each_and_all_of_them(targets: dict[str, str]) -> None:
    def away(name: str, steps: int) -> str:
        for _ in range(steps):
            name = targets.get(name, "")
        return name

    found = [words.removeprefix("via runs in a circle: ").split(" -> ") for _, _, words in tree.circles("via", targets)]
    assert sorted(name for circle in found for name in circle[1:]) == sorted(
        name for name in targets if any(away(name, steps) == name for steps in range(1, 11))
    )
    for circle in found:
        assert circle[-1] == circle[0]
        assert [targets[name] for name in circle[:-1]] == circle[1:]
