"""Options that several commands share."""

import os
import pwd
import shlex
import sys
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

if TYPE_CHECKING:
    from sshsync.config.resolve import Config, Settings

DEFAULT_CONFIG = Path("/etc/sshsync/sshsync.conf")


@dataclass(slots=True)
class Options:
    """What was asked for before and after the command's name.

    `settings` are those of the configuration that was read last, None before; `checking` tells that `config check` is
    what was called.
    """

    config: Path = DEFAULT_CONFIG
    state_dir: str = ""
    json: bool = False
    quiet: bool = False
    verbose: bool = False
    color: bool = True
    checking: bool = False
    wait: str | None = None
    now: bool = False
    settings: "Settings | None" = None

    @property
    def command(self) -> str:
        """How to call sshsync again for the same configuration and state, from anywhere, as a shell takes it."""
        words = ["sshsync"]
        if self.config != DEFAULT_CONFIG:
            words += ["-c", str(self.config.absolute())]
        if self.state_dir:
            words += ["--state-dir", str(Path(self.state_dir).absolute())]
        return shlex.join(words)

    def load(self) -> "Config":
        """Return the configuration.

        Raises:
            ConfigError: with everything that is wrong.
        """
        from dataclasses import replace

        from sshsync import api

        config = api.load(self.config)
        settings = config.settings
        if self.state_dir:
            old, new = settings.state_dir, str(Path(self.state_dir).absolute())

            def moved(file: str) -> str:
                return new + file[len(old) :] if file.startswith(old + "/") else file

            settings = replace(
                settings, state_dir=new, lock_file=moved(settings.lock_file), log_file=moved(settings.log_file)
            )
        line = shlex.join(["sshsync", *sys.argv[1:]])
        settings = replace(settings, called=replace(settings.called, command=self.command, line=line))
        self.settings = settings
        return replace(config, settings=settings)

    def load_as_owner(self) -> "Config":
        """Return the configuration; root gives up its rights for those of the account that the state belongs to.

        From here on the process is that account: what it may not read is no configuration for it.

        Raises:
            ConfigError: with everything that is wrong.
        """
        config = self.load()
        return self.load() if _become_owner(Path(config.settings.state_dir)) else config


def _become_owner(state_dir: Path) -> bool:
    """Give up root's rights for those of the owner of the state, so that a service's files stay its own."""
    if os.geteuid() != 0:
        return False
    try:
        owner = pwd.getpwuid(state_dir.stat().st_uid)
    except (OSError, KeyError):
        return False
    if owner.pw_uid == 0:
        return False
    os.initgroups(owner.pw_name, owner.pw_gid)
    os.setgid(owner.pw_gid)
    os.setuid(owner.pw_uid)
    os.environ.update(HOME=owner.pw_dir, USER=owner.pw_name, LOGNAME=owner.pw_name)
    return True


def seconds(option: str, value: str | None) -> float | None:
    """Return the span of time that an option names, None where it is not given.

    Raises:
        UsageError: it names none.
    """
    from sshsync.config import texts
    from sshsync.errors import UsageError

    try:
        return None if value is None else texts.seconds(value)
    except ValueError as error:
        raise UsageError(f"{option} {error}") from None


def waiting(command: Callable[..., Any]) -> Callable[..., Any]:
    """Add options to a command that runs: how long it waits for its turn, and that it passes over the window."""
    words = "Wait so long for the end of another run, such as 10m, instead of ending at once (exit code 8)."
    now = "Run now, and to the end, also outside of the hours of `window`."
    command = click.option("--now", is_flag=True, help=now, expose_value=False, callback=_store)(command)
    return click.option("--wait", metavar="TIME", help=words, expose_value=False, callback=_store)(command)


def common(command: Callable[..., Any]) -> Callable[..., Any]:
    """Add the shared options; they may stand before or after a command's name."""
    for option in reversed(_OPTIONS):
        command = option(command)
    return command


def _store(context: click.Context, parameter: click.Parameter, value: Any) -> Any:
    options = context.ensure_object(Options)
    if value is not None and value is not False and parameter.name:
        setattr(options, parameter.name, value)
    return value


def _uncolored(context: click.Context, parameter: click.Parameter, value: bool) -> bool:
    del parameter
    if value:
        context.ensure_object(Options).color = False
    return value


_SHARED: dict[str, Any] = {"expose_value": False, "callback": _store}
_OPTIONS = (
    click.option(
        "--config",
        "-c",
        type=click.Path(path_type=Path),
        envvar="SSHSYNC_CONFIG",
        help=f"Configuration file; {DEFAULT_CONFIG} by default.",
        **_SHARED,
    ),
    click.option(
        "--state-dir", metavar="DIR", help="Directory of the journal, instead of the configured one.", **_SHARED
    ),
    click.option(
        "--json",
        is_flag=True,
        help="One JSON object a line on stdout, the summary last; one of type error where there is none. A name that "
        "is no UTF-8 is escaped there as on the screen; its bytes stand beside it in base64: name_base64 beside name, "
        "item_base64 beside item.",
        **_SHARED,
    ),
    click.option("--quiet", "-q", is_flag=True, help="Say nothing unless something is wrong.", **_SHARED),
    click.option("--verbose", "-v", is_flag=True, help="Say more: one line a file.", **_SHARED),
    click.option("--no-color", is_flag=True, expose_value=False, callback=_uncolored, help="No colours."),
)
