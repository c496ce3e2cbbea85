"""What dnf is asked for, and what becomes of what it would change besides; see test_jobs for what holds for pip as well."""

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from sshsync.errors import CommandError, ConnectError, IntegrityError, RefusedError, SshsyncError
from sshsync.kinds.installing import Said
from sshsync.model.change import Copy, Delete, Replace
from sshsync.model.policy import Install
from sshsync.model.prepared import Beside, Outlook
from tests import values
from tests.answers import RPM, TEXTS, VALUES, item
from tests.values import FULL

NEW, UP, DOWN, GONE = RPM.new, RPM.up, RPM.down, RPM.gone


def foreseen(besides: str = "dependencies", **told: object) -> Outlook:
    """Have a host foresee that six comes, and whatever else it tells."""
    return RPM.foresee(NEW, says={**RPM.fine, **told}, install=Install(besides=besides))[0]


def test_what_dnf_is_told_are_names_and_versions_and_how_far_it_may_go() -> None:
    """Nothing else reaches it: no address, no option, no pattern."""
    _, told = RPM.foresee(NEW, UP, DOWN, GONE)
    usual = {"install": [["six", "1.16.0-1.el9"], ["django", "4.2.11-1"], ["idna", "2.10-7"]], "remove": ["old"], "sudo": False, "held": False, "erasing": False, "patience": values.host().timeout, "id": "to foresee"}
    assert told == [("fetch", usual)]
    _, told = RPM.foresee(NEW, install=Install(sudo=True, held="change", besides="any"))
    assert told == [("fetch", {**usual, "install": [["six", "1.16.0-1.el9"]], "remove": [], "sudo": True, "held": True, "erasing": True})]


@pytest.mark.parametrize(("held", "besides"), [("respect", "refuse"), ("change", "dependencies"), ("change", "any")])
def test_the_change_itself_goes_no_further_than_what_was_foreseen(held: str, besides: str) -> None:
    how = Install(held=held, besides=besides)
    specs = [RPM.ask(deed, RPM.says(RPM.fine), NEW, GONE, install=how)[1][0][1] for deed in ("foresee", "apply")]
    limits = [{name: spec[name] for name in ("held", "erasing", "install", "remove", "sudo")} for spec in specs]
    assert limits[0] == limits[1]
    assert (limits[0]["held"], limits[0]["erasing"]) == (held == "change", besides == "any")


def test_several_versions_side_by_side_are_only_compared() -> None:
    """Neither brought nor taken away nor kept for the way back; and a host of which nothing can be asked is asked nothing."""
    both = Copy(item("kernel", "6.1-1 6.2-1")), Delete(item("kernel-core", "6.1-1 6.2-1"))
    outlook, told = RPM.foresee(*both)
    assert outlook.refused == {
        b"kernel": "6.1-1 6.2-1: several versions stand side by side: they are only compared, never changed (exclude it)",
        b"kernel-core": "several versions stand side by side: they are only compared, never changed (exclude it)",
    }
    assert (set(outlook.codes.values()), told) == ({7}, [])
    outlook, told = RPM.foresee(*both, NEW)
    assert ([spec["install"] for _, spec in told], set(outlook.refused)) == ([[["six", "1.16.0-1.el9"]]], {b"kernel", b"kernel-core"})
    refused, told = RPM.ask("bring", RPM.says(RPM.fine), NEW, both[0])
    assert (refused, told[0][1]["install"]) == ({b"kernel": "several versions stand side by side: they are only compared, never changed (exclude it)"}, [["six", "1.16.0-1.el9"]])


def test_what_dnf_cannot_change_is_told_by_name_in_its_words() -> None:
    says = {**RPM.fine, "refused": {"six": "no repository of it has it", "old": "it is protected\x1b[2J", "another": "who asked?"}}
    outlook, _ = RPM.foresee(NEW, UP, GONE, says=says)
    assert outlook.refused == {b"six": "no repository of it has it", b"old": "it is protected\\x1b[2J"}
    assert outlook.codes == {b"six": 7, b"old": 7}
    refused, _ = RPM.ask("bring", RPM.says(says), NEW, UP)
    assert refused == {b"six": "no repository of it has it"}


COMES = {"in": [["dep", "noarch", "1-1"]]}
REPLACED = {"in": [["dep", "x86_64", "2-1"]], "out": [["dep", "noarch", "1-1"]]}
GOES = {"out": [["dep", "noarch", "1-1"]]}


@pytest.mark.parametrize(
    ("besides", "told", "refused"),
    [
        ("refuse", COMES, "install dep 1-1"), ("refuse", REPLACED, "replace dep 1-1 by 2-1"), ("refuse", GOES, "remove dep 1-1"),
        ("dependencies", COMES, ""), ("dependencies", REPLACED, "replace dep 1-1 by 2-1"), ("dependencies", GOES, "remove dep 1-1"),
        ("any", COMES, ""), ("any", REPLACED, ""), ("any", GOES, ""),
    ],
)  # fmt: skip
def test_what_else_may_change_says_the_configuration(besides: str, told: dict, refused: str) -> None:
    outlook = foreseen(besides, **told, needs={"dep.noarch": "six"})
    new, old = (told[name][0][2] if name in told else "" for name in ("in", "out"))
    assert outlook.besides == (Beside(b"dep", old, new, "six"),)
    words = f"dnf would also {refused}, which nobody asked for (besides = {besides}): nothing was changed"
    assert outlook.refusal.words.startswith(words) if refused else outlook.refusal is None


def test_a_refusal_names_what_is_more_than_may_and_leaves_out_what_is_not() -> None:
    """With code 9, for nothing was changed."""
    told = {"in": [["fine", "noarch", "1-1"], ["up", "noarch", "2:1-1"]], "out": [["up", "noarch", "1-1"], ["bad", "i686", "3-1"]]}
    outlook = foreseen(**told)
    assert outlook.refusal
    assert "would also remove bad.i686 3-1, replace up 1-1 by 2:1-1, which nobody asked for" in outlook.refusal.words
    assert "say besides = any" in outlook.refusal.words
    assert (outlook.refusal.option, RefusedError(outlook.refusal.words).code) == ("", 9)
    assert {one.key for one in outlook.besides} == {b"fine", b"up", b"bad.i686"}


def test_a_refusal_of_many_changes_tells_twenty_and_their_number() -> None:
    outlook = foreseen("refuse", **{"in": [[f"p{number:03}", "noarch", "1-1"] for number in range(500)]})
    assert outlook.refusal
    assert [f"install p{number:03} 1-1" in outlook.refusal.words for number in (0, 19, 20)] == [True, True, False]
    assert "p019 1-1 and 480 more, which nobody asked for" in outlook.refusal.words
    assert len(outlook.besides) == 500


def test_what_was_asked_for_is_nothing_besides() -> None:
    """Whatever its architecture is called; but what was refused and changes all the same is."""
    changes = Copy(item("six.i686", "1-1")), NEW, UP, GONE, Replace(item("kernel", "1-1"), item("kernel", "1-1 2-1"))
    told = {
        "in": [["six", "i686", "1-1"], ["six", "noarch", "1.16.0-1.el9"], ["django", "x86_64", "4.2.11-1"], ["kernel", "x86_64", "2-1"]],
        "out": [["django", "noarch", "4.2.7-1"], ["old", "x86_64", "1-1"]],
    }
    outlook, _ = RPM.foresee(*changes, says={**RPM.fine, **told}, install=Install(besides="refuse"))
    assert outlook.besides == (Beside(b"kernel", "", "2-1"),)
    assert outlook.refusal


def test_what_it_is_for_is_told_of_each_in_words_fit_for_anybody() -> None:
    outlook = foreseen(**{"in": [["dep", "i686", "1-1"], ["other", "noarch", "1-1"]]}, needs={"dep.i686": "six\x1b[2J", "dep.x86_64": "no", "gone.noarch": "six"})
    assert outlook.besides == (Beside(b"dep.i686", "", "1-1", "six\\x1b[2J"), Beside(b"other", "", "1-1", ""))


@pytest.mark.parametrize("deed", ["foresee", "bring", "apply"])
@pytest.mark.parametrize(
    ("told", "error", "code", "words"),
    [
        ({"untrusted": "Public key for six.rpm is not installed (repository test)"}, IntegrityError, 10, "(nothing was changed: trust its key there (rpm --import), or have the repository mended)"),
        ({"locked": "dnf is locked by another process: PID 12"}, ConnectError, 75, "another package manager is at work there: dnf is locked"),
        ({"trouble": "Failed to download metadata for repo 'test'"}, ConnectError, 75, "its repositories of packages cannot be reached: Failed"),
        ({"barred": "sudo: a password is required"}, CommandError, 6, "(let root do it: sudo = yes, and allow the account to run dnf so without a password, or let it be root's)"),
        ({"broken": "No space left"}, CommandError, 6, "packages cannot be changed there: No space left"),
    ],
)
def test_what_ends_it_is_an_error_of_its_own_with_what_to_do(deed: str, told: dict, error: type[SshsyncError], code: int, words: str) -> None:
    with pytest.raises(error) as found:
        RPM.ask(deed, RPM.says(told), NEW)
    assert (found.value.where, found.value.code) == ("app1", code)
    assert str(next(iter(told.values()))) in str(found.value)
    assert words in str(found.value)


def test_what_dnf_says_of_a_transaction_is_told_of_each_package_that_it_names() -> None:
    told = {"words": "Error: unpacking failed", "complaints": {"six": "rpm -V: missing /opt/six\x1b", "old": "scriptlet failed"}, "notes": ["/etc/six.conf.rpmnew", "restart\n"]}
    found, _ = RPM.ask("apply", RPM.says(told), NEW, GONE)
    assert found == Said("dnf: Error: unpacking failed", {b"six": "rpm -V: missing /opt/six\\x1b", b"old": "scriptlet failed"}, ["/etc/six.conf.rpmnew", "restart\\n"])


def test_a_change_of_thousands_is_foreseen() -> None:
    rows = [[f"package-of-some-length-{number}", "noarch", "2.34-100.el9_4.2"] for number in range(5000)]
    outlook = foreseen("any", **{"in": rows, "out": rows})
    assert (len(outlook.besides), outlook.refusal) == (5000, None)


@pytest.mark.parametrize(
    "row",
    [
        ["-rf", "noarch", "1-1"], ["$(id)", "noarch", "1-1"], ["a\n", "noarch", "1-1"], ["a\0", "noarch", "1-1"], ["*", "noarch", "1-1"], ["\u0131", "noarch", "1-1"], ["\ud800", "noarch", "1-1"], ["", "noarch", "1-1"],
        ["a", "$(id)", "1-1"], ["a", "", "1-1"], ["a", "NOARCH", "1-1"], ["a", "noarch", "1"], ["a", "noarch", "1-1 2-1"], ["a", "noarch", ""], ["a", "noarch", "1-1;"], ["a" * 300, "noarch", "1-1"],
        ["a", "noarch", "1-" + "1" * 5000], [None, "noarch", "1-1"], [7, "noarch", "1-1"], [["a"], "noarch", "1-1"], [[1], "noarch", "1-1"], [{}, "noarch", "1-1"], ["a", "noarch", [1]], ["a", ["noarch"], "1-1"],
        ["a", "noarch"], ["a", "noarch", "1-1", "x"], [], "abc", 7, None, {"a": 1, "b": 2, "c": 3},
    ],
    ids=lambda row: repr(row)[:30],
)  # fmt: skip
@pytest.mark.parametrize("name", ["in", "out"])
def test_what_is_no_package_refuses_all_that_dnf_says_would_change(name: str, row: object) -> None:
    with pytest.raises(CommandError, match="what dnf says that it would change cannot be true") as found:
        foreseen("any", **{name: [["good", "noarch", "1-1"], row]})
    assert str(found.value).isprintable()
    assert len(str(found.value)) < 400


@pytest.mark.parametrize("rows", [None, {}, "abc", 7, {"six": "1-1"}])
def test_what_is_no_list_is_nothing_that_would_change(rows: object) -> None:
    with pytest.raises(CommandError, match="cannot be true: it is no list"):
        foreseen("any", **{"in": rows})


CELLS = TEXTS | VALUES | st.sampled_from(["six", "noarch", "x86_64", "i686", "1-1", "1:0~a^b-1"])
ROWS = st.lists(st.tuples(CELLS, st.sampled_from(["noarch", "i686"]), st.just("1-1") | CELLS) | CELLS, max_size=3) | VALUES
NEEDS = st.dictionaries(st.sampled_from(["six.noarch", "a.i686"]) | TEXTS, VALUES, max_size=3) | VALUES


@settings(max_examples=400 if FULL else 60)
@given(st.fixed_dictionaries({"in": ROWS, "out": ROWS | st.just([]), "needs": NEEDS | st.just({}), "machine": st.just("x86_64") | VALUES}), st.sampled_from(["refuse", "dependencies", "any"]))
def test_whatever_dnf_would_change_is_packages_or_cannot_be_true(told: dict, besides: str) -> None:
    try:
        outlook = foreseen(besides, **told)
    except SshsyncError as error:
        assert str(error).isprintable()
    else:
        named = {cell for rows in (told["in"], told["out"]) for row in rows for cell in row if isinstance(cell, str)}
        assert all(RPM.sayable(one.key.decode(), version) for one in outlook.besides for version in (one.old, one.new) if version)
        assert {version for one in outlook.besides for version in (one.old, one.new)} <= {*named, ""}
        assert all(named & {one.key.decode(), one.key.decode().rpartition(".")[0]} for one in outlook.besides)
        assert outlook.refusal is None or outlook.refusal.words.isprintable()
