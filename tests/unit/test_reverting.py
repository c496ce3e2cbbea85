"""The way back: what there has to be so that all is as before a run."""

from hypothesis import given
from hypothesis import strategies as st

from sshsync.core.reverting import past, wanted
from sshsync.model.events import Before
from sshsync.model.item import Item, Items

NAMES = st.sampled_from(["a", "b", "c", "d"])
STATES = st.dictionaries(NAMES, st.sampled_from(["v:1", "v:2", "v:3"]))


def told(states: list[dict[str, str]]) -> list[Before]:
    """What runs tell that bring a repository from each state to the next: a link tells of all once, then of deletions."""
    events = []
    for old, new in zip(states, states[1:], strict=False):
        brought = [(name, digest) for name, digest in new.items() if old.get(name) != digest]
        gone = [(name, "") for name in old if name not in new]
        events += [Before("r", sorted(old.items()), brought)] if brought else []
        events += [Before("r", [] if brought else sorted(old.items()), gone)] if gone else []
    return events


def items(state: dict[str, str]) -> Items:
    return Items(Item(name.encode(), digest) for name, digest in state.items())


@given(st.lists(STATES, min_size=1, max_size=5))
def test_after_any_runs_the_way_back_leads_to_the_state_before_them(states: list[dict[str, str]]) -> None:
    found, changed = wanted(past(told(states)), items(states[-1]), force=False)
    assert changed == {}
    touched = past(told(states)).left
    back = {name: digest for name, digest in states[-1].items() if name.encode() not in touched}
    back |= {item.key.decode(): item.digest for item in found.values()}
    assert back == states[0]


@given(STATES, STATES, STATES)
def test_what_somebody_else_changed_since_is_left_alone(first: dict[str, str], second: dict[str, str], third: dict[str, str]) -> None:
    known = past(told([first, second]))
    found, changed = wanted(known, items(third), force=False)
    for key in known.left:
        name = key.decode()
        alien = name in third and third[name] not in (second.get(name), first.get(name))
        assert (key in changed) == alien
        assert (found[key].digest if key in found else None) == (None if alien else first.get(name))
    forced, none = wanted(known, items(third), force=True)
    assert none == {}
    assert {key: forced[key].digest for key in forced} == {key: first[key.decode()] for key in known.left if key.decode() in first}


def test_a_change_that_was_never_made_is_no_reason_to_stay() -> None:
    """It was on record before it began, and was broken off."""
    known = past([Before("r", [("a", "v:1")], [("a", "v:2"), ("b", "v:1")])])
    found, changed = wanted(known, items({"a": "v:1"}), force=False)
    assert ({key: found[key].digest for key in found}, changed) == ({b"a": "v:1"}, {})


def test_a_way_back_that_was_broken_off_is_gone_on_with() -> None:
    """It told what it was going to do, and did not do it."""
    known = past([Before("r", [("a", "v:1")], [("a", "v:2")]), Before("r", [("a", "v:2")], [("a", "v:1")])])
    found, changed = wanted(known, items({"a": "v:2"}), force=False)
    assert ({key: found[key].digest for key in found}, changed) == ({b"a": "v:1"}, {})
