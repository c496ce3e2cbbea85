"""What an environment's own pip is asked for, and what becomes of whatever it is said to have answered."""

import json
from collections.abc import Callable

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from sshsync.errors import ConnectError, DeadlineError, LeasedError, SshsyncError, ToolMissingError
from sshsync.kinds.base import Answer, Dialogue, Request, Subject
from sshsync.kinds.installing import Said, Transaction
from sshsync.kinds.jobs import MOST_LOOKS, STALLED
from sshsync.kinds.pip_changes import PipChanges
from sshsync.model.change import Copy, Delete, Replace
from sshsync.model.item import Item
from sshsync.model.policy import Install
from sshsync.model.prepared import Outlook
from sshsync.remote.probe import Capabilities
from sshsync.versions import order
from tests import values

TOKEN = b"0123456789abcdef"
HEAD = {"python": "3.11.2", "prefix": "/srv/app", "writable": True, "managed": False, "work": "", "left": []}
NEW = Copy(Item(b"six", "version:1.16.0"))
UP = Replace(Item(b"django", "version:4.2.7"), Item(b"django", "version:4.2.11"))
DOWN = Replace(Item(b"idna", "version:3.4"), Item(b"idna", "version:2.10"))
CHANGES = PipChanges(order("pip"))


def subject(**more: object) -> Subject:
    return Subject(values.repository("app1", "app0", host=values.host(), **{"path": "/srv/app", "type": "pip", **more}), Capabilities(), TOKEN, "version")


def line(**said: object) -> bytes:
    return TOKEN + b" " + json.dumps(said).encode() + b"\n"


def asked(request: Request) -> tuple[str, dict]:
    """Return what a host is asked to do, and by which values."""
    variables = request.command.variables
    return variables["MODE"].decode(), json.loads(request.stdin) if request.stdin else {}


def drive(dialogue: Dialogue, answer: Callable[[str, dict], bytes | int]) -> tuple[object, list[tuple[str, dict]]]:
    """Answer all requests; return the result, and what was asked."""
    told = []
    try:
        step = next(dialogue)
        while True:
            told.append(asked(step))
            made = answer(*told[-1])
            step = dialogue.send(Answer(made, b"", b"no such luck") if isinstance(made, int) else Answer(0, made, b""))
    except StopIteration as end:
        return end.value, told


def foreseen(*install: Copy | Replace, head: dict = HEAD, answer: dict | None = None, **more: object) -> tuple[Outlook, list[tuple[str, dict]]]:
    done = {"refused": {}, "distrusted": [], "trouble": ""} if answer is None else answer
    return drive(CHANGES.foresee(subject(**more), Transaction("t1", install=install)), lambda mode, _: line(**(done if mode else head)))


def test_what_is_asked_for_is_names_and_versions_and_nothing_else() -> None:
    outlook, told = foreseen(NEW, UP, DOWN)
    assert outlook == Outlook()
    assert [mode for mode, _ in told] == ["", "fetch"]
    assert told[1][1]["install"] == [["six", "1.16.0"], ["django", "4.2.11"], ["idna", "2.10"]]


@pytest.mark.parametrize(
    ("key", "version"),
    [
        (b"-r", "1.0"), (b"six", "1.0 ; import os"), (b"six", "1.0 @ file:///etc/passwd"), (b"six", "git+https://x/y@abcdef0"), (b"$(id)", "1"), (b"six", "1.0\n-r/etc/passwd"),
        (b"six", ""), (b"SIX", "1.0"), (b"a b", "1"), (b"six", "-1"), (b"s\xff", "1"), (b"six", "*"),
    ],
)  # fmt: skip
def test_what_cannot_be_said_to_pip_reaches_no_host(key: bytes, version: str) -> None:
    outlook, told = foreseen(Copy(Item(key, f"version:{version}")))
    assert ([mode for mode, _ in told], outlook.codes) == ([""], {key: 7})
    assert "no index has" in outlook.refused[key]


def test_who_may_not_change_what_is_there_says_so_before_anything_begins() -> None:
    managed, told = foreseen(NEW, head={**HEAD, "managed": True})
    assert managed.refusal and "PEP 668" in managed.refusal.words
    assert [mode for mode, _ in told] == [""]
    assert foreseen(NEW, head={**HEAD, "managed": True}, install=Install(externally_managed="change"))[0] == Outlook()
    with pytest.raises(SshsyncError, match="cannot be written by its account"):
        foreseen(NEW, head={**HEAD, "writable": False})
    assert foreseen(NEW, head={**HEAD, "writable": False}, install=Install(sudo=True))[1][1][1]["sudo"] is True


def test_what_the_system_looks_after_is_left_to_it() -> None:
    said = line(**HEAD) + line(owned="Six")
    outlook, told = drive(CHANGES.foresee(subject(path=""), Transaction("t1", install=[NEW, UP])), lambda mode, _: line(refused={}) if mode else said)
    assert list(outlook.refused) == [b"six"]
    assert told[1][1]["install"] == [["django", "4.2.11"]]


def test_an_older_version_comes_only_where_that_is_allowed() -> None:
    outlook, _ = foreseen(DOWN, UP, install=Install(downgrade=False))
    assert outlook.refused == {b"idna": "2.10 is older than 3.4 there (downgrade = no)"}


def test_a_wrong_hash_is_a_matter_of_trust() -> None:
    outlook, _ = foreseen(NEW, UP, answer={"refused": {"six": "THESE PACKAGES DO NOT MATCH THE HASHES", "django": "gone"}, "distrusted": ["six"], "trouble": ""})
    assert outlook.codes == {b"six": 10, b"django": 7}


@pytest.mark.parametrize(
    ("answer", "error"),
    [({"trouble": "Retrying (Retry(total=0"}, ConnectError), ({"absent_pip": "No module named pip"}, ToolMissingError), ({"died": True}, ConnectError)],
)
def test_what_keeps_all_of_it_from_coming_is_an_error(answer: dict, error: type) -> None:
    with pytest.raises(error):
        foreseen(NEW, answer=answer)


def test_no_password_of_an_index_is_told() -> None:
    outlook, _ = foreseen(NEW, answer={"refused": {"six": "https://me:secret@index/simple: No matching distribution found"}, "distrusted": [], "trouble": ""})
    assert "secret" not in outlook.refused[b"six"]


def apply(answer: Callable[[str, dict], bytes | int]) -> tuple[object, list[tuple[str, dict]]]:
    transaction = Transaction("t2", "t1", [NEW, UP], [Delete(Item(b"old", "version:1"))])
    return drive(CHANGES.apply(subject(), transaction, "lease1"), answer)


def test_a_transaction_is_begun_once_and_waited_for() -> None:
    waits = iter([line(busy=True, quiet=0), line(busy=True, quiet=STALLED), line(status=0, words="", complaints=[])])
    found, told = apply(lambda mode, _: line(busy=True, quiet=0) if mode == "apply" else next(waits))
    assert found == Said()
    assert [mode for mode, _ in told] == ["apply", "wait", "wait", "wait"]
    assert (told[0][1]["lease"], told[0][1]["fetched"], told[0][1]["remove"]) == ("lease1", "t1", ["old"])
    assert {spec["id"] for _, spec in told} == {"t2"}


def test_what_is_at_work_there_is_waited_for_first() -> None:
    """Whoever began it: then ours is begun."""
    state = iter([line(busy=True, quiet=0), line(status=0, words="", complaints=[])])
    answers = {"apply": lambda: next(state), "wait": lambda: line(absent=True), "settle": lambda: line(busy=False, quiet=0)}
    found, told = apply(lambda mode, _: answers[mode]())
    assert (found, [mode for mode, _ in told]) == (Said(), ["apply", "wait", "settle", "apply"])


def test_what_stands_still_or_never_ends_is_given_up() -> None:
    with pytest.raises(DeadlineError, match="has done nothing for 16 min"):
        apply(lambda _mode, _: line(busy=True, quiet=STALLED + 60))
    looks = []
    with pytest.raises(DeadlineError, match="at work there for a day"):
        apply(lambda mode, _: (looks.append(mode), line(busy=True, quiet=0))[1])
    assert len(looks) == MOST_LOOKS + 1


def test_a_lease_that_is_lost_ends_it() -> None:
    with pytest.raises(LeasedError):
        apply(lambda _mode, _: 45)


def test_what_pip_says_is_told_of_each_package_that_it_names() -> None:
    found, _ = apply(lambda _mode, _: line(status=1, words="no space left", complaints=["Zope.Interface 5.0 requires absent, which is not installed."]))
    assert found == Said("pip: no space left", {b"zope-interface": "pip check: Zope.Interface 5.0 requires absent, which is not installed."})


VALUES = st.recursive(st.none() | st.booleans() | st.integers() | st.text(max_size=20), lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=8), inner, max_size=3), max_leaves=6)
NAMES = st.sampled_from(["refused", "distrusted", "trouble", "died", "absent_pip", "busy", "quiet", "absent", "status", "words", "complaints", "prefix", "managed", "left", "owned"])
SAID = st.dictionaries(NAMES, VALUES, max_size=5).map(lambda said: line(**said)) | st.binary(max_size=40) | st.just(b"")


@settings(max_examples=400)
@given(st.lists(SAID | st.sampled_from([1, 45, 137]), min_size=1, max_size=6), st.booleans())
def test_whatever_a_host_says_is_an_outlook_or_an_error(answers: list[bytes | int], applies: bool) -> None:
    """And whatever it says, nothing is asked of it but what it was to be asked."""
    left = iter(answers)
    asked: list[tuple[str, dict]] = []

    def answer(mode: str, spec: dict) -> bytes | int:
        asked.append((mode, spec))
        if mode == "" and len(asked) == 1:
            return line(**HEAD)
        return next(left, 1)

    try:
        if applies:
            apply(answer)
        else:
            drive(CHANGES.foresee(subject(), Transaction("t1", install=[NEW, UP])), answer)
    except SshsyncError:
        pass
    for mode, spec in asked:
        assert mode in ("", "fetch", "apply", "wait", "settle")
        assert spec.get("id", "t1") in ("t1", "t2")
