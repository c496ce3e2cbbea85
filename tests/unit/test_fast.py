"""`script/test --fast`: what it chooses, and that it finds what must not go stale."""

import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from tests import fast

ROOT = fast.TESTS.parent


def test_what_guards_code_suite_and_pages_is_part_of_it() -> None:
    chosen = {str(file.relative_to(fast.TESTS)) for file in fast.files()}
    assert {"test_architecture.py", "test_guarantees.py", "unit/test_docs.py", "unit/test_report.py", "unit/test_remote.py"} <= chosen
    assert not chosen & {"unit/test_engine.py", "unit/test_hosts.py", "unit/test_many.py", "unit/test_fast.py"}


@pytest.mark.parametrize("source", ["from sshsync.hosts.pool import Pool", "import sshsync.api", "import sshsync", "def test_one(world): ..."])
def test_whatever_asks_for_a_host_is_not(source: str) -> None:
    assert not fast.pure(source)
    assert fast.pure("from sshsync.core.diff import diff\nimport re\ndef test_one(tmp_path): ...")


def test_the_script_checks_style_and_runs_what_is_chosen() -> None:
    part = (ROOT / "script/test").read_text().partition('= --fast ]; then')[2].partition("\nfi\n")[0]
    assert "style" in part.split()
    assert "$(.venv/bin/python -m tests.fast)" in part


def test_a_stale_page_of_guarantees_is_found(tmp_path: Path) -> None:
    listed = subprocess.run(["git", "ls-files", "-z", "--cached", "--others", "--exclude-standard"], cwd=ROOT, capture_output=True, check=True).stdout
    for name in filter(None, listed.decode().split("\0")):
        if (ROOT / name).exists():
            (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
            shutil.copy(ROOT / name, tmp_path / name)
    page = tmp_path / "docs/guarantees.md"
    page.write_text(page.read_text().replace("## Atomic", "## Atomically"))
    command = [sys.executable, "-m", "pytest", "-q", "tests/test_guarantees.py", "-k", "test_the_page_is_made_of_the_suite"]
    stale = subprocess.run(command, cwd=tmp_path, capture_output=True, text=True, check=False)
    assert stale.returncode == 1, stale.stdout + stale.stderr
    assert "run script/docs" in stale.stdout
