"""Tool sets of other Unixes, by a PATH of wrappers: what the probe makes of them, and what is missing is named."""

import json
import re
import os
import shutil
from collections import Counter
from pathlib import Path

import pytest

from sshsync.hosts.session import Session
from sshsync.remote import packing
from sshsync.transports.local import LocalTransport
from tests.integration.conftest import Site
from tests.integration.holding import program
from tests.sshd import require

pytestmark = pytest.mark.integration

PLAIN = ("sh", "find", "tar", "mv", "rm", "mkdir", "rmdir", "chmod", "touch", "cat", "ls", "date", "cut")

# BSD's stat knows -f and formats of its own, and there is no sync of one file system.
BSD_STAT = """#!/bin/sh
follow=
[ "$1" != -L ] || { follow=-L; shift; }
[ "$1" = -f ] || { echo "stat: illegal option" >&2; exit 1; }
shift
format=$(printf '%s' "$1" | sed 's/%Xp/%f/; s/%z/%s/; s/%m/%Y/; s/%c/%Z/; s/%N/%n/')
shift
exec GNUSTAT $follow -c "$format" "$@"
"""
PLAIN_SYNC = "#!/bin/sh\nexit 0\n"
# Solaris' digest: its option names the algorithm, its output is the bare digest of one file.
DIGEST = "#!/bin/sh\n[ \"$1\" = -a ] || exit 1\nexec openssl dgst -r -$2 \"$3\" | cut -d' ' -f1\n"


def tools(site: Site, more: dict[str, str], also: tuple[str, ...] = (), name: str = "tools") -> Path:
    made = site.root(name)
    for tool in (*PLAIN, "sed", *also):
        found = shutil.which(tool)
        require(bool(found), tool)
        (made / tool).symlink_to(str(found))
    for tool, text in more.items():
        # A link to the system's own program must never be written through.
        (made / tool).unlink(missing_ok=True)
        (made / tool).write_text(text.replace("GNUSTAT", str(shutil.which("stat"))))
        (made / tool).chmod(0o755)
    return made


def chain(site: Site, path: Path, templates: str = "") -> None:
    server = site.server("host", environment=f"PATH={path}")
    site.fill("m", {"a": b"alpha", "d/sp ace": b"beta", "d/e/'$(x)": b"", "line\nfeed": b"odd", "big": os.urandom(1_500_000)})
    site.write(
        f"[DEFAULT]\nstable_for = 0\ndelete = yes\nmax_delete = 100%\n{templates}[m]\n{server.section(path=site.root('m'))}"
        f"[c]\nparent = m\n{server.section(path=site.root('c'))}"
    )
    site.fill("c", {"gone/x": b"x"})


def test_row_22_bsd_tools(site: Site) -> None:
    chain(site, tools(site, {"stat": BSD_STAT, "sync": PLAIN_SYNC}, also=("shasum", "perl")))
    found = site.summary("--sync", "c")
    assert found["exit_code"] == 0, found["by_name"]["c"]
    site.same("m", "c")
    assert "durability not confirmed" in found["by_name"]["c"]["notices"][0]
    assert site.summary("--sync", "c")["by_name"]["c"]["outcome"] == "unchanged"


def test_row_22_solaris_tools(site: Site) -> None:
    path = tools(site, {"digest": DIGEST, "sync": PLAIN_SYNC}, also=("perl", "openssl"))
    chain(site, path, "digestcmd = digest -a sha1 ${FILEPATH}\n")
    found = site.summary("--sync", "c")
    assert found["exit_code"] == 0, found["by_name"]["c"]
    site.same("m", "c")
    assert site.summary("--sync", "c")["by_name"]["c"]["outcome"] == "unchanged"


def test_row_22_a_host_without_tar_gets_its_files_one_by_one(site: Site) -> None:
    path = tools(site, {}, also=("stat", "sha256sum", "sync"))
    (path / "tar").unlink()
    chain(site, path)
    assert site.summary("--sync", "c")["exit_code"] == 0
    site.same("m", "c")


def test_row_20_an_odd_environment_changes_nothing(site: Site) -> None:
    odd = "LC_ALL=tr_TR.UTF-8 LANG=broken CDPATH=/tmp TAR_OPTIONS=--exclude=* POSIXLY_CORRECT=1 QUOTING_STYLE=shell BLOCK_SIZE=1"
    server = site.server("host", environment=odd)
    site.fill("m", {"I": b"dotless", "i": b"dotted", "d/\u0131 x": b"y", "big": os.urandom(1_500_000), "tmp/x": b"z"})
    site.write(
        f"[DEFAULT]\nstable_for = 0\n[m]\n{server.section(path=site.root('m'))}"
        f"[c]\nparent = m\n{server.section(path=site.root('c'))}"
    )
    assert site.summary("--sync", "c")["exit_code"] == 0
    site.same("m", "c")


@pytest.mark.parametrize("weak", ["Ciphers aes128-cbc", "MACs hmac-sha1\nCiphers aes128-ctr", "KexAlgorithms diffie-hellman-group14-sha1"])
def test_weak_algorithms_are_refused(site: Site, weak: str) -> None:
    server = site.server("host", weak)
    site.write(
        f"[DEFAULT]\nretries = 1\n[m]\n{server.section(path=site.root('m'))}"
        f"[c]\nparent = m\ntransport = local\npath = {site.root('c')}\n"
    )
    done = site.cli("--sync", "c")
    assert done.returncode == 6
    assert "offers no algorithm that is safe enough" in done.stdout


def test_row_21_missing_tools_are_named_before_anything_changes(site: Site) -> None:
    path = tools(site, {}, also=("sha256sum",))
    (path / "mv").unlink()
    chain(site, path)
    done = site.cli("--sync", "c")
    assert done.returncode == 6
    assert "lacks mv, stat" in done.stdout
    assert not (site.root("c") / ".sshsync").exists()


def test_row_21_a_missing_digest_tool_is_named_with_the_algorithm(site: Site) -> None:
    chain(site, tools(site, {}, also=("stat", "md5sum")))
    done = site.cli("--sync", "c")
    assert done.returncode == 6
    assert "cannot compute sha256, which its chain compares" in done.stdout
    assert "set digest" in done.stdout


def test_a_survey_shows_what_hosts_have_and_lack(site: Site) -> None:
    path = tools(site, {}, also=("sha256sum",))
    (path / "mv").unlink()
    good, poor, gone = site.server("good"), site.server("poor", environment=f"PATH={path}"), site.server("gone")
    site.fill("m", {"a": b"a"})
    site.write(
        f"[m]\n{good.section(path=site.root('m'))}[c]\nparent = m\n{good.section(path=site.root('c'))}synccmd = cp ${{FILE}} ${{LOCALDIR}}\n"
        f"[p]\nparent = m\n{poor.section(path=site.root('p'))}[g]\nparent = m\n{gone.section(path=site.root('g'))}"
        f"[l]\nparent = m\ntransport = local\npath = {site.root('l')}\n"
    )
    gone.stop()
    done = site.cli("hosts", "check", "m,c", "l")
    assert done.returncode == 0, done.stdout + done.stderr
    for words in ("Linux", "built in (gnu)", "synccmd", "relay", "B/s", "ms", "aes128-gcm@openssh.com", "ssh-ed25519", "writable"):
        assert words in done.stdout, words
    assert "…" not in done.stdout, "nothing is cut"
    done = site.cli("hosts", "check")
    assert done.returncode == 6
    assert "p: 127.0.0.1" in done.stdout
    assert "lacks mv, stat" in done.stdout
    assert "Connection refused" in done.stdout
    found = [json.loads(line) for line in site.cli("--json", "hosts", "check").stdout.splitlines()]
    by_name = {entry["repository"]: entry for entry in found}
    assert by_name["m"]["security"]["strict_kex"] == "yes"
    assert re.search(r"sha(256|384|512)", by_name["m"]["security"]["kex"])
    assert by_name["m"]["speed"] > 1e6
    assert by_name["m"]["free"] > 0
    assert "mv" not in by_name["m"]["problem"]
    assert by_name["g"]["code"] == 75
    assert site.cli("hosts", "check", "nobody").returncode == 4
    assert not list(site.root("c").iterdir()), "nothing is changed"


def test_hosts_without_cat_and_tar_are_served_by_scp(site: Site) -> None:
    """Both ends: nothing there can read or write bytes but scp, which is chosen by itself."""
    path = tools(site, {}, also=("stat", "sha256sum", "sync", "scp", "df", "du"))
    for tool in ("cat", "tar"):
        (path / tool).unlink()
    chain(site, path)
    found = site.summary("--sync", "c")
    assert found["exit_code"] == 0, found["by_name"]["c"]
    site.same("m", "c")
    assert not list((site.directory / "state" / "spool").iterdir())
    assert "scp" in site.cli("hosts", "check", "c").stdout
    assert site.summary("--sync", "c")["by_name"]["c"]["outcome"] == "unchanged"


def test_a_host_that_can_neither_stream_nor_scp_says_so(site: Site) -> None:
    path = tools(site, {}, also=("stat", "sha256sum"))
    (path / "cat").unlink()
    chain(site, path)
    done = site.cli("--sync", "c")
    assert done.returncode == 6
    assert "lacks cat or scp" in done.stdout


def test_a_tool_that_hangs_is_looked_for_where_it_hangs(site: Site) -> None:
    chain(site, tools(site, {"gzip": "#!/bin/sh\nexec sleep 20\n"}, also=("openssl", "sleep", "stat")), "timeout = 1\nretries = 1\n")
    found = site.summary("--sync", "c")
    assert found["exit_code"] == 75
    assert "looking for its tools: nothing moved within the time allowed (does one of them hang there?)" in found["by_name"]["c"]["error"]


EARLY_ZSTD = "#!/bin/sh\ncase $1 in -dc) tr b-z a-y ;; *) tr a-y b-z ;; esac\n"
"""What opens what it compressed, but no frame of today."""


@pytest.mark.parametrize(
    ("able", "found"),
    [((), set()), (("gzip",), {"gzip"}), (("zstd",), {"zstd"}), (("gzip", "zstd"), {"gzip", "zstd"}), (("gzip", "early"), {"gzip"})],
    ids=["neither", "gzip", "zstd", "both", "an early zstd"],
)
def test_the_probe_tells_by_which_tools_a_host_compresses(site: Site, able: tuple[str, ...], found: set[str]) -> None:
    more = {"zstd": EARLY_ZSTD} if "early" in able else {}
    path = tools(site, more, also=("tr", *(name for name in able if name != "early")))
    for shell in ("dash", "bash", "ksh", "zsh"):
        require(bool(shutil.which(shell)), shell)
        interpreter = str(shutil.which(shell))
        with pytest.MonkeyPatch.context() as patch:
            patch.setenv("PATH", str(path))
            session = Session(LocalTransport(interpreter), 20)
            assert session.capabilities.tools & set(packing.TOOLS) == found, shell
            session.close()


@pytest.mark.parametrize(
    ("master", "child"),
    [(("zstd", "gzip"), ("zstd", "gzip")), (("zstd",), ("gzip",)), (("gzip",), ("zstd",)), (("gzip",), ("gzip",)), (("zstd",), ()), ((), ("zstd",)), ((), ())],
    ids=["both have both", "zstd then gzip", "gzip then zstd", "gzip", "a child without any", "a parent without any", "neither"],
)
def test_every_leg_is_compressed_by_the_best_tool_of_its_host(site: Site, master: tuple[str, ...], child: tuple[str, ...]) -> None:
    """Real tools over real connections: files in a stream, and a big one in ranges."""
    log = site.root("log") / "started"
    parts, probed, used = [], Counter[str](), set[str]()
    for name, able, ways in (("m", master, ["-1c"]), ("c", child, ["-1c", "-dc"])):
        # A host lists by what compresses; a parent sends by it too, a child takes by what opens.
        used |= {f"{name} {able[0]} {way}" for way in ways if able}
        probed.update([f"{name} {tool} {way}" for tool in able for way in ("-1c", "-dc", *["-dc"] * (tool == "zstd"))])
        (site.directory / name).mkdir(exist_ok=True)
        wrapped = {tool: f'#!/bin/sh\necho "{name} {tool} $*" >>{log}\nexec {shutil.which(tool)} "$@"\n' for tool in able}
        path = tools(site, wrapped, also=("sha256sum", "sync", "stat"), name=f"tools-{name}")
        server = site.server(f"host-{name}", environment=f"PATH={path}")
        parts.append(f"[{name}]\n{'parent = m' if name == 'c' else ''}\n{server.section(path=site.root(name))}")
    words = b"".join(b"%d: the words of a log, again and again\n" % number for number in range(100_000))
    site.fill("m", {"big": words, "noise": os.urandom(300_000), **{f"d/{number}": b"small %d " % number * 40 for number in range(80)}})
    site.write("[DEFAULT]\nstable_for = 0\ncompress = yes\n" + "".join(parts))
    site.fill("c", {})
    log.write_text("")
    found = site.summary("--sync", "c")
    assert found["exit_code"] == 0, found["by_name"]["c"]
    site.same("m", "c")
    assert set(Counter(log.read_text().splitlines()) - probed) == used
    assert (found["by_name"]["c"]["bytes"]["saved"] > len(words) // 2) == bool(master and child), "what one leg spares the other one carries"


COUNTED = "#!/bin/sh\necho NAME >>LOG\nexec REAL \"$@\"\n"


@pytest.mark.parametrize(("able", "counted"), [((), ()), (("perl",), ("mv",))], ids=["plain", "with a program that renames"])
def test_a_change_in_each_of_many_directories_costs_few_programs(site: Site, figure, able: tuple[str, ...], counted: tuple[str, ...]) -> None:
    """A process takes longer than what it does to one file: the host starts one for a hundred names where it can."""
    log, names = site.root("log") / "started", ("rm", "rmdir", "find", "stat", "chmod", "touch", *counted)
    wrapped = {name: COUNTED.replace("NAME", name).replace("LOG", str(log)).replace("REAL", str(shutil.which(name))) for name in names}
    server = site.server("host", environment=f"PATH={tools(site, wrapped, also=('sha256sum', 'sync', 'cp', *able))}")
    site.fill("m", {f"d{n:03}/{kind}": b"%d %s" % (n, kind.encode()) for n in range(150) for kind in ("old", "new", "it's")})
    site.write(f"[DEFAULT]\nstable_for = 0\ndelete = yes\nmax_delete = 100%\n[m]\npath = {site.root('m')}\ntransport = local\n[c]\nparent = m\n{server.section(path=site.root('c'))}")
    assert site.summary("--sync", "c")["exit_code"] == 0
    for number in range(150):
        place = site.root("m") / f"d{number:03}"
        (place / "new").write_bytes(b"other %d" % number)
        (place / "old").rename(place / "moved" if number % 3 else site.root("m") / f"moved{number}")
    log.write_text("")
    assert site.summary("--sync", "c")["exit_code"] == 0
    site.same("m", "c")
    started = log.read_text().split()
    figure("programs", len(started))
    assert len(started) < 60, {name: started.count(name) for name in names}


def test_what_is_unchanged_costs_two_commands_a_host_and_no_byte_is_read(site: Site) -> None:
    """A probe and a listing, as the servers themselves count; whatever reads files says what it was asked for."""
    read = site.directory / "read"
    place = site.root("reading")
    for name in ("sha256sum", "dd", "cat", "head"):
        found = shutil.which(name)
        program(place / name, f'#!/bin/sh\necho "{name} $*" >>{read}\nexec {found} "$@"\n')
    site.fill("m", {"a": b"alpha", "d/big": os.urandom(3_000_000)})
    sections = ["[DEFAULT]\nstable_for = 0\n"]
    for name, parent in (("m", {}), ("p", {"parent": "m"}), ("c", {"parent": "p"})):
        server = site.server(name, "LogLevel VERBOSE", environment=f"PATH={place}:{os.environ['PATH']}")
        sections.append(f"[{name}]\n{server.section(path=site.root(name), **parent)}")
    site.write("\n".join(sections))
    stages = ("--sync", "p", "--sync", "c")
    assert site.cli(*stages).returncode == 0
    assert "sha256sum" in read.read_text()
    # What has changed just before it was read is read once more.
    assert any(not any(event.get("hashed") for event in site.summary(*stages)["events"]) for _ in range(10))
    for _ in range(2):
        for server in site.servers.values():
            server.log.write_text("")
        read.write_text("")
        assert {entry["outcome"] for entry in site.summary(*stages)["repositories"]} == {"unchanged"}
        assert {name: server.log.read_text().count("Starting session: command") for name, server in site.servers.items()} == dict.fromkeys("mpc", 2)
        probing = ("sha256sum /dev/null", "dd bs=2 count=1 iflag=fullblock")
        assert [line for line in read.read_text().splitlines() if line not in probing] == []
