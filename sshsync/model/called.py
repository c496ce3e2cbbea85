"""How sshsync was called: what whoever reads of a run elsewhere has to know to go on with it."""

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Called:
    """How sshsync was called.

    Attributes:
        command: how to call it again, from any directory, for the same configuration and state, as a shell takes it.
        line: the whole command line, as a shell takes it; "" where it is not known.
        config: its configuration file, or "".
        controller: name of the host that it ran on, or "".
    """

    command: str = "sshsync"
    line: str = ""
    config: str = ""
    controller: str = ""


UNKNOWN = Called()
"""Called by nobody knows whom: by a program that made its configuration itself."""
