"""Every script is safe to repeat: run twice with the first answer lost, it gives the same end, on every set of tools."""

import gzip
import io
import os
import re
import shutil
import stat
import subprocess
import sys
import tarfile
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from pathlib import Path

import pytest

from sshsync.hosts.conversation import new_token
from sshsync.hosts.session import Session
from sshsync.remote import encode, scripts
from sshsync.remote.scripts import Command
from sshsync.transports.local import LocalTransport
from tests.integration.conftest import OLD
from tests.sshd import require

pytestmark = [pytest.mark.integration, pytest.mark.timeout(120)]

FILES = {"a": b"alpha", "d/b c": b"beta", "d/e/'$(x)": b"odd", "d/e/f": b"", "only/here/x": b"x", "only/y": b"y"}
STAGED = {"a": b"ALPHA", "d/b c": b"BETA", "new/deep/z": b"zeta"}
BIG = b"big" * 1000


def lines(*names: str) -> bytes:
    return encode.lines(map(os.fsencode, names))


def groups(*named: tuple[str, list[str]]) -> bytes:
    """Return directories with the names in them, as what publishes and deletes reads them."""
    made = b""
    for directory, names in named:
        made += b"G" + lines(directory) + b"".join(b"F" + lines(name) for name in names)
    return made


def ready(more: bytes = b"") -> bytes:
    """Return what a publication makes ready before its first flush, and the batch that names follow of."""
    return b"B" + BATCH + b"\n" + more + b"S\nB" + BATCH + b"\n"


def keeping(before: bytes, *names: str) -> bytes:
    """Return the same with names that are put aside."""
    first, _, rest = before.partition(b"S\n")
    return first + b"S\n" + b"".join(b"K" + lines(name) for name in names) + b"S\n" + rest


def archive(files: dict[str, bytes]) -> bytes:
    made = io.BytesIO()
    with tarfile.open(fileobj=made, mode="w", format=tarfile.GNU_FORMAT) as out:
        for name, data in files.items():
            entry = tarfile.TarInfo(f"./{name}")
            entry.size, entry.mode, entry.mtime = len(data), 0o640, OLD
            out.addfile(entry, io.BytesIO(data))
    return made.getvalue()


def compressed(data: bytes) -> bytes:
    return gzip.compress(data, 1)


@dataclass(frozen=True)
class Row:
    """What a script is given, beside ROOT, the words of stat and the token.

    `staged`, `part` and `kept` are put below ``batch/B``, ``part/P`` and ``replaced`` before, beside FILES in the root; of a part that is
    `marked` somebody says that he writes there.
    """

    variables: dict[str, bytes] = field(default_factory=dict)
    stdin: bytes = b""
    staged: dict[str, bytes] = field(default_factory=dict)
    part: bytes = b""
    kept: dict[str, bytes] = field(default_factory=dict)
    hollow: str = ""
    marked: bool = False
    raw: bool = False
    root: str = ""
    links: dict[str, str] = field(default_factory=dict)


GROUPS = [group for group in os.getgroups() if group != os.getgid()] or [1] * (os.geteuid() == 0)
"""Groups to which this account may give its files and has not."""
BATCH, PART = b"0" * 31 + b"b", b"0" * 63 + b"a"
PUT = b"P" + PART + b"\nN"
NAMES = lines("a", "d/b c", "d/e/'$(x)", "d/e/f")
ALL = groups((".", ["a"]), ("d", ["b c"]), ("new/deep", ["z"]))
MARKS = b"600 202001020304.05 a\n755 197001010000.00 d/b c\n"
PLAN = b"F 4 a\nC 0 1 0 4\nL 0 3\nF 2 d/b c\nC 0 0 0 2\nC 0 0 0 1\nL 0 3\n.\n" + b"newest"
MAKING = b"T 640 1500000000 z\nF 4 a\nC 0 1 0 4\nL 0 3\nT 600 7 new/deep/x\nF 2 d/b c\nC 0 0 0 2\nT 600 7 lost\nF 2 gone\nC 0 0 0 2\nL 0 1\nT 644 9 y\nL 0 2\n.\nnewest"


def program(forms: dict[str, scripts.Foreign]) -> dict[str, bytes]:
    """Return what makes a host run our program in Python, wherever that lies."""
    ran = {**forms["python3"].variables}
    return {**ran, "RUN": ran["RUN"].replace(b"python3", os.fsencode(os.path.join(sys.prefix, "bin", "python3")))}


FETCHING = {
    "BATCH": BATCH, "TEMPLATE": b"cat \"$REMOTEDIR/$FILE\" >\"$LOCALDIR/$FILE\"", "SECRETS": b"", "WIDTH": b"4", "REMOTEHOST": b"h",
    "REMOTEPORT": b"22", "REMOTEUSER": b"u", "LOCALHOST": b"l", "LOCALUSER": b"v",
}  # fmt: skip



def printed(payload: bytes, grants: bytes, asked: bytes = b"") -> bytes:
    """Return the input of what pulls: a command that prints a payload as a program of ours does, what it reads, what is granted."""
    line = b"printf '%s\\n' noise 'T2 begin'; cat >/dev/null; printf '%s' '" + payload + b"'; printf '\\n%s end 0\\n' T2"
    return encode.lines([line]) + asked + b".\n" + grants + b".\n"


PULLED = {**FETCHING, "PART": PART, "WRITER": b"1", "SSHCMD": b"sh -c", "THEIRS": b"T2"}
ASSEMBLED = {"PART": PART, "WRITER": b"w"}
STORED = {"PART": PART, "BLOCKS": b"0", "REST": b"0", "WRITER": b"0"}

LINKED = {"BATCH": BATCH}
LINKS = {"l": "a", "d/l": "../a", "new/er/l": "../..", "line\nfeed": "a\nb\n", "'\"": "$(touch INJECTED)", "-rf": "-rf", "\udcff": "\udcfe\n\n", " x ": " x ", "loop": "loop", "odd": "TOKEN end 0"}


def linked(**sorts: dict[str, str]) -> bytes:
    """Return links as what makes them reads them, by whether they may take the place of a file."""
    return b"".join(b"T" + lines(target) + letter.encode() + lines(name) for letter, links in sorts.items() for name, target in links.items())


ROWS: dict[str, Row] = {
    "probe": Row(),
    "list": Row({"MAKE": b"no"}, staged=STAGED, part=BIG),
    "list that goes compressed": Row({"MAKE": b"no", "PACK": b"gzip"}, staged=STAGED, part=BIG),
    "list by stat": Row({"MAKE": b"no", "PRINT": b""}, staged=STAGED, part=BIG),
    "list with links": Row({"MAKE": b"no", "LINKS": b"readlink"}, staged=STAGED, links=LINKS),
    "list with links by perl": Row({"MAKE": b"no", "PRINT": b"", "LINKS": b"perl -le print(readlink(shift))"}, links=LINKS),
    "list with links by stat": Row({"MAKE": b"no", "PRINT": b"", "LINKS": b"readlink"}, links=LINKS),
    "list of a root that is made": Row({"MAKE": b"yes"}, root="made/below"),
    "below": Row({"BELOW": b"."}),
    "stat": Row(stdin=NAMES),
    "stat of what is gone": Row(stdin=lines("a", "gone")),
    "digest": Row({"BELOW": b".", "TOOL": b"sha256sum"}, NAMES),
    "digest by thousands": Row({"BELOW": b".", "TOOL": b"sha256sum", "XARGS": b"yes"}, encode.whole([b"a", b"d/b c", b"gone"])),
    "digest-odd": Row({"BELOW": b".", "TOOL": b"sha256sum"}, NAMES),
    "chunks": Row({"BELOW": b".", "TOOL": b"sha256sum", "DIGITS": b"16"}, b"0 1 2 1 3 ./a/\n0 0 65536 1 1 ./d/b c/\n0 0 4096 2 2 ./gone/\n"),
    "pieces": Row({"BELOW": b".", "DIGEST": b"sha1", **program(scripts.CUTTERS)}, b"1 9 2 2 0 ./a/\n0 9 4 9 1 ./d/b c/\n0 9 4 9 1 ./gone/\n"),
    "template-list": Row({"TEMPLATE": b"find ${REPOPATH} -type f"}),
    "template-digest": Row({"BELOW": b".", "TEMPLATE": b"sha256sum ${FILEPATH}"}, NAMES),
    "hook": Row({"TEMPLATE": b"mkdir -p $REPOPATH/made && echo done >$REPOPATH/made/x"}),
    "read": Row(stdin=NAMES),
    "ranges": Row(stdin=b"0 1 0 3 ./a/\n0 0 0 4 ./d/b c/\n"),
    "assemble": Row({**ASSEMBLED, "SIZE": b"6"}, PLAN),
    "assemble into what is there": Row({**ASSEMBLED, "SIZE": b"6"}, PLAN, part=b"half"),
    "assemble of what is gone": Row({**ASSEMBLED, "SIZE": b"0"}, b"F 0 gone\nC 0 0 0 1\n.\n"),
    "assemble of too little": Row({**ASSEMBLED, "SIZE": b"0"}, b"F 8 a\nC 0 0 0 9\n.\n"),
    "assemble without an end": Row({**ASSEMBLED, "SIZE": b"0"}, b"F 4 a\nC 0 0 0 5\n"),
    "assemble-by": Row({**ASSEMBLED, **program(scripts.ASSEMBLERS)}, PLAN),
    "assemble-by of too little": Row({**ASSEMBLED, **program(scripts.ASSEMBLERS)}, b"F 8 a\nC 0 0 0 9\n.\n"),
    "read by thousands": Row({"XARGS": b"yes"}, encode.whole([b"a", b"d/b c", b"d/e/'$(x)"])),
    "unpack": Row({"BATCH": BATCH}, archive(STAGED)),
    "unpack over the rest of an attempt": Row({"BATCH": BATCH}, archive(STAGED), staged={"a": b"half", "other": b"old"}),
    "store": Row(STORED, BIG),
    "store over the rest of an attempt": Row(STORED, BIG, part=b"half"),
    "store into the middle": Row({**STORED, "REST": b"2"}, BIG, part=b"a whole part, and more" * 200),
    "store behind the end": Row({**STORED, "BLOCKS": b"1", "REST": b"3", "WRITER": b"1"}, BIG, part=b"half"),
    "ranges beyond the end": Row(stdin=b"0 0 0 3 ./a/\n0 2 0 5 ./a/\n1 0 1 0 ./a/\n0 0 0 2 ./d/b c/\n"),
    "ranges of what is gone": Row(stdin=b"0 0 0 3 ./a/\n0 0 0 3 ./gone/\n"),
    "carry-on": Row({"FROM": PART, "TO": b"0a.7-2", "WAIT": b"0"}, part=BIG),
    "carry-on of what is gone": Row({"FROM": b"0a.7-1", "TO": b"0a.7-2", "WAIT": b"0"}),
    "carry-on of what somebody writes": Row({"FROM": PART, "TO": b"0a.7-2", "WAIT": b"0"}, part=BIG, marked=True),
    "pull": Row(PULLED, printed(b"alphabeta", b"H 0 3\nT 4096 0 5\nH 1 7\nT 2 2 0\n", b"a name\n")),
    "pull files": Row({**PULLED, "PART": b""}, printed(b"alphabe", b"F 4096 0 5 ./a/\nF 2 1 0 ./new/b c/\nF 4096 0 0 ./empty/\n")),
    "pull too little": Row(PULLED, printed(b"alph", b"T 4096 0 5\n")),
    "pull of what is longer": Row(PULLED, printed(b"alpha!", b"T 4096 0 5\n")),
    "pull without an answer": Row(PULLED, b"exit 255\n.\nT 4096 0 5\n.\n"),
    "unpack of what comes compressed": Row({"BATCH": BATCH, "PACK": b"gzip"}, compressed(archive(STAGED))),
    "unpack of what ends too soon": Row({"BATCH": BATCH, "PACK": b"gzip"}, compressed(archive(STAGED))[:-9]),
    "store of what comes compressed": Row({**STORED, "BLOCKS": b"1", "REST": b"3", "PACK": b"gzip"}, compressed(BIG), part=b"half"),
    "store of what is damaged": Row({**STORED, "PACK": b"gzip"}, BIG),
    "assemble of what comes compressed": Row({**ASSEMBLED, "SIZE": b"6", "PACK": b"gzip"}, compressed(PLAN)),
    "assemble-by of what comes compressed": Row({**ASSEMBLED, **program(scripts.ASSEMBLERS), "PACK": b"gzip"}, compressed(PLAN)),
    "fetch": Row(FETCHING, lines("a", "d/e/f", "gone")),
    "scp-send": Row({"NAME": b"a"}, b"\0\0\0", raw=True),
    "scp-take": Row({"BATCH": BATCH, "NAME": b"new/deep/z"}, b"C0644 4 z\nzeta\0", raw=True),
    "close": Row({"BATCH": b"7-2"}, staged=STAGED),
    "reuse": Row({"BATCH": BATCH}, b"Tnew/deep/z\nFa\nTy\nFd/b%20c\nTgone\nFgone\nTnew/x\nFa\n".replace(b"%20", b" ")),
    "reuse over the rest of an attempt": Row({"BATCH": BATCH}, b"Tz\nFa\n", staged={"z": b"half", "other": b"old"}),
    "make-by": Row({"BATCH": BATCH, **program(scripts.ASSEMBLERS)}, MAKING),
    "make-by over the rest of an attempt": Row({"BATCH": BATCH, **program(scripts.ASSEMBLERS)}, MAKING, staged={"z": b"half", "other": b"old"}),
    "make-by of too little": Row({"BATCH": BATCH, **program(scripts.ASSEMBLERS)}, MAKING[:-1]),
    "make-by of what comes compressed": Row({"BATCH": BATCH, **program(scripts.ASSEMBLERS), "PACK": b"gzip"}, compressed(MAKING)),
    "ranges-by": Row({**program(scripts.ASSEMBLERS)}, b"F 3 a\nC 0 1 0 3\nF 3 d/b c\nC 0 0 0 4\n.\n"),
    "ranges-by of what is gone": Row({**program(scripts.ASSEMBLERS)}, b"F 3 a\nC 0 1 0 3\nF 3 gone\nC 0 0 0 4\n.\n"),
    "take-over": Row({"FROM": b"batch/" + BATCH, "TO": b"batch/7-2", "COPY": b"no"}, staged=STAGED),
    "take-over by copies": Row({"FROM": b"batch/" + BATCH, "TO": b"batch/7-2", "COPY": b"yes"}, ALL, staged=STAGED),
    "claim": Row({"LEASE": b"7", "OWNER": b"{}", "EXPECT": b""}),
    "claim of what nobody holds": Row({"LEASE": b"7", "OWNER": b"{}", "EXPECT": b"8"}),
    "release": Row({"LEASE": b"7"}),
    "renew without a lease": Row({"LEASE": b"7", "COUNT": b"1"}),
    "mark": Row({"BELOW": b"."}, MARKS),
    "mark staged files": Row({"BELOW": b".sshsync/batch/" + BATCH}, MARKS, staged=STAGED),
    "mark with one that is gone": Row({"BELOW": b"."}, MARKS + b"600 202001020304.05 gone\n"),
    "publish": Row({}, ready() + ALL, staged=STAGED),
    "publish some": Row({}, ready() + groups(("d", ["b c"])), staged=STAGED),
    "publish what never came": Row({}, ready() + ALL + groups(("new", ["never"])), staged=STAGED),
    "publish over a directory": Row({}, ready() + groups((".", ["a", "only"])), staged={"a": b"A", "only": b"O"}),
    "publish whole directories": Row({}, ready() + groups((".", ["a", "new"]), ("d", ["b c"])), staged=STAGED),
    "publish whole directories where there are some": Row({}, ready() + groups((".", ["a", "new", "d"])), staged=STAGED),
    "publish with directories looked at": Row({}, ready(b"C" + lines("d") + b"C" + lines("new/deep")) + ALL, staged=STAGED),
    "publish by a program": Row(program(scripts.RENAMERS), ready() + ALL, staged=STAGED),
    "publish by a program what never came": Row(program(scripts.RENAMERS), ready() + ALL + groups(("new", ["never"])), staged=STAGED),
    "publish by a program over a directory": Row(program(scripts.RENAMERS), ready() + groups((".", ["a", "only"])), staged={"a": b"A", "only": b"O"}),
    "publish by a program whole directories where there are some": Row(program(scripts.RENAMERS), ready() + groups((".", ["a", "new", "d"])), staged=STAGED),
    "publish by a program that does not run": Row({**program(scripts.RENAMERS), "RUN": b"nowhere"}, ready() + ALL, staged=STAGED),
    "publish a part": Row({}, ready(PUT + lines("new/deep/big")) + groups(("new/deep", ["big"])), part=BIG),
    "publish a part to the top": Row({}, ready(PUT + lines("a")) + groups((".", ["a"])), part=BIG),
    "publish a batch and a part": Row(
        {}, ready(b"C" + lines("d") + b"B7-3\n" + PUT + lines("d/x")) + ALL + b"B7-3\n" + groups(("d", ["x"])), staged=STAGED, part=BIG
    ),
    "delete": Row(stdin=lines("d/b c")),
    "delete at the top": Row(stdin=lines("a")),
    "delete all of a directory": Row(stdin=lines("d/e/'$(x)", "d/e/f")),
    "delete all of a tree": Row(stdin=lines("only/y", "only/here/x")),
    "delete everything": Row(stdin=lines("a", "d/b c", "d/e/'$(x)", "d/e/f", "only/y", "only/here/x")),
    "delete what is gone": Row(stdin=lines("d/gone", "gone/x")),
    "arrange": Row(stdin=b"R" + lines("hollow/in") + b"R" + lines("hollow") + b"R" + lines("d/e") + b"R" + lines("gone") + b"M" + lines("d/new/er") + b"M" + lines("hollow/in") + b"M" + lines("d")),
    "arrange odd names": Row(stdin=b"R" + lines("hollow/in") + b"".join(b"M" + lines(name) for name in ("odd\n/\n/ x\n", "-rf/'$(x)", "\udcff/*/...", "\\0/\\"))),
    "arrange where a file is": Row(stdin=b"M" + lines("a") + b"M" + lines("a/b") + b"R" + lines("a") + b"M" + lines("fine")),
    "publish and keep": Row({"KEEP": b"r1"}, keeping(ready(), "a", "d/b c") + ALL, staged=STAGED),
    "publish and keep what no listing showed": Row({"KEEP": b"r1"}, keeping(ready()) + ALL, staged=STAGED),
    "publish and keep by a program": Row({"KEEP": b"r1", "LINKER": scripts.LINKERS["python3"].text.encode(), **program(scripts.RENAMERS)}, keeping(ready(), "a", "d/b c") + ALL, staged=STAGED),
    "publish and keep a part": Row({"KEEP": b"r1"}, keeping(ready(PUT + lines("a")), "a") + groups((".", ["a"])), part=BIG),
    "publish and keep what is in the way": Row({"KEEP": b"r1"}, keeping(ready(), "d/b c", "d/e/'$(x)", "d/e/f") + b"".join(b"R" + lines(name) for name in ("d/b c", "d/e/'$(x)", "d/e/f")) + groups((".", ["d"])), staged={"d": b"now a file"}),
    "delete and keep": Row({"KEEP": b"r1"}, lines("a", "d/b c", "d/e/'$(x)", "d/e/f", "only/y", "only/here/x", "gone")),
    "delete and keep by a program": Row({"KEEP": b"r1", "LINKER": scripts.LINKERS["python3"].text.encode(), **program(scripts.RENAMERS)}, lines("a", "d/b c", "d/e/'$(x)", "d/e/f", "only/y", "only/here/x", "gone")),
    "rotate": Row({"KEEP": b"r3", "COUNT": b"2"}, kept={"r0/old": b"0", "r1/d/e": b"1", "r2/a": b"2", "r3/a": b"3"}),
    "rotate behind a clock that was set back": Row({"KEEP": b"r1", "COUNT": b"1"}, kept={"r1/a": b"1", "r2/a": b"2"}),
    "rotate where a run could keep nothing": Row({"KEEP": b"r3", "COUNT": b"1"}, kept={"r0/old": b"0", "r1/a": b"1"}, hollow=".sshsync/replaced/r2/d"),
    "rotate where nothing is kept": Row({"KEEP": b"r1", "COUNT": b"1"}),
    "kept": Row({"MAKE": b"no"}, kept={"r0/old": b"0", "r1/d/'$(x)": b"1"}),
    "kept where nothing is": Row({"MAKE": b"no"}),
    "link": Row(LINKED, linked(M={**LINKS, "a/b": "x"}), links={"old": "a", "way": "d"}),
    "link over what is there": Row(LINKED, linked(M={"old": "new", "way": "only", "d/e": "x", "only/y": "x"}, O={"a": "x", "d": "x"}), links={"old": "a", "way": "d"}),
    "link by a program": Row({**LINKED, **program(scripts.RENAMERS)}, linked(M={"old": "new", "way": "only", "d/e": "x"}, O={"a": "x", "d": "x"}), links={"old": "a", "way": "d"}),
    "link behind a link": Row(LINKED, linked(M={"way/in": "x", "fine": "x"}), links={"way": "d"}),
    "link over empty directories": Row({**LINKED, "EMPTY": b"yes"}, linked(M={"hollow": "x"})),
    "room": Row({"MAKE": b"yes"}),
    "nothing": Row(),
    "system": Row(),
    "condition": Row(),
    "condition of what is missing": Row(root="made/below"),
    "speed": Row({"SIZE": b"1024", "COUNT": b"10", "TOOL": b"sha256sum"}),
    "staged": Row(staged=STAGED, part=BIG),
    "discard": Row(stdin=lines("batch/" + BATCH.decode(), "part/" + PART.decode()), staged=STAGED, part=BIG),
}
if GROUPS:
    GROUP = {"FILEGROUP": b"%d" % GROUPS[0]}
    ROWS |= {
        "list with a group": Row({"MAKE": b"no", **GROUP}, staged=STAGED, part=BIG),
        "list by stat with a group": Row({"MAKE": b"no", "PRINT": b"", **GROUP}, staged=STAGED, part=BIG),
        "stat with a group": Row(GROUP, NAMES),
        "stat of what is gone with a group": Row(GROUP, lines("a", "gone", "d")),
        "condition with a group": Row(GROUP),
        "mark with a group": Row({"BELOW": b".", **GROUP}, MARKS),
        "publish with a group": Row(GROUP, ready() + ALL, staged=STAGED),
        "publish whole directories with a group": Row(GROUP, ready() + groups((".", ["a", "new"]), ("d", ["b c"])), staged=STAGED),
        "publish a part with a group": Row(GROUP, ready(PUT + lines("new/deep/big")) + groups(("new/deep", ["big"])), part=BIG),
        "publish by a program with a group": Row({**GROUP, **program(scripts.RENAMERS)}, ready() + ALL, staged=STAGED),
    }
"""By name: what each script is given. The first words name the script; more than one row may stand for one."""

MAY_FAIL = {
    "publish by a program what never came", "publish by a program over a directory", "publish by a program whole directories where there are some",
    "digest by thousands", "publish whole directories where there are some",
    "ranges of what is gone", "ranges-by of what is gone", "make-by of too little", "assemble of what is gone", "assemble of too little", "assemble without an end", "assemble-by of too little",
    "unpack of what ends too soon", "store of what is damaged", "pull too little", "pull of what is longer", "pull without an answer", "renew without a lease", "stat of what is gone", "stat of what is gone with a group", "mark with one that is gone", "publish what never came", "publish over a directory", "arrange where a file is", "list with links by perl", "link", "link over what is there", "link by a program", "link behind a link",
}  # fmt: skip
"""Rows that tell of something that is wrong, both times; all others have to end well, both times."""


def script_of(name: str) -> scripts.Script:
    fitting = [script for script in scripts.EVERY if name == script.name or name.startswith(f"{script.name} ")]
    assert fitting, f"no script for the row {name!r}"
    return max(fitting, key=lambda script: len(script.name))


def busybox(directory: Path) -> Path:
    """Return a directory with the tools of BusyBox, and nothing else but scp."""
    found = shutil.which("busybox")
    require(bool(found), "busybox")
    listed = subprocess.run([str(found), "--list"], capture_output=True, text=True, check=True)
    for name in listed.stdout.split():
        (directory / name).symlink_to(str(found))
    (directory / "scp").symlink_to(str(shutil.which("scp")))
    return directory


HOSTS = ["gnu-dash", "gnu-bash", "gnu-busybox", "busybox-busybox", "busybox-dash", "busybox-bash"]


@pytest.fixture(scope="module", params=HOSTS)
def session(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Session]:
    """This machine with one set of tools and one shell."""
    tools, _, shell = request.param.partition("-")
    place = busybox(tmp_path_factory.mktemp("tools"))
    program = str(place / "sh") if shell == "busybox" else shutil.which(shell)
    require(bool(program), shell)
    with pytest.MonkeyPatch.context() as patch:
        if tools == "busybox":
            patch.setenv("PATH", str(place))
        made = Session(LocalTransport(str(program)), 20)
        assert tools == "gnu" or made.capabilities.stat == "busybox"
        yield made
        made.close()


def prepare(root: Path, row: Row) -> None:
    put(root, FILES)
    if row.staged:
        put(root / ".sshsync" / "batch" / BATCH.decode(), row.staged)
    for name, target in row.links.items():
        link = os.path.join(os.fsencode(root), os.fsencode(name))
        os.makedirs(os.path.dirname(link), exist_ok=True)
        os.symlink(os.fsencode(target), link)
    if row.part:
        put(root / ".sshsync" / "part", {PART.decode(): row.part})
    if row.hollow:
        (root / row.hollow).mkdir(parents=True)
    if row.kept:
        put(root / ".sshsync" / "replaced", row.kept)
    if row.marked:
        put(root / ".sshsync" / "part", {f"{PART.decode()}.open.0": b""})


def put(place: Path, files: dict[str, bytes]) -> None:
    for name, data in files.items():
        file = place / name
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_bytes(data)
        os.utime(file, (OLD, OLD))


def tree(root: Path) -> dict[str, tuple[str, int | str, bytes]]:
    """Return modes, bytes and times of all that lies below a root; times that are not of this test's making as "now"."""
    found = {}
    for path in sorted(root.rglob("*")):
        at = path.lstat()
        data = path.read_bytes() if stat.S_ISREG(at.st_mode) else os.fsencode(os.readlink(path)) if path.is_symlink() else b""
        when = int(at.st_mtime) if stat.S_ISREG(at.st_mode) and at.st_mtime < 1_700_000_000 else "now"
        found[str(path.relative_to(root))] = (stat.filemode(at.st_mode), when, data)
    return found


VOLATILE: list[tuple[bytes, Callable[[re.Match[bytes]], bytes] | bytes]] = [
    (rb"(?m)^now=\d+$", b"now"),
    (rb"(?m)^(free|staged) .*$", rb"\1"),
    (rb"(?ms)^TOKEN (?:came|within)\n(TOKEN [0-9a-f]+ \d+ [^\n]+\n)+", b""),
    (rb"(?m)^(TOKEN [0-9a-z:]+ \d+ )(\S+) \S+ \d+ ", lambda m: m[1] + (m[2] if float(m[2]) < 1_700_000_000 else b"now") + b" "),
]
"""What differs from one moment or inode to the next and decides nothing; a second try tells no stamps of what was moved before."""


def conclusion(status: int, payload: bytes, token: bytes, root: bytes) -> tuple[bool, list[bytes]]:
    """Return what a caller makes of an answer: whether it ended well, and what it told, in any order."""
    told = payload.replace(token, b"TOKEN").replace(root, b"ROOT")
    for pattern, words in VOLATILE:
        told = re.sub(pattern, words, told)
    return status == 0, sorted(told.splitlines())


def ask(session: Session, name: str, row: Row, root: Path) -> tuple[bool, list[bytes]]:
    """Run the script once and return the caller's conclusion."""
    token = new_token()
    capabilities = session.capabilities
    place = os.fsencode(root / row.root) if row.root else os.fsencode(root)
    variables = {**capabilities.list_words(token), "ROOT": place, "SYNC": capabilities.sync.encode(), "REMOTEDIR": place}
    command = Command(script_of(name), {**variables, **row.variables})
    if not row.raw:
        reply = session.run(command, row.stdin, token=token)
        packed = reply.payload.startswith(b"\x1f\x8b")
        return conclusion(reply.status, gzip.decompress(reply.payload) if packed else reply.payload, token, place)
    with session.start(command, row.stdin, token=token) as conversation:
        said = b""
        while piece := conversation.raw(65536):
            said += piece
        return conclusion(0, said, token, place)


@pytest.mark.parametrize("name", ROWS)
def test_a_script_run_twice_gives_the_same_end(session: Session, name: str, tmp_path: Path) -> None:
    row = ROWS[name]
    once, twice = tmp_path / "once", tmp_path / "twice"
    for root in (once, twice):
        prepare(root, row)
    wanted = ask(session, name, row, once)
    lost = ask(session, name, row, twice)
    assert lost == wanted
    assert wanted[0] or name in MAY_FAIL, f"it does not even succeed once: {wanted}"
    again = ask(session, name, row, twice)
    assert again == wanted, "the repetition tells something else"
    assert tree(twice) == tree(once), "the repetition leaves something else"


def test_every_script_has_its_row() -> None:
    assert {script.name for script in scripts.EVERY} == {script_of(name).name for name in ROWS}
