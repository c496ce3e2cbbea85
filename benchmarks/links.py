"""One link, three ways, in one go: sshsync, the original script's way of working, and ``scp -r``.

Each case is repeated and the median told, with the ratio to sshsync. Both hosts are OpenSSH servers on loopback, so
the figures compare ways of working, not networks.

Usage: script/bench [--rounds 3] [--original-rounds 1] [--small 1000] [--big 256]
"""

import argparse
import os
import platform
import shutil
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path

HERE = Path(__file__).resolve().parent
sys.path.insert(0, str(HERE.parent))

from tests.sshd import Sshd  # noqa: E402 - the test suite's server


class Bench:
    """Two servers, a tree to copy, and three ways to do it."""

    def __init__(self, top: Path, original_rounds: int) -> None:
        self.top = top
        self.original_rounds = original_rounds
        self.source, self.target = top / "source", top / "target"
        self.parent, self.child = Sshd(top, "parent"), Sshd(top, "child")
        known = top / "known"
        known.write_text(f"{self.parent.known}\n{self.child.known}\n")
        ssh_config = "".join(
            f"Host {name}\n  HostName 127.0.0.1\n  Port {server.port}\n  IdentityFile {server.key}\n"
            f"  UserKnownHostsFile {known}\n  BatchMode yes\n"
            for name, server in (("parent", self.parent), ("child", self.child))
        )
        self.ssh_config = top / "ssh_config"
        self.ssh_config.write_text(ssh_config)
        state = top / "state"
        state.mkdir(mode=0o700)
        shutil.copy(known, state / "known_hosts")
        self.config = top / "sshsync.conf"
        self.config.write_text(
            f"[sshsync]\nstate_dir = {state}\n[DEFAULT]\nstable_for = 0\n"
            f"[source]\n{self.parent.section(path=self.source)}"
            f"[target]\nparent = source\n{self.child.section(path=self.target)}"
        )
        self.config.chmod(0o600)

    def fill(self, files: int, size: int) -> None:
        """Make the tree to copy."""
        shutil.rmtree(self.source, ignore_errors=True)
        for number in range(files):
            file = self.source / f"d{number % 20}" / f"f{number}"
            file.parent.mkdir(parents=True, exist_ok=True)
            file.write_bytes(os.urandom(size))

    def clear(self) -> None:
        """Empty the target, and let sshsync forget it."""
        shutil.rmtree(self.target, ignore_errors=True)
        self.target.mkdir()
        for file in (self.top / "state").glob("journal*"):
            file.unlink()

    def sshsync(self) -> None:
        """Our way: listed, digested, moved, verified on the child's disk, flushed."""
        command = [sys.executable, "-m", "sshsync", "-c", str(self.config), "--quiet", "--sync", "target"]
        subprocess.run(command, check=True, cwd=HERE.parent)

    def original(self) -> None:
        """The original script's way: an ssh for each digest, an scp for each file."""
        words = [f"ssh -F {self.ssh_config}", f"-F {self.ssh_config}", "parent", self.source, "child", self.target]
        subprocess.run([str(HERE / "original.sh"), *map(str, words)], check=True)

    def scp(self) -> None:
        """``scp -3 -r``: through the controller too, not verified, not atomic."""
        command = [
            "scp",
            "-3",
            "-q",
            "-p",
            "-r",
            "-F",
            str(self.ssh_config),
            f"parent:{self.source}/.",
            f"child:{self.target}",
        ]
        subprocess.run(command, check=True)

    def check(self) -> None:
        """Stop when a way did not do the job."""
        subprocess.run(["diff", "-rq", "-x", ".sshsync", str(self.source), str(self.target)], check=True)

    def close(self) -> None:
        """Stop the servers."""
        self.parent.stop()
        self.child.stop()


def timed(bench: Bench, way: Callable[[], None], *, fresh: bool) -> float:
    if fresh:
        bench.clear()
    began = time.perf_counter()
    way()
    taken = time.perf_counter() - began
    bench.check()
    return taken


def case(bench: Bench, title: str, ways: dict[str, Callable[[], None]], rounds: int, *, fresh: bool = True) -> None:
    """Time all ways in turn, round by round, and print medians and ratios."""
    times: dict[str, list[float]] = {name: [] for name in ways}
    for number in range(rounds):
        for name, way in ways.items():
            if name != "original" or number < bench.original_rounds:
                times[name].append(timed(bench, way, fresh=fresh))
    ours = statistics.median(times["sshsync"])
    print(f"\n{title}")
    for name, taken in times.items():
        if not taken:
            continue
        middle = statistics.median(taken)
        spread = f"{min(taken):.2f} to {max(taken):.2f}"
        rounds_of = f"{len(taken)} rounds" if len(taken) > 1 else "1 round"
        print(f"  {name:<10} {middle:8.2f} s  ({spread}, {rounds_of})  {middle / ours:6.2f} x sshsync")


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--original-rounds", type=int, default=1, help="rounds of the original way: it takes minutes")
    parser.add_argument("--small", type=int, default=1000, help="number of small files (4 KiB)")
    parser.add_argument("--big", type=int, default=256, help="size of the big file in MB")
    options = parser.parse_args()
    top = Path(tempfile.mkdtemp(prefix="sshsync-bench-"))
    bench = Bench(top, options.original_rounds)
    print(
        f"{platform.machine()}, {os.cpu_count()} cores, Python {platform.python_version()}, medians of {options.rounds}"
    )
    ways = {"sshsync": bench.sshsync, "original": bench.original, "scp -3 -r": bench.scp}
    try:
        bench.fill(options.small, 4096)
        case(bench, f"{options.small} files of 4 KiB, empty target", ways, options.rounds)
        again = {"sshsync": bench.sshsync, "original": bench.original}
        case(bench, f"{options.small} files of 4 KiB, nothing changed", again, options.rounds, fresh=False)
        bench.fill(1, options.big * 1_000_000)
        case(bench, f"one file of {options.big} MB, empty target", ways, options.rounds)
    finally:
        bench.close()
        shutil.rmtree(top)


if __name__ == "__main__":
    main()
