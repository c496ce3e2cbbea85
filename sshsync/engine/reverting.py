"""What becomes of changes that do not do well: where that is asked for, they are put back at once."""

from dataclasses import dataclass
from typing import Any

from sshsync.appliers.base import Applier, Reached, Reverting
from sshsync.errors import CommandError
from sshsync.model.topology import Repository


@dataclass(frozen=True, slots=True)
class Reverted:
    """Changes that were put back.

    Attributes:
        error: why, and how that ended.
        reached: what is there now.
    """

    error: CommandError
    reached: Reached


def check(child: Repository, applier: object) -> None:
    """Raise where what was changed is not as it should be, and is to be put back.

    Raises:
        CommandError: it is not.
    """
    if child.install.rollback == "auto" and isinstance(applier, Reverting) and applier.unwell:
        raise CommandError("what was changed is not as it should be, see above", where=child.name)


def reverted(child: Repository, applier: Applier[Any] | None, error: CommandError) -> Reverted | None:
    """Have put back what was changed; None where nobody asked for that, or the kind cannot.

    Raises:
        HostError: the host failed for good.
    """
    if child.install.rollback != "auto" or applier is None or not isinstance(applier, Reverting):
        return None
    well = applier.revert()
    told = "all was put back to what it was" if well else "not all could be put back to what it was"
    return Reverted(CommandError(f"{error.what}: {told}", where=error.where, hint=error.hint), applier.reached)
