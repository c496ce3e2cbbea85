"""The law of patterns: what git's own matcher ignores is excluded, and nothing else."""

import shutil
import subprocess
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from sshsync.kinds import globs
from tests.sshd import require

NAMES = st.sampled_from(["a", "b", "ab", "logs", "keep.log", "a.log", "x y", "a ", "é", "!a", "#a", "[a]", "a\\b", "B", "7", "-", "aXb", "]"])
PATHS = st.lists(NAMES, min_size=1, max_size=4).map("/".join)
PARTS = st.sampled_from(
    ["a", "b", "logs", "keep.log", ".log", "*", "**", "***", "?", "[ab]", "[!a]", "[^b]", "[a-c]", "[]a]", "[a\\]]", "[[:upper:]]", "[[:digit:]-]",
     "\\*", "\\a", "\\ ", " ", "\\!", "\\#", "é", "x y", "X", "7", "[é]"]
)  # fmt: skip
PATTERNS = st.builds(
    lambda negated, anchored, parts, directory: ("!" if negated else "") + ("/" if anchored else "") + "/".join(parts) + ("/" if directory else ""),
    st.booleans(),
    st.booleans(),
    st.lists(st.lists(PARTS, min_size=1, max_size=3).map("".join), min_size=1, max_size=3),
    st.booleans(),
)
SOUP = st.lists(st.sampled_from(list("ab/*?[]!\\-^ .#") + ["**", "/**/"]), min_size=1, max_size=8).map("".join)


@pytest.fixture(scope="module")
def git(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Callable[[list[str], list[bytes]], set[bytes]]]:
    require(bool(shutil.which("git")), "git")
    place = tmp_path_factory.mktemp("git")
    run = ["git", "-C", str(place), "-c", "core.ignorecase=false", "-c", f"core.excludesFile={place}/none"]
    subprocess.run([*run, "init", "-q"], check=True)

    def ignored(patterns: list[str], paths: list[bytes]) -> set[bytes]:
        Path(place / ".gitignore").write_bytes("".join(f"{pattern}\n" for pattern in patterns).encode())
        words = b"".join(path + b"\0" for path in paths)
        asked = subprocess.run([*run, "check-ignore", "--no-index", "--stdin", "-z"], input=words, capture_output=True, check=False)
        assert asked.returncode in (0, 1), asked.stderr
        return set(asked.stdout.split(b"\0")) - {b""}

    yield ignored


@settings(max_examples=400)
@given(st.lists(PATTERNS | SOUP, min_size=1, max_size=5), st.lists(PATHS, min_size=1, max_size=25, unique=True))
@example(["logs", "!logs/keep.log"], ["logs/keep.log", "logs/a.log", "a/logs/b", "a"])
@example(["*.log", "!logs"], ["logs/a.log", "logs/b", "logs"])
@example(["a\\ ", "b "], ["a ", "a", "b"])
@example(["a**/b", "/**/7", "-/**"], ["ab", "a/b", "aXb/b", "7", "x y/7", "-/a/b", "-"])
@example(["/7/[^b]/"], ["7/a/b"])
@example(["*", "!*/", "!*.log"], ["a/b/keep.log", "a/b", "keep.log"])
def test_patterns_agree_with_git(git: Callable[[list[str], list[bytes]], set[bytes]], patterns: list[str], paths: list[str]) -> None:
    fine = [pattern for pattern in patterns if not globs.faults([pattern])]
    keys = [path.encode() for path in paths]
    ignored = git(fine, keys)
    takes_part, left_out = globs.wanted(fine, []), globs.wanted([], fine)
    assert {key for key in keys if not left_out(key)} == ignored
    assert {key for key in keys if takes_part(key)} == (ignored if fine else set(keys))
    assert git(patterns, keys) == ignored, "a pattern that is refused is one that matches nothing"


@given(st.text(alphabet="ab/*?[]!\\-^ :alph.#é", max_size=12), st.binary(max_size=40))
def test_no_pattern_and_no_name_is_too_odd(pattern: str, key: bytes) -> None:
    if not globs.faults([pattern]):
        assert globs.wanted([], [pattern])(key) in (True, False)


@settings(max_examples=400)
@given(st.lists(PATTERNS | SOUP, max_size=4), st.lists(PATTERNS | SOUP, max_size=4), PATHS)
@example([], ["*", "!*/", "!*.log"], "a/keep.log")
@example(["/a/b/*.iso"], [], "a/b/c/d.iso")
@example(["a/"], ["!a"], "b/a/c")
@example(["/a\\b/c"], [], "ab/c")
def test_whatever_takes_part_is_reached_through_every_directory_above_it(include: list[str], exclude: list[str], path: str) -> None:
    """A directory that cannot be listed is passed over only where nothing below it can take part, whatever it holds."""
    include, exclude = ([pattern for pattern in patterns if not globs.faults([pattern])] for patterns in (include, exclude))
    key = path.encode()
    if globs.wanted(include, exclude)(key):
        reaches, parts = globs.reaches(include, exclude), key.split(b"/")
        assert all(reaches(b"/".join(parts[: depth + 1])) for depth in range(len(parts)))


@pytest.mark.parametrize(
    ("include", "exclude", "reached"),
    [
        ([], [], True),
        ([], ["lost+found"], False),
        ([], ["lost+found/"], True),
        ([], ["/lost+found", "!lost+found"], True),
        (["*.iso"], [], True),
        (["/images/*.iso"], [], False),
        (["/lost*/x"], [], True),
        (["lost+found/x"], [], True),
        (["/lost+found"], [], True),
        (["/lost"], [], False),
    ],
)
def test_what_cannot_be_looked_at_is_passed_over_where_the_patterns_say_so(include: list[str], exclude: list[str], reached: bool) -> None:
    assert globs.reaches(include, exclude)(b"lost+found") is reached
