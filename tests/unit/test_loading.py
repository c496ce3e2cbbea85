"""Loading the modules of a command quickly leaves the process as any other."""

import subprocess
import sys


def told(code: str) -> str:
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, timeout=60, check=False)
    assert done.returncode == 0, done.stderr
    return done.stdout


def test_what_is_left_out_can_be_had_afterwards() -> None:
    code = """
import gc, sys
from sshsync.cli.loading import quickly
with quickly():
    import sshsync.cli.commands.run
print(any(name.partition(".")[0] == "invoke" for name in sys.modules), "paramiko" in sys.modules, gc.isenabled())
import invoke
print(invoke.run is not None)
"""
    assert told(code).split() == ["False", "True", "True", "True"]


def test_what_somebody_uses_already_stays() -> None:
    code = """
import invoke, sys
from sshsync.cli.loading import quickly
with quickly():
    import paramiko.config
print(sys.modules["invoke"] is invoke, paramiko.config.invoke is invoke)
"""
    assert told(code).split() == ["True", "True"]


def test_a_library_changes_nothing() -> None:
    assert told("import sshsync.api, paramiko.config; print(paramiko.config.invoke is not None)").split() == ["True"]
