"""Configurations, read with everything that is built in: kinds, and the account that runs sshsync."""

import getpass
import os
import shlex
import socket
from dataclasses import replace
from pathlib import Path

from sshsync import builtin
from sshsync.config import load as reader
from sshsync.config.resolve import Account, Config, resolve
from sshsync.model.called import Called


def account() -> Account:
    """Return the account that runs sshsync."""
    home = str(Path.home())
    state = os.environ.get("XDG_STATE_HOME") or f"{home}/.local/state"
    return Account(getpass.getuser(), home, "/var/lib/sshsync" if os.geteuid() == 0 else f"{state}/sshsync", os.environ)


def load(file: Path) -> Config:
    """Return the configuration in a file.

    Raises:
        ConfigError: with everything that is wrong.
    """
    config = resolve(reader.read(file), account(), builtin.known())
    path = str(file.absolute())
    called = Called(shlex.join(["sshsync", "-c", path]), "", path, socket.gethostname())
    return replace(config, settings=replace(config.settings, called=called))
