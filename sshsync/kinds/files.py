"""Files: items are regular files below a root, their digest is that of their content."""

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import replace

from sshsync.core.algorithm import BY_LENGTH
from sshsync.core.pieces import Piece
from sshsync.errors import CommandError, ToolMissingError
from sshsync.kinds import chunks, globs
from sshsync.kinds.base import Answer, Condition, Dialogue, Learned, Remark, Request, Subject
from sshsync.kinds.listing import asked_for, list_all, opened, stat_named
from sshsync.kinds.refusals import barred, checked, ungrouped
from sshsync.kinds.second import compared, looked_again
from sshsync.model.change import Change
from sshsync.model.item import Items, Key, Sealed, Snapshot
from sshsync.model.policy import Links, TransferKind
from sshsync.model.row import Digest, Stamp
from sshsync.model.topology import Repository
from sshsync.model.words import Place, Versions, Words, visible
from sshsync.remote import encode, room, scripts
from sshsync.remote.frame import records
from sshsync.remote.probe import Capabilities
from sshsync.remote.scripts import Command

HASH_RATE = 5_000_000
"""Bytes a second that the slowest host is expected to digest; only bounds how long silence is fine."""

NEEDED = ("find", "mv", "rm", "mkdir", "rmdir", "chmod", "touch")
"""Tools without which nothing works."""

BIG = 4 << 20
"""Average size in bytes from which the tool that reads faster is worth its longer start."""

PORTION_BYTES = 4 << 30
PORTION_FILES = 10_000
"""What one request digests at most: the unit of trying again."""


_OF_PYTHON = ("python", "tools", "sources", "hashes", "externally_managed")


class Files:
    """The kind ``files``; see `Kind`.

    Args:
        portion: files that one request digests at most.
    """

    words = Words("file", "files", "copy", "copied")
    place = Place("directory", "check that its disk is mounted", "regular files only")
    required = frozenset({"path"})
    usual: Mapping[str, str] = {}
    unfit: Mapping[str, str] = {
        **dict.fromkeys(("sudo", "downgrade", "rollback"), "it concerns packages: type = pip or rpm"),
        **dict.fromkeys(_OF_PYTHON, "it concerns the packages of a Python: type = pip"),
        **dict.fromkeys(("besides", "held"), "it concerns dnf: type = rpm"),
    }

    def __init__(self, portion: int = PORTION_FILES) -> None:
        self._portion = portion

    def wanted(self, repository: Repository) -> Callable[[Key], bool]:
        """Match paths against the patterns; see `Kind`."""
        return globs.wanted(repository.include, repository.exclude)

    def reaches(self, repository: Repository) -> Callable[[Key], bool]:
        """Match paths that cannot be looked into against the patterns; see `Kind`."""
        return globs.reaches(repository.include, repository.exclude)

    def algorithm(self, repository: Repository) -> str:
        """Whatever a `digestcmd` prints, else that of the chain; see `Kind`."""
        return "" if repository.commands.digest else repository.digest

    def told(self, change: Change) -> Versions:
        """A digest of bytes says nothing to people; see `Kind`."""
        del change
        return Versions()

    def needs(self, repository: Repository, capabilities: Capabilities, algorithm: str) -> str:
        """Name tools that are missing, and a digest that cannot be made; see `Kind`."""
        missing = []
        if absent := _absent(capabilities):
            missing.append(f"lacks {', '.join(absent)}")
        if not repository.commands.digest and algorithm not in capabilities.digests:
            others = ", ".join(sorted(capabilities.digests)) or "none"
            missing.append(
                f"cannot compute {algorithm}, which its chain compares (it has {others}): "
                "set digest = to one that every host has, or give it a digestcmd"
            )
        if asked_for(repository) and "chgrp" not in capabilities.tools:
            missing.append("lacks chgrp, which file_group needs")
        if repository.followed and not capabilities.resolves:
            missing.append("has neither a readlink that knows -f nor perl, which links = follow needs")
        if repository.parent and repository.links is Links.COPY and "ln" not in capabilities.tools:
            missing.append("lacks ln, which links = copy needs")
        if repository.parent and repository.transfer is TransferKind.SCP and "scp" not in capabilities.tools:
            missing.append("has no scp, which transfer = scp needs")
        if repository.parent and repository.transfer is TransferKind.DIRECT:
            missing += _direct_lacks(repository.commands.ssh, capabilities)
        return "; ".join(missing)

    def condition(self, subject: Subject) -> Dialogue[Condition]:
        """Look whether the root can be entered, and how much room it has; see `Kind`."""
        repository, capabilities = subject.repository, subject.capabilities
        root = repository.path
        answer = yield Request(Command(scripts.CONDITION, {"ROOT": root.encode(), **asked_for(repository)}), allow=30.0)
        payload = checked(answer, subject, "looking around").payload
        found = room.parse(payload)
        state = next((line[5:] for line in payload.splitlines() if line.startswith(b"root=")), b"")
        problem = ""
        if state == b"closed":
            problem = f"{root} cannot be entered by {repository.host.login.user!r}"
        elif state == b"missing" and not repository.parent:
            problem = f"the master's directory {root} is missing"
        elif found.barred and repository.parent:
            error = barred(repository, found.barred)
            problem = f"{error.what} ({error.hint})"
        elif said := next((line[6:] for line in payload.splitlines() if line.startswith(b"group ")), b""):
            refused = ungrouped(repository, said)
            problem = f"{refused.what} ({refused.hint})"
        template = repository.commands.digest
        tool = capabilities.bulk.get(subject.algorithm) or capabilities.digests.get(subject.algorithm, "")
        return Condition(
            problem,
            visible(state, 20),
            found.free,
            digester=tool,
            digest="digestcmd" if template else visible(tool, 60),
            durable=bool(capabilities.sync),
        )

    def scan(self, subject: Subject) -> Dialogue[Snapshot]:
        """List the root, digest what the cache does not know, and look at that again where it may change.

        A listing that is what is known is returned sealed.
        """
        if subject.sealed and isinstance(subject.sealed.items, Sealed):
            listed = opened(subject, subject.sealed, subject.sealed.items.listing)
        else:
            listed = yield from self.glance(subject)
        if isinstance(listed.items, Sealed):
            return listed
        subject = replace(subject, known=None)
        items = Items.of(listed.items)
        if outdated := _fill(items, subject.cached()):
            yield Learned((), outdated)
        # In the order of their keys: what is put on record together are neighbours then.
        unread = sorted(filter(subject.digested, items.undigested()) if subject.digested else items.undigested())
        hashed = 0
        for keys in _portions(unread, lambda key: items[key].size, self._portion):
            sizes = {key: items[key].size for key in keys}
            hashed += sum(sizes.values())
            found = yield from self.digests(subject, listed.root, b".", sizes)
            for key in keys:
                items.add(items[key].digested(found.get(key)))
            # Kept under the stamp that was listed: a file that changed since bears another one.
            yield Learned(tuple(items[key] for key in keys))
        if unread and not any(item.algorithm for item in items.values()):
            raise CommandError(
                f"no digest of any of its {len(unread)} file(s) can be made",
                where=subject.repository.name,
                hint="check its digestcmd",
            )

        unsure = [key for key in unread if subject.wary or items[key].digest is None]
        after = yield from looked_again(subject, listed, unsure)
        return replace(after, hashed=hashed)

    def glance(self, subject: Subject) -> Dialogue[Snapshot]:
        """List the root."""
        listed = yield from list_all(subject, subject.repository.path.encode())
        return listed

    def digests(
        self, subject: Subject, root: bytes, below: bytes, sizes: Mapping[Key, int]
    ) -> Dialogue[dict[Key, Digest | None]]:
        """Digest files by the operator's template or the host's tool.

        Args:
            subject: whose template or tool is used.
            root: the resolved root.
            below: directory in which the keys are, "." or a staging directory.
            sizes: the items, with the bytes that have to be read for each.

        Returns:
            The digests by key; None or absent where there is none.
        """
        found: dict[Key, Digest | None] = {}
        place = {"ROOT": root, "BELOW": below}
        for keys in _portions(sizes, sizes.__getitem__, self._portion):
            size = sum(sizes[key] for key in keys)
            tool = "" if subject.repository.commands.digest else _tool(subject, size // len(keys))
            found.update((yield from _digests_of(subject, {**place, "TOOL": tool.encode()}, keys, size / HASH_RATE)))
        return found

    def chunks(
        self,
        subject: Subject,
        root: bytes,
        below: bytes,
        asked: Sequence[chunks.Question],
        means: chunks.Means,
    ) -> Dialogue[list[tuple[Piece, ...]]]:
        """Cut ranges of files into pieces and digest each; see `chunks.ask`."""
        told = yield from chunks.ask(subject, root, below, asked, means)
        return told

    def look(self, subject: Subject, root: bytes, keys: list[Key]) -> Dialogue[Snapshot]:
        """Stat the named items; nothing is asked when there are none."""
        seen = yield from stat_named(subject, root, keys)
        return seen

    def look_again(self, subject: Subject, root: bytes, keys: list[Key]) -> Dialogue[Snapshot]:
        """Stat and digest the named items afresh."""
        seen = yield from stat_named(subject, root, keys)
        found = yield from self.digests(subject, root, b".", {key: item.size for key, item in seen.items.items()})
        digested = Items(item.digested(found.get(key)) for key, item in seen.items.items())
        unsure = list(digested) if subject.wary else []
        after = yield from stat_named(subject, root, unsure)
        return compared(replace(seen, items=digested), unsure, after, wary=subject.wary)


def _absent(capabilities: Capabilities) -> list[str]:
    """Return the tools that the work needs and the host lacks."""
    absent = [tool for tool in NEEDED if tool not in capabilities.tools]
    if not capabilities.stat:
        absent.append("stat")
    if not capabilities.streams and "scp" not in capabilities.tools:
        absent.append("cat or scp")
    return absent


def _digests_of(
    subject: Subject, place: dict[str, bytes], keys: list[Key], allow: float
) -> Dialogue[dict[Key, Digest | None]]:
    if subject.repository.commands.digest:
        template = {"TEMPLATE": subject.repository.commands.digest.encode()}
        command = Command(scripts.TEMPLATE_DIGEST, {**place, **template})
        answer = yield Request(command, encode.lines(keys), allow)
        return _one_by_one(answer, subject, keys)
    odd = [key for key in keys if any(char in key for char in b"\n\r\\")]
    plain = [key for key in keys if not any(char in key for char in b"\n\r\\")]
    found: dict[Key, Digest | None] = {}
    if plain:
        words, names = subject.capabilities.names(plain)
        answer = yield Request(Command(scripts.DIGEST, {**place, **words}), names, allow)
        found.update(_digest_lines(answer.payload, subject.algorithm))
        if answer.status and (said := _complaint(answer.errors)):
            yield Remark(f"digesting: {said}")
    if odd:
        answer = yield Request(Command(scripts.DIGEST_ODD, place), encode.lines(odd), allow)
        found.update(_one_by_one(answer, subject, odd))
    return found


def _complaint(errors: bytes) -> str:
    """Return what a tool complained about, but for absent files: whoever asked for those tells of them."""
    lines = [line for line in errors.strip().splitlines() if b"no such file" not in line.lower()]
    return visible(b"\n".join(lines), 300)


def _portions(keys: Iterable[Key], size_of: Callable[[Key], int], most: int) -> Iterator[list[Key]]:
    """Split what is to be digested, so that a lost connection costs one portion and not the whole night."""
    portion: list[Key] = []
    size = 0
    for key in keys:
        more = size_of(key)
        if portion and (len(portion) >= most or size + more > PORTION_BYTES):
            yield portion
            portion, size = [], 0
        portion.append(key)
        size += more
    if portion:
        yield portion


def digest_of(words: bytes) -> Digest | None:
    """Read what a digest command printed: first word, a leading backslash and quotes dropped.

    Anything that is not hexadecimal of a known length is no digest.
    """
    first = words.split(None, 1)[:1]
    if not first:
        return None
    value = first[0].removeprefix(b"\\").strip(b"'\"").lower()
    algorithm = BY_LENGTH.get(len(value))
    if algorithm is None or value.strip(b"0123456789abcdef"):
        return None
    return f"{algorithm}:{value.decode()}"


def _fill(items: Items, cached: Iterable[tuple[Key, Stamp, Digest]]) -> tuple[Key, ...]:
    """Give items the digests that are known for their stamps; return those of which what is known does not hold."""
    return tuple([key for key, stamp, digest in cached if not items.learn(key, stamp, digest)])


def _direct_lacks(command: str, capabilities: Capabilities) -> Iterable[str]:
    """Yield what a child lacks for pulling from its parent; of an `sshcmd` of the operator's own nothing is known."""
    if command.split()[:1] == ["ssh"] and "ssh" not in capabilities.tools:
        yield "has no ssh, which transfer = direct needs (or name another one in sshcmd)"
    if "fullblock" not in capabilities.tools:
        yield "has no dd that knows iflag=fullblock, which transfer = direct needs"


def _digest_lines(payload: bytes, algorithm: str) -> Iterable[tuple[Key, Digest | None]]:
    for line in payload.split(b"\n"):
        value, _, rest = line.partition(b" ")
        digest = digest_of(value)
        if rest[1:3] == b"./" and digest and digest.startswith(algorithm + ":"):
            yield rest[3:], digest


def _one_by_one(answer: Answer, subject: Subject, keys: list[Key]) -> dict[Key, Digest | None]:
    answers = records(answer.payload, subject.token)
    if len(answers) != len(keys):
        checked(answer, subject, "digesting")
        raise CommandError(f"digesting: {len(answers)} answers for {len(keys)} files", where=subject.repository.name)
    return {key: digest_of(words) for key, words in zip(keys, answers, strict=True)}


def _tool(subject: Subject, size: int) -> str:
    """Return the command for files of this average size in bytes."""
    tool = subject.capabilities.digests.get(subject.algorithm)
    if size >= BIG:
        tool = subject.capabilities.bulk.get(subject.algorithm, tool)
    if not tool:
        raise ToolMissingError(
            f"cannot compute {subject.algorithm}, which its chain compares",
            where=subject.repository.name,
            hint="set digest = to an algorithm that every host has, or give it a digestcmd",
        )
    return tool
