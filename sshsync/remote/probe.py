"""What a host can do, as the probe script reports it."""

from collections.abc import Collection, Mapping
from dataclasses import dataclass, field

from sshsync.remote import encode
from sshsync.remote.scripts import CUTTERS, FOLLOWER, STAT_IN_PERL

_STAT = {
    "gnu": ("stat", "-c", "TOKEN %f %s %.9Y %.9Z %i %n", "%d"),
    "busybox": ("stat", "-c", "TOKEN %f %s %Y %Z %i %n", "%d"),
    "bsd": ("stat", "-f", "TOKEN %Xp %z %m %c %i %N", "%d"),
    "perl": ("perl", "-e", STAT_IN_PERL, '@s=lstat,print("$s[0]\\n")for@ARGV'),
}
"""By form: the tool, its option, what makes it print one record a file (raw mode in hex, size, times, inode, name),
and what makes it print the device that a file is on."""

_PRINT = "TOKEN %y:%m %s %T@ %C@ %i %p\\n"
"""The same record as GNU find prints it by itself, but for the mode: a letter for what it is, permissions in octal."""


@dataclass(frozen=True, slots=True)
class Capabilities:
    """What was found on a host.

    Attributes:
        stat: the form of its stat tool: gnu, busybox, bsd, perl (for hosts without any), or "".
        digests: command that computes a digest, by algorithm; the first that works.
        bulk: command that reads big files faster, by algorithm, where there is one: openssl uses the processor's
            own instructions (256 MB in 0.18 s, coreutils' sha256sum 0.51 s), but takes longer to start.
        cutters: interpreters that cut files where their content says so, the better one first, and the algorithms by
            which each tells what a piece is.
        sync: command that flushes one file system, or "".
        clock: seconds that its clock is ahead of the controller's.
    """

    stat: str = ""
    digests: Mapping[str, str] = field(default_factory=dict)
    bulk: Mapping[str, str] = field(default_factory=dict)
    tools: frozenset[str] = frozenset()
    cutters: Mapping[str, tuple[str, ...]] = field(default_factory=dict)
    sync: str = ""
    clock: float = 0.0

    @property
    def streams(self) -> bool:
        """Whether the bytes of files can be read and written by scripts."""
        return "cat" in self.tools

    def names(self, keys: Collection[bytes]) -> tuple[dict[str, bytes], bytes]:
        """Return names for a script that reads lines or NULs, as the host can: its variable, and its stdin."""
        if keys and "xargs" in self.tools:
            return {"XARGS": b"yes"}, encode.whole(keys)
        return {}, encode.lines(keys)

    def stat_words(self, token: bytes, *, follow: bool = False) -> dict[str, bytes]:
        """Return the variables that make the stat tool print one record a file, each begun by the token.

        Args:
            token: the text that frames this answer.
            follow: of a link the file is told that it leads to, where that lies below the root; see `FOLLOWER`.
        """
        tool, option, form, device = _STAT[self.stat]
        form = form.replace("TOKEN", token.decode())
        words = {"STAT": tool, "OPTION": option, "FORMAT": form, "DEVICE": device}
        if follow and self.resolves:
            other = (option, form.replace("lstat", "stat")) if tool == "perl" else (f"-L {option}", form)
            words |= {"FOLLOW": FOLLOWER, "RESOLVE": self.resolves, "FOPTION": other[0], "FFORMAT": other[1]}
        return {name: word.encode() for name, word in words.items()}

    @property
    def leads(self) -> str:
        """The command that prints where a symbolic link leads, "" for none."""
        if "readlink" in self.tools:
            return "readlink"
        return "perl -le print(readlink(shift))" if self.stat == "perl" or "perl" in self.cutters else ""

    @property
    def resolves(self) -> str:
        """The command that prints what a name leads to in the end, all links resolved; "" for none."""
        if "resolve" in self.tools:
            return "readlink -f"
        perl = self.stat == "perl" or "perl" in self.cutters
        return "perl -MCwd=abs_path -le print(abs_path(shift)//exit(1))" if perl else ""

    def list_words(self, token: bytes, *, follow: bool = False) -> dict[str, bytes]:
        """Return the variables that make such a record of everything that is listed; `follow` see `stat_words`."""
        # Stamps are compared with those that stat tells, so both have to be as fine.
        able = self.stat == "gnu" and "printf" in self.tools
        form = _PRINT.encode().replace(b"TOKEN", token) if able else b""
        return {"PRINT": form, **self.stat_words(token, follow=follow)}


def parse(payload: bytes, controller_now: float) -> Capabilities:
    """Read the probe's answer; lines that are not understood are passed over."""
    single: dict[str, str] = {}
    digests: dict[str, str] = {}
    bulk: dict[str, str] = {}
    tools: set[str] = set()
    cutters: dict[str, tuple[str, ...]] = {}
    for line in payload.decode("ascii", "replace").splitlines():
        name, _, value = line.partition("=")
        if name == "tool":
            tools.add(value)
        elif name == "cutter":
            interpreter, _, algorithm = value.partition(" ")
            if interpreter in CUTTERS and algorithm in ("sha1", "md5"):
                cutters[interpreter] = (*cutters.get(interpreter, ()), algorithm)
        elif name in ("md5", "sha1", "sha256", "sha512"):
            digests.setdefault(name, value)
            if value.startswith("openssl "):
                bulk[name] = value
        else:
            single.setdefault(name, value)
    now = single.get("now", "")
    return Capabilities(
        stat=single.get("stat", "") if single.get("stat") in _STAT else "",
        digests=digests,
        bulk=bulk,
        tools=frozenset(tools),
        cutters=cutters,
        sync=single.get("sync", ""),
        clock=float(now) - controller_now if now.isdigit() else 0.0,
    )
