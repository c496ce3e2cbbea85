"""The programs that run on hosts: constant POSIX shell, one file for each thing that sshsync does there, by theme.

Rules that every program keeps: values come as variables, names on stdin (one a line, odd ones in octal);
what reads stdin writes only below ``.sshsync/``; only ``publish`` makes a file visible; work is done in the
resolved root after checking that it still is that directory; no path is followed through a symbolic link; run
twice, a program leaves what it leaves run once; tools run with ``LC_ALL=C``.
"""

from sshsync.remote.scripts.program import Command, Script, Status, load, text_of

STAGING = ".sshsync"
"""The directory below every root that belongs to sshsync."""

OPEN = ".open"
"""The end of a name in staging that something may still write to."""

MISSING, LOST, HELD = Status

# look/: what is there. Nothing here changes a host but the making of a root.
PROBE = load("look/probe")
LIST = load("look/list", "root", lists=True)
BELOW = load("look/below", "top", lists=True)
STAT = load("look/stat", "top", "batches")
DIGEST = load("look/digest", "top", "batches")
DIGEST_ODD = load("look/digest-odd", "top")
TEMPLATE_LIST = load("look/template-list", "root", lists=True)
TEMPLATE_DIGEST = load("look/template-digest", "top")
ROOM = load("look/room", "own")
NOTHING = load("look/nothing")
SURVEY = load("look/survey")
SPEED = load("look/speed")
STAT_IN_PERL = text_of("look/stat.pl")
"""What stands for a host's stat tool where there is none."""

# move/: bytes. What reads them on a parent, and what receives them below `.sshsync/` on a child. A receiver writes
# under a name that ends in `.open` and that no other attempt ever uses, and takes the ending away when the program that
# wrote has ended: what has none can be written to by nobody any more.
READ = load("move/read", "top", "batches", lists=True)
UNPACK = load("move/unpack", "own")
STORE = load("move/store", "own")
FETCH = load("move/fetch", "own", "secrets", "real")
SCP_SEND = load("move/scp-send", "top")
SCP_TAKE = load("move/scp-take", "own", "real")
CLOSE = load("move/close", "own")
TAKE_OVER = load("move/take-over", "own", "held", "grouped", "real")

# place/: what changes a child where its readers look, and what clears staging: only for whoever holds its lease.
MARK = load("place/mark", "own", "held", "plain")
PUBLISH = load("place/publish", "own", "held", "grouped", "real", "told")
DELETE = load("place/delete", "own", "held", "grouped", "real", "prune")
STAGED = load("place/staged", "own")
DISCARD = load("place/discard", "own", "held", "batches")
HOOK = load("place/hook", "top")

# lease/: who works on a child: `.sshsync/lease/<token>/`, made and removed by whole directories. Making a directory is
# atomic on every file system, and a step into a directory that is gone fails: so a holder whose lease was taken over
# can neither renew it nor publish. The lease holds its owner's words and one empty file whose name changes with every
# renewal: who wants the lease watches that name by a clock of his own.
CLAIM = load("lease/claim", "own", "nobody", Status.HELD)
RENEW = load("lease/renew", "own", "held")
RELEASE = load("lease/release", "own", "nobody")

EVERY = (
    PROBE, LIST, BELOW, STAT, DIGEST, DIGEST_ODD, TEMPLATE_LIST, TEMPLATE_DIGEST, HOOK, READ, UNPACK, STORE,
    FETCH, SCP_SEND, SCP_TAKE, CLOSE, TAKE_OVER, MARK, PUBLISH, DELETE, ROOM, NOTHING, SURVEY, SPEED, STAGED, DISCARD,
    CLAIM, RENEW, RELEASE,
)  # fmt: skip

__all__ = [
    "BELOW", "CLAIM", "CLOSE", "DELETE", "DIGEST", "DIGEST_ODD", "DISCARD", "EVERY", "FETCH", "HELD", "HOOK",
    "LIST", "LOST", "MARK", "MISSING", "NOTHING", "OPEN", "PROBE", "PUBLISH", "READ", "RELEASE", "RENEW", "ROOM",
    "SCP_SEND", "SCP_TAKE", "SPEED", "STAGED", "STAGING", "STAT", "STAT_IN_PERL", "STORE", "SURVEY", "TAKE_OVER",
    "TEMPLATE_DIGEST", "TEMPLATE_LIST", "UNPACK", "Command", "Script", "Status",
]  # fmt: skip
