"""Hosts that lie: whatever they list, digest or send, nothing outside a child's root is touched and nothing crashes."""

import hashlib
import os
import shutil
from dataclasses import replace
from pathlib import Path

import pytest

from sshsync.api import Sync
from sshsync.errors import SshsyncError
from sshsync.hosts.session import Session
from sshsync.remote.scripts import Command, Script
from sshsync.transfers.load import Loose
from sshsync.transfers.scp import ByScp
from sshsync.transports.local import LocalTransport
from tests.conftest import configure
from tests.contract.test_strategies import batch, bring, ends, shell
from tests.values import some

pytestmark = pytest.mark.integration

OLD = 1_600_000_000
HEX = hashlib.sha256(b"forged").hexdigest().encode()


def record(name: bytes, mode: bytes = b"81a4", size: bytes = b"5", mtime: bytes = b"1600000000.5", ctime: bytes = b"1.5", inode: bytes = b"7") -> bytes:
    return b"TOKEN %s %s %s %s %s %s\n" % (mode, size, mtime, ctime, inode, name)


NAMES = [
    b"./../x", b"./..", b"./.", b"./", b".", b"..", b"", b"/etc/passwd", b"./a/../../x", b"./a/..", b"./a/../x", b"./a//b", b".//x", b"./a/",
    b"./a/./b", b"././x", b"./a\0b", b"./\0", b"./" + b"n" * 256, b"./" + b"n" * 255 + b"/" + b"m" * 256, b"./" + b"d/" * 2500 + b"x",
    b"./../.sshsync/x", b"./.sshsync/../x", b"./.sshsync/part/x", b"./.sshsync", b"./d/.sshsync/../../x", b"./link/owned", b"./link/../x",
    b"./-rf", b"./$(touch INJECTED)", b"./`touch INJECTED`", b"./;touch INJECTED", b"./x\nTOKEN", b"./x\r", b"./\x1b[2J", b"./\xe2\x80\xae", b"./\xff\xfe",
    b"./~root", b"./~", b"./*", b"./a' 'b", b'./"', b"./\\", b"./\\0057etc\\0057x", b"./%2e%2e/x", b"./..\\x", b"./...", b"./.. /x", b"a", b"-x",
    b"./A\n./b", b"./victim\n" + HEX + b"  ./victim", b"./con", b"./a:b", b"./a" + b"\n" * 500,
]  # fmt: skip
FIELDS = [
    record(b"./f", mode=b"zz"), record(b"./f", mode=b""), record(b"./f", mode=b"-1"), record(b"./f", mode=b"a1ff"), record(b"./f", mode=b"41ed"),
    record(b"./f", mode=b"11a4"), record(b"./f", mode=b"61b0"), record(b"./f", mode=b"c1ed"), record(b"./f", mode=b"8fff"), record(b"./f", mode=b"f" * 400),
    record(b"./f", size=b"-1"), record(b"./f", size=b"-"), record(b"./f", size=b"1e9"), record(b"./f", size=b"9" * 40), record(b"./f", size=b"9" * 5000),
    record(b"./f", size=b"0x10"), record(b"./f", size=b"0"), record(b"./f", mtime=b"nan"), record(b"./f", mtime=b"inf"), record(b"./f", mtime=b"1e400"),
    record(b"./f", mtime=b"-" + b"9" * 30), record(b"./f", mtime=b"9" * 30), record(b"./f", mtime=b"1.2.3"), record(b"./f", ctime=b"x"), record(b"./f", inode=b"x"),
    record(b"./f", inode=b"-1"), record(b"./f", inode=b"9" * 40), record(b"./f", mtime="١٢٣".encode()), record(b"./f", size="٣".encode()),
]  # fmt: skip
WHOLE = [
    b"", b"\n", b"TOKEN", b"TOKEN \n", b"TOKEN end 0\n", b"TOKEN end 7\n", b"TOKEN begin\n", b"garbage\n" * 100, b"\0" * 5000, b"\xff" * 5000,
    record(b"./a") * 2, record(b"./a") + record(b"./a", size=b"6"), record(b"./A") + record(b"./a"), record(b"./d") + record(b"./d/x"),
    record(b"./\xc3\xa9") + record(b"./e\xcc\x81"), b"".join(record(b"./%d" % n) for n in range(5000)), record(b"./a") + b"find: ./secret: Permission denied\n",
    record(b"./f")[:-1], record(b"./f")[:20], b"TOKEN 81a4 5 1 1 7\n", b"TOKEN 81a4 5 1 1 7 \n", b" TOKEN 81a4 5 1 1 7 ./f", record(b"./f").replace(b" ", b"  "),
    record(b"./f").replace(b" ", b"\t"), record(b"./f").upper(),
]  # fmt: skip
ROOTS = [
    b"", b"TOKEN root ROOT/../canary\n", b"TOKEN root relative\n", b"TOKEN root ROOT\nROOT/x\n", b"TOKEN root \0\n", b"TOKEN root ROOT/.\n", b"TOKEN root ROOT/\n",
    b"TOKEN root\n", b"TOKEN root ROOT\nTOKEN root ROOT/../canary\n", b"TOKEN left ../x\nTOKEN root ROOT\n",
]  # fmt: skip
LEFT = [b"TOKEN root ROOT\nTOKEN left " + name + b"\n" for name in (b"../../canary", b"lease/" + b"x" * 9999, b"lease/../..", b"\0", b"part/a\nTOKEN end 0\n")]
HERE = b"TOKEN root ROOT\n"
LISTINGS = [*(HERE + found for found in (*(record(name) for name in NAMES), *FIELDS, *WHOLE)), *ROOTS, *LEFT]
TEMPLATE_LISTINGS = [
    b"../x\n", b"/etc/passwd\n", b"ROOT/../x\n", b"ROOT/a/../../x\n", b"ROOT\n", b"ROOT/\n", b"ROOT//x\n", b"ROOT/./x\n", b"ROOT/a/\n", b"ROOTx/y\n", b"\n", b"\0\0",
    b"ROOT/a\0ROOT/../x\0", b"ROOT/a\nROOT/a\n", b"ROOT/.sshsync/../x\n", b"ROOT/link/owned\n", b"ROOT/" + b"n" * 300 + b"\n", b"ROOT/x\r\n", b"relative\n",
    b"ROOT/a\n\nROOT/b\n", b"ROOT/\xff\n", b"ROOT/$(touch INJECTED)\n", b"\xff" * 1000, b"ROOT/a",
]  # fmt: skip
DIGESTS = [
    b"", b"\n", HEX + b"  ./victim\n", HEX + b"  ./a\n" + b"0" * 64 + b"  ./a\n", HEX[:40] + b"  ./victim\n", b"\\" + HEX + b"  ./victim\n", HEX.upper() + b"  ./victim\n",
    HEX + b"  ./../canary\n", HEX + b"  ./never-asked-for\n", HEX + b" *./victim\n", b"g" * 64 + b"  ./victim\n", HEX * 1000 + b"  ./victim\n", b"'NONE'\n", b"\0" * 1000,
]  # fmt: skip


OWNED = b"OWNED"
DIGEST = hashlib.sha256(OWNED).hexdigest()
CONSISTENT = {
    "stat": "while IFS= read -r e; do d \"$e\"; printf '%s 81a4 5 1600000000 1 7 ./%s\\n' \"$TOKEN\" \"$v\"; done",
    "digest": f"while IFS= read -r e; do d \"$e\"; printf '{DIGEST}  ./%s\\n' \"$v\"; done",
    "digest-odd": f"while IFS= read -r e; do printf '%s {DIGEST}  -\\n' \"$TOKEN\"; done",
    "read": f"while IFS= read -r e; do printf {OWNED.decode()}; done",
}
"""A parent that stands by what it listed: size, digest and bytes fit each other, whatever the name."""


class Hostile(LocalTransport):
    """A host that answers one script as it likes, framed as it should be, and stands by it if it is a parent."""

    def __init__(self, script: str, payload: bytes, directory: Path, root: Path, *, stands: bool) -> None:
        super().__init__()
        self._script = script
        self._answer = directory / "answer"
        self._payload = payload.replace(b"ROOT", os.fsencode(root))
        self._consistent = CONSISTENT if stands and script in ("list", "template-list") else {}

    def open(self, command: Command, idle: float):
        name = command.script.name
        if name in self._consistent:
            return super().open(Command(Script(name, f"main() {{ {self._consistent[name]}; }}\n"), command.variables), idle)
        if name != self._script:
            return super().open(command, idle)
        self._answer.write_bytes(self._payload.replace(b"TOKEN", command.variables["TOKEN"]))
        lying = Script(name, 'main() { cat "$ANSWER"; cat >/dev/null; }\n')
        return super().open(Command(lying, {**command.variables, "ANSWER": os.fsencode(self._answer)}), idle)


def fingerprint(place: Path, *, without: Path) -> str:
    """Hash everything below a place but one tree: names, kinds, bytes, modes, targets of links."""
    made = hashlib.sha256()
    for base, directories, files in os.walk(place):
        directories[:] = sorted(d for d in directories if Path(base, d) != without)
        for name in sorted([*files, *directories]):
            path = Path(base, name)
            seen = path.lstat()
            content = os.readlink(path).encode() if path.is_symlink() else path.read_bytes() if path.is_file() else b""
            made.update(repr((str(path), seen.st_mode, seen.st_uid, content)).encode())
    return made.hexdigest()


def linked(name: bytes, target: bytes) -> bytes:
    return record(name, mode=b"a1ff") + b"TOKEN link %s\nTOKEN leads %s\n" % (name, target)


TARGETS = [
    b"../canary", b"..", b"/etc", b"/", b"d/../../canary", b"./..", b".//../canary", b"", b"\0", b"x" * 5000, b"x/" * 3000, b"a", b"a\n", b"a\n\nb", b"\xff", b"d", b".",
    b".sshsync", b".sshsync/part", b"TOKEN end 0\n", b"\nTOKEN link ./z\nTOKEN leads ../canary", b"$(touch INJECTED)", b"-rf", b"\\0057etc", b"l", b"victim",
]  # fmt: skip
LINKED = [
    *(HERE + linked(name, b"a") for name in NAMES),
    *(HERE + linked(b"./l", target) for target in TARGETS),
    *(HERE + linked(name, b"../../canary") for name in (b"./d/l", b"./d/e/l", b"./d/../l")),
    HERE + linked(b"./d/up", b"..") + linked(b"./out", b"d/up/../canary"),
    HERE + linked(b"./d", b"..") + linked(b"./d/l", b"../canary") + record(b"./d/x"),
    HERE + linked(b"./d", b".") + record(b"./d/x"),
    HERE + record(b"./victim") + linked(b"./victim", b"a"),
    HERE + linked(b"./victim", b"a") + record(b"./a"),
    HERE + linked(b"./kept", b"../canary"),
    HERE + linked(b"./l", b"a") * 2,
    HERE + record(b"./l", mode=b"a1ff"),
    HERE + b"TOKEN leads ../canary\n",
    HERE + b"TOKEN link ./l\n",
]
"""Links that a host tells of."""
CASES = [
    *(("list", payload, "") for payload in LISTINGS),
    *(("template-list", HERE + b"TOKEN listed\n" + payload, "listcmd = find ${REPOPATH} -type f\n") for payload in TEMPLATE_LISTINGS),
    *(("digest", payload, "") for payload in DIGESTS),
    *(("template-list", payload + b"TOKEN listed\nROOT/a\n", "listcmd = find ${REPOPATH} -type f\n") for payload in ROOTS),
]


@pytest.mark.parametrize("liar", ["m", "c"])
def test_whatever_a_host_answers_only_the_childs_root_changes(tmp_path: Path, liar: str, figure) -> None:
    tried = some(CASES, 3)
    for number, (script, payload, template) in enumerate(tried):
        place = tmp_path / str(number)
        one(place, liar, script, payload, template)
    figure(f"hostile answers of a {'parent' if liar == 'm' else 'child'}", len(tried))


@pytest.mark.parametrize("liar", ["m", "c"])
def test_whatever_links_a_host_lists_none_is_made_that_leads_out_of_the_childs_root(tmp_path: Path, liar: str, figure) -> None:
    made, tried = 0, some(LINKED, 3)
    for number, payload in enumerate(tried):
        place = tmp_path / str(number)
        one(place, liar, "list", payload, "links = copy\nexclude = /link\n")
        root = place / "hosts" / "c"
        for path in root.rglob("*"):
            leads = os.path.realpath(path)
            made += path.is_symlink() and path.name != "link"
            assert path.name == "link" or leads == str(root) or leads.startswith(f"{root}/"), (payload[:200], path)
    assert (made * len(LINKED) > 30 * len(tried)) is (liar == "m"), f"{made} links were made"
    figure(f"hostile links of a {'parent' if liar == 'm' else 'child'}", len(tried))


def test_there_are_more_than_a_hundred_hostile_listings() -> None:
    assert len(LISTINGS) + len(TEMPLATE_LISTINGS) >= 100


def one(place: Path, liar: str, script: str, payload: bytes, template: str) -> None:
    roots = {name: place / "hosts" / name for name in ("m", "c")}
    for root in roots.values():
        root.mkdir(parents=True)
    canary = place / "hosts" / "canary"
    canary.mkdir()
    (canary / "owned").write_bytes(b"canary")
    for name, data in (("victim", b"real content"), ("a", b"alpha"), ("d/x", b"x")):
        (roots["m"] / name).parent.mkdir(exist_ok=True)
        (roots["m"] / name).write_bytes(data)
        os.utime(roots["m"] / name, (OLD, OLD))
    (roots["c"] / "victim").write_bytes(b"old content")
    (roots["c"] / "kept").write_bytes(b"kept")
    (roots["c"] / "link").symlink_to(canary)
    before = fingerprint(place / "hosts", without=roots["c"])
    config = configure(
        f"log_file = none\n[DEFAULT]\nstable_for = 0\nretries = 1\ntransport = local\ndelete = yes\n"
        f"[m]\npath = {roots['m']}\n{template}[c]\nparent = m\npath = {roots['c']}\n{template}",
        place / "state",
    )
    shells = {"m": "/bin/sh", "c": "/bin/dash"}

    def reach(host, _pool):
        mine = host.shell == shells[liar]
        return Hostile(script, payload, place, roots[liar], stands=liar == "m") if mine else LocalTransport(host.shell)

    tree = config.tree
    moved = {name: replace(r, host=replace(r.host, shell=shells[name], timeout=5)) for name, r in tree.repositories.items()}
    config = replace(config, tree=replace(tree, repositories=moved))
    with Sync(config, transports=dict.fromkeys(("ssh", "local"), reach)) as sync:
        result = sync.run([["c"]])
    where = (script, payload[:200])
    assert result.exit_code in (0, 6, 7, 9, 10, 75), (where, result)
    assert fingerprint(place / "hosts", without=roots["c"]) == before, where
    for job in result.report.jobs:
        assert job.error.isprintable(), where
        assert all(problem.reason.isprintable() for problem in job.problems), where
    assert (roots["c"] / "link").is_symlink(), where
    assert not list(place.rglob("INJECTED")), where
    if liar == "c":
        offered = {b"victim": b"real content", b"a": b"alpha", b"d/x": b"x"}
        for name, data in offered.items():
            file = roots["c"] / os.fsdecode(name)
            if file.is_file():
                assert file.read_bytes() in (data, b"old content"), where


SCP = [
    b"", b"C", b"C0644", b"C0644 5\n", b"C0644 5 a\nalpha", b"C0644 99999999999999 a\nalpha\0", b"C0644 -5 a\nalpha\0", b"C0644 4 a\nalph\0", b"C0644 6 a\nalpha!\0",
    b"C0644 5 ../../canary\nALPHA\0C0644 5 ../x\nOWNED\0", b"C0644 5 /etc/x\nALPHA\0", b"D0755 0 ..\nC0644 5 owned\nALPHA\0E\n", b"D0755 0 x\nD0755 0 y\nE\nE\nE\nE\n",
    b"T1 0 1 0\nC0644 5 a\nALPHA\0", b"Tx\n", b"\x01scp: \x1b[31mno such file\n", b"\x02fatal\n", b"E\n" * 50, b"garbage\n", b"\xff" * 5000, b"C0644 " + b"9" * 5000 + b" a\n", b"Cabc 5 a\n",
    b"C0644 5 " + b"n" * 5000 + b"\nALPHA\0",
]  # fmt: skip


FLOODS = {
    "one file": b"printf 'C0644 99999999999 a\\n'; exec %s" % os.fsencode(str(shutil.which("yes"))),
    "many files": b"printf 'D0755 0 x\\n'; i=0; while :; do i=$((i+1)); printf 'C0644 5 f%s\\nALPHA\\0' $i; done",
    "many directories": b"while :; do printf 'D0755 0 x\\n'; done",
    "many times": b"while :; do printf 'T1 0 1 0\\n'; done",
}


@pytest.mark.parametrize("size", [0, 5])
@pytest.mark.parametrize("flood", FLOODS)
def test_an_endless_scp_fills_no_disk(tmp_path: Path, flood: str, size: int) -> None:
    (tmp_path / "no-cat").mkdir()
    both = ends(tmp_path)

    class Flooding(LocalTransport):
        def open(self, command: Command, idle: float):
            if command.script.name != "scp-send":
                return super().open(command, idle)
            return super().open(Command(Script("scp-send", f"main() {{ {FLOODS[flood].decode()}; }}\n"), command.variables), idle)

    lying = Session(Flooding(shell(tmp_path)), 3)
    spool = tmp_path / "spool"

    cheated = type(both)(both.parent, both.child, lying, both.target, both.source_root, both.target_root)
    with pytest.raises(SshsyncError):
        bring(ByScp(spool), batch(Loose, b"a", size=size), cheated)
    assert not list(spool.iterdir()), "nothing of it is left"
    lying.close()


@pytest.mark.parametrize("payload", SCP, ids=lambda payload: repr(payload[:40]))
def test_whatever_a_parents_scp_sends_stays_in_the_spool_and_is_verified(tmp_path: Path, payload: bytes) -> None:
    (tmp_path / "no-cat").mkdir()
    both = ends(tmp_path)

    class Lying(LocalTransport):
        def open(self, command: Command, idle: float):
            if command.script.name != "scp-send":
                return super().open(command, idle)
            (tmp_path / "answer").write_bytes(payload)
            program = Script("scp-send", f"main() {{ {shutil.which('cat')} {tmp_path}/answer; exit 0; }}\n")
            return super().open(Command(program, command.variables), idle)

    lying = Session(Lying(shell(tmp_path)), 3)
    spool = tmp_path / "spool"
    cheated = type(both)(both.parent, both.child, lying, both.target, both.source_root, both.target_root)
    made = batch(Loose, b"a")
    outside = tmp_path / "m"
    before = fingerprint(tmp_path, without=tmp_path / "c")
    try:
        bring(ByScp(spool), made, cheated)
    except SshsyncError as error:
        assert str(error).isprintable()
    else:
        staged = tmp_path / "c" / ".sshsync" / "batch" / made.attempt / "a"
        assert staged.stat().st_size == 5, "what arrives is judged by its digest afterwards"
    (tmp_path / "answer").unlink(missing_ok=True)
    assert not list(spool.iterdir())
    spool.rmdir()
    assert fingerprint(tmp_path, without=tmp_path / "c") == before
    assert outside.is_dir()
