"""`keep` on real servers: tools of several Unixes, hosts without hard links or interpreters, kills in the middle."""

import hashlib
import json
import os
import shlex
import shlex
import shutil
import sys
import time
from pathlib import Path

import pytest

from tests.integration.conftest import Site
from tests.integration.holding import Running, program
from tests.integration.test_repeat import busybox
from tests.integration.test_tools import BSD_STAT, PLAIN_SYNC, tools

pytestmark = pytest.mark.integration

OLD = {"a": b"alpha", "d/b": b"beta", "d/e/'$(x)": b"odd", "line\nfeed": b"feed", "-rf": b"dash", " x ": b"blank", "\udcff": b"byte", ".hid/den": b"hidden", "back\\0101": b"octal", "big": b"B" * 1_200_000, **{f"many/{number}/{name}": b"%d" % number for number in range(3) for name in "abc"}}
NEW = {key: data + b" and more" for key, data in OLD.items()}


def kept(site: Site, name: str = "c") -> list[dict[str, bytes]]:
    """Return what is kept, by run, the oldest first."""
    found = []
    for run in sorted((site.root(name) / ".sshsync" / "replaced").glob("*")):
        found.append({os.path.relpath(file, run): file.read_bytes() for file in run.rglob("*") if file.is_file()})
    return [files for files in found if files]


def seen(site: Site, name: str = "c") -> dict[str, bytes]:
    """Return what a reader sees."""
    top = site.root(name)
    files = [file for file in top.rglob("*") if file.is_file() and file.relative_to(top).parts[0] != ".sshsync"]
    return {os.path.relpath(file, top): file.read_bytes() for file in files}


def host(site: Site, path: Path, defaults: str = "keep = 3") -> None:
    """Configure a master here and a child on a server whose tools are those in a directory."""
    server = site.server("host", environment=f"PATH={path}")
    site.write(
        f"[DEFAULT]\nstable_for = 0\ndelete = yes\nmax_delete = 100%\n{defaults}\n[m]\ntransport = local\npath = {site.root('m')}\n"
        f"[c]\nparent = m\n{server.section(path=site.root('c'))}"
    )


def filled(site: Site, files: dict[str, bytes]) -> None:
    shutil.rmtree(site.root("m"))
    site.fill("m", files)
    found = site.summary("--all")
    assert found["exit_code"] == 0, found["by_name"]
    assert seen(site) == files


HOSTS = {
    "with python3": (("stat", "sha256sum", "sync", "python3"), {}),
    "with perl and the tools of BSD": (("perl", "shasum", "ln"), {"stat": BSD_STAT, "sync": PLAIN_SYNC}),
    "with a shell only": (("stat", "sha256sum", "sync", "ln"), {}),
    "without links": (("stat", "sha256sum", "sync", "cp"), {}),
    "without links, with perl": (("stat", "sha256sum", "sync", "cp", "perl"), {"perl": "#!/bin/sh\ncase $2 in *link*) exit 1 ;; esac\nexec {} \"$@\"\n".format(shutil.which("perl"))}),
}


def made(site: Site, kind: str) -> Path:
    if kind == "with the tools of BusyBox":
        return busybox(site.root("tools"))
    also, more = HOSTS[kind]
    path = tools(site, more, also=tuple(tool for tool in also if tool != "python3"))
    if "python3" in also:
        program(path / "python3", f'#!/bin/sh\nexec {shlex.quote(sys.executable)} "$@"\n')
    return path


@pytest.mark.parametrize("kind", [*HOSTS, "with the tools of BusyBox"])
def test_what_a_run_replaced_or_deleted_is_kept_whatever_the_tools_are(site: Site, kind: str) -> None:
    host(site, made(site, kind))
    filled(site, OLD)
    assert kept(site) == []
    before = {key: os.lstat(os.fsencode(site.root("c")) + b"/" + os.fsencode(key)) for key in OLD}
    left = {key: data for key, data in NEW.items() if key not in ("d/b", "d/e/'$(x)", "many/1/b", "\udcff")}
    filled(site, left)
    assert kept(site) == [OLD]
    (run,) = (site.root("c") / ".sshsync" / "replaced").iterdir()
    for key, was in before.items():
        now = os.lstat(os.fsencode(run) + b"/" + os.fsencode(key))
        assert (now.st_mode, int(now.st_mtime)) == (was.st_mode, int(was.st_mtime)), key
        assert (now.st_ino == was.st_ino) == (not kind.startswith("without links")), key
    for place in (site.root("c") / ".sshsync", run.parent, run, run / "d", run / "many" / "0"):
        assert place.stat().st_mode & 0o777 == 0o700, place
    assert site.summary("--all")["by_name"]["c"]["outcome"] == "unchanged"
    assert kept(site) == [OLD]


def test_only_what_the_last_runs_put_aside_is_kept(site: Site) -> None:
    host(site, made(site, "with a shell only"), "keep = 1")
    for number in range(4):
        filled(site, {"a": b"%d" % number, **({"gone/too": b"x"} if number == 2 else {})})
    assert kept(site) == [{"a": b"2", "gone/too": b"x"}]
    filled(site, {"a": b"3", "new": b"a first copy replaces nothing"})
    assert kept(site) == [{"a": b"2", "gone/too": b"x"}]


KILLING = """#!/bin/sh
# Kills the controller just before the first file gets its place.
if [ "$1" = -f ] && MV {armed} {armed}.was 2>/dev/null; then
  i=0
  while [ ! -s {pid} ] && [ $i -lt 900 ]; do sleep 0.1; i=$((i + 1)); done
  kill -9 "$(cat {pid})"
  exit 1
fi
exec MV "$@"
"""


def test_of_a_run_that_was_killed_and_resumed_the_oldest_version_is_kept(site: Site) -> None:
    """It was put aside, and not replaced yet: what the second go finds in its place is not older."""
    path = made(site, "with a shell only")
    for tool in ("sleep", "cp"):
        (path / tool).symlink_to(str(shutil.which(tool)))
    armed, pid = site.directory / "armed", site.directory / "pid"
    (path / "mv").unlink()
    program(path / "mv", KILLING.format(armed=armed, pid=pid).replace("MV", str(shutil.which("mv"))))
    host(site, path, "keep = 1")
    filled(site, {"a": b"first", "b": b"to be deleted"})
    filled(site, {"a": b"second", "b": b"to be deleted"})
    shutil.rmtree(site.root("m"))
    site.fill("m", {"a": b"third"})
    armed.touch()
    run = Running(site, "--all")
    pid.write_text(str(run.process.pid))
    assert run.ended() == -9
    assert seen(site)["a"] == b"second"
    assert kept(site) == [{"a": b"first"}, {"a": b"second"}]
    (site.root("c") / "new").write_bytes(b"somebody was here")
    (site.root("c") / "new").rename(site.root("c") / "a")
    done = site.cli("resume")
    assert done.returncode == 0, done.stdout
    assert seen(site) == {"a": b"third"}
    assert kept(site) == [{"a": b"second", "b": b"to be deleted"}]
    assert site.summary("--all")["by_name"]["c"]["outcome"] == "unchanged"


BROKEN = """#!/bin/sh
# Copies half of a file, and takes the whole command down with it.
if MV {armed} {armed}.was 2>/dev/null; then
  while [ $# -gt 2 ]; do shift; done
  printf 'sec' >"$2"
  kill -9 0
fi
exec CP "$@"
"""


def test_a_copy_that_broke_off_is_never_kept(site: Site) -> None:
    path = made(site, "without links")
    armed = site.directory / "armed"
    (path / "cp").unlink()
    program(path / "cp", BROKEN.format(armed=armed).replace("MV", str(shutil.which("mv"))).replace("CP", str(shutil.which("cp"))))
    host(site, path)
    filled(site, {"a": b"second"})
    armed.touch()
    filled(site, {"a": b"third"})
    assert not armed.exists()
    assert kept(site) == [{"a": b"second"}]
    assert not [file for file in (site.root("c") / ".sshsync" / "batch").rglob("*") if file.is_file()]


def test_what_cannot_be_put_aside_is_neither_replaced_nor_deleted(site: Site) -> None:
    path = tools(site, {"cp": "#!/bin/sh\necho 'cp: writing: No space left on device' >&2; exit 1\n"}, also=("stat", "sha256sum", "sync"))
    host(site, path)
    filled(site, OLD)
    shutil.rmtree(site.root("m"))
    site.fill("m", {"a": b"new", "new": b"new"})
    done = site.cli("--all")
    assert done.returncode == 7, done.stdout
    assert "c: a: failed: ./a: it cannot be put aside: No space left on device" in done.stdout
    assert seen(site) == {**OLD, "new": b"new"}
    assert kept(site) == []


def test_a_link_in_the_place_of_what_is_kept_leads_nowhere(site: Site) -> None:
    host(site, made(site, "with a shell only"))
    filled(site, {"a": b"1", "d/b": b"1"})
    filled(site, {"a": b"2", "d/b": b"1"})
    outside = site.root("outside")
    (run,) = (site.root("c") / ".sshsync" / "replaced").iterdir()
    shutil.rmtree(run.parent)
    run.parent.symlink_to(outside)
    site.fill("m", {"a": b"3", "d/b": b"3"})
    assert site.cli("--all").returncode == 6
    assert seen(site) == {"a": b"2", "d/b": b"1"}
    assert list(outside.iterdir()) == []


@pytest.mark.parametrize("kind", ["with python3", "with a shell only", "without links", "with the tools of BusyBox"])
def test_what_last_night_replaced_is_brought_back_and_that_is_undone(site: Site, kind: str) -> None:
    host(site, made(site, kind))
    if kind == "with a shell only":
        (site.root("tools") / "cp").symlink_to(str(shutil.which("cp")))
    filled(site, OLD)
    left = {key: data for key, data in NEW.items() if key != "d/b"}
    filled(site, left)
    done = site.cli("restore", "c", "--", *OLD)
    assert done.returncode == 0, done.stderr
    assert seen(site) == OLD
    assert kept(site) == [OLD, left]
    assert "c: a is as it was before 2" in done.stdout
    assert "(verified: as it was published before)" in done.stdout
    assert "the next run brings what its parent has again; to prevent that, add to exclude of [c]: /" in done.stdout
    assert site.cli("restore", "c", "a", "many").returncode == 0
    assert seen(site) == {**OLD, **{key: data for key, data in left.items() if key == "a" or key.startswith("many/")}}
    assert site.summary("--all")["exit_code"] == 0
    assert seen(site) == left
    assert kept(site)[-1] == {key: data for key, data in OLD.items() if key != "a" and not key.startswith("many/")}
    assert [file for file in (site.root("c") / ".sshsync").rglob("*") if file.is_file() and "replaced" not in file.parts] == []


@pytest.mark.parametrize("name", ["-rf", "$(touch PWNED) '", "/".join("long" * 50 for _ in range(3)), "--from", "line\nfeed", "\udcff", "back\\slash"])
def test_the_command_that_undoes_a_restore_does_so_or_leaves_the_path_open(site: Site, name: str) -> None:
    site.here("m", "c", defaults="keep = 3")
    filled(site, {name: b"alpha"})
    filled(site, {name: b"another"})
    told = site.cli("restore", "c", "--", name).stdout
    (command,) = (line.partition("to bring it back: ")[2] for line in told.splitlines() if "to bring it back" in line)
    assert seen(site) == {name: b"alpha"}
    words = shlex.split(command)
    assert words[0] == "sshsync"
    if words[-1] == "PATH":
        assert "\\" in told.partition(" is as it was")[0], "what can be written is named"
        words[-1] = name
    assert site.cli(*words[1:]).returncode == 0
    assert seen(site) == {name: b"another"}


def test_what_is_kept_is_listed_for_people_and_programs(site: Site) -> None:
    host(site, made(site, "with python3"))
    filled(site, {"a": b"alpha", "d/b": b"beta"})
    nothing = site.cli("restore", "c")
    assert (nothing.returncode, nothing.stdout, nothing.stderr) == (0, "", "nothing is kept on c\n")
    filled(site, {"a": b"another"})
    (run,) = (path.name for path in (site.root("c") / ".sshsync" / "replaced").iterdir())
    lines = [line.split("  ") for line in site.cli("restore", "c").stdout.splitlines()]
    assert [(line[0], line[1].strip(), line[-1]) for line in lines] == [(run, "5", "a"), (run, "4", "d/b")]
    listed = [json.loads(line) for line in site.cli("--json", "restore", "c", "--list", "d").stdout.splitlines()]
    assert [(one["type"], one["repository"], one["run"], one["name"], one["size"]) for one in listed] == [("kept", "c", run, "d/b", 4)]
    assert abs(listed[0]["at"] - time.time()) < 600
    (back,) = (json.loads(line) for line in site.cli("--json", "restore", "c", "d/b", "--from", run).stdout.splitlines())
    assert (back["type"], back["name"], back["run"], back["aside"], back["exclude"]) == ("restored", "d/b", run, "", "/d/b")
    assert back["digest"] == back["expected"] == f"sha256:{hashlib.sha256(b'beta').hexdigest()}"
    assert site.cli("restore", "c", "no/such").returncode == 2
    assert site.cli("restore", "nobody").returncode == 4


def test_what_cannot_be_brought_back_is_told_and_the_rest_is(site: Site) -> None:
    host(site, made(site, "with python3"))
    filled(site, {"a": b"alpha", "b": b"beta"})
    filled(site, {"c": b"gamma"})
    (site.root("c") / "a").mkdir()
    (site.root("c") / "a" / "own").write_bytes(b"own")
    done = site.cli("--json", "restore", "c", "a", "b")
    back, error = (json.loads(line) for line in done.stdout.splitlines())
    assert (back["name"], error["type"], error["exit_code"], done.returncode) == ("b", "error", 7, 7)
    assert error["message"].startswith("a: not brought back: ")
    assert seen(site) == {"a/own": b"own", "b": b"beta", "c": b"gamma"}
    assert site.cli("restore", "c", "a").returncode == 6


def test_why_nothing_can_be_copied_is_told_in_the_words_of_the_host(site: Site) -> None:
    host(site, made(site, "with a shell only"))
    filled(site, {"a": b"alpha"})
    filled(site, {"a": b"another"})
    done = site.cli("restore", "c", "a")
    assert done.returncode == 6
    assert "c: a: not brought back: it cannot be copied: " in done.stderr
    assert "cp: not found" in done.stderr
    assert seen(site) == {"a": b"another"}


@pytest.mark.parametrize(("kind", "tool", "calls"), [("with a shell only", "ln", 8), ("with perl and the tools of BSD", "perl", 6)])
def test_many_files_are_put_aside_by_a_few_processes(site: Site, kind: str, tool: str, calls: int) -> None:
    """One for a hundred files of a directory, or for a hundred files of any where an interpreter runs."""
    path = made(site, kind)
    noted = site.directory / "noted"
    found = os.path.realpath(path / tool)
    (path / tool).unlink()
    program(path / tool, f'#!/bin/sh\ncase "$*" in *.sshsync/replaced*) echo x >>{noted} ;; esac\nexec {found} "$@"\n')
    host(site, path)
    files = {f"d{number % 2}/{number}": b"%d" % number for number in range(500)}
    filled(site, files)
    filled(site, {key: data + b"!" for key, data in files.items() if int(data) >= 250})
    assert kept(site) == [files]
    assert len(noted.read_text().split()) <= calls


def test_a_restore_is_in_the_log(site: Site) -> None:
    host(site, made(site, "with python3"))
    filled(site, {"a": b"alpha"})
    filled(site, {"a": b"another"})
    assert site.cli("restore", "c", "a").returncode == 0
    last = json.loads((site.directory / "state" / "sshsync.log").read_text().splitlines()[-1])
    assert (last["event"], last["repository"], last["item"]) == ("restored", "c", "a")
    assert last["digest"] == f"sha256:{hashlib.sha256(b'alpha').hexdigest()}"
