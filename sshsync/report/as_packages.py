"""Packages of a repository as lines, for people and for what reads requirements."""

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence

from sshsync.model.item import Item
from sshsync.model.words import visible


def text(items: Sequence[Item]) -> Iterator[str]:
    """Yield name and version."""
    wide = max((len(item.key) for item in items), default=0)
    for item in items:
        yield f"{visible(item.key, 255):<{wide}}  {_version(item) or '-'}"


def requirements(items: Iterable[Item]) -> Iterator[str]:
    """Yield a line of a requirements file for each (PEP 508): ``name==version``, or ``name @ origin``."""
    for item in items:
        version = _version(item)
        if not version:
            yield f"# {visible(item.key, 255)}: damaged"
            continue
        before, _, origin = version.rpartition(" @ ")
        elsewhere = origin if before or "://" in origin else ""
        yield f"{visible(item.key, 255)} @ {elsewhere}" if elsewhere else f"{visible(item.key, 255)}=={version}"


def _version(item: Item) -> str:
    return visible((item.digest or "").partition(":")[2], 4096)


LINES: Mapping[str, Callable[[Sequence[Item]], Iterator[str]]] = {"text": text, "requirements": requirements}
"""By the form that was asked for."""
