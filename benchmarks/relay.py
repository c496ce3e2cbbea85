"""A link in user space: a TCP relay with delay, rate and cuts, in a process of its own.

It delays what a connection carries, not packets: an acknowledgement of TCP comes at once, so what a row sees is what
SSH makes of a long link, without the congestion control of the machine. Loss has no meaning here.

`python -m benchmarks.relay PORT DELAY RATE CUT` listens on loopback, prints its own port, and answers each line of its
input with three numbers: bytes that went to PORT, bytes that came from there, how often it cut. It ends with its input.
"""

import collections
import contextlib
import socket
import sys
import threading
import time

PIECE, PACED_PIECE = 1 << 18, 1 << 14
UNPACED_QUEUE = 64 << 20
"""Bytes under way without a rate: a pipe that is never the narrow place."""


class Way:
    """One direction of the link, for all its connections. `rate` in bytes a second (0: any), `delay` in seconds."""

    def __init__(self, delay: float, rate: float) -> None:
        self.delay, self.rate = delay, rate
        self.count = 0
        self._lock = threading.Lock()
        self._free_at = 0.0
        self.queue = int(rate * (delay + 0.02)) + (4 * PACED_PIECE) if rate else UNPACED_QUEUE
        self.piece = PACED_PIECE if rate else PIECE

    def passed(self, size: int) -> float:
        """Count bytes that enter, and return the moment at which they leave."""
        with self._lock:
            self.count += size
            now = time.monotonic()
            self._free_at = max(now, self._free_at) + (size / self.rate if self.rate else 0)
            return self._free_at + self.delay


class Pipe:
    """What is under way in one direction of one connection."""

    def __init__(self, source: socket.socket, target: socket.socket, way: Way, relay: "Relay") -> None:
        self.source, self.target, self.way, self.relay = source, target, way, relay
        self._pieces: collections.deque[tuple[float, bytes]] = collections.deque()
        self._held = 0
        self._changed = threading.Condition()
        for work in (self._read, self._write):
            threading.Thread(target=work, daemon=True).start()

    def _read(self) -> None:
        data = b"-"
        while data:
            with self._changed:
                self._changed.wait_for(lambda: self._held < self.way.queue)
            try:
                data = self.source.recv(self.way.piece)
            except OSError:
                data = b""
            due = self.way.passed(len(data))
            with self._changed:
                self._pieces.append((due, data))
                self._held += len(data)
                self._changed.notify_all()

    def _write(self) -> None:
        data = b"-"
        while data:
            with self._changed:
                self._changed.wait_for(lambda: self._pieces)
                due, data = self._pieces.popleft()
            time.sleep(max(0.0, due - time.monotonic()))
            with contextlib.suppress(OSError):
                self.target.sendall(data) if data else self.target.shutdown(socket.SHUT_WR)
            with self._changed:
                self._held -= len(data)
                self._changed.notify_all()
            self.relay.arrived(len(data))


class Relay:
    """All connections of a link. With `cut`, every connection breaks each time that so many bytes went through."""

    def __init__(self, port: int, delay: float, rate: float, cut: int) -> None:
        self.port, self.cut = port, cut
        self.to_host, self.from_host = Way(delay, rate), Way(delay, rate)
        self.cuts = 0
        self._through = 0
        self._lock = threading.Lock()
        self._open: set[socket.socket] = set()

    def serve(self, listener: socket.socket) -> None:
        """Take connections until the process ends."""
        while True:
            near, _ = listener.accept()
            try:
                far = socket.create_connection(("127.0.0.1", self.port))
            except OSError:
                # Who is not there yet may be there the next time.
                near.close()
                continue
            for end in (near, far):
                end.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
            with self._lock:
                self._open |= {near, far}
            Pipe(near, far, self.to_host, self)
            Pipe(far, near, self.from_host, self)

    def arrived(self, size: int) -> None:
        """Count bytes that came through, and break every connection when it is time: what is under way is lost."""
        with self._lock:
            self._through += size
            # What is still on its way in connections that are broken already breaks nothing more.
            if not self.cut or not self._open or self._through < self.cut:
                return
            self._through = 0
            self.cuts += 1
            broken, self._open = self._open, set()
        for end in broken:
            with contextlib.suppress(OSError):
                end.shutdown(socket.SHUT_RDWR)


def main() -> None:
    port, delay, rate, cut = sys.argv[1:]
    relay = Relay(int(port), float(delay), float(rate), int(cut))
    listener = socket.create_server(("127.0.0.1", 0), backlog=128)
    threading.Thread(target=relay.serve, args=(listener,), daemon=True).start()
    print(listener.getsockname()[1], flush=True)
    for _ in sys.stdin:
        print(relay.to_host.count, relay.from_host.count, relay.cuts, flush=True)


if __name__ == "__main__":
    main()
