"""Packages of Pythons brought to what another has: real pips, real OpenSSH, an index that is a directory of wheels."""

import io
import os
import shutil
import signal
import subprocess
import sys
import tarfile
import tempfile
import time
import zipfile
from collections.abc import Callable
from functools import cache
from pathlib import Path

import pytest

from tests.integration.conftest import Site
from tests.sshd import require
from tests.integration.test_packages import environment, install, interpreter, listed_by_pip, packages, run, wheel

pytestmark = pytest.mark.integration

GATE = """import os, sys; os.path.exists({gate!r}) and "install" in getattr(sys, "orig_argv", []) and "--isolated" in sys.orig_argv and exec(open({gate!r}).read(), {{"os": os}})
"""
"""A .pth: whatever installs with a Python of 3.10 and later does first what the file says, if there is one."""
WAITS = """
open({log!r}, "a").write("begun\\n")
import time
while os.path.exists({gate!r}): time.sleep(0.02)
"""


class Index:
    """Wheels, environments on hosts that take from there, and what holds an installation up.

    Attributes:
        homes: where the hosts' account lives.
    """

    def __init__(self, site: Site, directory: Path) -> None:
        self.site = site
        self.top = directory / "index"
        self.top.mkdir()
        self.homes = directory / "homes"
        self.homes.mkdir()
        self.gate, self.log = directory / "gate", directory / "log"
        self.environments: dict[str, Path] = {}
        self.python = interpreter("3.11")

    def has(self, *packages: str, **more: object) -> None:
        for one in packages:
            wheel(self.top, *one.split("=="), **more)  # type: ignore[arg-type]

    def environment(self, name: str, *packages: str, python: str = "") -> Path:
        made = self.environments[name] = copied(python or self.python, self.site.directory / f"env-{name}")
        if packages:
            install(made, "--find-links", self.top, *packages)
        return made

    def section(self, name: str, *more: str, index: str = "") -> str:
        home = self.homes / name
        home.mkdir(exist_ok=True)
        server = self.site.server(name, environment=index or f"HOME={home} PIP_NO_INDEX=1 PIP_FIND_LINKS={self.top}")
        return "\n".join([f"[{name}]", server.section(type="pip", path=self.environments[name]), *more, ""])

    def chain(self, *names: str, more: tuple[str, ...] = (), index: str = "") -> None:
        parents = [(), *((f"parent = {name}", *more) for name in names)]
        self.site.write("\n".join(self.section(name, *lines, index=index) for name, lines in zip(names, parents, strict=False)))

    def listed(self, name: str) -> dict[str, str]:
        found = listed_by_pip(self.environments[name])
        return {one: version for one, version in found.items() if one not in ("pip", "setuptools")}

    def left(self) -> list[str]:
        """Return what of any transaction is still there."""
        return [str(path) for path in self.homes.rglob(".sshsync/*/*") if path.parent.name != "kept"]

    def hold(self, name: str, text: str = WAITS) -> None:
        """Hold up whatever installs in an environment, until `release`; or have it do something else first."""
        place = next((self.environments[name] / "lib").glob("python*/site-packages"))
        (place / "held.pth").write_text(GATE.format(gate=str(self.gate)))
        self.gate.write_text(text.format(gate=str(self.gate), log=str(self.log)))

    def release(self) -> None:
        self.gate.unlink()

    def begun(self) -> int:
        """Return how many installations began."""
        return len(self.log.read_text().splitlines()) if self.log.exists() else 0


@cache
def fresh(python: str) -> Path:
    """Make an environment of a Python, once for all: a copy of it takes a tenth of the time."""
    return environment(Path(tempfile.mkdtemp(prefix="sshsync-environment-")) / "made", python)


def copied(python: str, top: Path) -> Path:
    shutil.copytree(fresh(python), top, symlinks=True)
    return top


@pytest.fixture
def index(site: Site, tmp_path: Path) -> Index:
    return Index(site, tmp_path)


def until(true: Callable[[], object], seconds: float = 60) -> None:
    end = time.monotonic() + seconds
    while not true():
        assert time.monotonic() < end, "it never came"
        time.sleep(0.02)


def apart(index: Index, python: str = "", reached: str = "") -> None:
    """Two environments: one is to become the other; `reached` says how their hosts reach the index."""
    index.has("six==1.15.0", "six==1.16.0", "django==4.2.7", "django==4.2.11", "idna==2.10", "idna==3.4", "own==1.0")
    index.environment("app0", "six==1.16.0", "django==4.2.11", "idna==2.10", python=python)
    index.environment("app1", "django==4.2.7", "idna==3.4", "own==1.0", python=python)
    index.chain("app0", "app1", index=reached)


FULL = os.environ.get("SSHSYNC_FULL") == "1"
VERSIONS = ["3.6", "3.7", "3.8", "3.9", "3.10", "3.11", "3.12", "3.13"] if FULL else ["3.6"]
"""All others by the nightly suite; what is below uses 3.11."""
nightly = pytest.mark.skipif(not FULL, reason="takes long; SSHSYNC_FULL=1")


@pytest.mark.parametrize("version", VERSIONS)
def test_what_is_missing_comes_and_versions_are_matched_up_and_down(index: Index, version: str) -> None:
    """By the pip that each Python brought along, from 18.1 on; what a child has besides stays."""
    apart(index, interpreter(version))
    before = index.listed("app1")
    planned = index.site.cli("--sync", "app1", "--dry-run")
    assert planned.returncode == 11, planned.stdout + planned.stderr
    assert "app1: would install six 1.16.0\n" in planned.stderr
    assert "app1: would replace django 4.2.7 by 4.2.11\n" in planned.stderr
    assert "app1: would replace idna 3.4 by 2.10 (down)\n" in planned.stderr
    assert (index.listed("app1"), index.left()) == (before, []), "a dry run changes nothing"

    done = index.site.cli("--verbose", "--sync", "app1")
    assert done.returncode == 0, done.stdout + done.stderr
    assert "app1: published django 4.2.11\n" in done.stderr
    assert index.listed("app1") == {**index.listed("app0"), "own": "1.0"}
    assert index.left() == []
    again = index.site.summary("--sync", "app1")
    assert (again["exit_code"], again["by_name"]["app1"]["outcome"]) == (0, "unchanged")


def test_a_chain_of_three_and_what_the_parent_lacks_goes_where_that_is_asked(index: Index) -> None:
    apart(index)
    index.environment("app2", "own==1.0")
    index.chain("app0", "app1", "app2", more=("delete = yes", "max_delete = 0"))
    done = index.site.cli("--sync", "app1", "--sync", "app2")
    assert done.returncode == 9
    assert "would be deleted: own (all: --dry-run)" in done.stdout
    assert index.listed("app1") == {**index.listed("app0"), "own": "1.0"}
    done = index.site.cli("--sync", "app1", "--sync", "app2", "--max-delete", "1")
    assert done.returncode == 0, done.stdout + done.stderr
    assert index.listed("app2") == index.listed("app0")


def test_what_cannot_be_had_is_a_problem_of_that_package_alone(index: Index) -> None:
    """In a dry run as well: no index has it, an index has something in its place, it came from no index at all."""
    index.has("gone==1.0", "local==1.0", "six==1.16.0", "copied==1.0")
    index.environment("app0", "gone==1.0", "local==1.0", "six==1.16.0", index.top / "copied-1.0-py2.py3-none-any.whl")
    index.environment("app1")
    (index.top / "gone-1.0-py2.py3-none-any.whl").unlink()
    (index.top / "local-1.0-py2.py3-none-any.whl").unlink()
    index.has("local==1.0+patched")
    index.chain("app0", "app1")
    for words in (("--dry-run",), ()):
        found = index.site.summary("--sync", "app1", *words)
        assert found["exit_code"] == 7, found["events"]
        reasons = {event["name"]: event["reason"] for event in found["events"] if event["type"] == "item_failed"}
        assert set(reasons) == {"gone", "local", "copied"}
        assert "No matching distribution found for gone==1.0" in reasons["gone"]
        assert "sources = yes" in reasons["gone"]
        assert reasons["local"] == "the index has 1.0+patched in its place"
        assert "no index has" in reasons["copied"]
    assert index.listed("app1") == {"six": "1.16.0"}


def test_a_source_is_built_only_where_that_is_asked(index: Index, tmp_path: Path) -> None:
    index.has("six==1.16.0")
    index.environment("app0", "six==1.16.0")
    made = index.environment("app1")
    (index.top / "six-1.16.0-py2.py3-none-any.whl").unlink()
    source(index.top, made)
    index.chain("app0", "app1")
    assert index.site.cli("--sync", "app1").returncode == 6
    index.chain("app0", "app1", more=("sources = yes",))
    done = index.site.cli("--sync", "app1")
    assert done.returncode == 0, done.stdout + done.stderr
    assert index.listed("app1") == {"six": "1.16.0"}


def source(top: Path, made: Path) -> None:
    """Write a source distribution of six that is built without anything else."""
    backend = (
        "import zipfile\n"
        "def build_wheel(directory, settings=None, metadata=None):\n"
        "    name, info = 'six-1.16.0-py3-none-any.whl', 'six-1.16.0.dist-info/'\n"
        "    held = {'six.py': '', info + 'METADATA': 'Metadata-Version: 2.1\\nName: six\\nVersion: 1.16.0\\n', info + 'WHEEL': 'Wheel-Version: 1.0\\nGenerator: t\\nRoot-Is-Purelib: true\\nTag: py3-none-any\\n'}\n"
        "    held[info + 'RECORD'] = ''.join(path + ',,\\n' for path in [*held, info + 'RECORD'])\n"
        "    with zipfile.ZipFile(directory + '/' + name, 'w') as out:\n"
        "        for path, text in held.items(): out.writestr(path, text)\n"
        "    return name\n"
    )
    files = {"pyproject.toml": '[build-system]\nrequires = []\nbuild-backend = "backend"\nbackend-path = ["."]\n', "backend.py": backend, "PKG-INFO": "Metadata-Version: 2.1\nName: six\nVersion: 1.16.0\n"}
    with tarfile.open(top / "six-1.16.0.tar.gz", "w:gz") as out:
        for name, text in files.items():
            entry = tarfile.TarInfo(f"six-1.16.0/{name}")
            entry.size = len(text)
            out.addfile(entry, io.BytesIO(text.encode()))


def test_no_older_version_where_that_is_forbidden(index: Index) -> None:
    apart(index)
    index.chain("app0", "app1", more=("downgrade = no",))
    done = index.site.cli("--sync", "app1")
    assert done.returncode == 7
    assert "app1: idna: failed: 2.10 is older than 3.4 there (downgrade = no)" in done.stdout
    assert index.listed("app1") == {**index.listed("app0"), "idna": "3.4", "own": "1.0"}


def test_a_connection_that_is_cut_breaks_no_transaction(index: Index) -> None:
    """Every session ends while pip is at work, twice: the run waits on, and pip is started once."""
    apart(index)
    index.hold("app1")
    with index.site.popen("--sync", "app1") as run:
        until(index.begun)
        for _ in range(2):
            index.site.servers["app1"].drop_sessions()
            until(index.site.servers["app1"].sessions)
        index.release()
        out, errors = run.communicate(timeout=120)
    assert run.returncode == 0, out + errors
    assert index.begun() == 1
    assert index.listed("app1") == {**index.listed("app0"), "own": "1.0"}
    assert index.left() == []


def test_a_killed_controller_finds_the_transaction_that_runs(index: Index) -> None:
    """It is waited for before anybody looks what is there; and nothing is begun beside it."""
    apart(index)
    index.hold("app1")
    with index.site.popen("--sync", "app1") as run:
        until(index.begun)
        run.kill()
        run.communicate()
    with index.site.popen("resume") as resumed:
        # Whoever resumes has logged in, and waits.
        until(lambda: index.site.servers["app1"].log.read_text().count("Accepted publickey") >= 2 or resumed.poll() is not None)
        assert resumed.poll() is None
        index.release()
        out, errors = resumed.communicate(timeout=120)
    assert resumed.returncode == 0, out + errors
    assert index.begun() == 1, "it was found, and nothing was begun beside it"
    assert index.listed("app1") == {**index.listed("app0"), "own": "1.0"}
    assert index.left() == []


DIES = """
open({log!r}, "a").write("begun\\n")
os.path.exists({gate!r}) and os.unlink({gate!r})
import signal
import subprocess
import sys
os.kill(os.getppid(), signal.SIGKILL)
os.kill(os.getpid(), signal.SIGKILL)
"""


def test_a_transaction_that_died_is_told_and_the_next_run_mends_it(index: Index) -> None:
    """As by a loss of power: neither pip nor what started it is there any more, and no result."""
    apart(index)
    index.hold("app1", DIES)
    done = index.site.cli("--sync", "app1")
    assert done.returncode in (6, 7)
    assert "pip was ended before it was through: was the host started anew?" in done.stdout
    done = index.site.cli("resume")
    assert done.returncode == 0, done.stdout + done.stderr
    assert index.begun() == 1
    assert index.listed("app1") == {**index.listed("app0"), "own": "1.0"}


@pytest.mark.parametrize("harm", ["file", "metadata", "leftover"])
def test_what_is_half_installed_is_mended(index: Index, harm: str) -> None:
    """Although its version is right."""
    index.has("six==1.16.0")
    index.environment("app0", "six==1.16.0")
    made = index.environment("app1", "six==1.16.0")
    place = next((made / "lib").glob("python*/site-packages"))
    if harm == "file":
        (place / "six.py").unlink()
    elif harm == "metadata":
        (place / "six-1.16.0.dist-info/METADATA").write_text("")
    else:
        (place / "~ix").mkdir()
    index.chain("app0", "app1")
    assert index.site.cli("drift", "app0", "app1").returncode == 7
    done = index.site.cli("--sync", "app1")
    assert done.returncode == 0, done.stdout + done.stderr
    assert (place / "six.py").exists()
    assert not list(place.glob("~*"))
    assert index.site.cli("drift", "app0", "app1").returncode == 0


SPOILS = """
import atexit, glob, sys
atexit.register(lambda: open(glob.glob(sys.prefix + "/lib/python*/site-packages/six.py")[0], "a").write("# other bytes"))
os.unlink({gate!r})
"""


@pytest.mark.parametrize("hashes", ["yes", "no"])
def test_what_arrived_is_held_against_what_was_installed(index: Index, hashes: str) -> None:
    index.has("six==1.16.0")
    index.environment("app0", "six==1.16.0")
    index.environment("app1")
    index.chain("app0", "app1", more=(f"hashes = {hashes}",))
    index.hold("app1", SPOILS)
    done = index.site.cli("--sync", "app1")
    words = "six: failed: was to be 1.16.0, and half installed: 1 of its files are not as installed, such as six.py"
    assert (done.returncode, words in done.stdout) == ((6, True) if hashes == "yes" else (0, False)), done.stdout


def test_what_pip_complains_of_anew_is_told_of_the_package(index: Index) -> None:
    """And once: what it has complained of before is nothing new."""
    index.has("needs==1.0")
    index.environment("app0", "needs==1.0")
    index.environment("app1")
    requiring(index.top)
    index.chain("app0", "app1")
    done = index.site.cli("--sync", "app1")
    assert done.returncode in (6, 7)
    assert "app1: needs: failed: pip check: needs 1.0 requires absent, which is not installed." in done.stdout
    assert index.site.cli("--sync", "app1").returncode == 0


def requiring(top: Path) -> None:
    """Have the index give a package that needs what nobody has."""
    info = "needs-1.0.dist-info"
    held = {"needs.py": "", f"{info}/METADATA": "Metadata-Version: 2.1\nName: needs\nVersion: 1.0\nRequires-Dist: absent\n", f"{info}/WHEEL": "Wheel-Version: 1.0\nGenerator: test\nRoot-Is-Purelib: true\nTag: py3-none-any\n"}
    held[f"{info}/RECORD"] = "".join(f"{path},,\n" for path in [*held, f"{info}/RECORD"])
    (top / "needs-1.0-py2.py3-none-any.whl").unlink()
    with zipfile.ZipFile(top / "needs-1.0-py3-none-any.whl", "w") as out:
        for path, text in held.items():
            out.writestr(path, text)


def test_an_index_that_cannot_be_reached_is_a_passing_failure(index: Index) -> None:
    apart(index, reached=f"HOME={index.homes} PIP_INDEX_URL=http://127.0.0.1:9/ PIP_RETRIES=1 PIP_TIMEOUT=1")
    before = index.listed("app1")
    done = index.site.cli("--sync", "app1")
    assert done.returncode == 75, done.stdout + done.stderr
    assert "its index of packages cannot be reached: " in done.stdout
    assert index.listed("app1") == before


def test_no_pip_and_no_environment_are_told_with_the_cure(index: Index) -> None:
    index.has("six==1.16.0")
    index.environment("app0", "six==1.16.0")
    index.environments["app1"] = index.site.directory / "nowhere"
    made = index.environment("app2")
    for found in made.glob("lib/python*/site-packages/pip*"):
        shutil.rmtree(found)
    text = index.section("app0") + index.section("app1", "parent = app0") + index.section("app2", "parent = app0")
    index.site.write(text)
    done = index.site.cli("--sync", "app1,app2")
    assert done.returncode in (6, 7)
    assert f"make it there, then run again: python3 -m venv {index.environments['app1']}" in done.stdout
    assert "has no pip: " in done.stdout
    assert f"install it there, such as by {made}/bin/python -m ensurepip" in done.stdout


def test_the_directory_of_its_work_is_its_own(index: Index) -> None:
    """A link that somebody put in its place is followed by nobody."""
    apart(index)
    (index.homes / "app1" / ".sshsync-packages").symlink_to("/tmp")
    done = index.site.cli("--sync", "app1")
    assert done.returncode == 6
    assert "is not a directory that belongs to the account alone (remove it, then run again)" in done.stdout


def test_a_signal_lets_pip_end(index: Index) -> None:
    """Ctrl-C ends the controller, not what the host does: the next run finds it."""
    apart(index)
    index.hold("app1")
    with index.site.popen("--sync", "app1", env={**os.environ, "HOME": str(index.site.directory)}) as run:
        until(index.begun)
        run.send_signal(signal.SIGINT)
        out, errors = run.communicate(timeout=60)
    assert run.returncode == 130, out + errors
    index.release()
    assert index.site.cli("resume").returncode == 0
    assert index.begun() == 1


def test_the_page_of_the_how_to_make_b_like_a(index: Index) -> None:
    """Nothing has a parent: what `drift` says is next is run as it says, without and with its last word."""
    apart(index)
    index.site.write(index.section("app0") + index.section("app1"))
    told = index.site.cli("drift").stdout.splitlines()[-1]
    assert told == "next: sshsync --sync app1 --like app0 --dry-run"
    words = told.split()[2:]
    assert index.site.cli(*words).returncode == 11
    done = index.site.cli(*words[:-1])
    assert done.returncode == 0, done.stdout + done.stderr
    assert index.listed("app1") == {**index.listed("app0"), "own": "1.0"}
    assert index.site.cli("--sync", "app1", "--like", "app1").returncode == 2
    assert index.site.cli("--like", "app0", "--all").returncode == 2


def test_the_way_back_is_the_first_list_again(index: Index) -> None:
    """Also where the index has the old versions no more; and back again from there."""
    apart(index)
    before, wanted = packages(index.site, "app1"), {**index.listed("app0"), "own": "1.0"}
    run = index.site.summary("--sync", "app1")
    assert run["exit_code"] == 0
    for gone in ("django-4.2.7", "idna-3.4"):
        (index.top / f"{gone}-py2.py3-none-any.whl").unlink()
    planned = index.site.cli("rollback", "app1", "--dry-run")
    assert planned.returncode == 11, planned.stdout + planned.stderr
    assert "app1: would replace django 4.2.11 by 4.2.7 (down)\n" in planned.stderr
    assert "app1: would delete six 1.16.0\n" in planned.stderr
    done = index.site.cli("rollback", "app1")
    assert done.returncode == 0, done.stdout + done.stderr
    assert f"everything is as before run {run['run']}" in done.stdout
    assert packages(index.site, "app1") == before
    assert "app1: not in sync: run " in index.site.cli("status").stdout
    assert index.site.cli("rollback", "app1").returncode == 0
    assert index.listed("app1") == wanted
    told = index.site.cli("history").stdout.splitlines()
    assert [line.split("  ")[-1].split(" --to")[0].strip() for line in told[1:3]] == ["rollback app1", "rollback app1"]


def test_what_there_is_no_way_back_for_is_told_before(index: Index) -> None:
    """In a dry run, too: it is gone from every index, or came from none."""
    index.has("six==1.15.0", "six==1.16.0", "copied==1.0", "copied==2.0")
    index.environment("app0", "six==1.16.0", "copied==2.0")
    index.environment("app1", "six==1.15.0", index.top / "copied-1.0-py2.py3-none-any.whl")
    (index.top / "six-1.15.0-py2.py3-none-any.whl").unlink()
    index.chain("app0", "app1")
    for words in (("--dry-run",), ()):
        done = index.site.cli("--sync", "app1", *words)
        assert "app1: note: there is no way back for six: Could not find a version" in done.stderr
        assert "app1: note: there is no way back for copied: no index has" in done.stderr
    assert done.returncode == 0
    done = index.site.cli("rollback", "app1")
    assert done.returncode == 6
    assert index.listed("app1") == {"six": "1.16.0", "copied": "2.0"}


def test_what_somebody_else_changed_since_stays_but_where_that_is_forced(index: Index) -> None:
    apart(index)
    index.has("six==1.17.0")
    assert index.site.cli("--sync", "app1").returncode == 0
    install(index.environments["app1"], "--find-links", index.top, "six==1.17.0")
    done = index.site.cli("rollback", "app1")
    assert done.returncode == 7
    assert "six: blocked: it is at 1.17.0 now, and sshsync left it at 1.16.0: somebody changed it since" in done.stdout
    assert index.listed("app1") == {"django": "4.2.7", "idna": "3.4", "own": "1.0", "six": "1.17.0"}
    first = index.site.cli("history").stdout.splitlines()[-1].split()[0]
    done = index.site.cli("rollback", "app1", "--to", first, "--force")
    assert done.returncode == 0, done.stdout + done.stderr
    assert index.listed("app1") == {"django": "4.2.7", "idna": "3.4", "own": "1.0"}


def test_a_transaction_that_died_can_be_taken_back(index: Index) -> None:
    """What it may have changed is on record from before it began."""
    apart(index)
    before = index.listed("app1")
    index.hold("app1", DIES)
    assert index.site.cli("--sync", "app1").returncode in (6, 7)
    install(index.environments["app1"], "--find-links", index.top, "six==1.16.0")
    done = index.site.cli("rollback", "app1")
    assert done.returncode == 0, done.stdout + done.stderr
    assert index.listed("app1") == before


@nightly
def test_as_many_ways_back_are_kept_as_are_asked_for(index: Index) -> None:
    index.has("six==1.14.0", "six==1.15.0", "six==1.16.0", "six==1.17.0")
    made = index.environment("app0", "six==1.14.0")
    index.environment("app1", "six==1.14.0")
    index.chain("app0", "app1", more=("keep = 2",))
    for version in ("1.15.0", "1.16.0", "1.17.0"):
        install(made, "--find-links", index.top, f"six=={version}")
        assert index.site.cli("--sync", "app1").returncode == 0
    kept = sorted(path.name for path in index.homes.rglob("kept/*/*.whl"))
    assert kept == ["six-1.15.0-py2.py3-none-any.whl", "six-1.16.0-py2.py3-none-any.whl"]


@nightly
def test_what_cannot_be_taken_back_says_so(index: Index) -> None:
    apart(index)
    for words, told in ((("app1",), "no run on record changed anything on app1"), (("app1", "--to", "1999"), "no run '1999' is on record"), (("nobody",), "unknown repository")):
        done = index.site.cli("rollback", *words)
        assert done.returncode in (2, 4)
        assert told in done.stderr
    assert index.site.cli("--sync", "app1").returncode == 0
    run = index.site.summary("--sync", "app1")["run"]
    done = index.site.cli("rollback", "app1", "--to", run)
    assert (done.returncode, f"run {run} changed nothing on app1" in done.stderr) == (2, True)


def test_what_is_not_well_with_its_new_packages_has_failed(index: Index) -> None:
    apart(index)
    index.chain("app0", "app1", more=("health_cmd = bin/python -c 'import six, absent'",))
    done = index.site.cli("--sync", "app1")
    assert done.returncode == 6
    assert ": health_cmd: Traceback" in done.stdout
    assert "No module named 'absent'" in done.stdout
    assert index.site.cli("rollback", "app1").returncode == 6, "it is asked then, too"


DRIVER = Path(__file__).with_name("request_driver.py")


@nightly
@pytest.mark.slow
@pytest.mark.timeout(1800)
@pytest.mark.parametrize("moment", ["before", "after"] if FULL else ["after"])
def test_killed_at_every_request_one_more_run_reaches_the_goal(index: Index, moment: str, figure) -> None:
    """Whatever was under way then: nothing is damaged, and nothing is left behind."""
    apart(index)
    index.chain("app0", "app1", more=("delete = yes", "max_delete = 100%"))
    begun, wanted = index.environments["app1"], packages(index.site, "app0")
    kept = index.site.directory / "kept"
    begun.rename(kept)
    # Every sixteenth of them, but for the nightly suite.
    step = 1 if FULL else 16
    for number in range(1 if moment == "before" else 2, 200, step):
        shutil.copytree(kept, begun, symlinks=True)
        command = [sys.executable, str(DRIVER), str(index.site.config), moment, str(number)]
        killed = subprocess.run(command, capture_output=True, env={**os.environ, "PYTHONPATH": os.getcwd(), "HOME": str(index.site.directory)}, timeout=120, check=False)
        if killed.returncode != -signal.SIGKILL:
            assert killed.returncode == 0, killed.stderr
            break
        done = index.site.cli("--sync", "app1")
        assert done.returncode == 0, (number, done.stdout + done.stderr)
        assert packages(index.site, "app1") == wanted, number
        assert index.left() == [], number
        shutil.rmtree(begun)
    else:
        pytest.fail("it never came to its end")
    figure("requests at which the controller was killed", number)


def test_what_the_system_manages_is_refused_where_nobody_said_otherwise(index: Index) -> None:
    """PEP 668: a Python of the system's own, outside of any environment. Nothing is begun there."""
    system = next((str(found) for found in Path("/usr/lib").glob("python3*/EXTERNALLY-MANAGED")), "")
    require(bool(system), "a Python that its system manages")
    python = f"/usr/bin/{Path(system).parent.name}"
    index.has("six==1.16.0")
    index.environment("app0", "six==1.16.0")
    index.environments["app1"] = Path()
    section = index.section("app1", "parent = app0", f"python = {python}").replace("path = .\n", "")
    index.site.write(index.section("app0") + section)
    for words in (("--dry-run",), ()):
        done = index.site.cli("--sync", "app1", *words)
        assert done.returncode == 9, done.stdout + done.stderr
        assert f"the system says that what {python} has is the business of its own package manager alone (PEP 668): nothing was changed" in done.stdout
    assert index.left() == []


def test_only_pip_itself_runs_by_sudo_and_only_where_it_changes_something(index: Index) -> None:
    """A sudo that writes down what it is asked for, and does it."""
    apart(index)
    programs = index.site.directory / "bin"
    programs.mkdir()
    (programs / "sudo").write_text(f'#!/bin/sh\necho "$*" >> {index.log}\n[ "$1 $2" = "-n --" ] && shift 2 && exec "$@"\n')
    (programs / "sudo").chmod(0o755)
    index.site.close()
    index.site.servers.clear()
    shutil.rmtree(index.site.directory / "sshd")
    index.chain("app0", "app1", more=("sudo = yes", "delete = yes"), index=f"HOME={index.homes} PIP_NO_INDEX=1 PIP_FIND_LINKS={index.top} PATH={programs}:/usr/bin:/bin")
    assert index.site.cli("--sync", "app1", "--max-delete", "1").returncode == 0
    assert index.listed("app1") == index.listed("app0")
    python = f"{index.environments['app1']}/bin/python -E -s -m pip"
    assert [line.removeprefix(f"-n -- {python} ").split()[0] for line in index.log.read_text().splitlines()] == ["install", "uninstall"]


@nightly
def test_an_old_python_outside_of_any_environment_is_changed_by_its_own_pip(index: Index) -> None:
    """A whole Python 2.7 that nobody made an environment of; without `path`, `python` names it."""
    python = Path(interpreter("2.7"))
    index.has("six==1.15.0", "six==1.16.0", "own==1.0")
    text = ""
    for name, packages in (("app0", ("six==1.16.0",)), ("app1", ("six==1.15.0", "own==1.0"))):
        top = index.site.directory / f"python-{name}"
        shutil.copytree(python.parent.parent, top, symlinks=True, ignore=shutil.ignore_patterns("test", "tests", "share", "include"))
        index.environments[name] = top
        own = top / "bin" / python.name
        run(own, "-m", "pip", "install", "--quiet", "--no-deps", "--no-index", "--find-links", index.top, *packages)
        text += index.section(name, f"python = {own}", *(["parent = app0"] if name == "app1" else [])).replace(f"path = {top}\n", "")
    index.site.write(text)
    done = index.site.cli("--sync", "app1")
    assert done.returncode == 0, done.stdout + done.stderr
    assert packages_of(index, "app1") == {"six": "1.16.0", "own": "1.0"}
    assert index.site.cli("rollback", "app1").returncode == 0
    assert packages_of(index, "app1") == {"six": "1.15.0", "own": "1.0"}


def packages_of(index: Index, name: str) -> dict[str, str]:
    return {one: version for one, version in packages(index.site, name).items() if one in ("six", "own")}


@nightly
def test_a_way_back_that_died_is_gone_on_with(index: Index) -> None:
    apart(index)
    before = index.listed("app1")
    assert index.site.cli("--sync", "app1").returncode == 0
    index.hold("app1", DIES)
    done = index.site.cli("rollback", "app1")
    assert done.returncode in (6, 7), done.stdout
    done = index.site.cli("resume")
    assert done.returncode == 0, done.stdout + done.stderr
    assert index.listed("app1") == before


@pytest.mark.parametrize("trouble", ["health_cmd", "pip check", "hashes"] if FULL else ["health_cmd"])
def test_what_does_not_do_well_is_put_back_at_once_where_that_is_asked(index: Index, trouble: str) -> None:
    """It has failed all the same; and what was installed, replaced and removed is what it was."""
    apart(index)
    index.has("needs==1.0")
    if trouble == "pip check":
        install(index.environments["app0"], "--find-links", index.top, "needs==1.0")
        requiring(index.top)
    if trouble == "hashes":
        index.hold("app1", SPOILS)
    health = (f"health_cmd = test ! -e {index.environments['app1']}/lib/python3.11/site-packages/six.py",) if trouble == "health_cmd" else ()
    index.chain("app0", "app1", more=("rollback = auto", "delete = yes", "max_delete = 100%", *health))
    before = packages(index.site, "app1")
    done = index.site.cli("--sync", "app1")
    assert done.returncode == 6, done.stdout + done.stderr
    assert ": all was put back to what it was" in done.stdout
    assert packages(index.site, "app1") == before
    assert index.left() == []
    assert index.site.cli("status").returncode == 6


def test_what_cannot_be_put_back_is_said(index: Index) -> None:
    index.has("six==1.15.0", "six==1.16.0")
    index.environment("app0", "six==1.16.0")
    index.environment("app1", "six==1.15.0")
    (index.top / "six-1.15.0-py2.py3-none-any.whl").unlink()
    index.chain("app0", "app1", more=("rollback = auto", "health_cmd = false"))
    done = index.site.cli("--sync", "app1")
    assert done.returncode == 6
    assert ": not all could be put back to what it was" in done.stdout
    assert index.listed("app1") == {"six": "1.16.0"}


def test_a_full_disk_is_told_in_its_own_words(index: Index) -> None:
    """The disk of the directory of its work, full when pip has hardly begun, and before anything can be begun."""
    require(os.geteuid() == 0, "a user who may mount")
    apart(index)
    before, home = index.listed("app1"), index.homes / "app1"
    for options, free in (("size=1m", 24), ("size=1m", 0), ("size=1m,nr_inodes=8", 24)):
        subprocess.run(["mount", "-t", "tmpfs", "-o", options, "tmpfs", home], check=True)
        try:
            (home / "filler").write_bytes(b"x" * ((1024 - free) << 10))
            done = index.site.cli("--sync", "app1")
        finally:
            subprocess.run(["umount", home], check=True)
        assert done.returncode == 6, done.stdout + done.stderr
        assert "app1: failed: packages cannot be changed there: " in done.stdout
        assert "No space left on device" in done.stdout
        assert "Traceback" not in done.stdout
    assert index.listed("app1") == before


@nightly
def test_what_was_changed_at_another_place_is_not_taken_back_here(index: Index) -> None:
    """The same name with another environment: nothing that happened to the first one is undone in it."""
    apart(index)
    assert index.site.cli("--sync", "app1").returncode == 0
    run = index.site.summary("--sync", "app1")["run"]
    first, other = index.environments["app1"], index.environment("other", "idna==2.10")
    before = index.listed("other")
    index.environments["app1"] = other
    index.chain("app0", "app1")
    for words in ((), ("--to", run[:4])):
        done = index.site.cli("rollback", "app1", *words)
        assert done.returncode == 2, done.stdout + done.stderr
    assert "no run on record changed anything on app1" in index.site.cli("rollback", "app1").stderr
    assert index.listed("other") == before
    index.environments["app1"] = first
    index.chain("app0", "app1")
    assert index.site.cli("rollback", "app1", "--dry-run").returncode == 11


def test_a_run_is_named_clearly_and_files_have_another_way_back(index: Index) -> None:
    """The beginning of several runs names none of them; and a repository of files is told how it is taken back."""
    apart(index)
    for _ in range(2):
        assert index.site.cli("--sync", "app1").returncode == 0
    done = index.site.cli("rollback", "app1", "--to", "2")
    assert (done.returncode, "'2' is the beginning of 2 runs: " in done.stderr) == (2, True), done.stderr
    with index.site.config.open("a") as out:
        out.write(f"[files]\ntransport = local\npath = {index.homes}\n")
    done = index.site.cli("rollback", "files")
    assert (done.returncode, "files is of type files: only packages are taken back (" in done.stderr) == (2, True), done.stderr
    assert "sshsync restore" in done.stderr


def test_what_reached_its_goal_is_not_blamed_for_what_did_not(index: Index) -> None:
    """pip breaks off in the middle: a directory is in the way of a file."""
    index.has("six==1.16.0", "zlast==1.0")
    index.environment("app0", "six==1.16.0", "zlast==1.0")
    made = index.environment("app1")
    (next(made.glob("lib/python*/site-packages")) / "zlast.py/in the way").mkdir(parents=True)
    index.chain("app0", "app1")
    found = index.site.summary("--sync", "app1")
    assert found["exit_code"] in (6, 7)
    reasons = {event["name"]: event["reason"] for event in found["events"] if event["type"] == "item_failed"}
    assert set(reasons) == {"six", "zlast"} - set(index.listed("app1")), "which of them pip installs first is its own affair"
    assert reasons["zlast"].startswith("was to be 1.0, and ")
    assert "pip: " in reasons["zlast"]


def test_what_may_be_changed_of_a_system_is_asked_only_where_a_system_manages_it(index: Index) -> None:
    """The pip of an old environment does not know the word that passes over PEP 668."""
    index.has("six==1.16.0")
    python = interpreter("3.6")
    index.environment("app0", "six==1.16.0", python=python)
    index.environment("app1", python=python)
    index.chain("app0", "app1", more=("externally_managed = change",))
    done = index.site.cli("--sync", "app1")
    assert done.returncode == 0, done.stdout + done.stderr


def test_programs_of_any_name_on_the_host_disturb_nobody(index: Index) -> None:
    """Whoever looks whether pip gets on looks at all that runs there."""
    apart(index)
    program = os.path.join(os.fsencode(index.site.directory), b"\xff\xfe (")
    shutil.copy("/bin/sleep", program)
    with subprocess.Popen([program, "600"]) as other:
        try:
            done = index.site.cli("--sync", "app1")
        finally:
            other.kill()
    assert done.returncode == 0, done.stdout + done.stderr
