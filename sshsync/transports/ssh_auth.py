"""Who we are to a host: keys with their mode checked, passwords, and what a refusal means."""

import os
import stat
from collections.abc import Callable
from pathlib import Path

import paramiko

from sshsync.errors import AuthenticationError, ConnectionLostError, StateError
from sshsync.model.topology import Login

DEFAULT_KEYS = ("id_ed25519", "id_ecdsa", "id_rsa")


def check_mode(file: Path, what: str) -> None:
    """Refuse a secret that others may read or change.

    Raises:
        StateError: the file is absent, foreign or open to others.
    """
    try:
        found = file.stat()
    except OSError as error:
        raise StateError(f"{what} {file}: {error.strerror}") from error
    if found.st_uid not in (0, os.geteuid()):
        raise StateError(f"{what} {file} belongs to another account", hint="it must belong to you or root")
    if stat.S_IMODE(found.st_mode) & 0o077:
        raise StateError(f"{what} {file} is open to others", hint=f"chmod 600 {file}")


def read_password(file: Path) -> str:
    """Return the first line of a password file.

    Raises:
        StateError: it cannot be read, or others may read it.
    """
    check_mode(file, "password file")
    return (file.read_text().splitlines() or [""])[0]


def load_key(file: Path) -> paramiko.PKey:
    """Return the private key in a file.

    Raises:
        StateError: absent, open to others, encrypted, or no key.
    """
    check_mode(file, "key file")
    try:
        return paramiko.PKey.from_path(file)
    except (paramiko.PasswordRequiredException, TypeError) as error:
        raise StateError(f"key file {file} is encrypted", hint="use a key without passphrase") from error
    except (paramiko.SSHException, ValueError, OSError) as error:
        raise StateError(f"key file {file} holds no usable private key: {error}") from error


def keys_for(login: Login) -> list[tuple[str, paramiko.PKey]]:
    """Return the keys to offer, with the file each came from.

    Raises:
        StateError: the named `key_file` cannot be used. Default keys that cannot are passed over.
    """
    if login.key_file:
        return [(login.key_file, load_key(Path(login.key_file)))]
    found = []
    for name in DEFAULT_KEYS:
        file = Path.home() / ".ssh" / name
        if file.is_file():
            try:
                found.append((str(file), load_key(file)))
            except StateError:
                continue
    return found


def authenticate(transport: paramiko.Transport, login: Login, label: str) -> None:
    """Log in: each key once, then the password once. Nothing is ever tried twice, so no account is locked.

    Raises:
        AuthenticationError: nothing was accepted; lists what was offered.
        ConnectionLostError: the host closed the connection meanwhile.
        StateError: a key or password file cannot be used.
    """
    offered = []
    for name, key in keys_for(login):
        offered.append(f"key {name}")
        if _accepted(transport, lambda key=key: transport.auth_publickey(login.user, key), label):  # type: ignore[misc]
            return
    password = read_password(Path(login.password_file)) if login.password_file else login.password
    if password:
        offered.append("password")
        if _accepted(transport, lambda: transport.auth_password(login.user, password), label):
            return
    tried = ", ".join(offered) or "nothing: there is no key and no password"
    raise AuthenticationError(
        f"does not accept {login.user!r} (offered: {tried})",
        where=label,
        hint="check user and key_file, and authorized_keys there",
    )


def _accepted(transport: paramiko.Transport, attempt: Callable[[], list[str]], label: str) -> bool:
    try:
        return not attempt()
    except paramiko.AuthenticationException as error:
        if "timeout" in str(error).lower():
            raise ConnectionLostError("did not answer the login in time", where=label) from error
        if not transport.is_active():
            raise AuthenticationError("closed the connection during the login", where=label) from error
        return False
    except (paramiko.SSHException, EOFError, OSError) as error:
        raise ConnectionLostError(f"the login broke off: {error}", where=label) from error
