"""The scripts that run on hosts: constant POSIX shell, one for each thing that sshsync does there."""

from sshsync.remote.scripts.base import HELD, LOST, MISSING, OPEN, STAGING, Command, Script
from sshsync.remote.scripts.lease import CLAIM, RELEASE, RENEW
from sshsync.remote.scripts.look import (
    DIGEST,
    DIGEST_ODD,
    LIST,
    NOTHING,
    PROBE,
    ROOM,
    ROOT,
    SPEED,
    STAT,
    SURVEY,
    TEMPLATE_DIGEST,
    TEMPLATE_LIST,
)
from sshsync.remote.scripts.move import CLOSE, FETCH, READ, SCP_SEND, SCP_TAKE, STORE, TAKE_OVER, UNPACK
from sshsync.remote.scripts.place import DELETE, DISCARD, HOOK, MARK, PUBLISH, STAGED

EVERY = (
    PROBE, ROOT, LIST, STAT, DIGEST, DIGEST_ODD, TEMPLATE_LIST, TEMPLATE_DIGEST, HOOK, READ, UNPACK, STORE,
    FETCH, SCP_SEND, SCP_TAKE, CLOSE, TAKE_OVER, MARK, PUBLISH, DELETE, ROOM, NOTHING, SURVEY, SPEED, STAGED, DISCARD,
    CLAIM, RENEW, RELEASE,
)  # fmt: skip

__all__ = [
    "CLAIM", "CLOSE", "DELETE", "DIGEST", "DIGEST_ODD", "DISCARD", "EVERY", "FETCH", "HELD", "HOOK", "LIST", "LOST",
    "MARK", "MISSING", "NOTHING", "OPEN", "PROBE", "PUBLISH", "READ", "RELEASE", "RENEW", "ROOM", "ROOT", "SCP_SEND",
    "SCP_TAKE", "SPEED", "STAGED", "STAGING", "STAT", "STORE", "SURVEY", "TAKE_OVER", "TEMPLATE_DIGEST",
    "TEMPLATE_LIST", "UNPACK", "Command", "Script",
]  # fmt: skip
