"""Packages of rpm where all goes wrong that can: cuts, locks, hostile repositories and lists, disks that are full."""

import itertools
import os
import re
import shutil
import signal
import sqlite3
import subprocess
import sys
import tempfile
import threading
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import closing, contextmanager, suppress
from functools import partial
from http.server import SimpleHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import pytest

from sshsync import builtin
from sshsync.api import Sync, load
from sshsync.transports.base import Stream, Transport
from tests.integration import rpms
from tests.integration.conftest import Site
from tests.integration.holding import until
from tests.integration.rpms import Signer, built
from tests.integration.test_rpm_sync import Roots, pair, roots
from tests.integration.test_two_controllers import controller
from tests.sshd import require

__all__ = ["roots"]
pytestmark = pytest.mark.integration

WAITS = "echo begun >> /log\nn=0; while test -e /gate && test $n -lt 6000; do sleep 0.05; n=$((n+1)); done\n"

FULL = os.environ.get("SSHSYNC_FULL") == "1"
DRIVER = Path(__file__).with_name("request_driver.py")


def apart(roots: Roots, more: tuple[str, ...] = (), moment: str = "pre") -> None:
    """Two roots, one of which is to become the other; one of its packages can be held up at a moment of its script."""
    six, idna = built("six", "1.16-1"), [built("idna", version) for version in ("3.4-1", "2.10-7")]
    held = [built("held", version, scripts=f"%{moment}\n{WAITS}") for version in ("1-1", "2-1")]
    roots.has(rpms.shell(), six, *idna, *held, *pair("1-1"), *pair("2-1"), built("own", "1-1"))
    roots.root("app0", rpms.shell(), six, idna[1], held[1], *pair("2-1"))
    roots.root("app1", rpms.shell(), idna[0], held[0], *pair("1-1"), built("own", "1-1"))
    (roots.roots["app1"] / "log").unlink(missing_ok=True)
    roots.chain("app0", "app1", more=more)


def gate(roots: Roots) -> Path:
    """Hold up what is held up in app1 until the gate is gone."""
    made = roots.roots["app1"] / "gate"
    made.touch()
    return made


def begun(roots: Roots) -> int:
    """Return how many transactions came to the script that is held up."""
    log = roots.roots["app1"] / "log"
    return len(log.read_text().splitlines()) if log.exists() else 0


def history(roots: Roots) -> int:
    """Return how many transactions dnf has on record."""
    with closing(sqlite3.connect(next(roots.roots["app1"].rglob("*history.sqlite")))) as known:
        return known.execute("SELECT count(*) FROM trans").fetchone()[0]


def twice(roots: Roots) -> list[str]:
    """Return packages that are there more than once."""
    names = rpms.run("rpm", "--root", roots.roots["app1"], "-qa", "--qf", "%{NAME}\n").split()
    return [name for name, often in Counter(names).items() if often > 1]


def whole(roots: Roots) -> None:
    """Hold against what is asked for what became of it: all of it, once, and nothing left behind."""
    assert roots.listed("app1") == {**roots.listed("app0"), "own": "1-1"}
    assert twice(roots) == []
    assert rpms.sound(roots.roots["app1"])
    assert [path for path in roots.left() if Path(path).name != "lock"] == []


def logins(roots: Roots) -> int:
    return roots.site.servers["app1"].log.read_text().count("Accepted publickey")


def settling(roots: Roots) -> bool:
    """Whether somebody waits in app1 until nothing is changed there any more."""
    wanted = ["settle", str(roots.seen(roots.roots["app1"]))]
    return any(words[-2:] == wanted for words in map(words_of, os.listdir("/proc")))


def words_of(pid: str) -> list[str]:
    try:
        return Path(f"/proc/{pid}/cmdline").read_bytes().decode("utf-8", "replace").split("\0")[:-1]
    except OSError:
        return []


def test_a_connection_that_is_cut_breaks_no_transaction(roots: Roots) -> None:
    """Every session ends while dnf is at work, twice: the run waits on, and there is one transaction."""
    apart(roots)
    held = gate(roots)
    with roots.site.popen("--sync", "app1") as run:
        until(lambda: begun(roots), "dnf at work")
        for _ in range(2):
            before = logins(roots)
            roots.site.servers["app1"].drop_sessions()
            until(lambda: logins(roots) > before, "another session")
        held.unlink()
        out, errors = run.communicate(timeout=120)
    assert run.returncode == 0, out + errors
    assert (begun(roots), history(roots)) == (1, 1)
    whole(roots)


@pytest.mark.parametrize("moment", ["pre", "post", "preun", "posttrans"] if FULL else ["pre"])
def test_a_killed_controller_finds_the_transaction_that_runs(roots: Roots, moment: str) -> None:
    """It is waited for before anybody looks what is there, and nothing is begun beside it."""
    apart(roots, moment=moment)
    held = gate(roots)
    with roots.site.popen("--sync", "app1") as run:
        until(lambda: begun(roots), "dnf at work")
        run.kill()
        run.communicate()
    with roots.site.popen("resume") as resumed:
        until(lambda: settling(roots) or resumed.poll() is not None, "whoever waits for the transaction")
        assert resumed.poll() is None
        held.unlink()
        out, errors = resumed.communicate(timeout=120)
    assert resumed.returncode == 0, out + errors
    assert (begun(roots), history(roots)) == (1, 1)
    whole(roots)


class Rounds:
    """The same two roots again and again, each time as they were."""

    def __init__(self, roots: Roots) -> None:
        self.roots = roots
        self.kept = roots.directory / "kept-root"
        apart(roots, more=("delete = yes", "max_delete = 100%", "exclude = own"))
        roots.roots["app1"].rename(self.kept)

    def begin(self) -> None:
        shutil.copytree(self.kept, self.roots.roots["app1"], symlinks=True)

    def end(self, number: int) -> None:
        """One more run reaches the goal: one transaction was carried out for it, and nothing is left behind."""
        done = self.roots.site.cli("--sync", "app1")
        assert done.returncode == 0, (number, done.stdout + done.stderr)
        assert (number, begun(self.roots), history(self.roots)) == (number, 1, 1)
        whole(self.roots)
        shutil.rmtree(self.roots.roots["app1"])


@pytest.fixture
def rounds(roots: Roots) -> Rounds:
    return Rounds(roots)


@pytest.mark.slow
@pytest.mark.timeout(1800)
@pytest.mark.skipif(not FULL, reason="takes long; SSHSYNC_FULL=1")
@pytest.mark.parametrize("moment", ["before", "after"])
def test_killed_at_every_request_one_more_run_reaches_the_goal(rounds: Rounds, moment: str) -> None:
    """Whatever was under way then, exactly one transaction is carried out for what was asked."""
    site = rounds.roots.site
    own = {**os.environ, "PYTHONPATH": os.getcwd(), "HOME": str(site.directory)}
    # Every fifth of them, but for the nightly suite.
    for number in range(1 if moment == "before" else 2, 200, 1 if FULL else 5):
        rounds.begin()
        command = [sys.executable, str(DRIVER), str(site.config), moment, str(number)]
        killed = subprocess.run(command, capture_output=True, env=own, timeout=120, check=False)
        rounds.end(number)
        if killed.returncode != -signal.SIGKILL:
            assert killed.returncode == 0, killed.stderr
            break
    else:
        pytest.fail("it never came to its end")


class Cutting:
    """A transport whose host loses every session when `cut` says so; all else is that of the real one."""

    def __init__(self, transport: Transport, cut: Callable[[], bool], moment: str) -> None:
        self._transport, self._cut, self._moment = transport, cut, moment

    def __getattr__(self, name: str) -> object:
        return getattr(self._transport, name)

    def open(self, *words: object, **more: object) -> object:
        if self._moment == "before":
            self._cut()
            return self._transport.open(*words, **more)  # type: ignore[arg-type]
        return Broken(self._transport.open(*words, **more), self._cut)  # type: ignore[arg-type]


class Broken:
    """A stream that is asked once, when the first of its answer has come, whether it ends there."""

    def __init__(self, stream: Stream, cut: Callable[[], bool]) -> None:
        self._stream, self._cut, self._ended = stream, cut, None

    def __getattr__(self, name: str) -> object:
        return getattr(self._stream, name)

    def read(self, size: int) -> bytes:
        data = b"" if self._ended else self._stream.read(size)
        if self._ended is None:
            self._ended = self._cut()
        return b"" if self._ended else data

    def exit_status(self) -> int | None:
        return None if self._ended else self._stream.exit_status()


@pytest.mark.slow
@pytest.mark.timeout(1800)
@pytest.mark.skipif(not FULL, reason="takes long; SSHSYNC_FULL=1")
@pytest.mark.parametrize("moment", ["before", "after"])
def test_cut_at_every_request_the_run_itself_reaches_the_goal(rounds: Rounds, moment: str) -> None:
    """The connection breaks off at a request, or when its answer begins: exactly one transaction all the same."""
    site = rounds.roots.site
    server = site.servers["app1"]
    for number in range(2, 200, 1 if FULL else 5):
        rounds.begin()
        counter = itertools.count(1)

        def cut(at: int = number, counter: Iterator[int] = counter) -> bool:
            here = next(counter) == at
            if here:
                server.drop_sessions()
            return here

        config = load(site.config)

        def way(make: Callable[..., Transport], cut: Callable[[], bool] = cut) -> Callable[..., object]:
            return lambda host, dial: Cutting(make(host, dial), cut, moment) if host.port == server.port else make(host, dial)

        ways = {name: way(make) for name, make in builtin.transports(config.settings).items()}
        told: list[object] = []
        with Sync(config, sinks=[told.append], transports=ways) as sync:
            code = sync.run([["app1"]]).exit_code
        assert code == 0, (number, [one for one in told if "reason" in str(one) or "error" in str(one)])
        rounds.end(number)
        if next(counter) <= number:
            break
    else:
        pytest.fail("it never came to its end")


def session_of_dnf(roots: Roots) -> list[int]:
    """Return the processes of the job that changes app1: those of the session of a script that runs inside of it."""
    listed = subprocess.run(["ps", "-eo", "pid=,sess="], capture_output=True, text=True, check=True).stdout
    rows = [tuple(map(int, line.split())) for line in listed.splitlines()]
    sessions = {session for pid, session in rows if rooted(pid) == str(roots.roots["app1"])}
    return [pid for pid, session in rows if session in sessions]


def rooted(pid: int) -> str:
    try:
        return os.readlink(f"/proc/{pid}/root")
    except OSError:
        return ""


def dies(roots: Roots) -> None:
    """As by a loss of power: in the middle of a transaction neither dnf nor what started it is there any more."""
    held = gate(roots)
    with roots.site.popen("--sync", "app1") as run:
        until(lambda: begun(roots), "dnf at work")
        # At once: nobody is to see the other one's end.
        for number in (signal.SIGSTOP, signal.SIGKILL):
            for pid in session_of_dnf(roots):
                os.kill(pid, number)
        out, errors = (words.decode() for words in run.communicate(timeout=120))
    held.unlink()
    assert run.returncode in (6, 7), out + errors
    assert "dnf was ended before it was through" in errors


@pytest.mark.parametrize("moment", ["pre", "post", "preun", "postun", "posttrans"] if FULL else ["preun"])
def test_a_transaction_that_died_is_told_and_the_next_run_mends_it(roots: Roots, moment: str) -> None:
    """Old and new may both be installed then."""
    apart(roots, moment=moment)
    dies(roots)
    done = roots.site.cli("resume")
    assert done.returncode == 0, done.stdout + done.stderr
    whole(roots)


def test_what_nobody_can_get_on_without_is_mended_as_well(roots: Roots) -> None:
    """One of two versions of the shell goes, and nothing else that is needed there goes along."""
    old, new = (rpms.shell(version, f"%preun\n{WAITS}") for version in ("1-1", "2-1"))
    roots.has(old, new)
    roots.root("app0", new)
    roots.root("app1", old, built("own", "1-1"))
    roots.chain("app0", "app1")
    dies(roots)
    assert twice(roots) == ["shell"]
    done = roots.site.cli("resume")
    assert done.returncode == 0, done.stdout + done.stderr
    whole(roots)


def test_what_is_protected_and_there_twice_is_told_with_the_cure(site: Site, tmp_path: Path) -> None:
    """dnf takes away no version of it but by a command of its own."""
    roots = Roots(site, tmp_path)
    apart(roots, moment="preun")
    with (roots.roots["app1"] / "etc/dnf/dnf.conf").open("a") as conf:
        conf.write("protected_packages=held\n")
    dies(roots)
    done = roots.site.cli("resume")
    assert done.returncode == 7, done.stdout + done.stderr
    assert "left two versions of it; there: dnf remove --duplicates)" in done.stderr
    assert twice(roots) == ["held"], "all else is mended"
    rpms.run("dnf", "--assumeyes", f"--installroot={roots.roots['app1']}", "remove", "--duplicates")
    assert roots.site.cli("--sync", "app1").returncode == 0
    whole(roots)


def second(roots: Roots) -> Site:
    """Return another controller of the same hosts, with a state of its own."""
    return controller(roots.site, "second", "".join(roots.site.config.read_text().splitlines(keepends=True)[2:]))


def test_a_second_controller_starts_nothing_beside_a_transaction(roots: Roots) -> None:
    """It is told who works there: by the lease, or with dnf 5 by the lock that it does not even plan without. When the
    first one is through, there is nothing left to do."""
    apart(roots, more=("timeout = 10",))
    held, other = gate(roots), second(roots)
    with roots.site.popen("--sync", "app1") as run:
        until(lambda: begun(roots), "dnf at work")
        refused = other.cli("--sync", "app1")
        assert refused.returncode == (75 if roots.chroot else 8), refused.stdout + refused.stderr
        assert (run.poll(), begun(roots)) == (None, 1)
        held.unlink()
        run.communicate(timeout=120)
    assert run.returncode == 0
    assert other.cli("--sync", "app1").returncode == 0
    assert (begun(roots), history(roots)) == (1, 1)
    whole(roots)


def test_a_second_controller_waits_for_the_transaction_of_one_that_was_killed(roots: Roots) -> None:
    """The lease of a dead one is nobody's any more; its transaction goes on, and nothing is begun beside it."""
    apart(roots)
    held, other = gate(roots), second(roots)
    with roots.site.popen("--sync", "app1") as run:
        until(lambda: begun(roots), "dnf at work")
        run.kill()
        run.communicate()
    with other.popen("--sync", "app1") as waiting:
        until(lambda: settling(roots) or waiting.poll() is not None, "whoever waits for the transaction")
        assert waiting.poll() is None
        held.unlink()
        out, errors = waiting.communicate(timeout=120)
    assert waiting.returncode == 0, out + errors
    assert (begun(roots), history(roots)) == (1, 1)
    whole(roots)


LOCKS = ["var/lib/dnf/rpmdb_lock.pid", "var/cache/dnf/metadata_lock.pid", "var/lib/rpm/.rpm.lock"]
"""Of dnf 4 for transactions and for what repositories have, and rpm's own."""


class Holder:
    """A process that holds a lock of app1, by itself or by a file that is open; `release` has it let go of it."""

    def __init__(self, roots: Roots, file: str, by: str = "process") -> None:
        command = [sys.executable, "-c", HOLDS, roots.roots["app1"] / file, by]
        self.process = subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE)
        assert self.process.stdout and self.process.stdout.readline(), "it holds it"

    @property
    def words(self) -> str:
        return f"process {self.process.pid} ({sys.executable} -c "

    def release(self) -> None:
        assert self.process.stdin
        self.process.stdin.close()
        self.process.wait(30)


HOLDS = """
import fcntl, os, struct, sys
os.makedirs(os.path.dirname(sys.argv[1]), exist_ok=True)
held = open(sys.argv[1], "a")
if sys.argv[1].endswith(".pid"):
    held.write(str(os.getpid()))
    held.flush()
elif sys.argv[2] == "process":
    fcntl.lockf(held, fcntl.LOCK_EX)
else:
    fcntl.fcntl(held, 37, struct.pack("hhqqi0q", fcntl.F_WRLCK, 0, 0, 0, 0))
print("held", flush=True)
sys.stdin.read()
if sys.argv[1].endswith(".pid"):
    os.unlink(sys.argv[1])
"""


@pytest.mark.parametrize("lock", LOCKS)
def test_another_package_manager_at_work_is_waited_for_and_named(site: Site, tmp_path: Path, lock: str) -> None:
    """For up to `timeout`, whichever lock it holds: then it is another try later; let go in time, the run goes on."""
    roots = Roots(site, tmp_path)
    apart(roots, more=("timeout = 2",))
    before = roots.listed("app1")
    holder = Holder(roots, lock)
    done = roots.site.cli("--sync", "app1")
    assert done.returncode == 75, done.stdout + done.stderr
    assert f"another package manager is at work there: {holder.words}" in done.stderr
    assert (roots.listed("app1"), begun(roots)) == (before, 0)
    with roots.site.popen("--sync", "app1") as run:
        until(lambda: [job for job in roots.homes.rglob("begun") if job.with_name("output").exists()], "a job")
        holder.release()
        out, errors = run.communicate(timeout=120)
    assert run.returncode == 0, out + errors
    assert (begun(roots), history(roots)) == (1, 1)
    whole(roots)


@pytest.mark.parametrize("lock", LOCKS[1:])
def test_who_has_let_go_of_a_lock_is_found_to_have_done_so_by_whoever_resumes(site: Site, tmp_path: Path, lock: str) -> None:
    """What an earlier try of the same run was told is no answer any more, before what is foreseen and before it is done."""
    roots = Roots(site, tmp_path)
    apart(roots, more=("timeout = 1",))
    holder = Holder(roots, lock)
    assert roots.site.cli("--sync", "app1").returncode == 75
    assert any("locked" in path.read_text() for path in roots.homes.rglob("transaction/*/result"))
    holder.release()
    done = roots.site.cli("resume")
    assert done.returncode == 0, done.stdout + done.stderr
    assert (begun(roots), history(roots)) == (1, 1)
    whole(roots)


def test_a_lock_of_nobody_who_can_be_seen_is_one_all_the_same(site: Site, tmp_path: Path) -> None:
    """Such as of a container on the same disk, or one that goes with an open file: no process is told."""
    roots = Roots(site, tmp_path)
    apart(roots, more=("timeout = 2",))
    holder = Holder(roots, "var/lib/rpm/.rpm.lock", by="file")
    done = roots.site.cli("--sync", "app1")
    holder.release()
    assert done.returncode == 75, done.stdout + done.stderr
    assert "another package manager is at work there: a process that cannot be seen there holds " in done.stderr


NAMED = ["a'\nremove own\n#.rpm", 'b "c; touch sentinel.rpm', "-y $(touch sentinel) `touch sentinel`.rpm", "@own.rpm"]
"""Files of a repository as nobody calls them; the shell of dnf would read a line of the first one as one of its own."""


def test_files_of_a_repository_of_any_name_are_nothing_but_files(roots: Roots) -> None:
    packages = [built(f"p{number}", "1-1") for number, _ in enumerate(NAMED)]
    roots.repository.mkdir()
    for one, name in zip(packages, NAMED, strict=True):
        shutil.copy(one, roots.repository / name)
    rpms.run("createrepo_c", "--quiet", roots.repository)
    roots.root("app0", *packages)
    roots.root("app1", built("own", "1-1"))
    roots.chain("app0", "app1")
    done = roots.site.cli("--sync", "app1")
    assert roots.listed("app1") == {**roots.listed("app0"), "own": "1-1"}, done.stdout + done.stderr
    assert done.returncode == 0
    assert not [*roots.directory.rglob("sentinel*"), *Path.cwd().glob("sentinel*")]
    assert roots.left() == []


@pytest.fixture(scope="module")
def signer(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Signer]:
    made = Signer(tmp_path_factory.mktemp("gpg"))
    yield made
    made.end()


@pytest.fixture
def web(roots: Roots) -> Iterator[ThreadingHTTPServer]:
    """The repository by HTTP: what comes from there is downloaded, not copied."""

    class Quiet(SimpleHTTPRequestHandler):
        def log_message(self, *_words: object) -> None:
            pass

    server = ThreadingHTTPServer(("127.0.0.1", 0), partial(Quiet, directory=str(roots.repository)))
    threading.Thread(target=server.serve_forever, daemon=True).start()
    yield server
    server.shutdown()
    server.server_close()


def by_web(roots: Roots, web: ThreadingHTTPServer) -> None:
    """Have app1 take its packages by HTTP."""
    source = f"http://127.0.0.1:{web.server_address[1]}/"
    (roots.roots["app1"] / "etc/yum.repos.d/test.repo").write_text(f"[test]\nname=test\nbaseurl={source}\n")


@pytest.mark.parametrize("harm", ["unsigned", "other bytes", "gone"] if FULL else ["gone"])
def test_what_is_not_to_be_trusted_is_no_way_back_either(roots: Roots, web: ThreadingHTTPServer, signer: Signer, harm: str) -> None:
    """A repository has in place of what is installed something else by that name and version."""
    old, new, other = (signer.signed(built("tool", version)) for version in ("1-1", "2-1", "1-1"))
    roots.root("app0", new)
    child = roots.root("app1", old, conf="gpgcheck=1\n")
    rpms.run("rpm", "--root", child, "--import", signer.key)
    roots.has(new, built("tool", "1-1", "URL: http://other/") if harm == "unsigned" else other)
    by_web(roots, web)
    if harm == "other bytes":
        spoilt = bytearray((roots.repository / other.name).read_bytes())
        spoilt[-1] ^= 1
        (roots.repository / other.name).write_bytes(spoilt)
    if harm == "gone":
        (roots.repository / other.name).unlink()
    roots.chain("app0", "app1")
    done = roots.site.cli("--sync", "app1")
    assert done.returncode == 0, done.stdout + done.stderr
    assert "there is no way back for tool: " in done.stderr
    assert not list(roots.homes.rglob("*.rpm")), "nothing of it is kept"
    back = roots.site.cli("rollback", "app1")
    assert back.returncode in (6, 10, 75), back.stdout + back.stderr
    assert roots.listed("app1")["tool"] == "2-1"


def test_a_home_and_a_root_of_any_name_are_nothing_but_places(site: Site, tmp_path: Path) -> None:
    """With blanks, quotes of both sorts, and what a shell would carry out."""
    odd = "it's \"odd\" $(touch sentinel);touch sentinel"
    roots = Roots(site, tmp_path)
    roots.homes = tmp_path / f"homes {odd}"
    roots.homes.mkdir()
    for name in ("app0", "app1"):
        home = str(roots.homes / name).replace('"', '\\"')
        site.server(name, environment=f'"HOME={home}"')
    one, two = built("tool", "1-1"), built("tool", "2-1")
    roots.has(one, two)
    roots.root("app0", two)
    plain = roots.root("app1", one)
    roots.roots["app1"] = plain.rename(plain.with_name(odd))
    roots.chain("app0", "app1")
    done = site.cli("--sync", "app1")
    assert (done.returncode, roots.listed("app1")) == (0, {"tool": "2-1"}), done.stdout + done.stderr
    back = site.cli("rollback", "app1")
    assert (back.returncode, roots.listed("app1")) == (0, {"tool": "1-1"}), back.stdout + back.stderr
    assert not [*roots.directory.rglob("sentinel*"), *Path.cwd().glob("sentinel*")]


LIES = {
    "another package": (("own", "2-1"), (("<name>own<", "<name>six<"), ('ver="2"', 'ver="1.16"'))),
    "what it takes away": (("six", "1.16-1", "Obsoletes: own"), (('<rpm:obsoletes>\n      <rpm:entry name="own"/>\n    </rpm:obsoletes>', ""),)),
    "its name": (("own", "2-1"), (("<name>own<", "<name>-x $(touch sentinel)\n;remove own<"),)),
}
"""Packages of which their repository says something else, each by what is untrue: what is built, and what is said instead."""


@pytest.mark.parametrize("lie", LIES if FULL else list(LIES)[:1])
def test_nothing_changes_that_was_not_foreseen_whatever_a_repository_says_of_a_package(roots: Roots, lie: str) -> None:
    made, changes = LIES[lie]
    six = built("six", "1.16-1")
    wanted = built("wanted", "1-1", "Requires: own = 2-1") if lie == "its name" else six
    roots.has(built(*made), *([wanted] if wanted != six else []))
    say_instead(roots.repository, changes)
    roots.root("app0", six, *([built("own", "2-1"), wanted] if wanted != six else []))
    roots.root("app1", built("own", "1-1"))
    roots.chain("app0", "app1", more=("include =\n  six\n  wanted",))
    done = roots.site.cli("--sync", "app1")
    assert done.returncode in (6, 7), done.stdout + done.stderr
    assert roots.listed("app1") == {"own": "1-1"}, done.stdout + done.stderr
    assert not [*roots.directory.rglob("sentinel*"), *Path.cwd().glob("sentinel*")]


def say_instead(repository: Path, changes: tuple[tuple[str, str], ...]) -> None:
    """Have a repository say of its packages something else than it did."""
    (old,) = (repository / "repodata").glob("*-primary.xml.*")
    new = repository / "primary.xml"
    unpack = ["zstd", "-dc"] if old.suffix == ".zst" else ["gzip", "-dc"]
    text = subprocess.run([*unpack, old], capture_output=True, text=True, check=True).stdout
    for one, other in changes:
        assert one in text, text
        text = text.replace(one, other)
    new.write_text(text)
    for kind in ("primary", "primary_db"):
        subprocess.run(["modifyrepo_c", "--remove", kind, repository / "repodata"], capture_output=True, check=False)
    rpms.run("modifyrepo_c", "--mdtype=primary", new, repository / "repodata")


CLAIMS = {
    name: f"{name} 0:1-1 noarch"
    for name in ("-x", "--installroot=/", "@group", "*", "/etc/passwd", "http://example.org/x.rpm", "six;touch", "$(touch)", "a\tb", "", "é")
} | {"version": "six 0:1-1;touch noarch", "architecture": "six 0:1-1 x86;touch", "no release": "six 0:1 noarch", "glob": "six 0:*-* noarch"}
"""What a parent claims to have, each by what is wrong with it."""
FAKE = """#!/bin/sh
case "$*" in *-qa*) ;; *) exec /usr/bin/rpm "$@" ;; esac
for word; do case $word in *' rpm %{NAME}'*) token=${word%% *} ;; esac; done
printf '%s rpm %s\\n' "$token" 'sane 0:1-1 noarch' "$token" "$(cat "$0.claims")"
"""


def test_what_no_package_is_called_is_no_list_and_changes_nothing(site: Site, tmp_path: Path) -> None:
    """The parent is in somebody's hands, and claims packages that a command line, a shell or dnf would read otherwise."""
    roots = Roots(site, tmp_path)
    roots.has(built("six", "1-1"), built("sane", "1-1"))
    roots.root("app0")
    roots.root("app1", built("own", "1-1"))
    programs = tmp_path / "bin"
    programs.mkdir()
    (programs / "rpm").write_text(FAKE)
    (programs / "rpm").chmod(0o755)
    home = rpms.at_home(roots.homes / "app0")
    site.server("app0", environment=f"HOME={home} PATH={programs}:/usr/bin:/bin")
    roots.chain("app0", "app1", more=("delete = yes", "max_delete = 100%"))
    # Every third of them, but for the nightly suite.
    for wrong, claim in list(CLAIMS.items())[:: 1 if FULL else 3]:
        (programs / "rpm.claims").write_text(claim)
        done = site.cli("--sync", "app1")
        assert done.returncode == 9, (wrong, done.stdout + done.stderr)
        assert "what rpm lists there cannot be true: " in done.stderr, wrong
        assert (roots.listed("app1"), roots.left()) == ({"own": "1-1"}, []), wrong
    (programs / "rpm.claims").write_text("six 0:1-1 noarch")
    done = site.cli("--sync", "app1")
    assert done.returncode == 0, done.stdout + done.stderr
    assert roots.listed("app1") == {"six": "1-1", "sane": "1-1"}, "what the claims have to do with it"


NO_DNF = "has no dnf 4, nor dnf 5 and a python3: its packages can be compared, and not changed"
DNFS = {
    "none": ("", NO_DNF),
    "of a shell": ("#!/bin/sh\nexit 0\n", NO_DNF),
    "of a compiler": ("\x7fELF\x02\n", NO_DNF),
    "of a Python that is not there": ("#!/nowhere/python3 -s\n", "the Python of its dnf cannot run ("),
    "of a Python that cannot run": ("#!{programs}/brokenpython3\n", "the Python of its dnf cannot run (cannot load libpython)"),
    "of a Python without dnf": (f"#! /usr/bin/env {sys.executable} -s\n", "packages cannot be changed there: ModuleNotFoundError: No module named 'dnf'"),
}
"""Programs by the name of dnf, and what is said of them."""


@pytest.mark.parametrize("which", DNFS if FULL else list(DNFS)[:1])
def test_a_dnf_that_nobody_can_use_is_told_and_the_next_run_recovers(site: Site, tmp_path: Path, which: str) -> None:
    """Packages are compared all the same."""
    roots, programs, (text, words) = Roots(site, tmp_path), tmp_path / "bin", DNFS[which]
    programs.mkdir()
    for one in Path("/usr/bin").iterdir():
        if not one.name.startswith("dnf"):
            (programs / one.name).symlink_to(one)
    program(programs / "brokenpython3", "#!/bin/sh\necho cannot load libpython >&2\nexit 127\n")
    if text:
        program(programs / "dnf", text.format(programs=programs))
    home = rpms.at_home(roots.homes / "app1")
    roots.has(built("six", "1-1"))
    roots.root("app0", built("six", "1-1"))
    roots.root("app1", built("own", "1-1"))
    site.server("app1", environment=f"HOME={home} PATH={programs}")
    roots.chain("app0", "app1")
    assert site.cli("drift").returncode == 11
    for how in (("--dry-run",), ()):
        done = site.cli("--sync", "app1", *how)
        assert (done.returncode, words in done.stderr) == (6, True), done.stderr
        assert roots.listed("app1") == {"own": "1-1"}
    program(programs / "dnf", Path("/usr/bin/dnf").read_text())
    done = site.cli("--sync", "app1")
    assert done.returncode == 0, done.stdout + done.stderr
    assert (roots.listed("app1"), roots.left()) == ({"six": "1-1", "own": "1-1"}, [])


def program(place: Path, text: str) -> None:
    place.write_text(text)
    place.chmod(0o755)


def test_a_root_that_vanishes_in_the_middle_is_told_and_the_next_run_recovers(roots: Roots) -> None:
    """As a disk that is no longer mounted, while dnf is at work there."""
    apart(roots)
    held, place = gate(roots), roots.roots["app1"]
    with roots.site.popen("--sync", "app1") as run:
        until(lambda: begun(roots), "dnf at work")
        away = place.rename(place.with_name("away"))
        out, errors = (words.decode() for words in run.communicate(timeout=120))
    assert run.returncode == 6, out + errors
    assert f"app1: packages cannot be changed there: there is no installroot {roots.seen(place)}\n" in errors
    away.rename(place)
    held.unlink()
    done = roots.site.cli("--sync", "app1")
    assert done.returncode == 0, done.stdout + done.stderr
    assert history(roots) == 1
    whole(roots)


@contextmanager
def small_disk(place: Path, options: str, filled: int) -> Iterator[None]:
    """Mount a disk over a directory, with so many bytes of it used."""
    require(os.geteuid() == 0, "a user who may mount")
    subprocess.run(["mount", "-t", "tmpfs", "-o", options, "tmpfs", place], check=True)
    try:
        rpms.at_home(place)
        with suppress(OSError), (place / "filler").open("wb", buffering=0) as filler:
            filler.write(b"x" * filled)
        yield
    finally:
        subprocess.run(["umount", place], check=True)


@pytest.mark.parametrize(("options", "free"), [("size=4m", 1_000_000), ("size=4m", 24_000), ("size=4m", 0), ("size=4m,nr_inodes=9", 500_000)][: 4 if FULL else 1])
def test_a_full_disk_is_told_in_its_own_words(roots: Roots, web: ThreadingHTTPServer, options: str, free: int) -> None:
    """The disk of the directory of its work: full while packages are downloaded, and before anything can be begun."""
    big = built("big", "1-1", body="mkdir -p %{buildroot}/bin\nhead -c 3000000 /dev/urandom > %{buildroot}/bin/big\n")
    roots.has(big)
    roots.root("app0", big)
    roots.root("app1", built("own", "1-1"))
    by_web(roots, web)
    roots.chain("app0", "app1")
    home = roots.homes / "app1"
    with small_disk(home, options, 4 * 1024 * 1024 - free):
        done = roots.site.cli("--sync", "app1")
    assert done.returncode == 6, done.stdout + done.stderr
    assert "app1: failed: packages cannot be changed there: " in done.stdout
    assert re.search("No space left on device|Failed writing received data to disk", done.stdout), done.stdout
    assert "Traceback" not in done.stdout
    assert roots.listed("app1") == {"own": "1-1"}
    done = roots.site.cli("--sync", "app1")
    assert done.returncode == 0, done.stdout + done.stderr
    assert roots.listed("app1") == roots.listed("app0") | {"own": "1-1"}


def test_a_root_without_room_is_told_and_left_as_it_was(roots: Roots) -> None:
    big = built("big", "1-1", body="mkdir -p %{buildroot}/bin\nhead -c 3000000 /dev/urandom > %{buildroot}/bin/big\n")
    roots.has(big)
    roots.root("app0", big)
    place = roots.directory / "app1"
    place.mkdir()
    with small_disk(place, "size=3m", 0):
        roots.root("app1", built("own", "1-1"))
        roots.chain("app0", "app1")
        done = roots.site.cli("--sync", "app1")
        assert done.returncode == 6, done.stdout + done.stderr
        assert "big: failed: was to be 1-1, and it is not there: dnf" in done.stderr
        assert re.search("needs [0-9]+[KM]B more space on the . filesystem", done.stderr)
        assert (roots.listed("app1"), rpms.sound(place)) == ({"own": "1-1"}, True)
        subprocess.run(["mount", "-o", "remount,size=40m", place], check=True)
        done = roots.site.cli("--sync", "app1")
        assert done.returncode == 0, done.stdout + done.stderr
        assert roots.listed("app1") == {"own": "1-1", "big": "1-1"}


class Account:
    """An account that is no root's, in a namespace of its own: what it may do by sudo is told there, and nowhere else.

    Attributes:
        log: what sudo carried out, as it wrote it down itself.
    """

    NUMBER, NAME = 64001, "sshsync-test"

    def __init__(self, place: Path, allowed: str) -> None:
        for one in ("sudo", "setpriv", "unshare"):
            require(shutil.which(one) is not None, one)
        self.log = place / "sudo.log"
        mine = [("passwd", f"{Path('/etc/passwd').read_text()}{self.NAME}:*:{self.NUMBER}:65534::/:/bin/sh\n")]
        # Debian's rpm has its records below HOME, if nobody there says otherwise.
        logged = f"Defaults logfile={self.log}, !syslog, loglinelen=0, env_keep+=HOME"
        mine += [("sudoers", f"{logged}\n{self.NAME} {allowed}\n")]
        for name, text in mine:
            (place / name).write_text(text)
        (place / "sudoers").chmod(0o440)
        binds = " && ".join(f"mount --bind {place / name} /etc/{name}" for name, _ in mine)
        become = f"exec setpriv --reuid={self.NUMBER} --regid=65534 --clear-groups /bin/sh \"$@\""
        self.shell = place / "shell"
        program(self.shell, f"#!/bin/sh\nexec unshare -m /bin/sh -c '{binds} && {become}' sh \"$@\"\n")

    def carried_out(self) -> list[str]:
        """Return the commands that went through sudo."""
        lines = self.log.read_text().splitlines() if self.log.exists() else []
        return [line.partition("COMMAND=")[2] for line in lines if "password is required" not in line]

    def lives_in(self, home: Path) -> None:
        for path in (home, *home.rglob("*")):
            os.chown(path, self.NUMBER, 65534)


@pytest.fixture
def open_place() -> Iterator[Path]:
    """A directory that every account may look into."""
    made = Path(tempfile.mkdtemp(prefix="sshsync-rpms-open-"))
    made.chmod(0o755)
    yield made
    shutil.rmtree(made)
    for one in Path("/var/tmp").glob(f"dnf-{Account.NAME}-*"):
        shutil.rmtree(one)


def by_account(site: Site, place: Path, allowed: str, *more: str) -> tuple[Roots, Account]:
    """Two roots apart, one of which only an account that is no root's can be asked to change."""
    roots, account = Roots(site, place), Account(place, allowed)
    apart(roots, more=("delete = yes", "max_delete = 100%", "exclude = own", f"shell = {account.shell}", *more))
    account.lives_in(roots.homes / "app1")
    return roots, account


def test_only_dnf_runs_by_sudo(site: Site, open_place: Path) -> None:
    """Neither a shell nor a Python: as sudo itself wrote it down. There and back."""
    roots, account = by_account(site, open_place, "ALL=(root) NOPASSWD: /usr/bin/dnf", "sudo = yes")
    before = roots.listed("app1")
    assert site.cli("--sync", "app1", "--dry-run").returncode == 11
    done = site.cli("--sync", "app1")
    assert done.returncode == 0, done.stdout + done.stderr
    whole(roots)
    back = site.cli("rollback", "app1")
    assert (back.returncode, roots.listed("app1")) == (0, before), back.stdout + back.stderr
    assert [command.split()[0] for command in account.carried_out()] == ["/usr/bin/dnf"] * len(account.carried_out())
    assert len([command for command in account.carried_out() if " shell /" in command]) == 2


@pytest.mark.parametrize("allowed", ["ALL=(root) /usr/bin/dnf", "ALL=(root) NOPASSWD: /usr/bin/rpm"])
def test_a_sudo_that_would_ask_is_told_before_anything_changes(site: Site, open_place: Path, allowed: str) -> None:
    """With the line that sudoers lacks."""
    roots, account = by_account(site, open_place, allowed, "sudo = yes")
    before = roots.listed("app1")
    for how in (("--dry-run",), ()):
        done = site.cli("--sync", "app1", *how)
        assert done.returncode == 6, done.stdout + done.stderr
        assert "packages cannot be changed there: sudo: a password is required" in done.stderr
        assert f"(sudoers is to say there: {Account.NAME} ALL=(root) NOPASSWD: /usr/bin/dnf)" in done.stderr
    assert (roots.listed("app1"), begun(roots), account.carried_out(), roots.left()) == (before, 0, [], [])


def test_an_account_without_sudo_is_told_what_to_do(site: Site, open_place: Path) -> None:
    roots, account = by_account(site, open_place, "ALL=(root) NOPASSWD: /usr/bin/dnf")
    done = site.cli("--sync", "app1")
    assert done.returncode == 6, done.stdout + done.stderr
    assert "packages cannot be changed there: only root changes packages" in done.stderr
    assert "sudo = yes" in done.stderr
    assert (begun(roots), account.carried_out()) == (0, [])
