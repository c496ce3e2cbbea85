"""A link of packets in user space, for kernels without netem: two TUN devices, and between them delay, rate and loss.

Other than the TCP relay it delays and drops packets, so TCP's own congestion control is part of what a row sees. It
needs root.

`python -m benchmarks.packets NEAR FAR DELAY RATE LOSS` makes two devices of these names, says `ready`, and carries
packets until its input ends. Whoever started it gives the devices their addresses.
"""

import collections
import fcntl
import os
import random
import select
import struct
import sys
import threading
import time

TUNSETIFF, IFF_TUN, IFF_NO_PI = 0x400454CA, 0x0001, 0x1000
MTU = 1500
LEAST_QUEUE = 256 << 10


def device(name: str) -> int:
    """Make a TUN device and return its descriptor."""
    made = os.open("/dev/net/tun", os.O_RDWR | os.O_NONBLOCK)
    fcntl.ioctl(made, TUNSETIFF, struct.pack("16sH22x", name.encode(), IFF_TUN | IFF_NO_PI))
    return made


class Way:
    """One direction: a queue that drops what does not fit, a rate, then a delay. `loss` is a share of the packets."""

    def __init__(self, source: int, target: int, delay: float, rate: float, loss: float) -> None:
        self.source, self.target, self.delay, self.rate, self.loss = source, target, delay, rate, loss
        self._packets: collections.deque[tuple[float, bytes]] = collections.deque()
        self._free_at = 0.0
        self._longest = max(LEAST_QUEUE / rate, 0.05) if rate else 0.0
        self._chance = random.Random(1)

    def take(self, now: float) -> None:
        """Read what there is."""
        while True:
            try:
                packet = os.read(self.source, MTU + 64)
            except OSError:
                return
            lost = self._chance.random() < self.loss
            full = self.rate and self._free_at - now > self._longest
            if lost or full:
                continue
            self._free_at = max(now, self._free_at) + (len(packet) / self.rate if self.rate else 0)
            self._packets.append((self._free_at + self.delay, packet))

    def give(self, now: float) -> float:
        """Write what is due, and return how long nothing else is."""
        while self._packets and self._packets[0][0] <= now:
            try:
                os.write(self.target, self._packets.popleft()[1])
            except OSError:
                continue  # the device is full or down: a packet less
        return self._packets[0][0] - now if self._packets else 1.0


def carry(ways: list[Way]) -> None:
    """Carry packets until the process ends."""
    while True:
        now = time.monotonic()
        wait = min(way.give(now) for way in ways)
        readable, _, _ = select.select([way.source for way in ways], [], [], max(0.0, wait))
        now = time.monotonic()
        for way in ways:
            if way.source in readable:
                way.take(now)


def main() -> None:
    near, far = device(sys.argv[1]), device(sys.argv[2])
    delay, rate, loss = map(float, sys.argv[3:])
    ways = [Way(near, far, delay, rate, loss), Way(far, near, delay, rate, loss)]
    threading.Thread(target=carry, args=(ways,), daemon=True).start()
    print("ready", flush=True)
    sys.stdin.read()


if __name__ == "__main__":
    main()
