"""The state directory: made for one account, and refused when others can change what is in it."""

import os
import pwd
import stat
from pathlib import Path

from sshsync.errors import StateError


def check_directory(directory: Path) -> None:
    """Make the state directory, or make sure that nobody else can change it.

    Raises:
        StateError: it cannot be made, is foreign, or others may write there.
    """
    try:
        directory.mkdir(parents=True, exist_ok=True, mode=0o700)
        found = directory.stat()
    except OSError as error:
        raise StateError(f"cannot make {directory}: {error.strerror}", hint="set state_dir") from error
    if found.st_uid not in (0, os.geteuid()):
        raise foreign(directory, found.st_uid)
    if stat.S_IMODE(found.st_mode) & 0o022:
        raise StateError(f"others may write to {directory}", hint=f"chmod go-w {directory}")
    if not os.access(directory, os.W_OK | os.X_OK):
        raise StateError(f"cannot write to {directory}", hint="set state_dir, or run as its owner")


def foreign(directory: Path, uid: int) -> StateError:
    """Return the error that a state directory is that of the account with the number `uid`."""
    return StateError(
        f"{directory} belongs to another account",
        hint=f"run it as that one (runuser -u {_owner(uid)} -- sshsync ...), or set state_dir",
    )


def _owner(uid: int) -> str:
    try:
        return pwd.getpwuid(uid).pw_name
    except KeyError:
        return str(uid)
