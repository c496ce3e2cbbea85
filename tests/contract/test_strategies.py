"""One contract for every strategy: the batch is in staging afterwards, invisible, or an error says why."""

import os
import shutil
from pathlib import Path

import pytest

from sshsync.core.batch import Batch, Form
from sshsync.errors import CommandError, DeadlineError, InterruptedRun, SshsyncError, StorageFullError
from sshsync.model.change import Copy
from sshsync.model.item import Item, Stamp
from sshsync.transfers.base import Ends, Strategy
from sshsync.transfers.command import ByCommand
from sshsync.transfers.relay import Relay
from sshsync.transfers.scp import ByScp
from sshsync.transports.local import LocalTransport
from sshsync.transports.retrying import Stop
from sshsync.transports.session import Session, failure
from tests.conftest import configure
from tests.sshd import require

FILES = {b"a": b"alpha", b"d/e/b": b"beta", b"empty": b""}
TEXT = """
[m]
transport = local
path = {m}
[c]
transport = local
path = {c}
parent = m
synccmd = {command}
"""
COPY = "cp -p ${REMOTEDIR}/${FILE} ${LOCALDIR}/${FILE}"


WAYS = {"pack": Form.PACK, "part": Form.PART, "command": Form.COMMAND, "scp": Form.SCP, "scp both ways": Form.SCP}


@pytest.fixture(params=WAYS)
def way(request: pytest.FixtureRequest, tmp_path: Path) -> tuple[Form, Strategy]:
    form = WAYS[request.param]
    if form is Form.SCP:
        require(bool(shutil.which("scp")), "scp")
    if request.param == "scp both ways":
        (tmp_path / "no-cat").mkdir()
    made = {Form.COMMAND: ByCommand, Form.SCP: lambda: ByScp(tmp_path / "spool")}.get(form, Relay)
    return form, made()


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
    found = configure(TEXT.format(m=m, c=c, command=command), tmp_path).tree.repositories
    source, target = (Session(LocalTransport(shell(tmp_path)), timeout) for _ in range(2))
    return Ends(found["m"], found["c"], source, target, os.fsencode(m), os.fsencode(c), **more)  # type: ignore[arg-type]


def batch(form: Form, *keys: bytes, size: int | None = None) -> Batch:
    def change(key: bytes) -> Copy:
        length = len(FILES[key]) if size is None else size
        return Copy(Item(key, "sha256:" + key.hex().zfill(4), Stamp(length, 10**18, 0, 0)))

    return Batch(form, tuple(change(key) for key in keys))


def staged(tmp_path: Path, made: Batch) -> dict[bytes, bytes]:
    top = tmp_path / "c" / ".sshsync"
    if made.form is Form.PART:
        return {made.changes[0].key: (top / "part" / made.part).read_bytes()}
    root = top / "batch" / made.id
    return {os.fsencode(f.relative_to(root)): f.read_bytes() for f in root.rglob("*") if f.is_file()}


def test_the_batch_is_in_staging_and_nowhere_else(way, tmp_path: Path) -> None:
    form, strategy = way
    moved: list[int] = []
    keys = (b"d/e/b",) if form is Form.PART else tuple(FILES)
    made = batch(form, *keys)
    strategy.stage(made, ends(tmp_path, moved=moved.append))
    assert staged(tmp_path, made) == {key: FILES[key] for key in keys}
    assert [p.name for p in (tmp_path / "c").iterdir()] == [".sshsync"]
    assert sum(moved) == made.size


def test_staging_again_is_safe(way, tmp_path: Path) -> None:
    form, strategy = way
    made = batch(form, b"a")
    both = ends(tmp_path)
    strategy.stage(made, both)
    strategy.stage(made, both)
    assert staged(tmp_path, made) == {b"a": b"alpha"}


def test_a_file_that_is_gone_is_an_error(way, tmp_path: Path) -> None:
    form, strategy = way
    both = ends(tmp_path)
    (tmp_path / "m" / "a").unlink()
    with pytest.raises(SshsyncError):
        strategy.stage(batch(form, b"a"), both)


@pytest.mark.parametrize("size", [3, 9])
@pytest.mark.parametrize("way", [name for name in WAYS if name != "command"], indirect=True)
def test_a_file_of_another_size_is_an_error(way, tmp_path: Path, size: int) -> None:
    form, strategy = way
    with pytest.raises(SshsyncError, match="shorter|longer|5 bytes now"):
        strategy.stage(batch(form, b"a", size=size), ends(tmp_path))


@pytest.mark.parametrize("size", [3, 9])
def test_what_a_command_fetched_is_known_by_its_digest_only(tmp_path: Path, size: int) -> None:
    made = batch(Form.COMMAND, b"a", size=size)
    ByCommand().stage(made, ends(tmp_path))
    assert staged(tmp_path, made) == {b"a": b"alpha"}


ODD = [b"line\nfeed", b"-rf", b"$(touch INJECTED)", b"\xff\xfe", b"d/sp ace's", b"back\\", b"C0644 3 x\n", b"*", b"end\n"]


def test_any_name_is_carried_byte_for_byte(way, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    form, strategy = way
    monkeypatch.setitem(FILES, b"a", b"alpha")
    for name in ODD:
        monkeypatch.setitem(FILES, name, b"content of " + name)
    both = ends(tmp_path)
    for keys in [(name,) for name in ODD] if form is Form.PART else [tuple(ODD)]:
        made = batch(form, *keys)
        strategy.stage(made, both)
        assert staged(tmp_path, made) == {key: FILES[key] for key in keys}
    assert not list(tmp_path.rglob("INJECTED"))


def test_a_big_file(way, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    form, strategy = way
    monkeypatch.setitem(FILES, b"big", os.urandom(3_000_001))
    made = batch(form, b"big")
    strategy.stage(made, ends(tmp_path))
    assert staged(tmp_path, made) == {b"big": FILES[b"big"]}


def test_a_host_without_scp_says_so(tmp_path: Path) -> None:
    (tmp_path / "no-cat").mkdir()
    both = ends(tmp_path)
    (tmp_path / "no-cat" / "scp").unlink()
    (tmp_path / "no-cat" / "cat").symlink_to(str(shutil.which("cat")))
    with pytest.raises(CommandError, match="scp.*not found"):
        ByScp(tmp_path).stage(batch(Form.SCP, b"a"), both)


def test_a_disk_of_the_child_that_refuses_is_told_in_its_own_words(tmp_path: Path) -> None:
    require(Path("/dev/full").exists(), "/dev/full")
    both = ends(tmp_path)
    made = batch(Form.SCP, b"a")
    wrapper = tmp_path / "bin" / "scp"
    wrapper.parent.mkdir()
    wrapper.write_text("#!/bin/sh\nprintf '\\001scp: ./a: No space left on device\\n'\n")
    wrapper.chmod(0o755)
    (tmp_path / "shell").write_text(f'#!/bin/sh\nPATH={wrapper.parent}:$PATH exec /bin/sh "$@"\n')
    (tmp_path / "shell").chmod(0o755)
    full = Ends(both.parent, both.child, both.source, Session(LocalTransport(str(tmp_path / "shell")), 10), both.source_root, both.target_root)
    with pytest.raises(StorageFullError, match="No space left on device"):
        ByScp(tmp_path).stage(made, full)


@pytest.mark.parametrize(
    ("said", "hint"), [(b"mkdir: .sshsync: Read-only file system", "make it writable"), (b"cat: No space left on device", "free space there")]
)
def test_what_a_disk_refuses_is_told_with_what_helps(said: bytes, hint: str) -> None:
    error = failure("host", "looking for room", 1, said)
    assert isinstance(error, StorageFullError)
    assert error.hint.startswith(hint)
    assert error.hint.endswith("then run again")


def test_what_a_command_says_is_kept_for_the_item(tmp_path: Path) -> None:
    said: dict[bytes, str] = {}
    command = "[ ${FILE} = a ] || cp ${REMOTEDIR}/${FILE} ${LOCALDIR}/${FILE}; echo words about ${FILE}; [ ${FILE} != a ]"
    ByCommand().stage(batch(Form.COMMAND, *FILES), ends(tmp_path, command, complain=said.__setitem__))
    assert said == {b"a": "words about a"}


def test_a_dropped_connection_of_a_command_is_temporary(tmp_path: Path) -> None:
    command = "echo kex_exchange_identification: Connection closed by remote host ${FILE} ${LOCALDIR} >&2; false"
    with pytest.raises(CommandError) as caught:
        ByCommand().stage(batch(Form.COMMAND, b"a"), ends(tmp_path, command))
    assert caught.value.transient


def test_a_command_sees_its_variables_as_single_words(tmp_path: Path) -> None:
    command = "printf '<%s>' ${REMOTEUSER} ${REMOTEHOST} ${REMOTEPORT} ${LOCALUSER} ${LOCALHOST} ${FILE} > ${LOCALDIR}/${FILE}"
    made = batch(Form.COMMAND, b"a")
    ByCommand().stage(made, ends(tmp_path, command))
    assert staged(tmp_path, made) == {b"a": b"<tester><localhost><22><tester><localhost><a>"}


def test_a_command_has_no_input_and_cannot_forge_results(tmp_path: Path) -> None:
    command = "cat; echo ${TOKEN}forged; cp ${REMOTEDIR}/${FILE} ${LOCALDIR}/${FILE}"
    made = batch(Form.COMMAND, *FILES)
    ByCommand().stage(made, ends(tmp_path, command))
    assert staged(tmp_path, made) == FILES


def test_a_command_is_left_alone_as_long_as_its_files_grow(tmp_path: Path) -> None:
    command = "for i in 1 2 3 4 5 6 7 8 9 10; do sleep 0.5; printf x; done > ${LOCALDIR}/${FILE}"
    made = batch(Form.COMMAND, b"a")
    ByCommand(quiet=1).stage(made, ends(tmp_path, command, timeout=1))
    assert staged(tmp_path, made) == {b"a": b"x" * 10}


def test_a_command_that_makes_room_first_is_left_alone_too(tmp_path: Path) -> None:
    """Its file has its size from the beginning: what is written into it shows in its time."""
    command = "cd ${LOCALDIR}; truncate -s 100 ${FILE}; for i in 1 2 3 4 5 6 7 8 9 10; do sleep 0.5; printf x 1<>${FILE}; done"
    made = batch(Form.COMMAND, b"a")
    ByCommand(quiet=1).stage(made, ends(tmp_path, command, timeout=1))
    assert staged(tmp_path, made)[b"a"].startswith(b"x\0")


def test_commands_that_end_one_after_the_other_are_left_alone(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    for n in range(16):
        monkeypatch.setitem(FILES, b"f%02d" % n, b"")
    made = batch(Form.COMMAND, *(key for key in FILES if key.startswith(b"f")))
    ByCommand(quiet=1).stage(made, ends(tmp_path, "sleep 1; : ${FILE} ${LOCALDIR}", timeout=1))


def test_a_command_that_does_nothing_is_given_up(tmp_path: Path) -> None:
    command = "printf x > ${LOCALDIR}/${FILE}; sleep 600"
    with pytest.raises(DeadlineError, match="c: synccmd: for 2 s none of its files in staging changed") as caught:
        ByCommand(quiet=1).stage(batch(Form.COMMAND, b"a"), ends(tmp_path, command, timeout=1))
    assert caught.value.transient


def test_a_signal_ends_the_waiting_for_a_command(tmp_path: Path) -> None:
    stop = Stop()
    stop.set(15)
    with pytest.raises(InterruptedRun):
        ByCommand().stage(batch(Form.COMMAND, b"a"), ends(tmp_path, "sleep 600; : ${FILE} ${LOCALDIR}", timeout=1, check=stop.check))
