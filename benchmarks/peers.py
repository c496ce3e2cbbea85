"""How the peers do what sshsync does: scp with digests, rsync, in the way of somebody who knows them."""

from pathlib import Path

from benchmarks.lab import CIPHER, Host, Lab

SCP, RSYNC, RSYNC_FSYNC = "scp", "rsync", "rsync --fsync"


def scp(lab: Lab) -> list[str]:
    """Return the words of an scp that knows the hosts."""
    return ["scp", "-q", "-p", "-F", str(lab.ssh_config), "-c", CIPHER]


def scp_push(lab: Lab, source: Path, host: Host, target: Path) -> bool:
    """Copy a file to a host, digest it at both ends, flush. Returns whether all went well."""
    return (
        lab.run([*scp(lab), str(source), f"{host.name}:{target}"]) == 0
        and lab.run(["sha256sum", str(source)]) == 0
        and lab.ssh(host, f"sha256sum {target} && sync -f {target}") == 0
    )


def scp_pull(lab: Lab, host: Host, source: Path, target: Path) -> bool:
    """Copy a file from a host, digest it at both ends, flush. Returns whether all went well."""
    return (
        lab.run([*scp(lab), f"{host.name}:{source}", str(target)]) == 0
        and lab.ssh(host, f"sha256sum {source}") == 0
        and lab.run(["sh", "-c", 'sha256sum "$1" && sync -f "$1"', "sh", str(target)]) == 0
    )


def rsync(lab: Lab, *options: str) -> list[str]:
    """Return the words of an rsync that knows the hosts."""
    return ["rsync", "-a", "-e", f"ssh -F {lab.ssh_config}", *options]


def rsync_push(lab: Lab, source: Path, host: Host, target: Path, *options: str) -> int:
    """Copy what is in a directory, and return rsync's exit code."""
    return lab.run([*rsync(lab, *options), f"{source}/", f"{host.name}:{target}/"])
