"""What the page about packages tells to do, done: three hosts with a real pip, rpm and dnf, and what the page shows."""

import os
import re
import subprocess
import sys
from pathlib import Path

import pytest

from tests import pages
from tests.integration import rpms
from tests.integration.conftest import Site
from tests.integration.rpms import built
from tests.integration.test_packages import install, interpreter, wheel
from tests.integration.test_pip_sync import copied

pytestmark = [pytest.mark.integration, pytest.mark.timeout(300)]

PAGE = pages.DOCS / "howto" / "packages.md"
NODES = ("web01", "web02", "web03")


class Desk:
    """Where an operator sits, and the hosts, which are one server here: each has a directory of its own."""

    def __init__(self, site: Site, top: Path) -> None:
        self.site = site
        self.top = top
        programs = top / "bin"
        programs.mkdir()
        (programs / "sshsync").write_text(f'#!/bin/sh\nexec {sys.executable} -m sshsync --config {site.config} "$@"\n')
        (programs / "sshsync").chmod(0o755)
        self.path = f"{programs}:{os.environ['PATH']}"

    def configure(self, text: str) -> None:
        """Write what the page shows, with an address and paths that are to be had here."""
        server = self.site.server("web", environment=f"HOME={rpms.at_home(self.top / 'home')} PIP_NO_INDEX=1 PIP_FIND_LINKS={self.top}/index")
        here = {
            r"^host = web\{n\}\.example\.org$": server.section(),
            r"^path = /srv/files$": f"path = {self.top}/web{{n}}/files",
            r"^path = /srv/app/\.virtualenvs/site$": f"path = {self.top}/web{{n}}/site",
            r"^type = rpm$": f"type = rpm\npath = {self.top}/web{{n}}/root",
        }
        for pattern, other in here.items():
            text, count = re.subn(pattern, lambda _, other=other: other, text, flags=re.MULTILINE)
            assert count == 1, (pattern, text)
        self.site.write(text)

    def follow(self, page: Path) -> list[str]:
        """Do what a page says, to its end; return everything that is not as it says."""
        wrong = []
        for step in pages.steps(page):
            if isinstance(step, pages.File):
                self.configure(step.content)
            else:
                assert isinstance(step, pages.Command)
                wrong += self._done(step)
        return wrong

    def _done(self, step: pages.Command) -> list[str]:
        place = self.top / step.machine if step.machine in NODES else self.top
        environment = {**os.environ, "HOME": str(self.site.directory), "PATH": self.path, "PYTHONPATH": str(pages.DOCS.parent)}
        done = subprocess.run(["sh", "-c", f"exec 2>&1\n{step.command}"], capture_output=True, text=True, check=False, timeout=120, cwd=place, env=environment)
        right = done.returncode == step.status and step.matches(done.stdout)
        return [] if right else [f"{step.command}\nstatus {done.returncode}\n{done.stdout}\n--- promised:\n" + "\n".join(step.promised)]


@pytest.fixture
def desk(site: Site, tmp_path: Path) -> Desk:
    """Three servers that drifted apart, as the page finds them: of one package somebody's change was killed."""
    made = Desk(site, tmp_path)
    environments(tmp_path)
    for file in tmp_path.glob("web02/site/lib/python*/site-packages/sqlalchemy/dialects/*.py"):
        file.unlink()
    roots(tmp_path)
    return made


def environments(top: Path) -> None:
    index = top / "index"
    index.mkdir()
    for one in ("django==4.2.7", "django==4.2.11", "six==1.16.0"):
        wheel(index, *one.split("=="))
    wheel(index, "sqlalchemy", "2.0.30", {f"sqlalchemy/dialects/{name}.py": "" for name in ("__init__", "mysql", "sqlite")})
    for name, held in zip(NODES, (["django==4.2.7", "six==1.16.0"], ["django==4.2.7"], ["django==4.2.11", "six==1.16.0"]), strict=True):
        (top / name).mkdir()
        install(copied(interpreter("3.11"), top / name / "site"), "--find-links", index, "sqlalchemy==2.0.30", *held)


def roots(top: Path) -> None:
    old, new = ([built("nginx-core", version), built("nginx", version, f"Requires: nginx-core = {version}")] for version in ("1.20.1-14", "1.20.2-1"))
    six = built("python3-six", "1.16.0-3")
    rpms.repository(top / "repo", *old, *new, six)
    for name, held in zip(NODES, ([*new, six], old, new), strict=True):
        rpms.root(top / name / "root", top / "repo", *held, built("kernel", f"5.14-{name[-1]}"))


def test_the_page_about_packages_does_what_it_says(desk: Desk) -> None:
    wrong = desk.follow(PAGE)
    assert not wrong, "\n\n".join(wrong)
