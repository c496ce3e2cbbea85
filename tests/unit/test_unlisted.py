"""What a listing could not look at: the words of the tools of all Unixes, and those of hostile names."""

import pytest

from sshsync.kinds.base import Answer
from sshsync.kinds.unlisted import unlisted
from sshsync.model.problem import Problem


def told(errors: bytes, *, status: int = 1, reaches: bool = True) -> list[tuple[bytes, str, bool]]:
    return [(one.key, one.reason, one.gone) for one in unlisted(Answer(status, b"", errors), lambda _key: reaches)]


@pytest.mark.parametrize(
    ("line", "key", "reason", "gone"),
    [
        (b"find: './d/e': Permission denied", b"d/e", "Permission denied", False),
        (b"find: ./d e: Permission denied", b"d e", "Permission denied", False),
        (b"find: ./d: Input/output error", b"d", "Input/output error", False),
        (b"find: './a:b': No such file or directory", b"a:b", "No such file or directory", True),
        (b"stat: cannot stat './b': No such file or directory", b"b", "No such file or directory", True),
        (b"stat: cannot statx './b': Permission denied", b"b", "Permission denied", False),
        (b"stat: can't stat './b': No such file or directory", b"b", "No such file or directory", True),
        (b"find: .: Permission denied", b".", "find: .: Permission denied", False),
        (b"Killed", b".", "Killed", False),
        (b"... and more", b".", "... and more", False),
    ],
)
def test_the_words_of_find_and_stat(line: bytes, key: bytes, reason: str, gone: bool) -> None:
    assert told(b"\n" + line + b"\n") == [(key, reason, gone)]


def test_what_takes_no_part_is_passed_over_and_what_cannot_be_placed_is_not() -> None:
    assert told(b"find: ./d: Permission denied\n", reaches=False) == []
    assert told(b"find: ./d: Permission denied\nKilled\n", reaches=False) == [(b".", "Killed", False)]
    assert told(b"", reaches=False) == [(b".", "exit status 1", False)]
    assert told(b"motd\n", status=0) == []


def test_a_name_with_a_line_break_hides_nothing() -> None:
    assert told(b"find: ./q\nfind: ./lost+found: Permission denied: Permission denied\n", reaches=False) == [(b".", "find: ./q", False)]


def test_a_problem_without_a_place_concerns_everybody() -> None:
    assert Problem(b".", "Killed").within(lambda _key: False)
    assert not Problem(b"d", "Permission denied").within(lambda _key: False)
