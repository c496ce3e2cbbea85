"""Hosts and repositories: who feeds whom."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field, fields
from functools import cached_property

from sshsync.model.bandwidth import Bandwidth
from sshsync.model.narrow import WHOLE, Narrow
from sshsync.model.policy import LOCAL, Compress, Install, Links, MaxDelete, Mode, Retries, TransferKind


@dataclass(frozen=True, slots=True)
class Login:
    """How an account on a host proves itself, "" for what is not given.

    Secrets never appear in `repr` and never leave the process: pickled, a login has no password. Whoever needs one
    elsewhere has his own.
    """

    user: str
    key_file: str = ""
    key_passphrase_command: str = field(default="", repr=False)
    agent: bool = False
    password: str = field(default="", repr=False)
    password_file: str = ""
    password_command: str = field(default="", repr=False)
    host_key: str = ""
    known_hosts: str = ""

    def __reduce__(self) -> tuple[type["Login"], tuple[object, ...]]:
        """Return what makes the login anew, without its secrets."""
        shown = (field.name for field in fields(self))
        return Login, tuple(getattr(self, name) if name not in SECRETS else "" for name in shown)


SECRETS = frozenset({"password", "key_passphrase_command", "password_command"})
"""Fields of a login that are nobody else's business."""


@dataclass(frozen=True, slots=True)
class Host:
    """Where a host is and how it is reached. Repositories with an equal `Host` share one connection.

    Attributes:
        shell: the POSIX shell on that host.
        timeout: seconds without any progress after which a step is given up.
        via: the jump host that leads to it, which may have one too; None where the controller reaches it by itself.
        name: a repository there, for people: no part of what the host is.
    """

    transport: str
    address: str
    port: int
    login: Login
    shell: str
    timeout: float
    via: "Host | None" = None
    name: str = field(default="NAME", compare=False)

    def __post_init__(self) -> None:
        """Refuse a jump host to or at the controller itself: a value that is no way to a host never exists."""
        if self.via and LOCAL in (self.transport, self.via.transport):
            raise ValueError(f"{self.via.label} is no jump host to {self.label}")

    @property
    def label(self) -> str:
        """The host as messages name it."""
        if self.transport == LOCAL:
            return "local"
        return self.address if self.port == 22 else f"{self.address}:{self.port}"

    @property
    def place(self) -> tuple[object, ...]:
        """Where it is, whoever logs in there and however: roots at one place are directories of one machine."""
        if self.transport == LOCAL:
            return (self.transport,)
        return (self.transport, self.address, self.port, self.via and self.via.place)


@dataclass(frozen=True, slots=True)
class Commands:
    """The operator's own templates; "" means the built-in way. `before` and `after` surround changes, `health` tells
    behind them whether all is well."""

    listing: str = ""
    digest: str = ""
    sync: str = ""
    ssh: str = ""
    before: str = ""
    after: str = ""
    health: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Repository:
    """What is kept alike on a host: one section of the configuration, complete (what is not set has its default).

    Attributes:
        path: directory that holds its items; "" where its kind needs none.
        parent: name of the repository that feeds it; "" for the master.
        peer_host, peer_port, peer_user: how its children's hosts reach its host, and as whom, in a `synccmd` or an
            `sshcmd`.
        digest: algorithm asked for, or "" to follow the chain; that of its chain once `core.algorithm` settled it.
        keep: number of runs of which is kept what they replaced or deleted there.
        stable_for: seconds a file must have been left alone before it is taken.
        verify_share: percent of its items of which each run makes the digests anew; 0 for none.
        bwlimit: bytes a second that may go to it through the controller, by the time.
        compress: whether what goes through the controller is compressed on its way.
        streams: ranges of one big file that go side by side; 0 for as many as are of use.
        pipeline: takes from its parent while that is still being synchronized.
        forward_agent: whether its `sshcmd` may ask the ssh-agent of the account that runs sshsync.
        file_mode: permissions that its items bear, whatever those of its parent's are; None for the same.
        empty_dirs: has the empty directories that its parent has.
        followed: a child takes what its links lead to; found out of the tree, no part of a configuration.
        links: what becomes of its parent's symbolic links.
        file_group: group on its host that its items belong to; "" for whatever they get there.
        type: what its items are, by the name of their kind.
        python: the Python whose packages are meant where there is no path; "" for what the host calls python3.
        tools: what installs packages takes part, too.
        install: how packages are changed.
        narrowed: what of it this run looks at, beside `include` and `exclude`; no part of a configuration.
    """

    name: str
    host: Host
    path: str
    parent: str
    peer_host: str
    peer_port: int
    peer_user: str
    commands: Commands
    digest: str
    transfer: TransferKind
    include: tuple[str, ...]
    exclude: tuple[str, ...]
    delete: bool
    max_delete: MaxDelete
    keep: int
    allow_empty: bool
    stable_for: float
    digest_cache: bool
    verify_share: float
    groups: tuple[str, ...]
    retries: Retries
    bwlimit: Bandwidth
    compress: Compress
    streams: int
    pipeline: bool
    forward_agent: bool
    file_mode: Mode | None
    file_group: str
    empty_dirs: bool
    links: Links
    type: str
    python: str
    tools: bool
    install: Install
    narrowed: Narrow = WHOLE
    followed: bool = False

    @property
    def identity(self) -> str:
        """What the records about it are bound to: another host or path is another repository."""
        return f"{self.host.transport}://{self.host.login.user}@{self.host.label}{self.path or f'#{self.type}'}"


@dataclass(frozen=True)
class Tree:
    """All repositories by name, in file order. `core.tree.build` guarantees that parents exist and nothing loops.

    What follows from the links is found out once, for all repositories together.
    """

    repositories: Mapping[str, Repository]

    def parent(self, name: str) -> Repository | None:
        """Return the parent of `name`, or None for a master."""
        parent = self.repositories[name].parent
        return self.repositories[parent] if parent else None

    def children(self, name: str) -> tuple[Repository, ...]:
        """Return the repositories that `name` feeds, in file order."""
        return self._children.get(name, ())

    def origin(self, name: str) -> Repository:
        """Return the master at the head of the chain that `name` is in."""
        return self.repositories[self._heads[name][0]]

    def level(self, name: str) -> int:
        """Return how many links lie between `name` and its origin."""
        return self._heads[name][1]

    def chain(self, name: str) -> tuple[Repository, ...]:
        """Return all repositories that share the origin of `name`, in file order."""
        return self.chains[self._heads[name][0]]

    @cached_property
    def chains(self) -> Mapping[str, tuple[Repository, ...]]:
        """The repositories that share an origin, in file order, by its name."""
        return _grouped((self._heads[name][0], repository) for name, repository in self.repositories.items())

    @cached_property
    def _children(self) -> Mapping[str, tuple[Repository, ...]]:
        return _grouped((found.parent, found) for found in self.repositories.values() if found.parent)

    @cached_property
    def _heads(self) -> Mapping[str, tuple[str, int]]:
        """The origin of each repository, and how many links lie between them."""
        found: dict[str, tuple[str, int]] = {}
        for name in self.repositories:
            below: list[str] = []
            nearer = name
            while nearer not in found and (parent := self.repositories[nearer].parent):
                below.append(nearer)
                nearer = parent
            origin, level = found.setdefault(nearer, (nearer, 0))
            for away, child in enumerate(reversed(below), level + 1):
                found[child] = (origin, away)
        return found


def _grouped(pairs: Iterable[tuple[str, Repository]]) -> dict[str, tuple[Repository, ...]]:
    found: dict[str, list[Repository]] = {}
    for key, repository in pairs:
        found.setdefault(key, []).append(repository)
    return {key: tuple(group) for key, group in found.items()}
