"""What a host must have for what its repository asks of it."""

from collections.abc import Collection

from sshsync.model.policy import TransferKind
from sshsync.model.topology import Repository


def unfit(repository: Repository, digests: Collection[str], tools: Collection[str], algorithm: str) -> str:
    """Return in words what is missing, "" when nothing is.

    Args:
        repository: what the host has to serve.
        digests: algorithms that the host can compute.
        tools: programs that it has.
        algorithm: the one that the repository's chain compares.
    """
    missing = []
    if not repository.commands.digest and algorithm not in digests:
        others = ", ".join(sorted(digests)) or "none"
        missing.append(
            f"cannot compute {algorithm}, which its chain compares (it has {others}): "
            "set digest = to one that every host has, or give it a digestcmd"
        )
    if repository.transfer is TransferKind.SCP and "scp" not in tools:
        missing.append("has no scp, which transfer = scp needs")
    return "; ".join(missing)
