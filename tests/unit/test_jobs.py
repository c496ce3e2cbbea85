"""What any package manager is asked for, how its jobs are waited for, and what becomes of whatever it is said to tell."""

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from sshsync.errors import CommandError, ConnectError, DeadlineError, LeasedError, SshsyncError
from sshsync.kinds.installing import Said
from sshsync.kinds.jobs import MOST_LOOKS, STALLED
from sshsync.model.change import Copy, Delete
from sshsync.model.item import Item
from sshsync.model.policy import Install
from sshsync.model.prepared import Outlook
from tests.answers import HOSTILE, KEYS, MANAGERS, RPM, TEXTS, VALUES, Manager, Says, Told, busy, line, said
from tests.values import FULL

every = pytest.mark.parametrize("manager", MANAGERS, ids=lambda manager: manager.type)


def rows(told: Told) -> list[tuple[str, str]]:
    """Return all names that a host was asked for, with their versions, "" for what is to go."""
    specs = [spec for _, spec in told]
    return [(name, version) for spec in specs for name, version in spec.get("install", [])] + [(name, "") for spec in specs for name in spec.get("remove", [])]


@every
def test_each_package_that_comes_is_asked_for_by_name_and_version(manager: Manager) -> None:
    outlook, told = manager.foresee(manager.new, manager.up, manager.down)
    assert outlook == Outlook()
    versions = {change.key.decode(): change.new.digest.removeprefix("version:") for change in (manager.new, manager.up, manager.down)}
    assert [mode for mode, _ in told] == [*manager.first, "fetch"]
    assert rows(told) == list(versions.items())


@every
@pytest.mark.parametrize(("key", "version"), HOSTILE)
def test_what_cannot_be_said_to_a_package_manager_reaches_no_host(manager: Manager, key: bytes, version: str) -> None:
    change = Copy(Item(key, f"version:{version}"))
    outlook, told = manager.foresee(change)
    assert ([mode for mode, _ in told], set(outlook.refused), outlook.codes) == (list(manager.first), {key}, {key: 7})
    assert outlook.refused[key].isprintable()
    refused, told = manager.ask("bring", manager.says(manager.fine), change)
    assert (set(refused), rows(told)) == ({key}, [])


@every
@settings(max_examples=400 if FULL else 60)
@given(deed=st.sampled_from(["foresee", "bring"]), pairs=st.lists(st.tuples(KEYS, TEXTS), max_size=4, unique_by=lambda pair: pair[0]))
def test_whatever_a_parent_has_only_names_and_versions_reach_a_host(manager: Manager, deed: str, pairs: list[tuple[bytes, str]]) -> None:
    changes = [manager.new, *(Copy(Item(key, f"version:{version}")) for key, version in pairs if key != manager.new.key)]
    found, told = manager.ask(deed, manager.says(manager.fine), *changes)
    refused = found if deed == "bring" else found.refused
    assert all(manager.sayable(*row) for row in rows(told))
    come = {name.encode() for name, _ in rows(told)}
    assert (come | set(refused), come & set(refused)) == ({change.key for change in changes}, set())
    assert manager.new.key in come, "what others cannot have keeps nobody from coming"


@settings(max_examples=300 if FULL else 60)
@given(KEYS, TEXTS)
def test_whatever_is_to_go_only_names_reach_a_host(key: bytes, version: str) -> None:
    """Of pip's removals nothing is foreseen."""
    outlook, told = RPM.foresee(RPM.new, Delete(Item(key, f"version:{version}")))
    assert all(RPM.sayable(name, "1-1") for name, _ in rows(told))
    assert ((key.decode("utf-8", "replace"), "") in rows(told)) is (key not in outlook.refused)


@every
def test_an_older_version_comes_only_where_that_is_allowed(manager: Manager) -> None:
    outlook, told = manager.foresee(manager.down, manager.up, install=Install(downgrade=False))
    old, new = (item.digest.removeprefix("version:") for item in (manager.down.old, manager.down.new))
    key = manager.down.key
    assert (outlook.refused, outlook.codes) == ({key: f"{new} is older than {old} there (downgrade = no)"}, {key: 7})
    assert [name for name, _ in rows(told)] == ["django"]


@every
def test_who_may_become_root_is_told_to_the_host(manager: Manager) -> None:
    for sudo in (False, True):
        _, told = manager.foresee(manager.new, install=Install(sudo=sudo))
        assert told[-1][1]["sudo"] is sudo


@every
@pytest.mark.parametrize("deed", ["foresee", "bring"])
@pytest.mark.parametrize(
    ("told", "error", "words"),
    [({"trouble": "Retrying (Retry(total=0"}, ConnectError, "cannot be reached: Retrying"), ({"died": True}, ConnectError, "was ended while it"), ({"broken": "No space left"}, CommandError, "packages cannot be changed there: No space left")],
)  # fmt: skip
def test_what_keeps_all_of_it_from_coming_is_an_error(manager: Manager, deed: str, told: dict, error: type[SshsyncError], words: str) -> None:
    with pytest.raises(error) as found:
        manager.ask(deed, manager.says(told), manager.new)
    assert words in str(found.value)
    assert (found.value.where, found.value.code) == ("app1", error.code)


def well(found: object) -> bool:
    return isinstance(found, Said) and not (found.words or found.complaints or found.notes)


def applied(manager: Manager, says: Says) -> tuple[object, Told]:
    return manager.ask("apply", says, manager.new, manager.up, manager.gone)


@every
def test_a_transaction_is_begun_once_and_waited_for(manager: Manager) -> None:
    waits = iter([busy(), busy(STALLED), line(words="", complaints=[])])
    found, told = applied(manager, lambda mode, _: busy() if mode == "apply" else next(waits))
    assert well(found)
    assert [mode for mode, _ in told] == ["apply", "wait", "wait", "wait"]
    assert (told[0][1]["lease"], told[0][1]["fetched"], told[0][1]["remove"]) == ("lease1", "fetched", ["old"])
    assert {spec["id"] for _, spec in told} == {"to apply"}


@every
def test_what_is_at_work_there_is_waited_for_first(manager: Manager) -> None:
    """Whoever began it: then ours is begun."""
    state = iter([busy(), line(words="", complaints=[])])
    answers = {"apply": lambda: next(state), "wait": lambda: line(absent=True), "settle": lambda: line(busy=False, quiet=0)}
    found, told = applied(manager, lambda mode, _: answers[mode]())
    assert (well(found), [mode for mode, _ in told]) == (True, ["apply", "wait", "settle", "apply"])


@every
def test_what_stands_still_or_never_ends_is_given_up(manager: Manager) -> None:
    with pytest.raises(DeadlineError, match=f"{manager.tool} is at work there and has done nothing for 16 min"):
        applied(manager, lambda _mode, _: busy(STALLED + 60))
    looks = []
    with pytest.raises(DeadlineError, match=f"{manager.tool} is at work there for a day"):
        applied(manager, lambda mode, _: (looks.append(mode), busy())[1])
    assert len(looks) == MOST_LOOKS + 1


@every
def test_a_lease_that_is_lost_ends_it(manager: Manager) -> None:
    with pytest.raises(LeasedError):
        applied(manager, lambda _mode, _: 45)


@every
def test_a_transaction_that_the_host_did_not_survive_is_told_as_such(manager: Manager) -> None:
    found, _ = applied(manager, lambda _mode, _: line(died=True))
    assert found.words == f"{manager.tool} was ended before it was through: was the host started anew?"
    assert all("its scripts may not have run" in words for words in found.complaints.values())


@every
def test_an_answer_about_thousands_of_packages_is_one(manager: Manager) -> None:
    changes = [Copy(Item(b"p%d" % number, manager.new.new.digest)) for number in range(2000)]
    outlook, _ = manager.foresee(*changes, says={**manager.fine, "refused": {change.key.decode(): "no repository of it has it " * 4 for change in changes}})
    assert set(outlook.refused) == {change.key for change in changes}


@every
@pytest.mark.parametrize("name", ["refused", "words", "in", "needs", "trouble", "complaints"])
def test_an_answer_of_ten_megabytes_is_none(manager: Manager, name: str) -> None:
    long = {"refused": {"six": "x" * 10_000_000}, "in": [["x" * 10_000_000, "noarch", "1-1"]], "needs": {"x" * 10_000_000: "y"}, "complaints": ["x" * 10_000_000]}.get(name, "x" * 10_000_000)
    for ask in (lambda: manager.foresee(manager.new, says={**manager.fine, name: long}), lambda: applied(manager, lambda _mode, _: line(**{name: long}))):
        with pytest.raises(SshsyncError, match="what is told of its jobs cannot be true") as found:
            ask()
        assert len(str(found.value)) < 300


CELLS = TEXTS | VALUES | st.sampled_from(["six", "noarch", "x86_64", "1-1", "1-1 2-1", "1:0~a^b-1", "(none)"])
ROWS = st.lists(st.tuples(CELLS, st.sampled_from(["noarch", "i686"]), CELLS) | st.lists(CELLS, max_size=4) | CELLS, max_size=3) | VALUES
PAIRS = st.dictionaries(TEXTS | st.sampled_from(["six", "django", "idna.x86_64"]), VALUES, max_size=3) | VALUES
SAID = said(
    "distrusted", "trouble", "died", "absent_pip", "busy", "quiet", "absent", "status", "words", "prefix", "managed", "left", "owned", "barred", "broken", "untrusted", "locked", "machine", "notes",
    **{"in": ROWS, "out": ROWS, "refused": PAIRS, "needs": PAIRS, "complaints": PAIRS},
)  # fmt: skip
TRUE = st.fixed_dictionaries({"in": ROWS, "out": ROWS, "needs": PAIRS, "machine": st.just("x86_64") | TEXTS}).map(lambda found: line(**found))
"""What comes near to the truth."""


def fit(manager: Manager, found: object) -> bool:
    """Tell whether it can be told to anybody, and names nothing but packages."""
    words: list[str] = []
    if isinstance(found, Outlook):
        words += [*found.refused.values(), *(one.why for one in found.besides), found.refusal.words if found.refusal else ""]
        assert all(manager.sayable(one.key.decode(), version) for one in found.besides for version in (one.old, one.new) if version)
        assert all(one.old or one.new for one in found.besides)
    elif isinstance(found, Said):
        words += [found.words, *found.complaints.values(), *found.notes]
    else:
        assert isinstance(found, dict)
        words += found.values()
    return all(one.isprintable() and len(one) < 10_000 for one in words)


@every
@settings(max_examples=250 if FULL else 60)
@given(deed=st.sampled_from(["foresee", "bring", "apply"]), answers=st.lists(SAID | TRUE | st.sampled_from([1, 45, 137]), min_size=1, max_size=6))
def test_whatever_a_host_says_is_fit_to_be_told_or_an_error(manager: Manager, deed: str, answers: list[bytes | int]) -> None:
    """And whatever it says, nothing is asked of it but what it was to be asked."""
    left = iter(answers)
    told: Told = []

    def says(mode: str, spec: dict) -> bytes | int:
        told.append((mode, spec))
        return manager.first[mode] if mode in manager.first and len(told) == 1 else next(left, 1)

    try:
        assert fit(manager, manager.ask(deed, says, manager.new, manager.up, manager.gone)[0])
    except SshsyncError as error:
        assert str(error).isprintable()
    names = {(change.key.decode(), change.new.digest.removeprefix("version:")) for change in (manager.new, manager.up)} | {(manager.gone.key.decode(), "")}
    assert set(rows(told)) <= names
    assert {mode for mode, _ in told} <= {*manager.first, "fetch", "bring", "apply", "wait", "settle"}
    assert {spec.get("id", f"to {deed}") for _, spec in told} == {f"to {deed}"}
