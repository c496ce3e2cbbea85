"""What an environment's own pip is asked for, and what is made of its answers; see test_jobs for what holds for rpm as well."""

import pytest

from sshsync.errors import SshsyncError, ToolMissingError
from sshsync.kinds.installing import Said
from sshsync.model.change import Copy
from sshsync.model.policy import Install
from sshsync.model.prepared import Outlook
from tests.answers import HEAD, PIP, Told, item, line

NEW, UP = PIP.new, PIP.up


def found(head: dict, **more: object) -> tuple[Outlook, Told]:
    """Have a host of which something was listed foresee that six comes."""
    return PIP.ask("foresee", lambda mode, _: line(**PIP.fine) if mode else line(**{**HEAD, **head}), NEW, **more)  # type: ignore[return-value]


def test_who_may_not_change_what_is_there_says_so_before_anything_begins() -> None:
    managed, told = found({"managed": True})
    assert managed.refusal and "PEP 668" in managed.refusal.words
    assert [mode for mode, _ in told] == [""]
    allowed, told = found({"managed": True}, install=Install(externally_managed="change"))
    assert (allowed, told[1][1]["managed"]) == (Outlook(), True)
    with pytest.raises(SshsyncError, match="cannot be written by its account"):
        found({"writable": False})
    assert found({"writable": False}, install=Install(sudo=True))[1][1][1]["sudo"] is True


def test_what_the_system_looks_after_is_left_to_it() -> None:
    listed = line(**HEAD) + line(owned="Six")
    outlook, told = PIP.ask("foresee", lambda mode, _: line(refused={}) if mode else listed, NEW, UP, path="")
    assert isinstance(outlook, Outlook)
    assert list(outlook.refused) == [b"six"]
    assert told[1][1]["install"] == [["django", "4.2.11"]]


def test_what_no_index_can_have_is_told_with_what_to_do() -> None:
    outlook, _ = PIP.foresee(NEW, Copy(item("own", "1.0 @ file:///srv/own")))
    assert outlook.refused == {b"own": "no index has 1.0 @ file:///srv/own: install it by hand, or exclude it"}


def test_a_wrong_hash_is_a_matter_of_trust() -> None:
    outlook, _ = PIP.foresee(NEW, UP, says={"refused": {"six": "THESE PACKAGES DO NOT MATCH THE HASHES", "django": "gone"}, "distrusted": ["six"], "trouble": ""})
    assert outlook.codes == {b"six": 10, b"django": 7}


def test_an_environment_without_a_pip_is_told_how_it_gets_one() -> None:
    with pytest.raises(ToolMissingError, match=r"has no pip: No module named pip .*/srv/app/bin/python -m ensurepip"):
        PIP.foresee(NEW, says={"absent_pip": "No module named pip"})


def test_no_password_of_an_index_is_told() -> None:
    outlook, _ = PIP.foresee(NEW, says={"refused": {"six": "https://me:secret@index/simple: No matching distribution found"}, "distrusted": [], "trouble": ""})
    assert "secret" not in outlook.refused[b"six"]


def test_what_pip_says_is_told_of_each_package_that_it_names() -> None:
    told = {"status": 1, "words": "no space left", "complaints": ["Zope.Interface 5.0 requires absent, which is not installed."]}
    said, _ = PIP.ask("apply", PIP.says(told), NEW, UP, PIP.gone)
    assert said == Said("pip: no space left", {b"zope-interface": "pip check: Zope.Interface 5.0 requires absent, which is not installed."})
