"""Which strategy moves an item, and why."""

import re
from dataclasses import dataclass

from sshsync.model.item import Key
from sshsync.model.policy import TransferKind
from sshsync.model.topology import Repository

_PLAIN = re.compile(rb"[A-Za-z0-9_./+,:@%=~-]*")


@dataclass(frozen=True, slots=True)
class Choice:
    """The strategy's name ("" when the item is refused) and the reason."""

    strategy: str
    reason: str


def choose(key: Key, child: Repository, *, streams: bool = True) -> Choice:
    """Return how `key` reaches `child`; `streams` tells whether scripts can read and write bytes at both ends.

    A `synccmd` hands names to shells that sshsync does not control (the remote side of an old scp, ssh):
    only names that no shell could misread go that way (tcsh takes ``dir/#x`` for ``dir/`` and a comment). With
    ``transfer = command`` the others are refused, otherwise they go by relay.
    """
    if child.transfer is TransferKind.SCP:
        return Choice("scp", "transfer = scp")
    if child.transfer is TransferKind.DIRECT:
        return Choice("direct", "transfer = direct")
    other = "relay" if streams else "scp"
    if child.transfer is TransferKind.RELAY or not child.commands.sync:
        return Choice(other, "no synccmd" if not child.commands.sync else "transfer = relay")
    if _PLAIN.fullmatch(key) and b"~" not in key[:1]:
        return Choice("command", "synccmd")
    if child.transfer is TransferKind.COMMAND:
        return Choice("", "its name could be misread by synccmd, and transfer = command forbids another way")
    return Choice(other, "its name could be misread by synccmd")
