"""Links that are kept, built for real: wherever they lead, through whatever other links, that is below the root."""

import os
import tempfile
from collections.abc import Iterator
from pathlib import Path

from hypothesis import event, example, given, settings
from hypothesis import strategies as st

from sshsync.core.links import refusal

PARTS = st.sampled_from([b"a", b"b", b"c", b"d", b"..", b".", b"", b"..", b"..."])
NAMES = st.sampled_from([b"a", b"b", b"c", b"d"])
PLACES = st.lists(NAMES, min_size=1, max_size=4).map(b"/".join)
TARGETS = st.one_of(st.lists(PARTS, min_size=1, max_size=6).map(b"/".join), st.binary(max_size=8))


def build(root: bytes, directories: list[bytes], links: dict[bytes, bytes]) -> list[bytes]:
    """Make a tree of directories and of those links that are kept; return the links that found a place."""
    for place in directories:
        os.makedirs(root + b"/" + place, exist_ok=True)
    made = []
    for key, target in links.items():
        if refusal(key, target):
            continue
        above = os.path.dirname(root + b"/" + key)
        # As on a child: a directory of a link is a real one, made where it is missing, never a step through a link.
        if os.path.realpath(above) != above or os.path.lexists(root + b"/" + key):
            continue
        try:
            os.makedirs(above, exist_ok=True)
            os.symlink(target, root + b"/" + key)
        except OSError:
            continue
        made.append(key)
    return made


def walk(path: bytes) -> Iterator[bytes]:
    """Yield every place that whoever follows a path gets to, as a kernel does it; behind what is missing, what would be there."""
    here, rest, followed = os.path.dirname(path), [os.path.basename(path)], 0
    while rest and followed < 40:
        part = rest.pop(0)
        if part in (b"", b"."):
            continue
        there = os.path.dirname(here) if part == b".." else here + b"/" + part
        if part != b".." and os.path.islink(there):
            target = os.readlink(there)
            here = b"/" if target.startswith(b"/") else here
            rest, followed = target.split(b"/") + rest, followed + 1
            continue
        here = there
        yield here


@given(st.lists(PLACES, max_size=6), st.dictionaries(PLACES, TARGETS, min_size=1, max_size=8))
@example([b"a"], {b"b": b".", b"a/c": b"../b/../../etc"})
@example([b"a/b"], {b"c": b"a/b", b"d": b"c/../.."})
@settings(max_examples=300)
def test_whatever_is_kept_leads_to_nothing_outside(directories: list[bytes], links: dict[bytes, bytes]) -> None:
    with tempfile.TemporaryDirectory() as directory:
        root = os.fsencode(os.path.realpath(directory)) + b"/root"
        os.mkdir(root)
        for key in build(root, directories, links):
            places = list(walk(root + b"/" + key))
            for place in places:
                assert place == root or place.startswith(root + b"/"), (key, os.readlink(root + b"/" + key), places)
            there = os.path.exists(root + b"/" + key)
            event("it leads to something" if there else "it leads to nothing, or in a circle")
            assert not there or os.path.realpath(root + b"/" + key) == (places[-1] if places else os.path.dirname(root + b"/" + key))


@given(PLACES, TARGETS)
def test_what_is_refused_without_other_links_is_told_by_words(key: bytes, target: bytes) -> None:
    assert refusal(key, target).isprintable()


def test_the_law_can_fail(tmp_path: Path) -> None:
    """Were a .. behind a name kept, a link to here and a directory would lead out of the root."""
    root = tmp_path / "root"
    (root / "a").mkdir(parents=True)
    (root / "a" / "x").symlink_to("..")
    (root / "z").symlink_to("a/x/../..")
    assert not (root / "z").resolve().is_relative_to(root)
    assert refusal(b"z", b"a/x/../..")
