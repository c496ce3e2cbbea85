"""Rows of the fault matrix about names and listings, and about one host among many."""

import hashlib
import os
import shutil
import signal
import subprocess
import time
from pathlib import Path

import pytest

from sshsync.errors import HostError
from sshsync.hosts.session import Session
from sshsync.remote import scripts
from sshsync.remote.scripts import Command
from sshsync.transports.local import LocalTransport
from sshsync.transports.memory import Fault, Tools
from tests.conftest import World
from tests.integration.conftest import Site, contents
from tests.integration.test_rows_targets import as_root, two
from tests.sshd import require

pytestmark = pytest.mark.integration


def test_row_69_long_names_and_deep_paths(site: Site) -> None:
    deep = "/".join(f"d{n}" for n in range(70))
    longest = "/".join(["p" * 250] * 14)
    names = {"n" * 255: b"255", f"{deep}/x": b"70 levels", f"{longest}/end": b"long path"}
    root = site.root("m")
    for name, data in names.items():
        # A path of 4,095 bytes is more than the root leaves: the file is made from within.
        directory, _, base = name.rpartition("/")
        here = os.open(root, os.O_RDONLY)
        for part in filter(None, directory.split("/")):
            if not os.path.lexists(f"/proc/self/fd/{here}/{part}"):
                os.mkdir(part, dir_fd=here)
            below = os.open(part, os.O_RDONLY, dir_fd=here)
            os.close(here)
            here = below
        with os.fdopen(os.open(base, os.O_WRONLY | os.O_CREAT, dir_fd=here), "wb") as out:
            out.write(data)
        os.utime(base, (1_600_000_000, 1_600_000_000), dir_fd=here)
        os.close(here)
    two(site)
    found = site.summary("--sync", "c")
    assert found["exit_code"] == 0, found["by_name"]["c"]
    listed = subprocess.run(["find", ".", "-path", "./.sshsync", "-prune", "-o", "-type", "f", "-print"], cwd=site.root("c"), capture_output=True, text=True, check=True)
    assert {line[2:] for line in listed.stdout.splitlines()} == set(names)
    assert site.summary("--sync", "c")["by_name"]["c"]["outcome"] == "unchanged"


@pytest.fixture
def folding(site: Site):
    """A file system on which capitals do not count."""
    as_root()
    require(bool(shutil.which("lowntfs-3g")) and Path("/dev/fuse").exists(), "lowntfs-3g")
    image, place = site.directory / "image", site.root("folding")
    with image.open("wb") as out:
        out.truncate(32 << 20)
    subprocess.run(["mkntfs", "-F", "-Q", str(image)], check=True, capture_output=True)
    subprocess.run(["lowntfs-3g", str(image), str(place), "-o", "ignore_case,permissions"], check=True, capture_output=True)
    yield place
    subprocess.run(["umount", str(place)], check=True)


def test_row_70_names_that_are_one_file_there_are_refused_as_a_pair(site: Site, folding: Path) -> None:
    site.fill("m", {"Readme": b"1", "README": b"2", "Lib/a": b"3", "lib/b": b"4", "caf\u00e9": b"5", "cafe\u0301": b"6", "alone": b"7"})
    two(site, root=folding)
    done = site.cli("--sync", "c")
    assert done.returncode == 9, done.stdout + done.stderr
    assert "README: failed: the child's file system takes it and Readme for one file" in done.stdout
    assert "Readme: failed: the child's file system takes it and README for one file" in done.stdout
    assert set(contents(folding)) == {b"alone"}, "neither of a pair is written"
    for name in ("README", "lib/b", "cafe\u0301"):
        (site.root("m") / name).unlink()
    done = site.cli("--sync", "c")
    assert done.returncode == 0, done.stdout
    assert {name.lower() for name in contents(folding)} == {name.lower() for name in contents(site.root("m"))}


def test_row_71_names_of_our_own_staging(site: Site) -> None:
    """What lies in a parent's staging is its own; deeper down the name means nothing."""
    site.fill("m", {".sshsync/part/x": b"staged", "d/.sshsync/y": b"a file", ".sshsyncx": b"z"})
    two(site)
    assert site.cli("--sync", "c").returncode == 0
    assert set(contents(site.root("c"))) == {b"d/.sshsync/y", b".sshsyncx"}
    shutil.rmtree(site.root("c") / ".sshsync")
    (site.root("c") / ".sshsync").write_text("a file of somebody's")
    site.fill("m", {"new": b"n"})
    done = site.cli("--sync", "c")
    assert done.returncode == 6, done.stdout
    assert ".sshsync is not a directory of ours" in done.stdout
    assert (site.root("c") / ".sshsync").read_text() == "a file of somebody's"


@pytest.mark.parametrize("commands", ["built-in", "template"])
def test_row_73_a_line_feed_cannot_forge_a_digest_of_busybox(site: Site, commands: str) -> None:
    """BusyBox's sha256sum escapes nothing: a name can print a whole line of the attacker's choice."""
    require(bool(shutil.which("busybox")), "busybox")
    path = site.root("tools")
    subprocess.run(["busybox", "--install", "-s", str(path)], check=True)
    forged = hashlib.sha256(b"what the attacker wants to be believed").hexdigest()
    victim = b"the real content"
    site.fill("m", {"victim": victim, f"x\n{forged}  ./victim": b"bait", f"y\n{forged}  victim": b"bait"})
    server = site.server("bb", environment=f"PATH={path}")
    template = "digestcmd = sha256sum ${FILEPATH}\n" if commands == "template" else ""
    site.write(
        f"[DEFAULT]\nstable_for = 0\nshell = {path}/sh\n{template}[m]\n{server.section(path=site.root('m'))}"
        f"[c]\nparent = m\n{server.section(path=site.root('c'))}"
    )
    found = site.summary("--sync", "c")
    assert found["exit_code"] == 0, found["by_name"]["c"]
    digests = {item[0]: item[1] for event in found["events"] if event["type"] == "published" for item in event["items"]}
    assert digests["victim"] == "sha256:" + hashlib.sha256(victim).hexdigest()
    site.same("m", "c")


def test_row_74_a_listing_cut_at_every_byte_is_never_taken_for_a_short_one(world: World, figure) -> None:
    """Every cut of a 10 KB listing ends in an error of the conversation; runs over samples of them delete nothing."""

    class Cut(LocalTransport):
        def __init__(self, answer: bytes) -> None:
            super().__init__()
            self.answer = answer

        def open(self, command: Command, idle: float):
            (token,) = (value for name, value in command.variables.items() if name == "TOKEN")
            quoted = self.answer.replace(b"TOKEN", token)
            made = super().open(Command(scripts.Script("cat", 'main() { :; }\nprintf %s "$ANSWER"; exit 0\n'), {**command.variables, "ANSWER": quoted}), idle)
            return made

    listing = b"".join(b"TOKEN 81a4 1 1600000000.000000000 1.000000001 7 ./file-%03d\n" % n for n in range(175))
    whole = b"TOKEN begin\n" + listing + b"\nTOKEN end 0\n"
    assert len(listing) > 10_000
    from sshsync.remote.frame import Deframer

    for end in range(len(whole) - len(b" 0\n")):
        frame = Deframer(b"TOKEN")
        frame.feed(whole[:end])
        assert frame.status is None, f"cut at {end} of {len(whole)}"
    for end in range(0, len(whole) - 3, 1499):
        with pytest.raises(HostError, match="without a result|does not run commands"):
            Session(Cut(whole[:end]), 5).run(Command(scripts.LIST, {"ROOT": b"/"}))
    text = "[DEFAULT]\nstable_for = 0\ndelete = yes\nmax_delete = 100%\nretries = 1\n[m]\nhost = m\npath = /m\n[c]\nhost = c\npath = /c\nparent = m\n"
    held = {host: {hashlib.sha256(b"%d" % n).hexdigest().encode(): b"x" for n in range(count)} for host, count in (("m", 60), ("c", 80))}
    for programs, least in ((Tools().programs, 1900), (Tools().programs - {"gzip"}, 5000)):
        for end in range(53, least, least // 90):  # one that ends before it began is only asked for again
            for host in ("m", "c"):
                world.hosts.clear()
                for name, files in held.items():
                    world.fill(name, b"/" + name.encode(), files)
                    world.host(name).tools = Tools(programs=programs)
                world.host(host).faults.append(Fault("cut", "list", after=end))
                assert world.run("c", text=text).exit_code == 75
                assert len(world.host("c").below(b"/c")) == 80
    figure("cuts of a listing", len(whole))


def test_row_75_an_empty_listing_is_suspicious_unless_allowed(site: Site) -> None:
    site.fill("m", {"a": b"a", "b": b"b"})
    two(site, child="delete = yes\nmax_delete = 100%\n")
    assert site.cli("--sync", "c").returncode == 0
    for file in site.root("m").iterdir():
        file.unlink()
    done = site.cli("--sync", "c")
    assert done.returncode == 9
    assert "is empty but held 2 item(s) before: nothing was changed" in done.stdout
    assert len(contents(site.root("c"))) == 2
    site.config.write_text(site.config.read_text().replace("[m]", "[m]\nallow_empty = yes"))
    assert site.cli("--sync", "c").returncode == 0
    assert not contents(site.root("c"))


def test_row_76_a_mass_deletion_is_refused(site: Site) -> None:
    site.fill("m", {f"f{n}": b"%d" % n for n in range(100)})
    two(site, child="delete = yes\n")
    assert site.cli("--sync", "c").returncode == 0
    for file in sorted(site.root("m").iterdir())[5:]:
        file.unlink()
    done = site.cli("--sync", "c")
    assert done.returncode == 9
    assert "95 of 100 item(s) would be deleted" in done.stdout
    assert "max_delete" in done.stdout
    assert len(contents(site.root("c"))) == 100


PLACEHOLDERS = ["{path}", "%s", "$1", "${FILE}", "${FILEPATH}", "$FILE", "%(host)s", "{0}", "{n}", "$$", "%46", "${REMOTEPASSWORD}", "@group", "[01-20]"]


@pytest.mark.parametrize("commands", ["built-in", "templates"])
def test_row_77_placeholders_in_names_are_literal(site: Site, commands: str) -> None:
    site.fill("m", {name: name.encode() for name in PLACEHOLDERS})
    lines = "listcmd = find ${REPOPATH} -type f\ndigestcmd = sha256sum ${FILEPATH}\nsynccmd = cp -p ${REMOTEDIR}/${FILE} ${LOCALDIR}/${FILE}\n"
    two(site, child=lines if commands == "templates" else "")
    assert site.summary("--sync", "c")["by_name"]["c"]["files"]["copied"] == len(PLACEHOLDERS)
    site.same("m", "c")


def test_row_81_when_the_proxy_fails_its_nodes_are_blocked_and_siblings_served(site: Site) -> None:
    site.fill("m", {"a": b"a"})
    up, down = site.server("up"), site.server("down")
    sections = f"[DEFAULT]\nstable_for = 0\nretries = 1\n[m]\n{up.section(path=site.root('m'))}"
    for name, parent, server in (("p1", "m", down), ("n1", "p1", up), ("n2", "p1", up), ("p2", "m", up), ("n3", "p2", up)):
        sections += f"[{name}]\nparent = {parent}\n{server.section(path=site.root(name))}"
    site.write(sections)
    down.stop()
    found = site.summary("--sync", "p1,p2", "--sync", "n1,n2,n3")
    outcomes = {name: entry["outcome"] for name, entry in found["by_name"].items()}
    assert outcomes == {"p1": "failed", "p2": "done", "n1": "blocked", "n2": "blocked", "n3": "done"}
    assert found["exit_code"] == 75, "the cause is temporary, and what it blocks counts as it"
    for name in ("n1", "n2"):
        assert "its parent p1" in found["by_name"][name]["error"]
        assert found["by_name"][name]["files"]["failed"] == 0
    site.same("m", "p2", "n3")


def test_row_82_one_hung_host_among_many(site: Site) -> None:
    site.fill("m", {f"f{n}": os.urandom(1000) for n in range(20)})
    good, bad = site.server("good"), site.server("bad")
    sections = f"[DEFAULT]\nstable_for = 0\ntimeout = 8\nretries = 1\n[m]\n{good.section(path=site.root('m'))}"
    names = [f"n{n}" for n in range(12)]
    for name in names:
        sections += f"[{name}]\nparent = m\n{(bad if name == 'n5' else good).section(path=site.root(name))}"
    site.write(sections)
    assert bad.process
    os.kill(bad.process.pid, signal.SIGSTOP)
    begun = time.monotonic()
    running = site.popen("--json", "--sync", ",".join(names))
    ended: dict[str, float] = {}
    import json

    assert running.stdout
    for line in running.stdout:
        event = json.loads(line)
        if event["type"] == "repository_finished":
            ended[event["repository"]] = time.monotonic() - begun
    assert running.wait(60) == 7 or running.returncode == 75
    os.kill(bad.process.pid, signal.SIGCONT)
    assert set(ended) == set(names)
    others = [at for name, at in ended.items() if name != "n5"]
    assert max(others) < ended["n5"]
    for name in names:
        if name != "n5":
            site.same("m", name)
