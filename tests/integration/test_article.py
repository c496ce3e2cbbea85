"""The article's configuration word for word: its addresses, accounts, paths and templates, in a network of our own."""

import json
import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from tests.sshd import REQUIRED, require
from tests.unit.test_config import ARTICLE

pytestmark = pytest.mark.integration

HERE = Path(__file__).parent


def namespaces() -> bool:
    """Tell whether this account may make namespaces with addresses of their own."""
    if os.geteuid() != 0:
        return False
    tried = subprocess.run(["unshare", "--mount", "--net", "--pid", "--fork", "ip", "link", "set", "lo", "up"], capture_output=True)
    return tried.returncode == 0


def test_word_for_word(tmp_path: Path) -> None:
    if not namespaces():
        (pytest.fail if REQUIRED else pytest.skip)("needs root and network namespaces (and iproute2)")
    require(bool(shutil.which("dropbear") or Path("/usr/sbin/dropbear").exists()), "dropbear")
    (tmp_path / "article.conf").write_text(ARTICLE)
    (tmp_path / "article.conf").chmod(0o600)
    command = ["unshare", "--mount", "--net", "--pid", "--fork", "--kill-child", "sh", str(HERE / "article_network.sh")]
    command += [str(tmp_path), str(HERE.parents[1]), sys.executable, sys.base_prefix]
    done = subprocess.run(command, capture_output=True, text=True, timeout=120, check=False)
    assert done.returncode == 0, done.stdout + done.stderr
    first, second = (json.loads((tmp_path / f"{n}.json").read_text().splitlines()[-1]) for n in ("first", "second"))
    assert first["exit_code"] == second["exit_code"] == 0
    assert first["repositories"][0]["files"]["copied"] == 41
    assert second["repositories"][0]["outcome"] == "unchanged"
    third = json.loads((tmp_path / "third.json").read_text().splitlines()[-1])
    assert third["repositories"][0]["files"]["copied"] == 41, "a node with dropbear is served by relay"
    logins = (tmp_path / "sshd.log").read_text().count("Accepted publickey for repoowner")
    assert logins >= 41, "the proxy fetched each file from the master by the article's scp"
    assert "proxyrunner 1767323045" in done.stdout, "the proxy's own account wrote it, the time is kept"
