"""What a host can do, as the probe script reports it."""

from collections.abc import Mapping
from dataclasses import dataclass, field

_STAT = {
    "gnu": ("-c", "%f %s %.9Y %.9Z %i %n"),
    "busybox": ("-c", "%f %s %Y %Z %i %n"),
    "bsd": ("-f", "%Xp %z %m %c %i %N"),
}

NEEDED = ("find", "mv", "rm", "mkdir", "rmdir", "chmod", "touch", "cat")
"""Tools without which nothing works."""


@dataclass(frozen=True, slots=True)
class Capabilities:
    """What was found on a host.

    Attributes:
        stat: the form of its stat tool: gnu, busybox, bsd, or "".
        digests: command that computes a digest, by algorithm; the first that works.
        sync: command that flushes one file system, or "".
        clock: seconds that its clock is ahead of the controller's.
    """

    system: str = ""
    stat: str = ""
    digests: Mapping[str, str] = field(default_factory=dict)
    tools: frozenset[str] = frozenset()
    sync: str = ""
    clock: float = 0.0

    @property
    def missing(self) -> tuple[str, ...]:
        """Tools that the work needs and the host lacks."""
        absent = tuple(tool for tool in NEEDED if tool not in self.tools)
        return absent if self.stat else (*absent, "stat")

    def stat_words(self, token: bytes) -> dict[str, bytes]:
        """Return the variables that make the stat tool print one record a file."""
        option, form = _STAT[self.stat]
        return {"OPTION": option.encode(), "FORMAT": token + b" " + form.encode()}


def parse(payload: bytes, controller_now: float) -> Capabilities:
    """Read the probe's answer; lines that are not understood are passed over."""
    single: dict[str, str] = {}
    digests: dict[str, str] = {}
    tools: set[str] = set()
    for line in payload.decode("ascii", "replace").splitlines():
        name, _, value = line.partition("=")
        if name == "tool":
            tools.add(value)
        elif name in ("md5", "sha1", "sha256", "sha512"):
            digests.setdefault(name, value)
        else:
            single.setdefault(name, value)
    now = single.get("now", "")
    return Capabilities(
        system=single.get("system", "")[:40],
        stat=single.get("stat", "") if single.get("stat") in _STAT else "",
        digests=digests,
        tools=frozenset(tools),
        sync=single.get("sync", ""),
        clock=float(now) - controller_now if now.isdigit() else 0.0,
    )
