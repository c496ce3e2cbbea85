"""The lease on a child: one controller at a time changes it, and a late one changes nothing any more."""

import threading
from contextlib import suppress
from types import TracebackType
from typing import Self

from sshsync.core import lease
from sshsync.core.lease import DEAD_AFTER, RENEWAL, Holder
from sshsync.engine.context import Context
from sshsync.errors import HostError, LeasedError, SshsyncError
from sshsync.hosts.conversation import Reply, new_token
from sshsync.model.events import Waiting
from sshsync.model.topology import Repository
from sshsync.model.words import visible
from sshsync.remote import scripts
from sshsync.remote.scripts import Command

_LOOK = 5.0
"""Seconds between two looks at a lease that may be a dead controller's."""

_TURNS = 5
"""Dead holders in a row that are put aside before one is taken for alive."""


class Lease:
    """Use as a context manager: taken when it is entered, renewed from a thread, given back at the end.

    A holder whose death is known (a process of this machine that is gone) is followed at once. Of any other only its
    renewals tell: when there was none for `DEAD_AFTER` seconds of this controller's clock, it is taken over; no two
    clocks have to agree. Whoever loses a lease can publish and delete nothing any more: every script that
    does looks for the lease's directory, which is gone.

    Attributes:
        token: names the lease, and is in every name that its holder stages under.
        followed: somebody else held it before and did not give it back.
    """

    def __init__(self, context: Context, child: Repository, work: bytes, *, patient: bool = True) -> None:
        """Prepare the lease.

        Args:
            context: the run's parts.
            child: who is worked on.
            work: the directory for it; see `Snapshot.work`.
            patient: wait to see whether a holder lives who is not known to be dead; else take him for alive.
        """
        self._patient = patient
        self._context = context
        self._child = child
        self._work = work
        self._ended = threading.Event()
        self._renewer = threading.Thread(target=self._renew, name="sshsync-lease", daemon=True)
        self.token = new_token().decode()[:16]
        self.followed = False

    def __enter__(self) -> Self:
        """Take the lease.

        Raises:
            LeasedError: another controller works there.
            SshsyncError: the host failed.
        """
        self._take()
        self._renewer.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        """Give it back, as far as the host still answers; without that it is taken over when this process is gone."""
        self._ended.set()
        self._renewer.join(5)
        if kind is None or issubclass(kind, Exception):
            self._release()

    def check(self) -> None:
        """Ask once whether the lease is still ours; a host that does not answer says nothing.

        Raises:
            LeasedError: it is not.
        """
        with suppress(HostError):
            if self._run(scripts.RENEW, {"COUNT": b"0"}).status == scripts.LOST:
                raise LeasedError.taken_over(self._child.name)

    def _take(self) -> None:
        expect = ""
        for _ in range(_TURNS):
            holder = self._claim(expect)
            if holder is None:
                return
            if not lease.gone(holder.owner, self._context.here):
                if not self._patient:
                    break
                self._wait_for_a_sign(holder)
            expect, self.followed = holder.token or "-", True
        raise self._taken(holder or Holder())

    def _wait_for_a_sign(self, holder: Holder) -> None:
        """Return when the holder gave no sign of life for long enough.

        Raises:
            LeasedError: it did.
        """
        context = self._context
        until = context.asking.monotonic() + DEAD_AFTER
        context.emit(
            Waiting(
                self._child.name,
                DEAD_AFTER,
                f"{_words(holder)} may still work there; it is followed if it gives no sign of life",
            )
        )
        while context.asking.monotonic() < until:
            context.asking.stop.sleep(_LOOK)
            now = self._claim("")
            if now is None:
                return
            if now.sign != holder.sign:
                raise self._taken(now)

    def _claim(self, expect: str) -> Holder | None:
        """Return who holds the lease, None when it is ours now.

        Args:
            expect: token of the holder that is put aside, "-" for one that left none, "" to put nobody aside.
        """
        owner = self._context.here.owner.text().encode()
        variables = {"OWNER": owner, "EXPECT": expect.encode()}

        def once() -> Holder | None:
            reply = self._run(scripts.CLAIM, variables)
            if reply.status == scripts.HELD:
                return lease.parse(reply.payload)
            reply.check("taking the lease")
            return None

        return self._context.asking.retry(self._child, "lease", once)

    def _release(self) -> None:
        """Try twice: a connection that was lost meanwhile is made anew."""
        for _ in range(2):
            with suppress(SshsyncError):
                self._run(scripts.RELEASE, {})
                return

    def _renew(self) -> None:
        count = 0
        while not self._ended.wait(RENEWAL):
            count += 1
            with suppress(SshsyncError):
                self._run(scripts.RENEW, {"COUNT": b"%d" % count})

    def _run(self, script: scripts.Script, variables: dict[str, bytes]) -> Reply:
        command = Command(script, {"ROOT": self._work, "LEASE": self.token.encode(), **variables})
        return self._context.asking.session(self._child).run(command)

    def _taken(self, holder: Holder) -> LeasedError:
        return LeasedError(
            f"{_words(holder)} works on it: nothing was changed",
            hint="wait until it has ended, then run the same command again",
        )


def _words(holder: Holder) -> str:
    who = visible(holder.owner.words(), 200) if holder.owner else "whoever left no name"
    return f"another controller ({who})"
