"""What puts files aside on a host in memory, and removes what was: file names are all that is made and removed."""

from collections.abc import Iterable

from sshsync.transports.memory_shell import Shell


class Aside(Shell):
    """What is kept of what goes."""

    def rotate(self) -> None:
        """Remove what runs before the last put aside."""
        self._ours()
        self._held()
        host, place = self._host, self._own + b"/replaced"
        if not host.is_directory(place):
            return
        current, count = self._vars["KEEP"], int(self._vars["COUNT"])
        runs = [name for name in host.names(place) if self._any(place + b"/" + name)]
        for name in set(host.names(place)) - {*runs, current}:
            host.remove(place + b"/" + name)
        count -= host.exists(place + b"/" + current)
        older = [name for name in runs if name != current]
        for name in older[: max(0, len(older) - count)]:
            host.make(self._own + b"/batch")
            host.remove(place + b"/" + name)

    def _any(self, place: bytes) -> bool:
        return self._host.is_link(place) or not self._host.is_directory(place) or any(self._host.walk(place))

    def _aside(self, names: Iterable[bytes]) -> None:
        """Put aside what files are now; what this run put there before stays."""
        host, kept = self._host, b".sshsync/replaced/" + self._vars.get("KEEP", b"")
        for name in names:
            if self._safe(name):
                continue
            above, _, base = name.rpartition(b"/")
            if self._real(self._root, above or b".", make=False) == 0:
                place = kept + b"/" + above if above else kept
                if self._real(self._root, place, make=True) == 0:
                    there = self._root + b"/" + place + b"/" + base
                    self._try(b"ln", lambda: host.another(self._root + b"/" + name, there))  # noqa: B023 - called at once
