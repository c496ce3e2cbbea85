"""Loading what a command is made of: a third of the time that a short one takes."""

import gc
import sys
from collections.abc import Iterator
from contextlib import contextmanager


@contextmanager
def quickly() -> Iterator[None]:
    """Import modules in the block without what would only cost time.

    They stay, so there is nothing in them for the garbage collector to find. And Paramiko's reader of ssh_config, which
    sshsync has no use for, imports all of `invoke` where there is one. For the process of a command alone: whoever uses
    sshsync as a library has a process of his own, and perhaps a use for both.
    """
    # An import of what is None fails, and Paramiko is content with that.
    absent = "invoke" not in sys.modules
    if absent:
        sys.modules["invoke"] = None  # type: ignore[assignment]
    gc.disable()
    try:
        yield
    finally:
        gc.freeze()
        gc.enable()
        if absent:
            del sys.modules["invoke"]
