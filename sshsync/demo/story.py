"""What the demonstration shows, step by step. It checks every claim and stops when one does not hold."""

import json
import signal
import subprocess
from collections.abc import Callable
from pathlib import Path

from sshsync.demo.site import BIG, HOSTS, PARENTS, Site
from sshsync.errors import SshsyncError

STAGES = ("--sync", "repoproxy", "--sync", "appnode1,appnode2")


class Story:
    """Runs the demonstration over an open site; `say` prints a line, `head` a heading."""

    def __init__(self, site: Site, say: Callable[[str], None], head: Callable[[str], None]) -> None:
        self._site = site
        self._say = say
        self._head = head

    def tell(self) -> None:
        """Tell the whole story.

        Raises:
            SshsyncError: something did not turn out as it must.
        """
        self._first_sync()
        self._nothing_to_do()
        self._repair()
        self._kill_and_resume()

    def _first_sync(self) -> None:
        self._head("1. Four hosts on loopback, each an SSH server in a process of its own")
        for host in HOSTS:
            parent = f"fed by {PARENTS[host]}" if host in PARENTS else "the vendor's master"
            via = ", reached through repoproxy" if host.startswith("appnode") else ""
            self._say(f"   {host:<11} 127.0.0.1:{self._site.ports[host]:<6} {parent}{via}")
        count = self._site.fill(seed=1)
        self._say(f"   the vendor uploads {count} files, one of 64 MB, some with awkward names")
        self._head("2. Record the hosts' keys, then synchronize: the proxy first, then both nodes side by side")
        self._run("hosts", "trust", "--yes", *HOSTS)
        self._run(*STAGES)
        self._compare()

    def _nothing_to_do(self) -> None:
        self._head("3. Once more: nothing has changed, so nothing moves")
        self._run(*STAGES)

    def _repair(self) -> None:
        self._head("4. A file rots on appnode1: one byte is flipped in its 64 MB image")
        image = self._site.root("appnode1") / BIG
        with image.open("r+b") as file:
            file.seek(31_000_000)
            byte = file.read(1)
            file.seek(31_000_000)
            file.write(bytes([byte[0] ^ 1]))
        self._run("--dry-run", *STAGES, expected=11)
        self._run(*STAGES)
        self._compare()

    def _kill_and_resume(self) -> None:
        self._head("5. The vendor overwrites everything; the run is killed (kill -9) half-way through")
        self._site.fill(seed=2)
        done = self._killed_after(("repoproxy", 200))
        self._say(f"   killed when {done} files were on repoproxy; no reader has seen a partial file:")
        self._no_partial()
        self._run("status", expected=7)
        self._head("6. One command goes on where it stopped")
        self._run("resume")
        self._compare()

    def _run(self, *words: str, expected: int = 0) -> None:
        self._say(f"   $ sshsync {' '.join(words)}")
        done = subprocess.run(self._site.command(*words), env=self._site.environment(), check=False)
        if done.returncode != expected:
            raise SshsyncError(f"the demonstration failed: exit code {done.returncode} instead of {expected}")

    def _killed_after(self, moment: tuple[str, int]) -> int:
        repository, files = moment
        self._say(f"   $ sshsync {' '.join(STAGES)}")
        running = subprocess.Popen(
            self._site.command("--json", *STAGES), env=self._site.environment(), stdout=subprocess.PIPE
        )
        assert running.stdout  # noqa: S101 - it is a pipe
        done = 0
        for line in running.stdout:
            event = json.loads(line)
            if event["type"] == "published" and event["repository"] == repository:
                done += len(event["items"])
                if done >= files:
                    break
        running.send_signal(signal.SIGKILL)
        running.wait()
        running.stdout.close()
        return done

    def _no_partial(self) -> None:
        versions = self._digests_of_both_versions()
        for host in PARENTS:
            for name, digest in self._site.digests(host).items():
                if digest not in versions.get(name, set()):
                    raise SshsyncError(f"the demonstration failed: {name!r} on {host} is neither old nor new")
        self._say("   checked: every file on every host is the complete old or the complete new one")

    def _digests_of_both_versions(self) -> dict[str, set[str]]:
        # The nodes still hold the old version, the master holds the new one.
        both: dict[str, set[str]] = {}
        for host in ("repomaster", "appnode2"):
            for name, digest in self._site.digests(host).items():
                both.setdefault(name, set()).add(digest)
        return both

    def _compare(self) -> None:
        master = self._site.digests("repomaster")
        for host in PARENTS:
            if self._site.digests(host) != master:
                raise SshsyncError(f"the demonstration failed: {host} differs from the master")
        self._say(f"   checked by hashing all files again: proxy and nodes hold the master's {len(master)} files")


def next_steps(kept: Path | None) -> list[str]:
    """Return what a reader may do now."""
    steps = {
        "sshsync config init sshsync.conf": "write a commented configuration for your own hosts",
        "sshsync -c sshsync.conf config check": "see that it is right; nothing is contacted",
        "sshsync -c sshsync.conf hosts trust NAME…": "compare and record the host keys",
        "sshsync -c sshsync.conf --all --dry-run": "see what would be done, then do it without --dry-run",
    }
    lines = [f"   {command:<42} {words}" for command, words in steps.items()]
    if kept:
        lines.append(f"   the demonstration's hosts are stopped; their files are kept in {kept}")
    return lines
