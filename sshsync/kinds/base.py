"""The seam: a kind scans by a dialogue of requests and answers, without touching a host itself.

A dialogue is a generator: it yields a `Request` and is sent the `Answer`, or yields what it has `Learned` or a
`Remark`; it returns its result. Whoever drives it (`hosts.asking`) owns connections, retries and deadlines; the kind
owns words and parsing.
"""

from collections.abc import Callable, Generator, Iterable, Mapping
from dataclasses import dataclass
from typing import Protocol, TypeVar

from sshsync.model.change import Change
from sshsync.model.item import Item, Key, Sight, Snapshot
from sshsync.model.row import Digest, Stamp
from sshsync.model.topology import Repository
from sshsync.model.words import Place, Versions, Words
from sshsync.remote.probe import Capabilities
from sshsync.remote.scripts import Command


class Reader(Protocol):
    """Takes an answer piece by piece, so that nobody has to hold all of it."""

    def begin(self) -> None:
        """Forget what came: the script starts, perhaps not for the first time."""
        ...

    def feed(self, piece: bytes) -> None:
        """Take the next piece of the payload.

        Raises:
            SshsyncError: it cannot be true; the script is abandoned.
        """
        ...


@dataclass(frozen=True, slots=True)
class Request:
    """One script to run.

    Attributes:
        allow: the silence in seconds that is fine beyond the host's timeout.
        reader: takes the payload as it comes; without one it is collected.
    """

    command: Command
    stdin: bytes = b""
    allow: float = 0.0
    reader: Reader | None = None


@dataclass(frozen=True, slots=True)
class Answer:
    """What the host answered; the payload is empty where a reader took it."""

    status: int
    payload: bytes
    errors: bytes


@dataclass(frozen=True, slots=True)
class Learned:
    """What is known now of digests: worth keeping even if the dialogue breaks off. Answered by nothing.

    Attributes:
        items: their digests were made just now.
        outdated: what was told of these does not hold any more: they are gone, or bear another stamp.
    """

    items: tuple[Item, ...]
    outdated: tuple[Key, ...] = ()


@dataclass(frozen=True, slots=True)
class Remark:
    """What a host said about something that went wrong without ending the dialogue. Answered by nothing."""

    words: str


T = TypeVar("T")
Dialogue = Generator[Request | Learned | Remark, Answer, T]


@dataclass(frozen=True, slots=True)
class Subject:
    """What is scanned, and what is known about it.

    Attributes:
        token: frames every answer of this dialogue.
        algorithm: digest to compute where no template does.
        now: the host's own clock in seconds.
        create: make the root when it is missing, and whatever else is needed to change what is there.
        settled: wait until what an earlier run left at work there has ended.
        cached: tells, when it is called, the digests that hold as long as the stamp is the same.
        wary: look at what was digested again, and tell apart what changed meanwhile.
        known: a listing that is this one need not be read: it may be returned sealed.
        sealed: what was returned so, to go on from instead of from a new listing.
        wanted: whether anybody takes what bears this name: what nobody does need not be told of.
        reaches: whether what bears this name, or lies below it, may take part: what cannot need not be listed.
        digested: whether somebody needs the digest of what bears this name; None where all are needed.
        spares: whether anybody who takes what would be below this name takes no directory that is empty.
        directories: tell of directories, for somebody takes empty ones.
        links: tell of symbolic links, for somebody takes them.
        leaves: whether anybody who takes what bears this name takes no symbolic link.
    """

    repository: Repository
    capabilities: Capabilities
    token: bytes
    algorithm: str
    now: int = 0
    create: bool = False
    settled: bool = False
    cached: Callable[[], Iterable[tuple[Key, Stamp, Digest]]] = tuple
    wary: bool = False
    known: Sight | None = None
    sealed: Snapshot | None = None
    wanted: Callable[[Key], bool] = lambda _key: True
    reaches: Callable[[Key], bool] = lambda _key: True
    digested: Callable[[Key], bool] | None = None
    spares: Callable[[Key], bool] = lambda _key: True
    directories: bool = False
    links: bool = False
    leaves: Callable[[Key], bool] = lambda _key: True


@dataclass(frozen=True, slots=True)
class Condition:
    """What a look at a repository found, without looking at its items.

    Attributes:
        problem: why it cannot take part, "" when it can.
        state: its place in a word: missing, closed, readable or writable.
        free: bytes that there is room for; None where that is not known or means nothing.
        digester: the command that makes digests there and can be timed on a stream of zeros; "" when there is none.
        digest: what makes digests, for people.
        durable: whether what is published can be told to be written to disk.
    """

    problem: str = ""
    state: str = ""
    free: int | None = None
    digester: str = ""
    digest: str = ""
    durable: bool = True


class Kind(Protocol):
    """What sshsync must know about a kind of item."""

    @property
    def words(self) -> Words:
        """What its items are called, and what happens to them."""
        ...

    @property
    def place(self) -> Place:
        """What holds its items."""
        ...

    @property
    def required(self) -> frozenset[str]:
        """Options that a repository of this kind cannot be without, such as ``path``."""
        ...

    @property
    def unfit(self) -> Mapping[str, str]:
        """Options that make no sense for a repository of this kind, with the reason."""
        ...

    @property
    def usual(self) -> Mapping[str, str]:
        """Values of options for a repository of this kind that says nothing else, where others have another default."""
        ...

    def wanted(self, repository: Repository) -> Callable[[Key], bool]:
        """Return the test whether an item takes part in a repository, as its `include` and `exclude` say."""
        ...

    def reaches(self, repository: Repository) -> Callable[[Key], bool]:
        """Return the test whether what bears a name, or lies below it, may take part, whatever it is."""
        ...

    def algorithm(self, repository: Repository) -> str:
        """Return the algorithm of all digests that are made of a repository's items, "" when only they tell."""
        ...

    def told(self, change: Change) -> Versions:
        """Return the versions of a change, where items have such."""
        ...

    def needs(self, repository: Repository, capabilities: Capabilities, algorithm: str) -> str:
        """Return in words what a repository's host lacks for what is asked of it, "" when nothing.

        Args:
            repository: what the host has to serve.
            capabilities: what it can do.
            algorithm: the digest that the repository's chain compares.
        """
        ...

    def scan(self, subject: Subject) -> Dialogue[Snapshot]:
        """Return what the repository holds.

        Raises:
            ListingError: the host listed something that cannot be true.
            HostError: the host could not do it.
        """
        ...

    def condition(self, subject: Subject) -> Dialogue[Condition]:
        """Return in what state the repository is; nothing is made, nothing is read."""
        ...

    def glance(self, subject: Subject) -> Dialogue[Snapshot]:
        """Return what the repository holds, without digests: as `scan`, but nothing is read."""
        ...

    def look_again(self, subject: Subject, root: bytes, keys: list[Key]) -> Dialogue[Snapshot]:
        """Return the present state of some items, digests computed afresh; absent ones are left out."""
        ...
