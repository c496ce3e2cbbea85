"""Runs a configuration through the library and kills its own process, hard, at one edge of the journal.

Usage: crash_driver.py CONF before|after NUMBER
"""

import itertools
import os
import signal
import sys
from pathlib import Path

from sshsync.api import Sync, load
from sshsync.state.journal import Journal
from sshsync.model.events import Entry


class Killing(Journal):
    """A journal whose owner dies before or after it keeps its n-th event."""

    moment = sys.argv[2]
    number = int(sys.argv[3])
    counter = itertools.count(1)

    def keep(self, entry: Entry) -> None:
        here = next(self.counter) == self.number
        if here and self.moment == "before":
            os.kill(os.getpid(), signal.SIGKILL)
        super().keep(entry)
        if here:
            os.kill(os.getpid(), signal.SIGKILL)


if __name__ == "__main__":
    with Sync(load(Path(sys.argv[1])), journal=Killing) as sync:
        sys.exit(sync.run([["proxy"], ["node1"]]).exit_code)
