"""What the configuration names on the controller: can it be used. Nothing is contacted, and nothing is made."""

import os
import shlex
import shutil
from collections.abc import Iterable, Iterator
from pathlib import Path

from sshsync.config.load import GLOBAL
from sshsync.config.resolve import Config
from sshsync.errors import ConfigError, ConfigProblem, StateError
from sshsync.model.policy import LOCAL
from sshsync.model.topology import Login
from sshsync.transports import ssh_auth
from sshsync.transports.trust import own_file, trust

_MADE = ("log_file", "lock_file", "report_dir")
"""Settings whose directories sshsync makes by itself."""
_REPLACED = ("metrics_file", "status_file")


def secrets(config: Config, names: Iterable[str]) -> None:
    """Make sure that keys, passwords and known host keys of some repositories, and of their jump hosts, can be read.

    Raises:
        ConfigError: with every file that cannot, and where it is named.
    """
    _raise(problem for name in _with_jump_hosts(config, names) for problem in _secrets_of(config, name))


def everything(config: Config) -> None:
    """Make sure that all files and programs that the configuration names can be used by this account.

    What only tells of a run is looked at too: it would never fail one, so this is where it shows.

    Raises:
        ConfigError: with everything that cannot, and where it is named.
    """
    found = [problem for name in config.tree.repositories for problem in _secrets_of(config, name)]
    _raise([*_settings(config), *_mail(config), *found, *_programs(config)])


def _raise(problems: Iterable[ConfigProblem]) -> None:
    found = tuple(dict.fromkeys(problems))
    if found:
        raise ConfigError(found)


def _with_jump_hosts(config: Config, names: Iterable[str]) -> list[str]:
    found: dict[str, None] = {}
    for name in names:
        nearer = name
        while nearer and nearer not in found:
            found[nearer] = None
            nearer = config.options[nearer].via
    return list(found)


def _secrets_of(config: Config, name: str) -> Iterator[ConfigProblem]:
    host = config.tree.repositories[name].host
    places = config.origins.get(name, {})
    for option, file in (("key_file", host.login.key_file), ("password_file", host.login.password_file)):
        try:
            if file:
                _read(option, Path(file), host.login)
        except StateError as error:
            yield ConfigProblem(places.get(option, option), error.what, error.hint)
    if host.transport != LOCAL:
        for known in trust(host, own_file(config.settings.state_dir)).files:
            if reason := _unreadable(known):
                place = places.get("known_hosts", str(known))
                yield ConfigProblem(place, f"cannot read {known}: {reason}", "who a host is, it tells")


def _read(option: str, file: Path, login: Login) -> None:
    """The passphrase of a key is not asked for here: its command may want a person."""
    if option == "password_file":
        ssh_auth.read_password(file)
    elif login.key_passphrase_command:
        ssh_auth.check_readable(file, "key file")
    else:
        ssh_auth.load_key(file)


def _unreadable(file: Path) -> str:
    """Return why a file cannot be read, "" when it can or is not there."""
    return _not_read(file) if file.exists() else ""


def _not_read(file: Path) -> str:
    """Return why a file cannot be read, "" when it can."""
    try:
        with file.open("rb"):
            return ""
    except OSError as error:
        return error.strerror or str(error)


def _programs(config: Config) -> Iterator[ConfigProblem]:
    command = config.settings.notify_command
    if command and (reason := _unusable(command)):
        yield ConfigProblem(config.places.get("notify_command", GLOBAL), f"notify_command: {reason}")
    for name, repository in config.tree.repositories.items():
        login, places = repository.host.login, config.origins.get(name, {})
        for option in ("key_passphrase_command", "password_command"):
            command = getattr(login, option)
            if command and (reason := _unusable(command)):
                yield ConfigProblem(places.get(option, option), f"{option}: {reason}")


def _unusable(command: str) -> str:
    """Return why a command line cannot be run by this account, "" when it can. Its arguments may hold secrets."""
    try:
        program = (shlex.split(command) or [""])[0]
    except ValueError as error:
        return f"cannot be read: {error}; quote it as for a shell"
    if not program:
        return "names no program"
    if shutil.which(program):
        return ""
    if "/" not in program:
        return f"{program} is not on the PATH of this account; name it with its directory"
    if not Path(program).exists():
        return f"{program}: No such file or directory"
    return f"{program} is no program that this account may run"


def _settings(config: Config) -> Iterator[ConfigProblem]:
    """Only what the file sets is looked at: defaults lie in the state directory, which every command checks."""
    for option in (*_MADE, *_REPLACED):
        value = getattr(config.settings, option)
        if value and option in config.places and (reason := _unwritable(option, Path(value))):
            yield ConfigProblem(config.places[option], f"{option}: {reason}")


def _mail(config: Config) -> Iterator[ConfigProblem]:
    mail, places = config.settings.mail, config.places
    if mail.sendmail and (reason := _unusable(shlex.quote(mail.sendmail))):
        yield ConfigProblem(places["sendmail"], f"sendmail: {reason}")
    if mail.smtp_ca_file and (reason := _not_read(Path(mail.smtp_ca_file))):
        yield ConfigProblem(places["smtp_ca_file"], f"smtp_ca_file: {mail.smtp_ca_file}: {reason}")
    try:
        if mail.smtp_password_file:
            ssh_auth.read_password(Path(mail.smtp_password_file))
    except StateError as error:
        yield ConfigProblem(places["smtp_password_file"], error.what, error.hint)


def _unwritable(option: str, target: Path) -> str:
    """Return why nothing can be written to a file or directory, "" when it can as far as looking tells."""
    try:
        if target.exists() and target.is_dir() != (option == "report_dir"):
            return f"{target} is {'a' if target.is_dir() else 'no'} directory"
        if option in _REPLACED or not target.exists():
            directory = target.parent
            while option in _MADE and not directory.exists():
                directory = directory.parent
            if not directory.is_dir():
                return f"there is no directory {directory}"
            target = directory
    except OSError as error:
        return f"{target}: {error.strerror}"
    mode = os.W_OK | os.X_OK if target.is_dir() else os.W_OK
    return "" if os.access(target, mode) else f"this account may not write to {target}"
