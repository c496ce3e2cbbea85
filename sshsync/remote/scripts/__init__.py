"""The programs that run on hosts: constant POSIX shell, one file for each thing that sshsync does there, by theme.

Rules that every program keeps: values come as variables, names on stdin (one a line, odd ones in octal);
what reads stdin writes only below ``.sshsync/``; only ``publish`` makes a file visible; work is done in the
resolved root after checking that it still is that directory; no path is followed through a symbolic link; run
twice, a program leaves what it leaves run once; tools run with ``LC_ALL=C``.
"""

from sshsync.remote.scripts.program import Command, Foreign, Script, Status, foreign, load, text_of

STAGING = ".sshsync"
"""The directory below every root that belongs to sshsync."""

OPEN = ".open"
"""The end of a name in staging that something may still write to."""

MISSING, LOST, HELD, SHORT, BARRED, UNGROUPED, UNABLE = Status

# look/: what is there. Nothing here changes a host but the making of a root.
PROBE = load("look/probe")
KEPT = load("look/kept", "root", lists=True)
LIST = load("look/list", "root", "deflated", lists=True)
BELOW = load("look/below", "top", lists=True)
STAT = load("look/stat", "top", "batches")
DIGEST = load("look/digest", "top", "batches")
DIGEST_ODD = load("look/digest-odd", "top")
TEMPLATE_LIST = load("look/template-list", "root", lists=True)
TEMPLATE_DIGEST = load("look/template-digest", "top")
CHUNKS = load("look/chunks", "top", "range", lists=True)
PIECES = load("look/pieces", "top", lists=True)
ROOM = load("look/room", "own", "barred")
NOTHING = load("look/nothing")
SYSTEM = load("look/system")
CONDITION = load("look/condition", "barred", "member")
SPEED = load("look/speed")
FOLLOWER = text_of("look/follow.sh")
"""What a listing tells of links by, where what they lead to is taken; see LIST."""
STAT_IN_PERL = text_of("look/stat.pl")
"""What stands for a host's stat tool where there is none."""

# move/: bytes. What reads them on a parent, and what receives them below `.sshsync/` on a child. A receiver writes
# under a name that ends in `.open` and that no other attempt ever uses, and takes the ending away when the program that
# wrote has ended: what has none can be written to by nobody any more. With PACK bytes come and go compressed by it.
READ = load("move/read", "top", "batches", "deflated", lists=True)
RANGES = load("move/ranges", "top", "range", "deflated", lists=True)
UNPACK = load("move/unpack", "own", "inflated")
STORE = load("move/store", "own", "over", "inflated")
ASSEMBLE = load("move/assemble", "own", "plain", "range", "over", "inflated")
ASSEMBLE_BY = load("move/assemble-by", "own", "inflated")
FETCH = load("move/fetch", "own", "secrets", "real")
PULL = load("move/pull", "own", "over", "real", Status.SHORT)
SCP_SEND = load("move/scp-send", "top")
SCP_TAKE = load("move/scp-take", "own", "real")
CLOSE = load("move/close", "own")
CARRY_ON = load("move/carry-on", "own", "held")
REUSE = load("move/reuse", "own", "plain", "real")
MAKE_BY = load("move/make-by", "own", "inflated")
RANGES_BY = load("move/ranges-by", "top", "deflated", lists=True)
TAKE_OVER = load("move/take-over", "own", "held", "grouped", "real")

# programs/: for hosts that have an interpreter; never installed, and the same in each language.
CUTTERS = foreign("programs/pieces")
"""What prints the pieces of ranges of files, by its interpreter; see PIECES."""
ASSEMBLERS = foreign("programs/assemble")
"""What writes ranges of other files, and bytes that come, into a part or into many files, or prints them, by its
interpreter; see ASSEMBLE_BY, MAKE_BY, RANGES_BY."""

RENAMERS = dict(reversed(foreign("programs/rename").items()))
"""What renames many files, by its interpreter; see PUBLISH."""
LINKERS = foreign("programs/aside")
"""What gives many files another name below one directory, by its interpreter; see PUBLISH and DELETE."""

# place/: what changes a child where its readers look, and what clears staging: only for whoever holds its lease.
MARK = load("place/mark", "own", "held", "plain")
PUBLISH = load("place/publish", "own", "held", "grouped", "real", "told", "safe", "aside")
DELETE = load("place/delete", "own", "held", "batches", "real", "prune", "safe", "aside")
ARRANGE = load("place/arrange", "own", "held", "step", "inside")
LINK = load("place/link", "own", "held", "step", "real", "safe", "aside")
ROTATE = load("place/rotate", "own", "held")
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
    PROBE, LIST, BELOW, STAT, DIGEST, DIGEST_ODD, CHUNKS, PIECES, TEMPLATE_LIST, TEMPLATE_DIGEST, HOOK, READ, RANGES,
    UNPACK, STORE, ASSEMBLE, ASSEMBLE_BY, FETCH, PULL, SCP_SEND, SCP_TAKE, CLOSE, TAKE_OVER, MARK, PUBLISH, DELETE,
    ARRANGE, LINK, ROOM, NOTHING, SYSTEM, CONDITION, SPEED, STAGED, DISCARD, CLAIM, RENEW, RELEASE, CARRY_ON, REUSE,
    MAKE_BY, RANGES_BY, ROTATE, KEPT,
)  # fmt: skip

__all__ = [
    "ARRANGE", "ASSEMBLE", "ASSEMBLERS", "ASSEMBLE_BY", "BARRED", "BELOW", "CARRY_ON", "CHUNKS", "CLAIM", "CLOSE",
    "CONDITION", "CUTTERS", "DELETE", "DIGEST", "DIGEST_ODD", "DISCARD", "EVERY", "FETCH", "FOLLOWER", "HELD", "HOOK",
    "KEPT", "LINK", "LINKERS", "LIST", "LOST", "MAKE_BY", "MARK", "MISSING", "NOTHING", "OPEN", "PIECES", "PROBE",
    "PUBLISH", "PULL", "RANGES", "RANGES_BY", "READ", "RELEASE", "RENAMERS", "RENEW", "REUSE", "ROOM", "ROTATE",
    "SCP_SEND", "SCP_TAKE", "SHORT", "SPEED", "STAGED", "STAGING", "STAT", "STAT_IN_PERL", "STORE", "SYSTEM",
    "TAKE_OVER", "TEMPLATE_DIGEST", "TEMPLATE_LIST", "UNGROUPED", "UNPACK", "Command", "Foreign", "Script", "Status",
]  # fmt: skip
