"""Abandoned: what earlier attempts left in staging, removed before another one needs the room."""

import threading
from collections import deque
from collections.abc import Container

from sshsync.appliers.staging import Staging
from sshsync.errors import HostError
from sshsync.transfers.load import Load


class Abandoned:
    """Loads that were staged in vain. Safe to use from several threads.

    Args:
        staging: where they lie.
        held: places in staging that nobody clears away.
    """

    def __init__(self, staging: Staging, held: Container[str]) -> None:
        self._staging = staging
        self._held = held
        self._loads: deque[Load] = deque()
        self._lock = threading.Lock()

    def add(self, load: Load) -> None:
        """Have a load removed."""
        self._loads.append(load)

    def discard(self) -> None:
        """Remove what can be removed; what cannot go yet is kept in mind."""
        with self._lock:
            seen = [self._loads.popleft() for _ in range(len(self._loads))]
            free = [load for load in seen if load.place not in self._held]
            self._loads.extend(load for load in seen if load not in free)
        try:
            self._staging.discard(place.encode() for load in free for place in load.places)
        except HostError:
            self._loads.extend(free)
