"""For kinds whose items are compared and never changed: a configuration in which one has a parent is refused."""

from collections.abc import Mapping, Sequence
from typing import Any, NoReturn

from sshsync.appliers.base import Site
from sshsync.model.kept import Kept, Restored
from sshsync.model.topology import Repository
from sshsync.remote.probe import Capabilities


class Untouched:
    """See `Appliers`: there is never a link to make one for.

    Args:
        lists: what lists the items.
    """

    def __init__(self, lists: str) -> None:
        self._lists = lists

    def __call__(self, site: Site) -> NoReturn:
        """Refuse."""
        raise RuntimeError(f"{site.child.name}: its items are never changed")

    def kept(self, repository: Repository) -> None:
        """Nothing is put aside; see `Appliers`."""

    def restore(self, site: Site, wanted: Sequence[Kept]) -> list[Restored]:
        """There is nothing to bring back; see `Appliers`."""
        del site, wanted
        return []

    def ways(self, repository: Repository, capabilities: Capabilities) -> Mapping[str, Any]:
        """See `Appliers`."""
        del repository, capabilities
        return {"list": self._lists}
