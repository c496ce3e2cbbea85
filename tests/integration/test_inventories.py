"""What repositories hold, and how two of them compare: `sums`, `ls` and `diff`. They only look."""

import base64
import json
import os
import re
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.integration.conftest import Site, contents
from tests.integration.holding import Running, until
from tests.integration.making import Scene
from tests.integration.test_mistakes import place, server  # noqa: F401 - fixtures
from tests.integration.test_names import CORPUS_NAMES, fill
from tests.sshd import require

pytestmark = pytest.mark.integration


def told(done: "subprocess.CompletedProcess[str]") -> list[dict]:
    return [json.loads(line) for line in done.stdout.splitlines()]


def named(found: dict) -> bytes:
    return base64.b64decode(found["name_base64"]) if "name_base64" in found else found["name"].encode()


def raw(site: Site, *words: str) -> bytes:
    process = site.popen(*words)
    out, errors = process.communicate(timeout=120)
    assert process.returncode == 0, errors
    return out


@pytest.mark.parametrize(("digest", "tool"), [("sha256", "sha256sum"), ("md5", "md5sum"), ("sha512", "sha512sum")])
def test_what_sums_prints_is_checked_by_the_tools_of_the_host(site: Site, digest: str, tool: str, figure) -> None:
    fill(site.root("m"), CORPUS_NAMES)
    server = site.server("host")
    site.write(f"[DEFAULT]\nstable_for = 0\ndigest = {digest}\n[m]\n{server.section(path=site.root('m'))}")
    lines = raw(site, "sums", "m")
    assert lines.count(b"\n") == len(CORPUS_NAMES)
    check = [tool, "--check", "--strict", "--status", "-"]
    assert subprocess.run(check, input=lines, cwd=site.root("m"), check=False).returncode == 0
    with open(os.path.join(os.fsencode(site.root("m")), CORPUS_NAMES[-1]), "ab") as out:
        out.write(b"rot")
    assert subprocess.run(check, input=lines, cwd=site.root("m"), check=False).returncode == 1, "the check can say no"
    figure("names", len(CORPUS_NAMES))


def test_sums_of_another_kind_and_for_programs(local: Site) -> None:
    assert raw(local, "sums", "m", "--digest", "sha1").startswith(b"SHA1 (a) = be76331b95dfc399cd776d2fc68021e0db03cc4f\n")
    (a, b) = told(local.cli("sums", "m", "--json"))
    assert (a["name"], a["size"], a["mtime"], a["digest"][:15]) == ("a", 5, 1_600_000_000, "sha256:8ed3f6ad")
    assert b["name"] == "d/b"


def test_ls_lists_what_is_there_or_what_matches(local: Site) -> None:
    local.fill("m", {"big.log": b"x" * 1234, "d/c.log": b"y"})
    whole = local.cli("ls", "m")
    assert whole.returncode == 0
    assert [line.split()[-1] for line in whole.stdout.splitlines()] == ["a", "big.log", "d/b", "d/c.log"]
    assert re.fullmatch(r"   5  2020-09-1\d \d\d:\d\d:\d\d  8ed3f6ad685b  a", whole.stdout.splitlines()[0])
    assert [one["name"] for one in told(local.cli("ls", "m", "*.log", "--json"))] == ["big.log", "d/c.log"]
    assert [one["name"] for one in told(local.cli("ls", "m", "/*.log", "d/b", "--json"))] == ["big.log", "d/b"]
    assert (local.cli("ls", "m", "none").stdout, local.cli("ls", "m", "none").returncode) == ("", 0)


def test_every_name_comes_back_from_json_and_none_reaches_a_terminal(site: Site) -> None:
    fill(site.root("m"), CORPUS_NAMES)
    site.root("c")
    site.here("m", "c")
    for words in (("ls", "m"), ("sums", "m"), ("diff", "c")):
        found = [named(one) for one in told(site.cli(*words, "--json")) if one["type"] in ("listed", "difference")]
        assert found == CORPUS_NAMES, words
    for words in (("ls", "m"), ("diff", "c")):
        lines = site.cli(*words).stdout.split("\n")
        assert len(lines) == len(CORPUS_NAMES) + 1
        assert all(line.isprintable() for line in lines)
    require(bool(shutil.which("script")), "script")
    shown = subprocess.run(["script", "-qec", f"{sys.executable} -m sshsync -c {site.config} sums m", "/dev/null"], capture_output=True, check=True).stdout
    assert b"\\x1b[31mred" in shown, "a terminal gets no command"
    assert b"\x1b[31mred" not in shown


def test_diff_has_a_sign_for_each_difference(local: Site) -> None:
    assert local.cli("--all").returncode == 0
    equal = local.cli("diff", "c")
    assert (equal.returncode, equal.stdout, equal.stderr) == (0, "", "c against m: 2 equal\n")
    local.fill("m", {"new": b"n", "same": b"s"})
    local.fill("c", {"a": b"ALPHA", "own": b"o", "same": b"s"})
    found = local.cli("diff", "c")
    assert (found.returncode, found.stdout) == (11, "* a\n- new\n+ own\n")
    assert found.stderr == "c against m: 1 missing on c, 1 only on c, 1 different, 2 equal\n"
    assert local.cli("diff", "c", "-v").stdout == "* a\n= d/b\n- new\n+ own\n= same\n"
    assert local.cli("diff", "m", "c").stdout == "* a\n+ new\n- own\n"
    quiet = local.cli("diff", "c", "--quiet")
    assert (quiet.returncode, quiet.stdout, quiet.stderr) == (11, found.stdout, "")
    *rows, last = told(local.cli("diff", "c", "--json"))
    assert [(row["name"], row["sign"]) for row in rows] == [("a", "differs"), ("new", "missing"), ("own", "extra")]
    assert (rows[1]["size"], rows[1]["digest"], rows[1]["other_size"]) == (None, None, 1)
    assert (last["type"], last["equal"], last["exit_code"]) == ("comparison", 2, 11)


def test_diff_compares_what_takes_part(local: Site) -> None:
    local.here("m", "c", defaults="exclude = *.tmp")
    local.fill("m", {"1.tmp": b"", "sub/2.tmp": b""})
    local.fill("c", {"3.tmp": b"", "a": b"alpha", "d/b": b"beta"})
    for words in (("diff", "c"), ("diff", "m", "c")):
        done = local.cli(*words)
        assert (done.returncode, done.stdout) == (0, "")


def test_chains_of_different_digests_are_compared_by_one_of_them(site: Site) -> None:
    files = {"a": b"alpha", "b": b"beta"}
    site.fill("m", files)
    site.fill("n", {**files, "b": b"BETA"})
    site.write(f"[DEFAULT]\ntransport = local\nstable_for = 0\n[m]\npath = {site.root('m')}\ndigest = md5\n[n]\npath = {site.root('n')}\ndigest = sha1\n")
    *rows, last = told(site.cli("diff", "m", "n", "--json", "-v"))
    assert [row["sign"] for row in rows] == ["equal", "differs"]
    assert rows[0]["digest"] == rows[0]["other_digest"]
    assert rows[0]["digest"].startswith("md5:")


def test_digests_on_record_are_used_and_made_anew_when_that_is_asked_for(site: Site) -> None:
    """A digestcmd that counts tells who reads a file; nothing of a look is put on record."""
    site.fill("m", {"a": b"alpha"})
    count = site.directory / "count"
    site.here("m", "c", defaults=f"digestcmd = echo >> {count}; sha256sum ${{FILEPATH}}")

    def read(*words: str) -> int:
        count.write_text("")
        assert site.cli(*words).returncode == 0
        return len(count.read_text())

    until(lambda: not [read("--all"), read("sums", "m")][1], "its last change is long ago, and its digest on record")
    before = {file: file.read_bytes() for file in (site.directory / "state").iterdir()}
    assert [read("ls", "m"), read("ls", "m", "--fresh"), read("sums", "m"), read("ls", "m", "--digest", "md5")] == [0, 1, 0, 0]
    site.fill("m", {"b": b"beta"})
    assert [read("ls", "m"), read("ls", "m")] == [1, 1], "what it learns it forgets"
    assert {file: file.read_bytes() for file in (site.directory / "state").iterdir()} == before


def test_a_look_leaves_nothing_on_hosts_and_needs_no_lock(local: Site) -> None:
    shutil.rmtree(local.root("c"))
    local.config.write_text(local.config.read_text().replace("[c]", "[c]\npre_cmd = exec sleep 60", 1))
    before = contents(local.root("m"))
    run = Running(local, "--all", name="run")
    try:
        until(lambda: (local.directory / "state" / "headway.json").exists(), "a run is at work and holds the lock")
        assert local.cli("sums", "m").returncode == 0
        assert local.cli("diff", "c").stdout == "- a\n- d/b\n"
    finally:
        run.process.terminate()
        run.process.wait(30)
    assert contents(local.root("m")) == before
    assert not (local.root("m") / ".sshsync").exists()


def test_who_has_no_root_is_told(local: Site) -> None:
    shutil.rmtree(local.root("m"))
    for words in (("ls", "m"), ("sums", "m"), ("diff", "c")):
        done = local.cli(*words)
        assert (done.returncode, done.stdout) == (6, "")
        assert done.stderr == f"sshsync: m: its root {local.directory}/m is missing (look whether its disk is mounted)\n"


def test_who_cannot_be_reached_is_told_before_anybody_reads(site: Site) -> None:
    site.fill("m", {"a": b"alpha"})
    read = site.directory / "read"
    site.write(f"[DEFAULT]\nretries = 1\nstable_for = 0\n[m]\ntransport = local\npath = {site.root('m')}\ndigestcmd = echo > {read}; sha256sum ${{FILEPATH}}\n[c]\nparent = m\nhost = 127.0.0.1\nport = 1\npath = /c\n")
    done = site.cli("diff", "c")
    assert done.returncode == 75
    assert "[127.0.0.1]:1: cannot connect" in done.stderr
    assert not read.exists()


@pytest.fixture
def scene(place: Path, server) -> Iterator[Scene]:  # noqa: F811 - fixtures
    directory = Path(tempfile.mkdtemp(dir=place))
    directory.chmod(0o755)
    made = Scene(directory, server)
    yield made
    made.close()


def test_what_could_not_be_looked_at_is_told_and_is_no_difference(scene: Scene) -> None:
    scene.source(scene.server("nobody"))
    root = scene.site.root("m")
    scene.site.fill("m", {"secret": b"x", "closed/in": b"y"})
    scene.site.fill("c", {"a": b"alpha", "d/b": b"beta", "secret": b"z", "closed/in": b"y"})
    scene.site.directory.chmod(0o755)
    (root / "secret").chmod(0)
    (root / "closed").chmod(0)
    for words in (("ls", "m"), ("sums", "m")):
        done = scene.site.cli(*words)
        assert done.returncode == 7
        assert "sshsync: m: closed: it cannot be listed: Permission denied" in done.stderr
        assert "sshsync: m: secret: no digest of it could be made" in done.stderr
        assert [error["exit_code"] for error in told(scene.site.cli(*words, "--json")) if error["type"] == "error"] == [7, 7]
    assert "secret" not in scene.site.cli("sums", "m").stdout
    done = scene.site.cli("diff", "c")
    assert done.returncode == 7
    assert [line.split(":")[0] for line in done.stdout.splitlines()] == ["! closed", "! closed/in", "! secret"]
    assert "m cannot list it: Permission denied" in done.stdout


def test_who_interrupts_a_look_ends_it(site: Site) -> None:
    site.fill("m", {"a": b"alpha"})
    begun = site.directory / "begun"
    site.here("m", defaults=f"digestcmd = echo > {begun}; sleep 5; sha256sum ${{FILEPATH}}")
    look = Running(site, "sums", "m", name="look")
    until(begun.exists, "it reads")
    look.process.terminate()
    assert look.process.wait(60) == 143
    assert (site.directory / "look.out").read_bytes() == b""
