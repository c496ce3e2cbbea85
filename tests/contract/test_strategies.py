"""One contract for every strategy: the batch is in staging afterwards, invisible, or an error says why."""

import getpass
import os
import shutil
from collections.abc import Iterable, Iterator
from pathlib import Path

import pytest

from sshsync.core.pieces import Extent, merged
from sshsync.errors import CommandError, ConnectionLostError, DeadlineError, InterruptedRun, SourceChangedError, SshsyncError, StorageFullError
from sshsync.hosts.conversation import failure
from sshsync.hosts.retrying import Stop
from sshsync.hosts.session import Session
from sshsync.model.change import Copy
from sshsync.model.item import Item, Stamp
from sshsync.transfers.base import Ends, Strategy
from sshsync.transfers.command import ByCommand
from sshsync.transfers.direct import Direct
from sshsync.transfers.load import Load, Loose, Pack, Part, Span
from sshsync.transfers.reads import Reads
from sshsync.transfers.relay import Relay
from sshsync.transfers.scp import ByScp
from sshsync.transports.local import LocalTransport
from tests.conftest import configure
from tests.sshd import Sshd, require

FILES = {b"a": b"alpha", b"d/e/b": b"beta", b"empty": b""}
TEXT = """
[m]
transport = local
path = {m}
{parent}
[c]
transport = local
path = {c}
parent = m
synccmd = {command}
{more}
"""
COPY = "cp -p ${REMOTEDIR}/${FILE} ${LOCALDIR}/${FILE}"


WAYS = {"pack": Pack, "part": Part, "command": Loose, "scp": Loose, "scp both ways": Loose, "direct part": Part, "direct files": Loose}
DIRECT = ["direct part", "direct files"]


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Sshd]:
    """The parent's sshd, for children that log in there by themselves."""
    made = Sshd(tmp_path_factory.mktemp("sshd"), "parent")
    yield made
    made.stop()


@pytest.fixture(params=WAYS)
def way(request: pytest.FixtureRequest, tmp_path: Path) -> tuple[type[Load], Strategy]:
    if "scp" in request.param:
        require(bool(shutil.which("scp")), "scp")
    if request.param == "scp both ways":
        (tmp_path / "no-cat").mkdir()
    if "direct" in request.param:
        pulls_from(request.getfixturevalue("server"), tmp_path)
    scp = {"scp": lambda: ByScp(tmp_path / "spool"), "scp both ways": lambda: ByScp(tmp_path / "spool")}
    made = {"command": ByCommand, **scp, **dict.fromkeys(DIRECT, Direct)}.get(request.param, lambda: Relay(Reads()))
    return WAYS[request.param], made()


def pulls_from(server: Sshd, tmp_path: Path) -> None:
    """Have the child log in to a server, by a key and a file of known hosts of its own."""
    require(bool(shutil.which("ssh")), "ssh")
    (tmp_path / "known").write_text(server.known + "\n")
    words = f"-F none -i {server.key} -p {server.port} -o UserKnownHostsFile={tmp_path / 'known'}"
    (tmp_path / "sshcmd").write_text(f"sshcmd = ssh {words} -o BatchMode=yes -o StrictHostKeyChecking=yes ${{REMOTEUSER}}@127.0.0.1\n")


def shell(tmp_path: Path) -> str:
    """A host's shell; in a test that wants it, the host has no cat and no tar."""
    tools = tmp_path / "no-cat"
    if not tools.is_dir():
        return "/bin/sh"
    for tool in ("sh", "find", "stat", "mv", "rm", "mkdir", "rmdir", "chmod", "touch", "scp", "sha256sum", "date"):
        if not (tools / tool).exists():
            (tools / tool).symlink_to(str(shutil.which(tool)))
    made = tmp_path / "shell"
    made.write_text(f'#!/bin/sh\nPATH={tools} exec /bin/sh "$@"\n')
    made.chmod(0o755)
    return str(made)


def ends(tmp_path: Path, command: str = COPY, timeout: float = 10, **more: object) -> Ends:
    m, c = tmp_path / "m", tmp_path / "c"
    for root in (m, c):
        root.mkdir(exist_ok=True)
    for key, data in FILES.items():
        file = Path(os.fsdecode(os.path.join(os.fsencode(m), key)))
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_bytes(data)
    pulls = (tmp_path / "sshcmd").read_text() if (tmp_path / "sshcmd").exists() else ""
    parent = f"peer_user = {getpass.getuser()}\n" if pulls else ""
    found = configure(TEXT.format(m=m, c=c, command=command, parent=parent, more=pulls), tmp_path).tree.repositories
    source, target = (Session(LocalTransport(shell(tmp_path)), timeout) for _ in range(2))
    return Ends(found["m"], found["c"], source, target, os.fsencode(m), os.fsencode(c), **more)  # type: ignore[arg-type]


def batch(form: type[Load], *keys: bytes, size: int | None = None) -> Load:
    def change(key: bytes) -> Copy:
        length = len(FILES[key]) if size is None else size
        return Copy(Item(key, "sha256:" + key.hex().zfill(4), Stamp(length, 10**18, 0, 0)))

    return form(tuple(change(key) for key in keys))


def bring(strategy: Strategy, load: Load, both: Ends) -> None:
    """Fetch all of a load; what came in full was told of, span by span."""
    kept: list[Span] = []
    strategy.fetch(load, load.spans, both, kept.append)
    assert ranges(kept) == ranges(load.spans)


def ranges(spans: Iterable[Span]) -> dict[bytes, tuple[Extent, ...]]:
    """Return what spans are about, key by key: some strategies tell of it piece by piece."""
    found: dict[bytes, list[Extent]] = {}
    for span in spans:
        found.setdefault(span.key, []).append(Extent(span.offset, span.length))
    return {key: merged(extents) for key, extents in found.items()}


def staged(tmp_path: Path, made: Load) -> dict[bytes, bytes]:
    top = tmp_path / "c" / ".sshsync"
    if isinstance(made, Part):
        return {made.changes[0].key: (top / "part" / made.name).read_bytes()}
    root = top / "batch" / made.attempt
    return {os.fsencode(f.relative_to(root)): f.read_bytes() for f in root.rglob("*") if f.is_file()}


def test_the_batch_is_in_staging_and_nowhere_else(way, tmp_path: Path) -> None:
    form, strategy = way
    moved: list[int] = []
    keys = (b"d/e/b",) if form is Part else tuple(FILES)
    made = batch(form, *keys)
    bring(strategy, made, ends(tmp_path, moved=moved.append))
    assert staged(tmp_path, made) == {key: FILES[key] for key in keys}
    assert [p.name for p in (tmp_path / "c").iterdir()] == [".sshsync"]
    assert sum(moved) == made.size


def test_staging_again_is_safe(way, tmp_path: Path) -> None:
    form, strategy = way
    made = batch(form, b"a")
    both = ends(tmp_path)
    bring(strategy, made, both)
    bring(strategy, made, both)
    assert staged(tmp_path, made) == {b"a": b"alpha"}


def test_a_file_that_is_gone_is_an_error(way, tmp_path: Path) -> None:
    form, strategy = way
    both = ends(tmp_path)
    (tmp_path / "m" / "a").unlink()
    with pytest.raises(SshsyncError):
        bring(strategy, batch(form, b"a"), both)


@pytest.mark.parametrize("size", [3, 9])
@pytest.mark.parametrize("way", [name for name in WAYS if name != "command"], indirect=True)
def test_a_file_of_another_size_is_an_error(way, tmp_path: Path, size: int) -> None:
    form, strategy = way
    with pytest.raises(SshsyncError, match="shorter|longer|5 bytes now"):
        bring(strategy, batch(form, b"a", size=size), ends(tmp_path))


@pytest.mark.parametrize("size", [3, 9])
def test_what_a_command_fetched_is_known_by_its_digest_only(tmp_path: Path, size: int) -> None:
    made = batch(Loose, b"a", size=size)
    bring(ByCommand(), made, ends(tmp_path))
    assert staged(tmp_path, made) == {b"a": b"alpha"}


ODD = [b"line\nfeed", b"-rf", b"$(touch INJECTED)", b"\xff\xfe", b"d/sp ace's", b"back\\", b"C0644 3 x\n", b"*", b"end\n"]


def test_any_name_is_carried_byte_for_byte(way, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    form, strategy = way
    monkeypatch.setitem(FILES, b"a", b"alpha")
    for name in ODD:
        monkeypatch.setitem(FILES, name, b"content of " + name)
    both = ends(tmp_path)
    for keys in [(name,) for name in ODD] if form is Part else [tuple(ODD)]:
        made = batch(form, *keys)
        bring(strategy, made, both)
        assert staged(tmp_path, made) == {key: FILES[key] for key in keys}
    assert not list(tmp_path.rglob("INJECTED"))


def test_a_big_file(way, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    form, strategy = way
    monkeypatch.setitem(FILES, b"big", os.urandom(3_000_001))
    made = batch(form, b"big")
    bring(strategy, made, ends(tmp_path))
    assert staged(tmp_path, made) == {b"big": FILES[b"big"]}


def test_a_host_without_scp_says_so(tmp_path: Path) -> None:
    (tmp_path / "no-cat").mkdir()
    both = ends(tmp_path)
    (tmp_path / "no-cat" / "scp").unlink()
    (tmp_path / "no-cat" / "cat").symlink_to(str(shutil.which("cat")))
    with pytest.raises(CommandError, match="scp.*not found"):
        bring(ByScp(tmp_path), batch(Loose, b"a"), both)


def test_a_disk_of_the_child_that_refuses_is_told_in_its_own_words(tmp_path: Path) -> None:
    require(Path("/dev/full").exists(), "/dev/full")
    both = ends(tmp_path)
    made = batch(Loose, b"a")
    wrapper = tmp_path / "bin" / "scp"
    wrapper.parent.mkdir()
    wrapper.write_text("#!/bin/sh\nprintf '\\001scp: ./a: No space left on device\\n'\n")
    wrapper.chmod(0o755)
    (tmp_path / "shell").write_text(f'#!/bin/sh\nPATH={wrapper.parent}:$PATH exec /bin/sh "$@"\n')
    (tmp_path / "shell").chmod(0o755)
    full = Ends(both.parent, both.child, both.source, Session(LocalTransport(str(tmp_path / "shell")), 10), both.source_root, both.target_root)
    with pytest.raises(StorageFullError, match="No space left on device"):
        bring(ByScp(tmp_path), made, full)


@pytest.mark.parametrize(
    ("said", "hint"), [(b"mkdir: .sshsync: Read-only file system", "make it writable"), (b"cat: No space left on device", "free space there")]
)
def test_what_a_disk_refuses_is_told_with_what_helps(said: bytes, hint: str) -> None:
    error = failure("host", "asking for free space", 1, said)
    assert isinstance(error, StorageFullError)
    assert error.hint.startswith(hint)
    assert error.hint.endswith("then run again")


def test_what_a_command_says_is_kept_for_the_item(tmp_path: Path) -> None:
    said: dict[bytes, str] = {}
    command = "[ ${FILE} = a ] || cp ${REMOTEDIR}/${FILE} ${LOCALDIR}/${FILE}; echo words about ${FILE}; [ ${FILE} != a ]"
    bring(ByCommand(), batch(Loose, *FILES), ends(tmp_path, command, complain=said.__setitem__))
    assert said == {b"a": "words about a"}


def test_a_dropped_connection_of_a_command_is_temporary(tmp_path: Path) -> None:
    command = "echo kex_exchange_identification: Connection closed by remote host ${FILE} ${LOCALDIR} >&2; false"
    with pytest.raises(CommandError) as caught:
        bring(ByCommand(), batch(Loose, b"a"), ends(tmp_path, command))
    assert caught.value.transient


def test_a_command_sees_its_variables_as_single_words(tmp_path: Path) -> None:
    command = "printf '<%s>' ${REMOTEUSER} ${REMOTEHOST} ${REMOTEPORT} ${LOCALUSER} ${LOCALHOST} ${FILE} > ${LOCALDIR}/${FILE}"
    made = batch(Loose, b"a")
    bring(ByCommand(), made, ends(tmp_path, command))
    assert staged(tmp_path, made) == {b"a": b"<tester><localhost><22><tester><localhost><a>"}


def test_a_command_has_no_input_and_cannot_forge_results(tmp_path: Path) -> None:
    command = "cat; echo ${TOKEN}forged; cp ${REMOTEDIR}/${FILE} ${LOCALDIR}/${FILE}"
    made = batch(Loose, *FILES)
    bring(ByCommand(), made, ends(tmp_path, command))
    assert staged(tmp_path, made) == FILES


def test_a_command_is_left_alone_as_long_as_its_files_grow(tmp_path: Path) -> None:
    command = "for i in 1 2 3 4 5 6 7 8 9 10; do sleep 0.5; printf x; done > ${LOCALDIR}/${FILE}"
    made = batch(Loose, b"a")
    bring(ByCommand(quiet=1), made, ends(tmp_path, command, timeout=1))
    assert staged(tmp_path, made) == {b"a": b"x" * 10}


def test_a_command_that_makes_room_first_is_left_alone_too(tmp_path: Path) -> None:
    """Its file has its size from the beginning: what is written into it shows in its time."""
    command = "cd ${LOCALDIR}; truncate -s 100 ${FILE}; for i in 1 2 3 4 5 6 7 8 9 10; do sleep 0.5; printf x 1<>${FILE}; done"
    made = batch(Loose, b"a")
    bring(ByCommand(quiet=1), made, ends(tmp_path, command, timeout=1))
    assert staged(tmp_path, made)[b"a"].startswith(b"x\0")


def test_commands_that_end_one_after_the_other_are_left_alone(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    for n in range(16):
        monkeypatch.setitem(FILES, b"f%02d" % n, b"")
    made = batch(Loose, *(key for key in FILES if key.startswith(b"f")))
    bring(ByCommand(quiet=1), made, ends(tmp_path, "sleep 1; : ${FILE} ${LOCALDIR}", timeout=1))


def test_a_command_that_does_nothing_is_given_up(tmp_path: Path) -> None:
    command = "printf x > ${LOCALDIR}/${FILE}; sleep 600"
    with pytest.raises(DeadlineError, match="c: synccmd: for 2 s none of its files in staging changed") as caught:
        bring(ByCommand(quiet=1), batch(Loose, b"a"), ends(tmp_path, command, timeout=1))
    assert caught.value.transient


def test_a_signal_ends_the_waiting_for_a_command(tmp_path: Path) -> None:
    stop = Stop()
    stop.set(15)
    with pytest.raises(InterruptedRun):
        bring(ByCommand(), batch(Loose, b"a"), ends(tmp_path, "sleep 600; : ${FILE} ${LOCALDIR}", timeout=1, check=stop.check))


def pulls_by(tmp_path: Path, text: str) -> None:
    """Have the child run a program in the place of its ssh: its last word is the command for the parent."""
    program = tmp_path / "pulls"
    program.write_text(text)
    program.chmod(0o755)
    (tmp_path / "sshcmd").write_text(f"sshcmd = {program}\n")


WAITING = "#!/bin/sh\nprintf 'Password: ' >&2\nread -r answer\nexec sleep 600\n"
SLOW = """#!/bin/sh
sh -c "$1" | {
  while IFS= read -r line && printf '%s\n' "$line"; do case $line in *" begin") break ;; esac; done
  for n in 1 2 3 4 5 6 7 8 9 10; do dd bs=4096 count=1 iflag=fullblock 2>/dev/null; sleep 0.5; done
  cat
}
"""


def test_an_ssh_that_waits_for_an_answer_is_given_up(tmp_path: Path) -> None:
    """Whatever it asks, and whatever it takes for an answer: what it reads are the names for the parent."""
    pulls_by(tmp_path, WAITING)
    with pytest.raises(DeadlineError, match="c: sshcmd: for 2 s nothing came from m") as caught:
        bring(Direct(quiet=1), batch(Part, b"a"), ends(tmp_path, timeout=1))
    assert caught.value.transient


def test_a_pull_is_left_alone_as_long_as_something_comes(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    pulls_by(tmp_path, SLOW)
    monkeypatch.setitem(FILES, b"slow", os.urandom(41_000))
    made = batch(Part, b"slow")
    bring(Direct(quiet=1), made, ends(tmp_path, timeout=1))
    assert staged(tmp_path, made) == {b"slow": FILES[b"slow"]}


def test_a_signal_ends_the_waiting_for_a_pull(tmp_path: Path) -> None:
    pulls_by(tmp_path, WAITING)
    stop = Stop()
    stop.set(15)
    with pytest.raises(InterruptedRun):
        bring(Direct(), batch(Part, b"a"), ends(tmp_path, timeout=1, check=stop.check))


def test_a_child_takes_no_more_than_it_was_granted(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, server: Sshd) -> None:
    """Who counts the bytes decides when the next may come."""
    pulls_from(server, tmp_path)
    monkeypatch.setitem(FILES, b"big", os.urandom(3_000_001))
    made = batch(Part, b"big")
    part = tmp_path / "c" / ".sshsync" / "part" / made.name  # type: ignore[attr-defined]
    ahead: list[int] = []
    told: list[int] = []

    def moved(count: int) -> None:
        told.append(count)
        ahead.append(part.stat().st_size - sum(told))

    bring(Direct(), made, ends(tmp_path, moved=moved))
    assert max(ahead[:4]) < 1 << 19
    assert sum(told) == 3_000_001


def test_what_comes_in_vain_is_counted(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The chunk that broke is shorter the next time: so somebody has to know that it was under way."""
    pulls_by(tmp_path, '#!/bin/sh\nsh -c "$1" | head -c 40000\necho "client_loop: send disconnect: Broken pipe" >&2\nexit 255\n')
    monkeypatch.setitem(FILES, b"big", os.urandom(3_000_001))
    moved: list[int] = []
    kept: list[Span] = []
    made = batch(Part, b"big")
    with pytest.raises(ConnectionLostError, match="its connection to its parent broke off: .*client_loop"):
        Direct().fetch(made, made.spans, ends(tmp_path, moved=moved.append), kept.append)
    assert kept == []
    assert sum(moved) == 40_000 // 4096 * 4096


def test_a_file_that_became_longer_or_shorter_while_it_was_pulled_is_told_as_such(tmp_path: Path, server: Sshd) -> None:
    pulls_from(server, tmp_path)
    for size in (3, 9):
        made = batch(Part, b"a", size=size)
        with pytest.raises(SourceChangedError, match="shorter or longer"):
            bring(Direct(), made, ends(tmp_path))
