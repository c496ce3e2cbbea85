"""Status as a check: how each repository last ended, folded into one exit code, one line for Nagios, and what is wrong."""

import re

import pytest

from sshsync.core import health
from sshsync.model.events import Outcome
from sshsync.model.status import RepositoryStatus
from sshsync.report import as_nagios, as_status

NOW = 1_800_000_000.0


def ended(name: str, outcome: Outcome | str, code: int = 0, *, transient: bool = False, age: float = 3600, codes: tuple[int, ...] = (), error: str = "") -> RepositoryStatus:
    return RepositoryStatus(name, NOW - age if age else 0.0, str(outcome), error, "r1", code=code, transient=transient, codes=codes)


@pytest.mark.parametrize(
    ("rows", "code"),
    [
        ([ended("a", Outcome.DONE), ended("b", Outcome.UNCHANGED), ended("c", Outcome.DEFERRED)], 0),
        ([ended("a", Outcome.DONE), ended("b", Outcome.REFUSED, 9)], 9),
        ([ended("a", Outcome.REFUSED, 9), ended("b", Outcome.FAILED, 10)], 10),
        ([ended("a", Outcome.DONE), ended("b", Outcome.PARTIAL, codes=(7, 10))], 10),
        ([ended("a", Outcome.DONE), ended("b", Outcome.FAILED, 75, transient=True)], 75),
        ([ended("a", Outcome.FAILED, 75, transient=True), ended("b", Outcome.FAILED, 6)], 6),
        ([ended("a", Outcome.FAILED, 6), ended("b", Outcome.DONE)], 7),
        ([ended("a", Outcome.FAILED, 8), ended("b", Outcome.DONE)], 8),
        ([ended("a", Outcome.FAILED, 5), ended("b", Outcome.REFUSED, 9)], 5),
        ([ended("a", Outcome.SKIPPED), ended("b", Outcome.DONE)], 7),
        ([ended("a", "", age=0), ended("b", "", age=0)], 6),
        ([ended("a", "", age=0), ended("b", Outcome.DONE)], 7),
        ([], 0),
    ],
)
def test_the_code_is_that_of_a_run_in_which_each_ended_as_it_last_did(rows: list[RepositoryStatus], code: int) -> None:
    assert health.exit_code(health.seen(rows, NOW, None)) == code


@pytest.mark.parametrize(
    ("row", "code"),
    [
        (ended("a", Outcome.DONE, age=25 * 3600), 0),
        (ended("a", Outcome.DONE, age=27 * 3600), 6),
        (ended("a", Outcome.DEFERRED, age=27 * 3600), 6),
        (ended("a", Outcome.FAILED, 75, transient=True, age=25 * 3600), 75),
        (ended("a", Outcome.FAILED, 75, transient=True, age=27 * 3600), 6),
        (ended("a", Outcome.REFUSED, 9, age=27 * 3600), 9),
        (ended("a", Outcome.DONE, age=-60), 0),
    ],
)
def test_an_older_success_counts_as_failed(row: RepositoryStatus, code: int) -> None:
    assert health.exit_code(health.seen([row], NOW, 26 * 3600)) == code


def test_what_an_end_says_of_another_place_says_nothing() -> None:
    """It was in sync once, at a path that the configuration does not name any more."""
    assert health.exit_code(health.seen([ended("a", Outcome.DONE, age=0)], NOW, None)) == 6


def test_only_what_is_wrong() -> None:
    rows = [ended("a", Outcome.DONE), ended("b", Outcome.FAILED, 6, error="b: no space"), ended("c", Outcome.DONE, age=99 * 3600)]
    found = health.seen(rows, NOW, 26 * 3600)
    assert [row.name for row in found if not row.ok] == ["b", "c"]
    lines = as_status.lines(found, None)
    assert [line.partition(":")[0] for line in lines] == ["a", "b", "c"]
    assert lines[0].startswith("a: in sync as of ")
    assert "last run: failed: b: no space" in lines[1]
    assert lines[2].endswith("; longer ago than 26 h")
    assert as_status.lines([ended("d", "", age=0)], None) == ["d: not in sync: run r1 made it something else, or the configuration named another place then"]
    assert as_status.lines([RepositoryStatus("d")], None) == ["d: never in sync"]


def test_many_that_are_alike_are_one_line() -> None:
    def told(count: int) -> list[str]:
        nodes = [ended(f"node{number:02d}", Outcome.DONE) for number in range(1, count + 1)]
        return as_status.lines([ended("proxy", Outcome.DONE, age=7), *nodes, ended("odd", Outcome.FAILED, 6, error="no space")], None)

    four, forty = told(4), told(40)
    assert [line.partition(":")[0] for line in four] == ["proxy", "node01", "node02", "node03", "node04", "odd"]
    assert [line.partition(":")[0] for line in forty] == ["proxy", "node[01-40]", "odd"]
    assert forty[1].removeprefix("node[01-40]") == four[1].removeprefix("node01")


PERFORMANCE = re.compile(r"(?P<label>[a-z_]+)=(?P<value>-?\d+(\.\d+)?|U)(?P<unit>s|B)?(;\d*){0,4}")


@pytest.mark.parametrize(
    ("rows", "code", "word"),
    [
        ([ended("a", Outcome.DONE)], 0, "OK"),
        ([ended("a", Outcome.FAILED, 75, transient=True), ended("b", Outcome.DONE)], 1, "WARNING"),
        ([ended("a", Outcome.FAILED, 6, error="a: x | y\nz"), ended("b", Outcome.DONE)], 2, "CRITICAL"),
        ([ended("a", Outcome.REFUSED, 9)], 2, "CRITICAL"),
        ([ended("a", Outcome.DONE, age=27 * 3600)], 2, "CRITICAL"),
        ([ended("a", "", age=0)], 3, "UNKNOWN"),
        ([ended("a", "", age=0), ended("b", Outcome.DONE)], 2, "CRITICAL"),
        ([ended(f"n{n}", Outcome.FAILED, 6, error="host unreachable " * 40) for n in range(2000)], 2, "CRITICAL"),
    ],
)
def test_one_line_for_nagios(rows: list[RepositoryStatus], code: int, word: str) -> None:
    found = health.seen(rows, NOW, 26 * 3600)
    line, given = as_nagios.line(found, NOW, 26 * 3600)
    assert given == code
    assert line.startswith(f"SSHSYNC {word} - ")
    assert "\n" not in line
    assert len(line.encode()) < 1024, "what old NRPE carries"
    text, performance = line.split(" | ")
    assert "|" not in text
    values = {made["label"]: made["value"] for made in map(PERFORMANCE.fullmatch, performance.split(" ")) if made}
    assert len(values) == len(performance.split(" ")), performance
    assert values["repositories"] == str(len(rows))
    assert values["bad"] == str(sum(not row.ok for row in found))
    never = not all(row.in_sync for row in rows)
    assert values["oldest"] == ("U" if never else str(int(max(NOW - row.in_sync for row in rows))))


def test_what_nagios_cannot_be_told_is_unknown() -> None:
    line, code = as_nagios.unknown("the configuration\nhas | 2 problems")
    assert (line, code) == ("SSHSYNC UNKNOWN - the configuration\\nhas / 2 problems", 3)
