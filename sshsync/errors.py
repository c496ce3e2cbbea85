"""Every error that sshsync raises, with its exit code and whether trying again may help.

    SshsyncError                  5  a bug, or a state that should not occur
    ├── UsageError                2  the command line makes no sense
    ├── ConfigError               3  the configuration is wrong (carries all problems)
    ├── UnknownRepositoryError    4  no repository of that name
    ├── StateError                6  the state directory cannot be used
    ├── LockedError               8  another run holds the lock
    ├── LeasedError               8  another controller works on the child
    ├── RefusedError              9  a guard said no; nothing was changed
    │   └── ListingError          9  what a host listed cannot be trusted
    ├── OutsideError             12  outside of the hours in which runs may be under way
    ├── OutputError               6  what was asked for cannot be written
    │   └── ReaderGoneError       0  whoever read it had enough
    ├── InterruptedRun     130, 143  a signal ended the run; its state is saved
    ├── BlockedError              6  the parent offers nothing that may be passed on
    ├── UnmatchedError            6  nothing matches what a run is narrowed to
    ├── HostError                 6  something on or on the way to a host
    │   ├── ConnectError         75  transient: not reachable, or dropped while greeting
    │   ├── ConnectionLostError  75  transient: the connection or the command broke off
    │   ├── DeadlineError        75  transient: no progress within the time allowed
    │   ├── CommandError          6  the host ran the command and it failed
    │   │   ├── ToolMissingError  6  the host lacks a tool that the work needs
    │   │   ├── KilledError       75 a signal ended its program (transient)
    │   │   └── StorageFullError  6  no space, no quota or read-only
    │   └── TrustError           10  who is at the other end is in doubt
    │       ├── HostKeyError     10  unknown, changed or revoked host key
    │       └── AuthenticationError 10
    └── TransferError             6  bytes did not arrive as they should
        ├── SourceChangedError    6  the file changed while it was read
        └── IntegrityError       10  the digest stays wrong

Exit codes are the documented contract of the command line; `core.fold` picks the code of a run from them.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Self

MEANINGS = {
    0: "in sync",
    2: "wrong usage",
    3: "configuration not valid",
    4: "unknown repository",
    5: "internal error: a bug",
    6: "failed: nothing reached its goal",
    7: "partial: some repositories or files failed",
    8: "another run holds the lock, or another controller works on a child",
    9: "refused by a guard",
    10: "trust: host key, login, or a digest that stays wrong",
    11: "differences found (dry run, verify, diff)",
    12: "outside of the window: nothing was begun",
    75: "temporary failures only, or out of time: try again later",
    130: "interrupted (INT), state saved",
    143: "interrupted (TERM), state saved",
}
"""What the exit codes of the command line say."""


class SshsyncError(Exception):
    """Base of all errors.

    Args:
        what: what failed and why, in words for an operator.
        where: host or repository that it concerns, or "".
        hint: what to do next, or "".

    Attributes:
        tries: words about the tries before this one, or "".
    """

    code = 5
    transient = False

    def __init__(self, what: str, *, where: str = "", hint: str = "") -> None:
        super().__init__(what, where, hint)
        self.what = what
        self.where = where
        self.hint = hint
        self.tries = ""

    def about(self, subject: str) -> Self:
        """Name what the error concerns, in front of its words, and return it."""
        if not self.what.startswith(f"{subject}: "):
            self.what = f"{subject}: {self.what}"
        return self

    def again(self) -> Self:
        """Return the same error, to be raised once more: what is written into one of them stays out of the other."""
        twin = type(self).__new__(type(self))
        twin.args = self.args
        twin.__dict__.update(self.__dict__)
        return twin

    def __str__(self) -> str:
        place = f"{self.where}: " if self.where else ""
        return f"{place}{self.what}{self.tries}" + (f" ({self.hint})" if self.hint else "")


class UsageError(SshsyncError):
    """The command line asks for something that makes no sense."""

    code = 2


@dataclass(frozen=True, slots=True)
class ConfigProblem:
    """One thing that is wrong in a configuration file: the place, the words, and a suggestion."""

    place: str
    text: str
    hint: str = ""

    def __str__(self) -> str:
        return f"{self.place}: {self.text}" + (f" ({self.hint})" if self.hint else "")


class ConfigError(SshsyncError):
    """The configuration is wrong; `problems` holds everything that was found, in file order."""

    code = 3

    def __init__(self, problems: Sequence[ConfigProblem]) -> None:
        self.problems = tuple(problems)
        lines = "\n".join(f"  {problem}" for problem in self.problems)
        super().__init__(f"{len(self.problems)} problem(s) in the configuration; nothing was contacted\n{lines}")


class UnknownRepositoryError(SshsyncError):
    """A repository was named that the configuration does not have."""

    code = 4


class StateError(SshsyncError):
    """The state directory, the journal or the log cannot be used."""

    code = 6


class LockedError(SshsyncError):
    """Another run holds the lock."""

    code = 8


class LeasedError(SshsyncError):
    """Another controller works on the child, or has taken it over."""

    code = 8

    @classmethod
    def taken_over(cls, where: str) -> "LeasedError":
        """Return the error of a holder who finds his lease gone at `where`."""
        return cls(
            "another controller has taken it over: nothing more is changed from here",
            where=where,
            hint="wait until it has ended, then run the same command again",
        )


class RefusedError(SshsyncError):
    """A guard refused to go on; nothing was changed by the refused step."""

    code = 9


class ListingError(RefusedError):
    """A host listed something that cannot be true or must not be followed."""


class OutsideError(SshsyncError):
    """It is outside of the hours in which runs may be under way: nothing was begun."""

    code = 12


class OutputError(SshsyncError):
    """What was asked for cannot be written where it should go."""

    code = 6


class ReaderGoneError(OutputError):
    """Whoever read what is printed had enough of it; that is no failure."""

    code = 0


class InterruptedRun(SshsyncError):
    """A signal ended the run; `code` is 128 plus its number."""

    def __init__(self, signal: int, what: str = "interrupted; the state is saved") -> None:
        super().__init__(what, hint="run the same command again to continue")
        self.signal = signal
        self.code = 128 + signal


class BlockedError(SshsyncError):
    """The parent was not scanned, or nothing on it may be passed on."""

    code = 6


class UnmatchedError(SshsyncError):
    """Nothing on a repository or its parent matches what a run is narrowed to."""

    code = 6


class HostError(SshsyncError):
    """Something went wrong on a host or on the way to it."""

    code = 6


class ConnectError(HostError):
    """The host could not be reached."""

    code = 75
    transient = True


class ConnectionLostError(HostError):
    """The connection, or the command on it, broke off without a result."""

    code = 75
    begun = True
    """False where the command never began, although the connection may be as good as before."""
    narrow = False
    """True where a good connection opens no channel beside those that are open."""
    transient = True


class DeadlineError(HostError):
    """Nothing moved for longer than is allowed."""

    code = 75
    transient = True


class CommandError(HostError):
    """The host ran a command and the command failed."""


class KilledError(CommandError):
    """A signal ended a program on the host, of somebody or of a system short of memory."""

    code = 75
    transient = True


class ToolMissingError(CommandError):
    """The host lacks a tool that the work needs."""


class StorageFullError(CommandError):
    """The host has no space or quota left, or its file system is read-only."""


class TrustError(HostError):
    """Who is at the other end is in doubt; never tried again."""

    code = 10


class HostKeyError(TrustError):
    """The host key is unknown, changed or revoked."""


class AuthenticationError(TrustError):
    """The host did not accept the account's key or password."""


class TransferError(SshsyncError):
    """Bytes did not arrive as they should."""

    code = 6


class SourceChangedError(TransferError):
    """The file changed on the parent while it was read."""


class NotComingError(TransferError):
    """What comes of a file that its parent still receives has come: the rest comes later, or never."""


class IntegrityError(TransferError):
    """A digest stays wrong although the parent's file did not change."""

    code = 10
