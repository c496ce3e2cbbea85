"""The scripts of leases on a host in memory; a lease is a directory, as on any host."""

from collections.abc import Sequence

from sshsync.remote.scripts import HELD
from sshsync.transports.memory_shell import Shell


class Leases(Shell):
    """What takes, renews and gives back a lease."""

    def claim(self) -> int:
        """Take the lease, or tell who holds it."""
        self._ours()
        host, lease, token = self._host, self._own + b"/lease", self._vars["LEASE"]
        host.make(self._own)
        mine = lease + b"/" + token
        if host.is_directory(mine):
            return 0
        if self._vars["EXPECT"] and host.is_directory(lease):
            self._seize(lease)
        if host.is_directory(lease):
            for name in self._holders(lease):
                self._tell(lease, name)
            return HELD
        host.mkdir(lease)
        host.mkdir(mine)
        self._write(mine + b"/n0", b"")
        try:
            self._write(mine + b"/owner", self._vars["OWNER"] + b"\n")
        except OSError:
            host.unlink(mine + b"/owner")
        for name in host.names(self._own + b"/."):
            if name.startswith(b"lost."):
                host.remove(self._own + b"/" + name)
        return 0

    def renew(self) -> None:
        """Show a sign of life."""
        self._ours()
        lease = self._own + b"/lease/" + self._vars["LEASE"]
        try:
            self._host.write(lease + b"/n" + self._vars["COUNT"], b"", mtime=int(self._host.clock()))
        except OSError:
            self._held()
            return
        for name in self._host.names(lease):
            if name.startswith(b"n") and name != b"n" + self._vars["COUNT"]:
                self._host.unlink(lease + b"/" + name)

    def release(self) -> None:
        """Give the lease back."""
        self._ours()
        lease = self._own + b"/lease"
        self._host.remove(lease + b"/" + self._vars["LEASE"])
        if self._host.is_directory(lease) and not self._holders(lease):
            self._host.remove(lease)

    def _seize(self, lease: bytes) -> None:
        """Put aside the holder that is expected, or, for "-", whatever is there when it names no holder."""
        holders, expected = self._holders(lease), self._vars["EXPECT"]
        if not holders if expected == b"-" else expected in holders:
            self._host.remove(lease)

    def _holders(self, lease: bytes) -> Sequence[bytes]:
        return [name for name in self._host.names(lease) if self._host.is_directory(lease + b"/" + name)]

    def _tell(self, lease: bytes, name: bytes) -> None:
        holder = lease + b"/" + name
        if self._host.is_link(holder):
            return
        self._out += b"token " + name + b"\n"
        if self._host.exists(holder + b"/owner") and not self._host.is_link(holder + b"/owner"):
            self._out += b"owner " + self._host.file(holder + b"/owner").data.split(b"\n")[0][:4000] + b"\n"
        for sign in self._host.names(holder):
            self._out += b"sign " + sign + b"\n" if sign.startswith(b"n") else b""
