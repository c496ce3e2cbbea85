"""Packages of rpm brought to what another host has: real dnf 4, rpm, createrepo_c and OpenSSH; roots of their own."""

import os
import re
import shutil
import tempfile
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.integration import rpms
from tests.integration.conftest import Site
from tests.integration.rpms import Signer, built

pytestmark = pytest.mark.integration


class Roots:
    """Roots on hosts, and the repository of packages that they share.

    Args:
        chroot: a system with dnf 5 in which the hosts' shells run; None for this one, with dnf 4.
    """

    def __init__(self, site: Site, directory: Path, chroot: Path | None = None) -> None:
        self.site = site
        self.chroot = chroot
        self.directory = Path(tempfile.mkdtemp(dir=chroot / "srv")) if chroot else directory
        self.repository = self.directory / "repo"
        self.homes = self.directory / "homes"
        self.homes.mkdir()
        self.roots: dict[str, Path] = {}

    def seen(self, path: Path) -> Path:
        """Return a path as the hosts see it."""
        return Path("/") / path.relative_to(self.chroot) if self.chroot else path

    def has(self, *packages: Path) -> None:
        rpms.repository(self.repository, *packages)

    def root(self, name: str, *packages: Path, conf: str = "gpgcheck=0\n") -> Path:
        source = self.seen(self.repository)
        made = self.roots[name] = rpms.root(self.directory / name, source, *packages, conf=conf)
        return made

    def section(self, name: str, *more: str) -> str:
        home = rpms.at_home(self.homes / name)
        server = self.site.server(name, environment=f"HOME={self.seen(home)}")
        shell = [f"shell = {rpms.shell_in(self.chroot)}"] if self.chroot else []
        return "\n".join([f"[{name}]", server.section(type="rpm", path=self.seen(self.roots[name])), *shell, *more, ""])

    def chain(self, *names: str, more: tuple[str, ...] = ()) -> None:
        parents = [(), *((f"parent = {name}", *more) for name in names)]
        self.site.write("\n".join(self.section(name, *lines) for name, lines in zip(names, parents, strict=False)))

    def listed(self, name: str) -> dict[str, str]:
        return rpms.listed(self.roots[name])

    def left(self) -> list[str]:
        return [str(path) for path in self.homes.rglob(".sshsync/*/*") if path.parent.name != "kept"]


GENERATIONS = ["dnf4", "dnf5"] if os.environ.get("SSHSYNC_FULL") == "1" else ["dnf4"]
"""dnf 5 is in no stable Debian: the nightly suite has it in a system of its own."""


@pytest.fixture(params=GENERATIONS)
def roots(request: pytest.FixtureRequest, site: Site, tmp_path: Path) -> Roots:
    return Roots(site, tmp_path, rpms.system_of_dnf5() if request.param == "dnf5" else None)


def pair(version: str) -> tuple[Path, Path]:
    """Two packages that need each other's very version."""
    return built("liba", version, f"Requires: appa = {version}"), built("appa", version, f"Requires: liba = {version}")


def apart(roots: Roots, more: tuple[str, ...] = ()) -> None:
    six, old, new = built("six", "1.16-1"), built("idna", "3.4-1"), built("idna", "2.10-7")
    til = [built("til", version) for version in ("2-1", "1:0.9-1")]
    roots.has(six, old, new, *til, *pair("1-1"), *pair("2-1"), built("own", "1-1"))
    roots.root("app0", six, new, til[1], *pair("2-1"))
    roots.root("app1", old, til[0], *pair("1-1"), built("own", "1-1"))
    roots.chain("app0", "app1", more=more)


def test_what_is_missing_comes_and_versions_are_matched_up_and_down(roots: Roots) -> None:
    """Epochs and two that need each other's version, in one transaction."""
    apart(roots)
    before = roots.listed("app1")
    planned = roots.site.cli("--sync", "app1", "--dry-run")
    assert planned.returncode == 11, planned.stdout + planned.stderr
    assert "app1: would install six 1.16-1\n" in planned.stderr
    assert "app1: would replace idna 3.4-1 by 2.10-7 (down)\n" in planned.stderr
    assert "app1: would replace til 2-1 by 1:0.9-1\n" in planned.stderr
    assert (roots.listed("app1"), roots.left()) == (before, []), "a dry run changes nothing"

    done = roots.site.cli("--verbose", "--sync", "app1")
    assert done.returncode == 0, done.stdout + done.stderr
    assert roots.listed("app1") == {**roots.listed("app0"), "own": "1-1"}
    assert roots.left() == []
    again = roots.site.summary("--sync", "app1")
    assert (again["exit_code"], again["by_name"]["app1"]["outcome"]) == (0, "unchanged")


def test_what_a_package_needs_comes_with_it_and_is_told(roots: Roots) -> None:
    wanted, helper = built("wanted", "1-1", "Requires: helper"), built("helper", "3-1")
    roots.has(wanted, helper)
    roots.root("app0", wanted, helper)
    roots.root("app1", built("own", "1-1"))
    roots.chain("app0", "app1", more=("include = wanted",))
    planned = roots.site.cli("--sync", "app1", "--dry-run")
    assert planned.returncode == 11, planned.stderr
    assert "app1: note: would also install helper 3-1, which wanted needs\n" in planned.stderr
    assert roots.left() == []
    roots.chain("app0", "app1", more=("include = wanted", "besides = refuse"))
    refused = roots.site.cli("--sync", "app1")
    assert refused.returncode == 9
    assert "dnf would also install helper 3-1, which nobody asked for (besides = refuse)" in refused.stderr
    assert (roots.listed("app1"), roots.left()) == ({"own": "1-1"}, [])
    roots.chain("app0", "app1", more=("include = wanted",))
    assert roots.site.cli("--sync", "app1").returncode == 0
    assert roots.listed("app1") == {"own": "1-1", "wanted": "1-1", "helper": "3-1"}
    back = roots.site.cli("rollback", "app1")
    assert back.returncode == 0, back.stdout + back.stderr
    assert roots.listed("app1") == {"own": "1-1"}, "what came besides goes, too"


def test_what_nobody_asked_for_is_neither_replaced_nor_removed(roots: Roots) -> None:
    """`dnf install liba-2` replaces appa as well, and says nothing of it."""
    roots.has(*pair("1-1"), *pair("2-1"))
    roots.root("app0", *pair("2-1"))
    roots.root("app1", *pair("1-1"))
    roots.chain("app0", "app1", more=("include = liba",))
    for words in (("--dry-run",), ()):
        refused = roots.site.cli("--sync", "app1", *words)
        assert refused.returncode == 9
        assert "dnf would also replace appa 1-1 by 2-1, which nobody asked for (besides = dependencies)" in refused.stderr
        assert "app1: note: would also replace appa 1-1 by 2-1" in refused.stderr, "each of them, however many"
    assert roots.listed("app1") == {"liba": "1-1", "appa": "1-1"}
    roots.chain("app0", "app1", more=("include = liba", "besides = any"))
    done = roots.site.cli("--sync", "app1")
    assert done.returncode == 0, done.stderr
    assert "app1: note: also replaces appa 1-1 by 2-1" in done.stderr
    assert roots.listed("app1") == {"liba": "2-1", "appa": "2-1"}
    assert roots.site.cli("rollback", "app1").returncode == 0
    assert roots.listed("app1") == {"liba": "1-1", "appa": "1-1"}


def test_what_cannot_be_had_is_a_problem_of_that_package_alone(roots: Roots) -> None:
    """No repository has it, it needs what nobody has, or somebody holds it; the rest comes."""
    gone, broken, six = built("gone", "1-1"), built("broken", "1-1", "Requires: nothere"), built("six", "1-1")
    roots.has(broken, six, built("gone", "2-1"), built("held", "1-1"), built("held", "2-1"))
    roots.root("app0", gone, six, built("held", "2-1"))
    rpms.run("rpm", "--root", roots.roots["app0"], "-i", "--nodeps", broken)
    roots.root("app1", built("held", "1-1"), conf="gpgcheck=0\nexclude=held\n")
    roots.chain("app0", "app1")
    for words in (("--dry-run",), ()):
        found = roots.site.summary("--sync", "app1", *words)
        assert found["exit_code"] == 7, found["events"]
        reasons = {event["name"]: event["reason"] for event in found["events"] if event["type"] == "item_failed"}
        assert set(reasons) == {"gone", "broken", "held"}
        assert reasons["gone"] == "no repository of it has it, but 2-1"
        assert "nothing provides nothere needed by broken-1-1.noarch" in reasons["broken"]
        assert "it is held there" in reasons["held"]
    assert roots.listed("app1") == {"six": "1-1", "held": "1-1"}
    roots.chain("app0", "app1", more=("held = change", "exclude =\n  gone\n  broken"))
    done = roots.site.cli("--sync", "app1")
    assert done.returncode == 0, done.stderr
    assert roots.listed("app1") == {"six": "1-1", "held": "2-1"}


def test_one_group_at_a_time_where_that_is_asked(roots: Roots) -> None:
    """The stage behind one that is not like its parent is not begun: by --halt, whatever it would take from there."""
    gone, six, own = built("gone", "1-1"), built("six", "1-1"), built("own", "1-1")
    roots.has(six)
    roots.root("app0", gone, six)
    roots.root("app1", own)
    roots.root("app2", own)
    roots.chain("app0", "app1", "app2")
    halted = roots.site.cli("--sync", "app1", "--sync", "app2", "--like", "app0", "--halt")
    assert halted.returncode == 7, halted.stdout + halted.stderr
    assert "app2: blocked: app1 is partial: no stage begins after one that did not end well (--halt)" in halted.stdout
    assert (roots.listed("app1"), roots.listed("app2")) == ({"six": "1-1", "own": "1-1"}, {"own": "1-1"})
    assert roots.site.cli("--sync", "app2", "--like", "app0").returncode == 7
    assert roots.listed("app2") == {"six": "1-1", "own": "1-1"}


def test_deletions_go_in_the_same_transaction_and_never_take_others_along(roots: Roots) -> None:
    """What another one needs stays; what stands in the way of what comes goes in time."""
    old, new = built("oldn", "1-1"), built("newn", "2-1", "Obsoletes: oldn < 2")
    base, user = built("base", "1-1"), built("user", "1-1", "Requires: base")
    roots.has(old, new, base, user)
    roots.root("app0", old)
    roots.root("app1", new, base, user)
    limits = ("delete = yes", "max_delete = 100%")
    roots.chain("app0", "app1", more=(*limits, "exclude = user"))
    found = roots.site.summary("--sync", "app1")
    reasons = {event["name"]: event["reason"] for event in found["events"] if event["type"] == "item_failed"}
    assert (found["exit_code"], set(reasons)) == (7, {"base"}), found["events"]
    assert "user-1-1.noarch" in reasons["base"]
    assert roots.listed("app1") == {"oldn": "1-1", "base": "1-1", "user": "1-1"}
    roots.chain("app0", "app1", more=limits)
    done = roots.site.cli("--sync", "app1")
    assert done.returncode == 0, done.stderr
    assert roots.listed("app1") == {"oldn": "1-1"}
    back = roots.site.cli("rollback", "app1")
    assert back.returncode == 0, back.stdout + back.stderr
    assert roots.listed("app1") == {"oldn": "1-1", "base": "1-1", "user": "1-1"}


def test_what_is_protected_or_needed_to_get_on_there_is_never_removed(roots: Roots) -> None:
    roots.has(built("six", "1-1"))
    roots.root("app0", built("six", "1-1"))
    roots.root("app1", built("six", "1-1"), built("prot", "1-1"), rpms.shell(), conf="gpgcheck=0\nprotected_packages=prot\n")
    roots.chain("app0", "app1", more=("delete = yes", "max_delete = 100%"))
    found = roots.site.summary("--sync", "app1")
    reasons = {event["name"]: event["reason"] for event in found["events"] if event["type"] == "item_failed"}
    assert (found["exit_code"], set(reasons)) == (7, {"prot", "shell"}), found["events"]
    assert all("it is protected" in words for words in reasons.values())
    assert roots.listed("app1") == {"six": "1-1", "prot": "1-1", "shell": "1-1"}


def test_scripts_of_packages_that_fail_are_told_whatever_dnf_says(roots: Roots) -> None:
    """One whose script fails before keeps its package out; one that fails behind does not, with exit status 0."""
    before = built("before", "1-1", "Requires: /bin/sh", "%pre\nexit 3\n")
    behind = built("behind", "1-1", "Requires: /bin/sh", "%post\necho oh dear >&2\nexit 3\n")
    six = built("six", "1-1")
    roots.has(before, behind, six)
    parent = roots.root("app0", rpms.shell(), six)
    rpms.run("rpm", "--root", parent, "-i", "--noscripts", before, behind)
    roots.root("app1", rpms.shell())
    roots.chain("app0", "app1")
    found = roots.site.summary("--sync", "app1")
    reasons = {event["name"]: event["reason"] for event in found["events"] if event["type"] == "item_failed"}
    assert (found["exit_code"], set(reasons)) == (7, {"before", "behind"}), found["events"]
    assert "was to be 1-1, and it is not there" in reasons["before"]
    assert "%prein(before-1-1.noarch) scriptlet failed, exit status 3" in reasons["before"]
    assert "%post(behind-1-1.noarch) scriptlet failed, exit status 3" in reasons["behind"]
    assert roots.listed("app1") == {"shell": "1-1", "six": "1-1", "behind": "1-1"}


def test_what_does_not_do_well_is_put_back_at_once_where_that_is_asked(roots: Roots) -> None:
    """Also from versions that no repository has any more, by what was kept of the run before."""
    one, two, three = (built("tool", f"{number}-1") for number in (1, 2, 3))
    roots.has(one, two)
    roots.root("app0", two)
    roots.root("app1", one, built("own", "1-1"))
    roots.chain("app0", "app1")
    first = roots.site.summary("--sync", "app1")
    assert first["exit_code"] == 0
    (roots.repository / one.name).unlink()
    roots.has(three)
    rpms.run("rpm", "--root", roots.roots["app0"], "-U", three)
    roots.chain("app0", "app1", more=("rollback = auto", "health_cmd = false"))
    failed = roots.site.cli("--sync", "app1")
    assert failed.returncode == 6, failed.stderr
    assert "all was put back to what it was" in failed.stderr
    assert roots.listed("app1") == {"tool": "2-1", "own": "1-1"}
    roots.chain("app0", "app1")
    back = roots.site.cli("rollback", "app1", "--to", first["run"])
    assert back.returncode == 0, back.stderr
    assert roots.listed("app1") == {"tool": "1-1", "own": "1-1"}, "of what no repository has any more"


def test_several_versions_side_by_side_are_never_changed(roots: Roots) -> None:
    kernels = [built("kernel", f"{number}-1") for number in (1, 2, 3)]
    roots.has(*kernels, built("six", "1-1"))
    roots.root("app0", built("six", "1-1"), kernels[1])
    rpms.run("rpm", "--root", roots.roots["app0"], "-i", "--force", kernels[2])
    roots.root("app1", kernels[0])
    roots.root("app2", kernels[0])
    rpms.run("rpm", "--root", roots.roots["app2"], "-i", "--force", kernels[1])
    roots.chain("app0", "app1", "app2", more=("delete = yes",))
    found = roots.site.summary("--sync", "app1", "--sync", "app2")
    assert found["exit_code"] == 7
    assert {event["name"] for event in found["events"] if event["type"] == "item_failed"} == {"kernel"}
    assert roots.listed("app1") == {"kernel": "1-1", "six": "1-1"}


def test_nothing_is_kept_for_a_way_back_from_what_does_not_change(roots: Roots) -> None:
    """Night by night a kernel that is only compared, what nobody has any more, and what stays for their sake."""
    kernels = [built("kernel", f"{number}-1") for number in (1, 2)]
    old, new, extra = built("tool", "1-1"), built("tool", "2-1"), built("extra", "1-1")
    roots.has(*kernels, extra)
    roots.root("app0", kernels[1], new)
    roots.root("app1", kernels[0], old, extra)
    roots.chain("app0", "app1", more=("delete = yes", "max_delete = 100%"))
    for code, *words in ((7, "--dry-run"), (6,)):
        done = roots.site.cli("--sync", "app1", *words)
        assert done.returncode == code, done.stderr
        assert "no way back" not in done.stderr
    assert roots.listed("app1") == {"kernel": "1-1", "tool": "1-1", "extra": "1-1"}
    assert [path.name for path in roots.homes.rglob("*.rpm")] == []


def test_the_operators_configuration_stays_and_the_new_one_is_named(roots: Roots) -> None:
    old, new = built("conf", "1-1", conf="first"), built("conf", "2-1", conf="second")
    roots.has(old, new)
    roots.root("app0", new)
    (roots.root("app1", old) / "etc/conf.conf").write_text("mine\n")
    roots.chain("app0", "app1")
    done = roots.site.cli("--sync", "app1")
    assert done.returncode == 0, done.stderr
    assert "/etc/conf.conf created as /etc/conf.conf.rpmnew" in done.stderr
    assert (roots.roots["app1"] / "etc/conf.conf").read_text() == "mine\n"


def test_three_hosts_drift_are_made_alike_and_go_back_byte_for_byte(roots: Roots) -> None:
    packages = {number: built("tool", f"{number}-1") for number in (1, 2, 3)}
    roots.has(*packages.values(), built("six", "1-1"))
    for number, one in packages.items():
        roots.root(f"app{number}", one, *([built("six", "1-1")] if number == 1 else []))
    roots.site.write("\n".join(roots.section(name) for name in roots.roots))
    drift = roots.site.cli("drift")
    assert drift.returncode == 11
    assert "3-1 (newest)" in drift.stdout
    assert "next: sshsync --sync app2,app3 --like app1 --dry-run" in drift.stdout
    before = {name: rpms.run("rpm", "--root", place, "-qa") for name, place in roots.roots.items()}
    assert roots.site.cli("--sync", "app2,app3", "--like", "app1").returncode == 0
    assert roots.site.cli("drift").returncode == 0
    again = roots.site.summary("--sync", "app2,app3", "--like", "app1")
    assert {row["outcome"] for row in again["by_name"].values()} == {"unchanged"}
    back = roots.site.cli("rollback", "app2", "app3")
    assert back.returncode == 0, back.stderr
    assert {name: rpms.run("rpm", "--root", place, "-qa") for name, place in roots.roots.items()} == before


@pytest.fixture(scope="module")
def signer(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Signer]:
    made = Signer(tmp_path_factory.mktemp("gpg"))
    yield made
    made.end()


def test_what_is_signed_by_a_trusted_key_comes_and_nothing_else_does(roots: Roots, signer: Signer) -> None:
    signed, unsigned = signer.signed(built("tool", "1-1")), built("plain", "1-1")
    roots.has(signed)
    roots.root("app0", signed)
    child = roots.root("app1", built("own", "1-1"), conf=f"gpgcheck=1\ngpgkey=file://{signer.key}\n")
    roots.chain("app0", "app1")
    for words in (("--dry-run",), ()):
        refused = roots.site.cli("--sync", "app1", *words)
        assert refused.returncode == 10, refused.stderr
        assert re.search("Public key for tool-1-1.noarch.rpm is not installed|tool-1-1.noarch.rpm: not signed by", refused.stderr), refused.stderr
        assert "rpm --import" in refused.stderr
    rpms.run("rpm", "--root", child, "--import", signer.key)
    assert roots.site.cli("--sync", "app1").returncode == 0
    assert roots.listed("app1") == {"own": "1-1", "tool": "1-1", "gpg-pubkey": roots.listed("app1")["gpg-pubkey"]}

    roots.has(unsigned)
    rpms.run("rpm", "--root", roots.roots["app0"], "-i", unsigned)
    refused = roots.site.cli("--sync", "app1")
    assert refused.returncode == 10
    assert re.search("Package plain-1-1.noarch.rpm is not signed|plain-1-1.noarch.rpm: not signed by", refused.stderr), refused.stderr
    assert roots.left() == []
    assert "plain" not in roots.listed("app1")


def test_a_package_that_is_not_what_its_repository_says_is_a_matter_of_trust(roots: Roots) -> None:
    tool = built("tool", "1-1")
    roots.has(tool)
    roots.root("app0", tool)
    roots.root("app1", built("own", "1-1"))
    roots.chain("app0", "app1")
    held = bytearray((roots.repository / tool.name).read_bytes())
    held[-1] ^= 1
    (roots.repository / tool.name).write_bytes(held)
    refused = roots.site.cli("--sync", "app1")
    assert (refused.returncode, roots.listed("app1")) == (10, {"own": "1-1"}), refused.stderr
    assert "tool-1-1.noarch" in refused.stderr


def test_repositories_that_cannot_be_reached_are_another_try_later(roots: Roots) -> None:
    tool = built("tool", "1-1")
    roots.has(tool)
    roots.root("app0", tool)
    roots.root("app1", built("own", "1-1"))
    roots.chain("app0", "app1", more=("retries = 1",))
    shutil.rmtree(roots.repository / "repodata")
    failed = roots.site.cli("--sync", "app1")
    assert failed.returncode == 75, failed.stderr
    assert "its repositories of packages cannot be reached" in failed.stderr
    roots.has(tool)
    assert roots.site.cli("--sync", "app1").returncode == 0
    assert roots.left() == []


def test_packages_of_another_processor_have_names_of_their_own(roots: Roots) -> None:
    old, new = ([built("lib", f"{version}-1", arch=arch) for arch in ("x86_64", "i686")] for version in (1, 2))
    roots.has(*old, *new)
    roots.root("app0", *new)
    roots.root("app1", *old)
    roots.chain("app0", "app1")
    planned = roots.site.cli("--sync", "app1", "--dry-run")
    assert "app1: would replace lib.i686 1-1 by 2-1\n" in planned.stderr
    assert "app1: would replace lib 1-1 by 2-1\n" in planned.stderr
    done = roots.site.cli("--sync", "app1")
    assert done.returncode == 0, done.stderr
    assert roots.site.cli("drift").returncode == 0



@pytest.mark.skipif(not rpms.VERSIONLOCK.exists(), reason="dnf-plugins-core: its other plugins change every dnf of a machine")
def test_what_versionlock_holds_is_told_as_held_and_stays_locked_when_it_is_changed(roots: Roots) -> None:
    old, new = built("tool", "1-1"), built("tool", "2-1")
    roots.has(old, new)
    roots.root("app0", new)
    locks = roots.directory / "locks"
    child = roots.root("app1", old, conf=f"gpgcheck=0\nplugins=1\npluginpath={locks}\npluginconfpath={locks}\n")
    rpms.lock_versions(child, locks, "tool")
    before = {path: path.read_text() for path in (*locks.rglob("*.list"), *child.rglob("versionlock.toml"))}
    roots.chain("app0", "app1")
    found = roots.site.summary("--sync", "app1")
    reasons = [event["reason"] for event in found["events"] if event["type"] == "item_failed"]
    assert (found["exit_code"], len(reasons)) == (6, 1), found["events"]
    assert "it is held there" in reasons[0]
    roots.chain("app0", "app1", more=("held = change",))
    done = roots.site.cli("--sync", "app1")
    assert done.returncode == 0, done.stderr
    assert roots.listed("app1") == {"tool": "2-1"}
    assert {path: path.read_text() for path in before} == before


def test_what_is_kept_is_bounded_also_where_no_run_ends_well(roots: Roots) -> None:
    """One package never comes; all others change each night."""
    tools = [built("tool", f"{number}-1") for number in (1, 2, 3, 4)]
    roots.has(*tools)
    parent = roots.root("app0", tools[1], built("gone", "1-1"))
    roots.root("app1", tools[0])
    roots.chain("app0", "app1", more=("keep = 1",))
    for tool in (*tools[2:], None):
        assert roots.site.cli("--sync", "app1").returncode == 7
        if tool:
            rpms.run("rpm", "--root", parent, "-U", tool)
    kept = [path.name for path in roots.homes.rglob("kept/*/*")]
    assert kept == ["tool-3-1.noarch.rpm"]


def test_what_is_needed_to_get_on_there_goes_not_even_beside(roots: Roots) -> None:
    """Where anything may change besides, a package may drive out the shell."""
    rival = built("rival", "1-1", "Conflicts: shell")
    roots.has(rival)
    roots.root("app0", rival)
    roots.root("app1", rpms.shell())
    roots.chain("app0", "app1", more=("include = rival", "besides = any"))
    found = roots.site.summary("--sync", "app1")
    reasons = [event["reason"] for event in found["events"] if event["type"] == "item_failed"]
    assert reasons == ["something that is needed to get on there would go with it"], found["events"]
    assert roots.listed("app1") == {"shell": "1-1"}


def test_a_host_without_dnf_is_compared_and_says_what_it_lacks_before_it_is_changed(site: Site, tmp_path: Path) -> None:
    """Its packages are listed by rpm alone."""
    roots = Roots(site, tmp_path)
    old, new = built("tool", "1-1"), built("tool", "2-1")
    roots.has(old, new)
    roots.root("app0", new)
    roots.root("app1", old)
    tools = tmp_path / "tools"
    tools.mkdir()
    for name in ("sh", "rpm", "id", "uname", "cat", "ls", "cut", "sed", "env", "printf"):
        (tools / name).symlink_to(str(shutil.which(name)))
    shell = tmp_path / "shell"
    shell.write_text(f'#!/bin/sh\nPATH={tools} exec /bin/sh "$@"\n')
    shell.chmod(0o755)
    roots.chain("app0", "app1", more=(f"shell = {shell}",))
    assert "several versions" in roots.site.cli("drift").stdout
    words = "has no dnf 4, nor dnf 5 and a python3"
    assert words in roots.site.cli("hosts", "check").stdout
    failed = roots.site.cli("--sync", "app1")
    assert failed.returncode == 6, failed.stderr
    assert words in failed.stderr
    assert roots.listed("app1") == {"tool": "1-1"}
