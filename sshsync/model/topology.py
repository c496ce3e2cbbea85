"""Hosts and repositories: who feeds whom."""

from collections.abc import Mapping
from dataclasses import dataclass, field

from sshsync.model.policy import MaxDelete, Retries, TransferKind, TransportKind


@dataclass(frozen=True, slots=True)
class Login:
    """How an account on a host proves itself. Secrets never appear in `repr`."""

    user: str
    key_file: str = ""
    key_passphrase_command: str = field(default="", repr=False)
    agent: bool = False
    password: str = field(default="", repr=False)
    password_file: str = ""
    password_command: str = field(default="", repr=False)
    host_key: str = ""
    known_hosts: str = ""


@dataclass(frozen=True, slots=True)
class Host:
    """Where a host is and how it is reached. Repositories with an equal `Host` share one connection.

    Attributes:
        via: name of the repository whose host is the jump host, or "".
        shell: the POSIX shell on that host.
        timeout: seconds without any progress after which a step is given up.
    """

    transport: TransportKind
    address: str
    port: int
    login: Login
    via: str = ""
    shell: str = "/bin/sh"
    timeout: float = 60.0

    @property
    def label(self) -> str:
        """The host as messages name it."""
        if self.transport is TransportKind.LOCAL:
            return "local"
        return self.address if self.port == 22 else f"{self.address}:{self.port}"


@dataclass(frozen=True, slots=True)
class Commands:
    """The operator's own templates; "" means the built-in way. `before` and `after` surround changes."""

    listing: str = ""
    digest: str = ""
    sync: str = ""
    before: str = ""
    after: str = ""


@dataclass(frozen=True, slots=True)
class Repository:
    """A managed root on a host: one section of the configuration.

    Attributes:
        parent: name of the repository that feeds it; "" for the master.
        peer_host, peer_port: how its children's hosts reach its host in a `synccmd`.
        digest: algorithm asked for, or "" to follow the chain.
        stable_for: seconds a file must have been left alone before it is taken.
        bwlimit: bytes a second that its link may use through the controller; 0 for no limit.
        type: what its items are, by the name of their kind.
    """

    name: str
    host: Host
    path: str
    parent: str = ""
    peer_host: str = ""
    peer_port: int = 22
    commands: Commands = field(default_factory=Commands)
    digest: str = ""
    transfer: TransferKind = TransferKind.AUTO
    include: tuple[str, ...] = ()
    exclude: tuple[str, ...] = ()
    delete: bool = False
    max_delete: MaxDelete = field(default_factory=MaxDelete)
    allow_empty: bool = False
    stable_for: float = 60.0
    digest_cache: bool = True
    groups: tuple[str, ...] = ()
    retries: Retries = field(default_factory=Retries)
    bwlimit: float = 0.0
    type: str = "files"

    @property
    def identity(self) -> str:
        """What the records about it are bound to: another host or path is another repository."""
        return f"{self.host.transport}://{self.host.login.user}@{self.host.label}{self.path}"


@dataclass(frozen=True, slots=True)
class Tree:
    """All repositories by name, in file order. `core.tree.build` guarantees that parents exist and nothing loops."""

    repositories: Mapping[str, Repository]

    def parent(self, name: str) -> Repository | None:
        """Return the parent of `name`, or None for a master."""
        parent = self.repositories[name].parent
        return self.repositories[parent] if parent else None

    def origin(self, name: str) -> Repository:
        """Return the master at the head of the chain that `name` is in."""
        repository = self.repositories[name]
        while repository.parent:
            repository = self.repositories[repository.parent]
        return repository

    def level(self, name: str) -> int:
        """Return how many links lie between `name` and its origin."""
        parent = self.repositories[name].parent
        return 1 + self.level(parent) if parent else 0

    def chain(self, name: str) -> tuple[Repository, ...]:
        """Return all repositories that share the origin of `name`, in file order."""
        origin = self.origin(name)
        return tuple(r for r in self.repositories.values() if self.origin(r.name) is origin)
