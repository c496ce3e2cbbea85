"""A cause is told once, with all that it holds up; equal ends of many are one line."""

import pytest

from sshsync.core.selection import select
from sshsync.model.events import Outcome
from sshsync.model.report import ItemProblem, RepositoryReport, RunReport
from sshsync.report import as_text, words
from tests.conftest import configure

LOGIN = "10.0.0.1: does not accept 'repoowner' (look at its authorized_keys)"


def report(*jobs: RepositoryReport) -> RunReport:
    return RunReport("r1", 1, 2, [[job.name for job in jobs if job.parent]], repositories={job.name: job for job in jobs}, exit_code=10)


def job(name: str, parent: str, outcome: Outcome, error: str = "", **more: object) -> RepositoryReport:
    return RepositoryReport(name, parent, outcome=outcome, error=error, started=True, **more)  # type: ignore[arg-type]


def test_what_a_parent_holds_up_is_one_line_behind_its_cause() -> None:
    because = f"its parent repomaster was not scanned: {LOGIN}"
    found = report(
        RepositoryReport("repomaster", unfit=LOGIN),
        job("repoproxy", "repomaster", Outcome.BLOCKED, because),
        *(job(f"appnode{number}", "repoproxy", Outcome.BLOCKED, f"its parent repoproxy was not scanned: {because}") for number in (1, 2)),
    )
    assert as_text.failures(found) == [f"repomaster: {LOGIN}", "blocked behind it: repoproxy, appnode[1-2]"]


def test_without_a_word_of_the_preflight_the_cause_is_that_of_the_first_behind_it() -> None:
    found = report(job("p", "m", Outcome.BLOCKED, "its parent m was not scanned: 10.0.0.1: cannot be reached"))
    assert as_text.failures(found) == ["m: 10.0.0.1: cannot be reached", "blocked behind it: p"]
    found = report(job("p", "m", Outcome.BLOCKED, "its parent m was not scanned: m: no such directory"))
    assert as_text.failures(found) == ["m: no such directory", "blocked behind it: p"]


def test_another_reason_is_told_as_it_is() -> None:
    found = report(job("p", "m", Outcome.FAILED, "p: no space"), job("n", "p", Outcome.BLOCKED, "nothing on p is verified"))
    assert as_text.failures(found) == ["p: failed: no space", "n: blocked: nothing on p is verified"]
    behind = report(job("p", "m", Outcome.FAILED, "p: no space"), job("n", "p", Outcome.BLOCKED, "its parent p was not scanned: p: no space"))
    assert as_text.failures(behind) == ["p: failed: no space", "blocked behind it: n"]


def test_equal_ends_of_many_are_one_line() -> None:
    found = report(*(job(f"appnode{number}", "p", Outcome.FAILED, f"appnode{number}: no space on /dat") for number in range(1, 41)), job("x", "p", Outcome.FAILED, "x: else"))
    assert as_text.failures(found) == ["appnode[1-40]: failed: no space on /dat", "x: failed: else"]


def test_items_stay_with_their_repository() -> None:
    problem = ItemProblem("a", "why", Outcome.FAILED, 7)
    found = report(*(job(name, "p", Outcome.PARTIAL, problems=[problem], failed=1) for name in ("n1", "n2")))
    assert as_text.failures(found) == ["n1: a: failed: why", "n2: a: failed: why"]


@pytest.mark.parametrize(
    ("names", "folded"),
    [
        (["a"], "a"),
        (["n1", "n2", "n3"], "n[1-3]"),
        (["n01", "n02", "n10"], "n[01-02], n10"),
        (["n9", "n10", "n11"], "n[9-11]"),
        (["n09", "n10"], "n[09-10]"),
        (["n099", "n100", "n1000"], "n[099-100], n1000"),
        (["n2", "n1"], "n2, n1"),
        (["n1", "m2"], "n1, m2"),
        (["x", "n1", "n2", "y"], "x, n[1-2], y"),
        (["1", "2"], "[1-2]"),
        (["n1", "n1"], "n1, n1"),
        (["n01", "n2"], "n01, n2"),
    ],
)
def test_names_in_a_row_are_a_range(names: list[str], folded: str) -> None:
    assert words.names(names) == folded


def test_a_range_is_one_that_the_command_line_takes(tmp_path) -> None:
    tree = configure("[m]\ntransport = local\npath = /m\n[n[09-12]]\ntransport = local\npath = /{n}\nparent = m\n", tmp_path).tree
    names = ["n09", "n10", "n11", "n12"]
    assert select(tree, words.names(names)) == names
