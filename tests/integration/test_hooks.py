"""`pre_cmd`, `post_cmd` and `bwlimit` on real hosts."""

import os
import time

import pytest

from tests.integration.conftest import OLD, Site

pytestmark = pytest.mark.integration

PRE = "pre_cmd = printf '%s\\n' \"before $(ls ${REPOPATH} | wc -l | tr -d ' ')\" >> @SAID@\n"
POST = "post_cmd = printf '%s\\n' \"after $(ls $REPOPATH | wc -l | tr -d ' ') it's \\$x; #done\" >> @SAID@; cat @SAID@ > /dev/null\n"


@pytest.fixture
def hooked(site: Site) -> Site:
    site.fill("m", {"a": b"alpha", "b": b"beta"})
    configured(site, PRE + POST)
    return site


def configured(site: Site, lines: str) -> None:
    site.write(
        f"[DEFAULT]\nstable_for = 0\n[m]\ntransport = local\npath = {site.root('m')}\n"
        f"[c]\n{site.server('c').section(path=site.root('c'), parent='m')}{lines.replace('@SAID@', str(site.directory / 'said'))}"
    )


def said(site: Site) -> list[str]:
    file = site.directory / "said"
    return file.read_text().splitlines() if file.exists() else []


AFTER = "after %d it's $x; #done"


def test_they_surround_changes_and_only_changes(hooked: Site) -> None:
    assert hooked.cli("--all", "--dry-run").returncode == 11
    assert said(hooked) == []
    done = hooked.cli("--all")
    assert done.returncode == 0, done.stdout + done.stderr
    assert said(hooked) == ["before 0", AFTER % 2]
    assert hooked.cli("--all").returncode == 0
    assert len(said(hooked)) == 2, "nothing changed: nothing is run"
    hooked.fill("m", {"c": b"gamma"}, OLD + 1)
    assert hooked.cli("--all").returncode == 0
    assert said(hooked)[2:] == ["before 2", AFTER % 3]


def test_a_pre_cmd_that_fails_leaves_everything_as_it_is(hooked: Site) -> None:
    configured(hooked, "pre_cmd = echo the app does not stop >&2; exit 3\n" + POST)
    done = hooked.cli("--all")
    assert done.returncode == 6
    assert "c: failed: " in done.stdout
    assert "pre_cmd: the app does not stop" in done.stdout
    assert [name for name in os.listdir(hooked.root("c")) if name != ".sshsync"] == []
    assert said(hooked) == []


def test_a_post_cmd_stays_due_until_it_ended_well(hooked: Site) -> None:
    configured(hooked, f"post_cmd = test -f {hooked.directory}/allowed || {{ echo not yet; exit 1; }}; echo after >> @SAID@\n")
    for _ in range(2):
        done = hooked.cli("--all")
        assert done.returncode == 6
        assert "post_cmd: not yet" in done.stdout
    (hooked.directory / "allowed").touch()
    assert hooked.cli("--all").returncode == 0
    assert said(hooked) == ["after"]
    assert hooked.cli("--all").returncode == 0
    assert said(hooked) == ["after"]


def test_who_is_not_well_behind_a_change_has_failed_until_he_is(hooked: Site) -> None:
    """Asked behind the post_cmd, after a change only, and again by the next run, although nothing is left to change."""
    health = f"echo health >> @SAID@; test -f {hooked.directory}/well || {{ echo does not answer; exit 3; }}"
    configured(hooked, f"post_cmd = echo after >> @SAID@\nhealth_cmd = {health}\n")
    for expected in (["after", "health"], ["after", "health", "health"]):
        done = hooked.cli("--sync", "c")
        assert done.returncode == 6
        assert "health_cmd: does not answer" in done.stdout
        assert said(hooked) == expected
    (hooked.directory / "well").touch()
    assert hooked.cli("--sync", "c").returncode == 0
    assert hooked.cli("--sync", "c").returncode == 0
    assert said(hooked) == ["after", "health", "health", "health"]


def test_a_post_cmd_waits_until_everything_has_changed(hooked: Site) -> None:
    (hooked.root("m") / "blocked").write_bytes(b"x")
    (hooked.root("c") / "blocked").mkdir()
    assert hooked.cli("--all").returncode == 7
    assert said(hooked) == ["before 1"]
    (hooked.root("c") / "blocked").rmdir()
    assert hooked.cli("--all").returncode == 0
    assert said(hooked)[-1] == AFTER % 3


def test_files_that_change_beside_a_refused_deletion_are_surrounded_too(hooked: Site) -> None:
    assert hooked.cli("--all").returncode == 0
    (hooked.root("m") / "a").unlink()
    hooked.fill("m", {"c": b"gamma"}, OLD + 1)
    configured(hooked, "delete = yes\nmax_delete = 0\n" + PRE + POST)
    assert hooked.cli("--all").returncode == 9
    assert (hooked.root("c") / "c").exists()
    assert said(hooked)[2:] == ["before 2"], "the rest is not in place: post_cmd stays due"
    assert hooked.cli("--all").returncode == 9
    assert said(hooked)[2:] == ["before 2"], "nothing but the refused deletion is left to do"
    configured(hooked, "delete = yes\nmax_delete = 100%\n" + PRE + POST)
    assert hooked.cli("--all").returncode == 0
    assert said(hooked)[3:] == ["before 3", AFTER % 2]


def test_a_link_gets_no_more_than_its_share(site: Site) -> None:
    site.fill("m", {"big": os.urandom(2_000_000), **{f"f{n}": os.urandom(100_000) for n in range(10)}})
    configured(site, "bwlimit = 1.5M\n")
    begun = time.monotonic()
    assert site.cli("--all").returncode == 0
    assert time.monotonic() - begun >= 1.9, "3 MB at 1.5 MB/s"
    site.same("m", "c")


@pytest.mark.parametrize("value", ["1k", "-1", "fast", "10 MB/s"])
def test_a_rate_that_makes_no_sense_is_told(site: Site, value: str) -> None:
    configured(site, f"bwlimit = {value}\n")
    done = site.cli("config", "check")
    assert done.returncode == 3
    assert "bwlimit: must be bytes a second" in done.stderr


def test_a_limit_that_a_synccmd_does_not_know_is_warned_of(site: Site) -> None:
    configured(site, "bwlimit = 1M\nsynccmd = scp ${REMOTEDIR}/${FILE} ${LOCALDIR}/${FILE}\n")
    assert "bwlimit does not slow down its synccmd" in site.cli("config", "check").stderr
