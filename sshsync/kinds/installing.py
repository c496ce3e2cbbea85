"""The seam: a package manager that a host itself runs, to change what is installed there.

A host carries out a transaction apart from whoever asked for it: no connection that breaks can end it in the middle.
"""

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Protocol

from sshsync.kinds.base import Dialogue, Subject
from sshsync.model.change import Delete, Transfer
from sshsync.model.item import Key
from sshsync.model.prepared import Outlook


@dataclass(frozen=True, slots=True)
class Transaction:
    """Changes that a host makes in one go.

    Attributes:
        id: names it, on the host as well: made of the run and the changes, so it is the same one after a reconnect, and
            never taken for an equal one of another run.
        fetched: the transaction whose `foresee` brought what is installed.
        install: what is brought to another version, or is missing.
        remove: what goes.
    """

    id: str
    fetched: str = ""
    install: Sequence[Transfer] = ()
    remove: Sequence[Delete] = ()


@dataclass(frozen=True, slots=True)
class Said:
    """What a package manager said of a transaction. It is not to be trusted: only a look tells what is there now.

    Attributes:
        words: why it did not end well, "" where it did.
        complaints: what it says of packages that it did not say before the transaction.
        notes: what an operator should know, although nothing went wrong.
    """

    words: str = ""
    complaints: Mapping[Key, str] = field(default_factory=dict)
    notes: Sequence[str] = ()


class Installer(Protocol):
    """Changes packages on a host, by dialogues as a kind's; see `Dialogue`. All of it is safe to repeat."""

    @property
    def together(self) -> bool:
        """Whether it removes in the same go as it installs: what comes may not go together with what is to go."""
        ...

    def foresee(self, subject: Subject, transaction: Transaction) -> Dialogue[Outlook]:
        """Have the host bring what is to be installed, where nobody uses it yet, and tell what cannot be changed.

        Raises:
            HostError: the host cannot change packages, or could not find out.
        """
        ...

    def bring(self, subject: Subject, transaction: Transaction) -> Dialogue[Mapping[Key, str]]:
        """Have the host bring what would be needed to go back; return what cannot be had, with the words why.

        Raises:
            HostError: the host could not find out.
        """
        ...

    def apply(self, subject: Subject, transaction: Transaction, lease: str) -> Dialogue[Said]:
        """Have the host make changes that were foreseen, and wait for their end; one that is under way is waited for.

        Raises:
            HostError: the host could not begin, or it is still at work without any sign that it gets on.
            LeasedError: the lease is not ours any more; nothing was begun.
        """
        ...

    def keep(self, subject: Subject, transaction: Transaction, run: str, lease: str) -> Dialogue[None]:
        """Have the host put aside what a transaction had brought: by that it can go back to before a run.

        Raises:
            LeasedError: the lease is not ours any more; nothing was changed.
        """
        ...

    def rotate(self, subject: Subject, keep: int, lease: str) -> Dialogue[None]:
        """Have the host forget what it put aside, but for so many of the last runs.

        Raises:
            LeasedError: the lease is not ours any more; nothing was changed.
        """
        ...

    def settle(self, subject: Subject) -> Dialogue[None]:
        """Wait until whatever changes packages there has ended, whoever began it.

        Raises:
            HostError: it is at work without any sign that it gets on.
        """
        ...

    def clear(self, subject: Subject, lease: str, ids: Collection[str] = ()) -> Dialogue[None]:
        """Have the host forget transactions, all where none is named, but for one that is under way.

        Raises:
            LeasedError: a lease is named that is not ours any more; nothing was changed.
        """
        ...
