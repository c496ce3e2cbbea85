"""Who we are to a host: keys with their mode checked, passwords, and what a refusal means."""

import getpass
import os
import shlex
import stat
import subprocess
from collections.abc import Callable
from pathlib import Path

import paramiko

from sshsync.errors import AuthenticationError, ConnectionLostError, StateError
from sshsync.model.topology import Login
from sshsync.model.words import visible
from sshsync.transports.ssh_greeting import Connection

DEFAULT_KEYS = ("id_ed25519", "id_ecdsa", "id_rsa")


def check_mode(file: Path, what: str) -> None:
    """Refuse a secret that others may read or change.

    A credential of systemd is let in: it belongs to root, and an access list that shows as the group's permission lets
    in the service alone (systemd.exec(5), LoadCredential=).

    Raises:
        StateError: the file is absent, foreign or open to others.
    """
    try:
        found = file.stat()
    except OSError as error:
        raise StateError(f"{what} {file}: {error.strerror}") from error
    if not stat.S_ISREG(found.st_mode):
        raise StateError(f"{what} {file} is no regular file")
    if found.st_uid not in (0, os.geteuid()):
        raise StateError(f"{what} {file} belongs to another account", hint="it must belong to you or root")
    credentials = os.environ.get("CREDENTIALS_DIRECTORY", "")
    credential = bool(credentials) and found.st_uid == 0 and file.parent == Path(credentials)
    if stat.S_IMODE(found.st_mode) & (0o037 if credential else 0o077):
        raise StateError(f"{what} {file} is open to others", hint=f"chmod 600 {file}")


def check_readable(file: Path, what: str) -> bytes:
    """Return what a secret file holds, if nobody else may read or change it.

    Raises:
        StateError: see `check_mode`, or it cannot be read.
    """
    check_mode(file, what)
    try:
        return file.read_bytes()
    except OSError as error:
        hint = f"it must belong to the account {getpass.getuser()}, which runs sshsync"
        raise StateError(f"{what} {file}: {error.strerror}", hint=hint) from error


def read_password(file: Path) -> str:
    """Return the first line of a password file.

    Raises:
        StateError: it cannot be read, others may read it, it is no UTF-8 text, or its first line is empty.
    """
    line = check_readable(file, "password file").partition(b"\n")[0].removesuffix(b"\r")
    try:
        password = line.decode()
    except UnicodeDecodeError:
        # The fault itself would show the bytes of the password.
        raise StateError(f"password file {file} is no UTF-8 text") from None
    if not password:
        raise StateError(f"password file {file}: its first line is empty", hint="write the password there")
    return password


def printed_by(command: str, what: str) -> str:
    """Return the first line that a command on the controller prints; it runs without a shell, for 30 s at most.

    Raises:
        StateError: it is no command line, failed, or printed nothing. Its output is in no message.
    """
    try:
        done = subprocess.run(shlex.split(command), capture_output=True, timeout=30, check=True, text=True)
    except (OSError, ValueError, subprocess.SubprocessError) as error:
        raise StateError(f"{what} failed: {type(error).__name__}", hint="run it by hand as this account") from error
    line = (done.stdout.splitlines() or [""])[0]
    if not line:
        raise StateError(f"{what} printed nothing", hint="run it by hand as this account")
    return line


def load_key(file: Path, passphrase_command: str = "") -> paramiko.PKey:
    """Return the private key in a file.

    Args:
        file: the key.
        passphrase_command: prints its passphrase; "" for a key without one.

    Raises:
        StateError: absent, open to others, encrypted without a command or with another passphrase, or no key.
    """
    check_readable(file, "key file")
    passphrase = printed_by(passphrase_command, "key_passphrase_command") if passphrase_command else ""
    try:
        # The library wants bytes here, whatever its annotation says.
        return paramiko.PKey.from_path(file, passphrase.encode() if passphrase else None)  # type: ignore[arg-type]
    except (paramiko.PasswordRequiredException, TypeError) as error:
        if passphrase:
            raise StateError(f"key file {file} has no passphrase", hint="drop key_passphrase_command") from error
        raise StateError(f"key file {file} is encrypted", hint="set key_passphrase_command") from error
    except (paramiko.SSHException, ValueError, OSError) as error:
        if passphrase:
            raise StateError(f"key file {file} does not open with the passphrase given") from error
        hint = "it wants the private key, in OpenSSH's or PEM form"
        raise StateError(f"key file {file} holds no private key that can be read", hint=hint) from error


def keys_for(login: Login, passed_over: list[str]) -> list[tuple[str, paramiko.PKey]]:
    """Return the keys to offer, with the file each came from.

    Args:
        login: the account.
        passed_over: takes what is wrong with default keys that cannot be used.

    Raises:
        StateError: the named `key_file` cannot be used. Default keys that cannot are passed over.
    """
    if login.key_file:
        return [
            (login.key_file, load_key(Path(login.key_file), login.key_passphrase_command)),
            *_from_agent(login, passed_over),
        ]
    found = _from_agent(login, passed_over)
    for name in DEFAULT_KEYS:
        file = Path.home() / ".ssh" / name
        if file.is_file():
            try:
                found.append((str(file), load_key(file)))
            except StateError as error:
                passed_over.append(error.what)
    return found


def authenticate(transport: Connection, login: Login, label: str) -> None:
    """Log in: each key once, then the password once. Nothing is ever tried twice, so no account is locked.

    Raises:
        AuthenticationError: nothing was accepted; lists what was offered. Or the host ended the connection and said
            why, or ended it when it had got the password: that may count as a failure there, so it is not sent again.
        ConnectionLostError: the connection was lost meanwhile.
        StateError: a key or password file cannot be used.
    """
    offered: list[str] = []
    passed_over: list[str] = []
    for name, key in keys_for(login, passed_over):
        offered.append(f"key {name}")
        if _accepted(transport, lambda key=key: transport.auth_publickey(login.user, key), label):  # type: ignore[misc]
            return
    password = _password(login)
    if password:
        offered.append("password")
        if _accepted(transport, lambda: transport.auth_password(login.user, password), label, again=False):
            return
    tried = ", ".join(offered) or "nothing: there is no usable key and no password"
    tried = "; ".join([tried, *passed_over])
    raise AuthenticationError(
        f"does not accept {login.user!r} (offered: {tried})",
        where=label,
        hint="check user and password"
        if offered == ["password"]
        else "check user and key_file, and authorized_keys there",
    )


def _from_agent(login: Login, passed_over: list[str]) -> list[tuple[str, paramiko.PKey]]:
    try:
        keys = paramiko.Agent().get_keys() if login.agent else ()
    except (paramiko.SSHException, OSError) as error:
        passed_over.append(f"the agent does not answer: {error}")
        return []
    return [(f"{key.get_name()} of the agent", key) for key in keys]


def _password(login: Login) -> str:
    if login.password_file:
        return read_password(Path(login.password_file))
    return printed_by(login.password_command, "password_command") if login.password_command else login.password


def _accepted(transport: Connection, attempt: Callable[[], list[str]], label: str, *, again: bool = True) -> bool:
    try:
        return not attempt()
    except paramiko.AuthenticationException as error:
        if "timeout" in str(error).lower():
            raise ConnectionLostError("did not answer the login in time", where=label) from error
        if not transport.is_active():
            words = "closed the connection during the login"
            if again and not transport.farewell:
                hint = "if it does so each time, the account may be barred there: look at its log"
                raise ConnectionLostError(words, where=label, hint=hint) from error
            said = f": {visible(transport.farewell, 200)}" if transport.farewell else ""
            raise AuthenticationError(
                words + said, where=label, hint="look at its log; if it was offered too many keys, name one by key_file"
            ) from error
        return False
    except (paramiko.SSHException, EOFError, OSError) as error:
        raise ConnectionLostError(f"the login broke off: {error}", where=label) from error
