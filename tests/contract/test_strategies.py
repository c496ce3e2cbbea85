"""One contract for every strategy: the batch is in staging afterwards, invisible, or an error says why."""

import os
from pathlib import Path

import pytest

from sshsync.core.batch import Batch, Form
from sshsync.errors import CommandError, SshsyncError
from sshsync.model.change import Change, Kind
from sshsync.model.item import Item, Stamp
from sshsync.transfers.base import Ends, Strategy
from sshsync.transfers.command import ByCommand
from sshsync.transfers.relay import Relay
from sshsync.transports.local import LocalTransport
from sshsync.transports.session import Session
from tests.conftest import configure

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


@pytest.fixture(params=[(Form.PACK, Relay), (Form.PART, Relay), (Form.COMMAND, ByCommand)], ids=["pack", "part", "command"])
def way(request: pytest.FixtureRequest) -> tuple[Form, Strategy]:
    form, make = request.param
    return form, make()


def ends(tmp_path: Path, command: str = COPY, **more: object) -> Ends:
    m, c = tmp_path / "m", tmp_path / "c"
    for root in (m, c):
        root.mkdir(exist_ok=True)
    for key, data in FILES.items():
        file = Path(os.fsdecode(os.path.join(os.fsencode(m), key)))
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_bytes(data)
    found = configure(TEXT.format(m=m, c=c, command=command), tmp_path).tree.repositories
    source, target = Session(LocalTransport(), 10), Session(LocalTransport(), 10)
    return Ends(found["m"], found["c"], source, target, os.fsencode(m), os.fsencode(c), **more)  # type: ignore[arg-type]


def batch(form: Form, *keys: bytes, size: int | None = None) -> Batch:
    def change(key: bytes) -> Change:
        length = len(FILES[key]) if size is None else size
        return Change(Kind.COPY, key, None, Item(key, "sha256:" + key.hex().zfill(4), Stamp(length, 10**18, 0, 0)))

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
def test_a_relayed_file_of_another_size_is_an_error(tmp_path: Path, size: int) -> None:
    for form in (Form.PACK, Form.PART):
        with pytest.raises(SshsyncError, match="shorter|longer"):
            Relay().stage(batch(form, b"a", size=size), ends(tmp_path))


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
