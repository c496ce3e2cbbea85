"""The command line: exit codes, refusals before anything is contacted, and what a person reads."""

import json
import os
import shlex
import signal
import subprocess
import sys
import threading
import time
from contextlib import closing, suppress
from pathlib import Path

import pytest

from sshsync.api import load
from sshsync.core import algorithm
from sshsync.model.item import Item
from sshsync.state.journal import Journal
from tests.integration.conftest import OLD, Site
from tests.integration.holding import until
from tests.sshd import REQUIRED


@pytest.mark.parametrize(
    ("words", "code", "said"),
    [
        (["--sync", "m"], 2, "m is a master"),
        (["--sync", "c", "--sync", "c"], 2, "named twice"),
        (["--sync", "c", "--all"], 2, "exclude each other"),
        (["--failed", "--all"], 2, "exclude each other"),
        (["--all", "--wait", "soon"], 2, "--wait must be a time such as"),
        (["--wait", "1s", "status"], 2, "do not go with status"),
        (["--dry-run"], 2, "nothing to do"),
        (["--sync", "c", "status"], 2, "do not go with status"),
        (["--nonsense"], 2, "No such option"),
        (["--sync", "x"], 4, "unknown repository"),
        (["history", "zzz"], 2, "no run"),
        (["config", "show", "x"], 4, "known: m, c"),
        (["sums", "x"], 4, "unknown repository"),
        (["ls", "x"], 4, "unknown repository"),
        (["ls", "m", "a["], 2, "its [ is not closed"),
        (["diff", "c", "x"], 4, "unknown repository"),
        (["diff", "m"], 2, "is a master"),
        (["diff", "c", "c"], 2, "cannot differ from itself"),
        (["restore", "x"], 4, "unknown repository"),
        (["restore", "c", "a"], 2, "nothing of 'a' is kept on c"),
        (["restore", "c", "--from", "2020"], 2, "nothing of a run '2020' is kept on c"),
        (["restore", "c", "a", "--wait", "x"], 2, "--wait"),
        (["hosts", "trust", "m"], 2, "no key to trust"),
        (["config", "init", "/"], 2, "cannot make"),
    ],
)
def test_wrong_usage(local: Site, words: list[str], code: int, said: str) -> None:
    done = local.cli(*words)
    assert done.returncode == code
    assert said in done.stderr
    assert "Traceback" not in done.stderr
    for_programs = local.cli("--json", *words)
    (told,) = (json.loads(line) for line in for_programs.stdout.splitlines())
    assert for_programs.returncode == told["exit_code"] == code
    assert told["type"] == "error"
    assert said in " ".join([told["where"], told["message"], told["hint"]])


def test_a_wrong_configuration_is_told_whole_and_nothing_is_contacted(site: Site) -> None:
    site.write("[m]\nhost = -x\nport = y\n[c]\nparent = mm\npath = c\n")
    done = site.cli("--all")
    assert done.returncode == 3
    assert done.stderr.count("sshsync.conf:") >= 5
    assert "nothing was contacted" in done.stderr
    told = json.loads(site.cli("--all", "--json").stdout)
    assert (told["type"], told["exit_code"]) == ("error", 3)
    assert all(problem["place"].startswith(f"{site.config}:") and problem["message"] for problem in told["problems"])
    assert len(told["problems"]) == done.stderr.count("sshsync.conf:")


def test_a_missing_configuration_is_told_without_advice_that_does_not_help(site: Site) -> None:
    site.directory.joinpath("with space").mkdir()
    site.config = site.directory / "with space" / "my.conf"
    checked = site.cli("config", "check")
    assert checked.returncode == 3
    assert "check it with" not in checked.stderr, "that is what was just done"
    assert f"check it with: sshsync -c '{site.config}' config check" in site.cli("--all").stderr


def test_the_command_that_goes_on_goes_on(local: Site) -> None:
    elsewhere = str(local.directory / "another state")
    local.root("c").joinpath("a").mkdir()
    local.root("c").joinpath("a", "in the way").write_text("")
    partial = local.cli("--state-dir", elsewhere, "--sync", "c")
    assert partial.returncode == 7, partial.stdout
    advice = partial.stdout.splitlines()[-1]
    assert advice.startswith("to go on: sshsync "), advice
    words = shlex.split(advice.partition("sshsync ")[2])
    local.root("c").joinpath("a", "in the way").unlink()
    local.root("c").joinpath("a").rmdir()
    done = local.cli(*words)
    assert (done.returncode, "nothing to resume" in done.stdout) == (0, False), done.stdout
    local.same("m", "c")


def test_in_sync_differences_partial_and_refused(local: Site) -> None:
    assert local.cli("--all", "--dry-run").returncode == 11
    assert local.cli("--all").returncode == 0
    assert local.cli("--all", "--dry-run").returncode == 0
    assert local.cli("-q", "--all").stdout == ""
    local.fill("m", {"blocker": b"x", "fine": b"y"})
    (local.root("c") / "blocker").mkdir()
    done = local.cli("--all")
    assert done.returncode == 7
    assert "blocker: failed" in done.stdout
    assert (local.root("c") / "fine").read_bytes() == b"y"
    for name in ("a", "d/b", "blocker", "fine"):
        (local.root("m") / name).unlink()
    done = local.cli("--all")
    assert done.returncode == 9
    assert "allow_empty" in done.stdout
    assert "after you looked into the refusal" in done.stdout


def test_a_directory_on_another_file_system_is_refused_not_copied_into(local: Site) -> None:
    if os.geteuid() != 0:
        (pytest.fail if REQUIRED else pytest.skip)("needs root to mount a file system")
    other = local.root("c") / "d"
    other.mkdir()
    command = f"mount -t tmpfs tmpfs {other} && exec {sys.executable} -m sshsync --config {local.config} --all"
    done = subprocess.run(["unshare", "--mount", "sh", "-c", command], capture_output=True, text=True)
    assert done.returncode == 7, done.stdout + done.stderr
    assert "d/b: failed: ./d: is on another file system" in done.stdout
    assert (local.root("c") / "a").read_bytes() == b"alpha"


def test_a_link_as_root_is_followed_and_links_inside_are_not(local: Site) -> None:
    outside = local.directory / "outside"
    outside.mkdir()
    (outside / "secret").write_text("secret")
    (local.root("m") / "link").symlink_to(outside / "secret")
    (local.root("m") / "linked").symlink_to(outside)
    os.mkfifo(local.root("m") / "pipe")
    real = local.directory / "real"
    real.mkdir()
    local.root("c").rmdir()
    (local.directory / "c").symlink_to(real)
    found = local.summary("--all")
    assert found["exit_code"] == 0
    assert sorted(p.name for p in real.iterdir()) == [".sshsync", "a", "d"]
    assert [e["skipped"] for e in found["events"] if e["type"] == "scanned" and e["repository"] == "m"] == [3]


def test_verify_finds_what_the_cache_cannot(local: Site) -> None:
    child = load(local.config).tree.repositories["c"]
    until, wrong = time.monotonic() + 30, []
    while time.monotonic() < until and not wrong:  # a file is cached once its last change is two seconds old
        assert local.cli("--all").returncode == 0
        with closing(Journal(local.directory / "state")) as journal, journal.writing([child]):
            maker = algorithm.maker(child)
            wrong = [Item(key, f"sha256:{0:064}", stamp) for key, stamp, _ in journal.cached(child, maker) if key == b"a"]
            journal.learn(child, maker, wrong)
    assert local.cli("verify").returncode == 0, "what the cache says does not count"
    found = local.summary("--all", "--dry-run")
    assert found["exit_code"] == 11, "a run trusts it: this is what verify is for"
    (local.root("c") / "a").write_bytes(b"rotten")
    assert local.cli("verify", "c").returncode == 11
    assert local.cli("verify", "--repair").returncode == 0
    local.same("m", "c")


def test_a_reader_never_sees_anything_but_a_complete_file(local: Site) -> None:
    versions = [bytes([number]) * 1_500_000 for number in range(6)]
    local.fill("m", {"big": versions[0], "small": versions[0][:1000]})
    assert local.cli("--all").returncode == 0
    stop, seen, reads = threading.Event(), set(), []

    def read() -> None:
        while not stop.is_set():
            for name in ("big", "small"):
                data = (local.root("c") / name).read_bytes()
                seen.add((name, data[:1], len(data), 1 if data == data[:1] * len(data) else 2))
                reads.append(1)

    reader = threading.Thread(target=read)
    reader.start()
    for number, version in enumerate(versions[1:], 1):
        local.fill("m", {"big": version, "small": version[:1000]}, mtime=OLD + number)
        assert local.cli("--all").returncode == 0
    stop.set()
    reader.join()
    assert len(reads) > 500
    assert {(length, kinds) for name, _, length, kinds in seen if name == "big"} == {(1_500_000, 1)}
    assert {(length, kinds) for name, _, length, kinds in seen if name == "small"} == {(1000, 1)}


def test_quiet_speaks_up_when_something_is_wrong(local: Site) -> None:
    (local.root("c") / "a").mkdir()
    done = local.cli("--quiet", "--all")
    assert done.returncode == 7
    assert "a: failed" in done.stdout
    assert "resume" in done.stdout


def test_interrupted_by_the_keyboard(local: Site) -> None:
    local.fill("m", {f"big{n}": os.urandom(3_000_000) for n in range(20)})
    running = local.popen("--json", "--all")
    assert running.stdout
    for line in running.stdout:
        if json.loads(line)["type"] == "published":
            running.send_signal(signal.SIGINT)
            break
    out, err = running.communicate(timeout=60)
    assert running.returncode == 130, err
    assert b"Traceback" not in err
    assert local.cli("resume").returncode == 0
    local.same("m", "c")


def test_a_signal_after_the_end_of_a_run_takes_nothing_back(local: Site) -> None:
    """Nobody reads what the run prints at its end, and somebody grows impatient: by then all is done."""
    reading, writing = os.pipe()
    os.set_blocking(writing, False)
    filler = 0
    with suppress(BlockingIOError):
        while True:
            filler += os.write(writing, b"x" * 4096)
    os.set_blocking(writing, True)
    words = [sys.executable, "-m", "sshsync", "--config", str(local.config), "--all"]
    with subprocess.Popen(words, stdout=writing, stderr=subprocess.DEVNULL) as running, open(reading, "rb") as told:
        os.close(writing)
        until(lambda: "everything is in sync" in local.cli("status").stdout, "the run has ended")
        running.send_signal(signal.SIGINT)
        assert b"everything is in sync" in told.read()[filler:]
        assert running.wait(60) == 0


def test_ranges_and_groups_on_the_command_line(site: Site) -> None:
    site.fill("m", {"a": b"a"})
    top = site.directory
    site.write(
        f"[DEFAULT]\ntransport = local\nstable_for = 0\n[m]\npath = {top}/m\n"
        f"[n[01-03]]\nparent = m\npath = {top}/n{{n}}\ngroups = all\n[x]\ninherit = n01\npath = {top}/x\ngroups = other\n"
    )
    found = site.summary("--sync", "n[01-02],@other")
    assert [entry["name"] for entry in found["repositories"]] == ["n01", "n02", "x"]
    assert found["exit_code"] == 0
    assert site.summary("--sync", "@all")["exit_code"] == 0
    assert (top / "n03" / "a").read_bytes() == b"a"
    assert site.cli("--sync", "@none").returncode == 4
    assert site.cli("--sync", "n[3-1]").returncode == 2


def test_two_digests_that_cannot_be_compared_are_both_named(local: Site) -> None:
    tool = local.directory / "checksum"
    tool.write_text('#!/bin/sh\nmd5sum "$1"\n')
    tool.chmod(0o755)
    text = local.config.read_text().replace("[m]\n", f"[m]\ndigestcmd = {tool} ${{FILEPATH}}\n")
    local.config.write_text(text)
    done = local.cli("--all")
    assert done.returncode == 6
    assert "prints sha256 digests, but m prints md5" in done.stdout
    assert "set the same digest" in done.stdout
    assert not (local.root("c") / "a").exists()
    local.config.write_text(text + "digest = md5\n")
    assert local.cli("--all").returncode == 0
    local.same("m", "c")


def test_config_show_tells_where_values_come_from(local: Site) -> None:
    shown = local.cli("config", "show", "c").stdout
    assert "parent = m" in shown
    assert f"{local.config}:10" in shown
    assert "port = 22" in shown
    assert "# default" in shown
    checked = local.cli("config", "check")
    assert checked.returncode == 0
    assert "m  local:" in checked.stdout


def test_config_init_writes_a_file_once(local: Site) -> None:
    file = local.directory / "new.conf"
    assert local.cli("config", "init", str(file)).returncode == 0
    assert file.stat().st_mode & 0o777 == 0o600
    assert local.cli("config", "init", str(file)).returncode == 2
    assert local.cli("config", "init").stdout == file.read_text()


def test_history_lists_and_shows_runs(local: Site) -> None:
    assert "no run is on record" in local.cli("history").stdout
    local.cli("--all")
    listed = local.cli("history").stdout
    run = listed.splitlines()[1].split()[0]
    assert "exit code 0" in listed
    assert "everything is in sync" in local.cli("history", run).stdout
    lines = [json.loads(line) for line in local.cli("history", run, "--json").stdout.splitlines()]
    assert lines[0]["type"] == "run_started"
    assert lines[-1]["type"] == "summary"
    assert json.loads(local.cli("status", "--json").stdout.splitlines()[0])["repositories"][0]["in_sync"] > 0


def test_row_93_an_unwritable_state_directory_is_told_at_the_start(local: Site) -> None:
    (local.directory / "file").write_text("")
    done = local.cli("--state-dir", str(local.directory / "file" / "x"), "--all")
    assert done.returncode == 6
    assert "cannot make" in done.stderr
    assert "state_dir" in done.stderr


@pytest.mark.parametrize(
    ("words", "offered"),
    [
        ("sshsync --sync no", {"node01", "node02"}),
        ("sshsync --sync node01,no", {"node01,node02"}),
        ("sshsync --sync @", {"@site"}),
        ("sshsync --plan n", {"nightly"}),
        ("sshsync hosts check m", {"m"}),
        ("sshsync status node01", {"node01"}),
        ("sshsync diff node01 m", {"m"}),
        ("sshsync restore node01", {"node01"}),
        ("sshsync ls node", {"node01", "node02"}),
        ("sshsync status --n", {"--nagios", "--no-color"}),
        ("sshsync ver", {"verify"}),
    ],
)
@pytest.mark.parametrize("shell", ["bash", "zsh", "fish"])
def test_the_shell_completes_names_of_the_configuration(site: Site, shell: str, words: str, offered: set[str]) -> None:
    site.write(
        "plan.nightly = --all\n[DEFAULT]\ntransport = local\n[m]\npath = /m\n[node[01-02]]\npath = /{n}\nparent = m\ngroups = site\n"
    )
    environment = {**os.environ, "SSHSYNC_CONFIG": str(site.config), "_SSHSYNC_COMPLETE": f"{shell}_complete", "COMP_WORDS": words}
    environment |= {"COMP_CWORD": str(len(words.split()) - 1) if shell != "fish" else words.split()[-1]}
    done = subprocess.run([sys.executable, "-m", "sshsync"], env=environment, capture_output=True, text=True, check=False)
    lines = done.stdout.split("\n")
    found = set(lines[1::3]) if shell == "zsh" else {line.partition(",")[2].partition("\t")[0] for line in lines if line.startswith("plain,")}
    assert found == offered, done.stdout + done.stderr


def test_completion_without_a_configuration_is_silent(tmp_path: Path) -> None:
    environment = {**os.environ, "SSHSYNC_CONFIG": str(tmp_path / "none"), "_SSHSYNC_COMPLETE": "bash_complete", "COMP_WORDS": "sshsync --sync x", "COMP_CWORD": "2"}
    done = subprocess.run([sys.executable, "-m", "sshsync"], env=environment, capture_output=True, text=True, check=False)
    assert (done.stdout.strip(), done.stderr) == ("", "")


@pytest.mark.parametrize(("words", "hint"), [("statsu", "Did you mean 'status'?"), ("c", "To synchronize a repository: sshsync --sync c")])
def test_who_mistypes_a_command_is_told_what_may_be_meant(site: Site, words: str, hint: str) -> None:
    done = site.cli(words)
    assert done.returncode == 2
    assert f"No such command '{words}'. {hint}" in done.stderr
    told = json.loads(site.cli("--json", words).stdout)
    assert told["type"] == "error"
    assert hint in told["message"] + told["hint"]


def test_repositories_are_named_by_patterns_too(site: Site) -> None:
    site.fill("m", {"a": b"a"})
    nodes = "".join(f"[{name}]\nparent = m\npath = {site.root(name)}\n" for name in ("node1", "node2", "other"))
    site.write(f"[DEFAULT]\ntransport = local\nstable_for = 0\n[m]\npath = {site.root('m')}\n{nodes}")
    assert site.cli("--sync", "node*").returncode == 0
    assert (site.root("node2") / "a").exists()
    assert not (site.root("other") / "a").exists()
    unknown = site.cli("--sync", "nodes*")
    assert unknown.returncode == 4
    assert "no repository matches 'nodes*' (known: m, node1, node2, other)" in unknown.stderr
