"""Runs a configuration many times, each in a fork that is killed at a random moment; prints how often it struck.

Usage: kill_driver.py CONF SEED KILLS. After each kill the tree below the parent directory is checked by the caller's
rule: every published file is the old or the new one.
"""

import os
import random
import signal
import sys
import time
from pathlib import Path

from sshsync.api import Sync, load


def published(root: Path) -> dict[str, bytes]:
    """Read what a reader sees; commands of a killed run may still be at work beside it."""
    found = {}
    for base, directories, files in os.walk(root):
        if base == str(root) and ".sshsync" in directories:
            directories.remove(".sshsync")
        for name in files:
            found[os.path.relpath(os.path.join(base, name), root)] = Path(base, name).read_bytes()
    return found


def spoil(child: Path, old: dict[str, bytes]) -> None:
    """Put the old release in place, without touching what interrupted runs left in staging."""
    for name, data in old.items():
        file = child / name
        file.parent.mkdir(parents=True, exist_ok=True)
        new = file.with_name(file.name + "~")
        new.write_bytes(data)
        new.rename(file)


def run(conf: Path) -> int:
    with Sync(load(conf)) as sync:
        return sync.run([["c"], ["d"]]).exit_code


def main() -> None:
    conf, seed, kills = Path(sys.argv[1]), int(sys.argv[2]), int(sys.argv[3])
    random.seed(seed)
    roots = {name: conf.parent / name for name in ("m", "c", "d")}
    new = published(roots["m"])
    old = {name: b"old " + name.encode() for name in new}
    begun = time.monotonic()
    assert run(conf) == 0
    whole = time.monotonic() - begun
    struck = 0
    while struck < kills:
        for name in ("c", "d"):
            spoil(roots[name], old)
        child = os.fork()
        if child == 0:
            os.setsid()
            os._exit(run(conf))
        time.sleep(random.uniform(0, whole * 1.1))
        done, _ = os.waitpid(child, os.WNOHANG)
        if done == 0:
            os.kill(child, signal.SIGKILL)
            os.waitpid(child, 0)
            struck += 1
        for name in ("c", "d"):
            for key, data in published(roots[name]).items():
                if not key.endswith("~"):
                    assert data in (new.get(key), old.get(key)), f"{name}/{key} is neither old nor new"
    for name in ("c", "d"):
        assert not [file for file in published(roots[name]) if file.endswith("~")]
    assert run(conf) == 0
    assert published(roots["c"]) == published(roots["d"]) == new
    for name in ("c", "d"):
        assert not [file for file in (roots[name] / ".sshsync").rglob("*") if file.is_file()]
    print(struck)


if __name__ == "__main__":
    main()
