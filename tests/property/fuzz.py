"""Runs the fuzz laws for a given time with new random input, and tells how much each has seen.

Usage: python -m tests.property.fuzz [SECONDS]. A failure prints the smallest input that shows it, and ends with 1.
"""

import itertools
import sys
import time
from collections.abc import Callable

from hypothesis import settings

import tests.conftest  # noqa: F401 - its profile must not be loaded after ours

settings.register_profile("fuzz", deadline=None, max_examples=400, database=None, print_blob=True)
settings.load_profile("fuzz")

from tests.property import test_fuzz  # noqa: E402 - a law keeps the profile that is loaded when it is made


def laws() -> list[Callable[[], None]]:
    return [law for name, law in vars(test_fuzz).items() if name.startswith("test_")]


def main() -> int:
    seconds = float(sys.argv[1]) if sys.argv[1:] else 60.0
    for law in laws():
        seen = itertools.count()
        inner = law.hypothesis.inner_test  # type: ignore[attr-defined]

        def counted(*words: object, _inner=inner, _seen=seen, **more: object) -> None:
            next(_seen)
            _inner(*words, **more)

        law.hypothesis.inner_test = counted  # type: ignore[attr-defined]
        until = time.monotonic() + seconds / len(laws())
        while time.monotonic() < until:
            law()
        print(f"{law.__name__.removeprefix('test_')}: {next(seen)} inputs")
    return 0


if __name__ == "__main__":
    sys.exit(main())
