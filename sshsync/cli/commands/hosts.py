"""``sshsync hosts check``, ``trust`` and ``forget``."""

from typing import TYPE_CHECKING

import click

from sshsync.cli import complete
from sshsync.cli.options import Options, common
from sshsync.report import answers, as_json

if TYPE_CHECKING:
    from sshsync.api import Sync
    from sshsync.config.resolve import Config
    from sshsync.model.survey import Survey
    from sshsync.transports.trust import SeenKey


@click.group()
@common
def hosts() -> None:
    """Look at the hosts, and look after their keys."""


@hosts.command()
@click.argument("names", nargs=-1, metavar="[NAME]...", shell_complete=complete.repositories)
@common
@click.pass_context
def check(context: click.Context, names: tuple[str, ...]) -> None:
    """Connect to the hosts of all repositories, or of NAME only, and show what is there and what is missing.

    Nothing is changed. NAME may be a group (@GROUP) or a range too. The exit code is 0 when all can take part.
    """
    from sshsync.api import Sync

    options = context.ensure_object(Options)
    config = options.load_as_owner()
    with Sync(config) as sync:
        found = sync.survey(_selected(config, names) if names else [])
    if options.json:
        for survey in found:
            click.echo(as_json.answer_line(survey))
    else:
        _show(options, found)
    codes = [survey.code for survey in found if survey.problem]
    context.exit(next((code for code in (10, 6, 75) if code in codes), 0))


def _show(options: Options, found: "list[Survey]") -> None:
    from sshsync.cli import display
    from sshsync.report import as_survey

    out = display.console(options)
    rows = [(as_survey.row(survey), "red" if survey.problem else "") for survey in found]
    display.grid(out, as_survey.HEADINGS, rows)
    for line in as_survey.details(found):
        out.print(line)


@hosts.command()
@click.argument("names", nargs=-1, metavar="[NAME]...", shell_complete=complete.repositories)
@click.option("--all", "everything", is_flag=True, help="The hosts of all repositories.")
@click.option("--yes", is_flag=True, help="Record without asking: only for hosts that nobody can have tampered with.")
@click.option(
    "--replace", is_flag=True, help="Take another key that is on record out: only when you know why it changed."
)
@common
@click.pass_context
def trust(context: click.Context, names: tuple[str, ...], everything: bool, yes: bool, replace: bool) -> None:
    """Show the keys of repositories' hosts and record them as known.

    NAME may be a group (@GROUP) or a range too. Jump hosts on the way come first. Compare each fingerprint with what
    the host's operator says: ssh-keygen -lf /etc/ssh/ssh_host_ed25519_key.pub
    """
    from sshsync.api import Sync

    if bool(names) == everything:
        raise click.UsageError("name repositories, or --all of them" if everything else "name repositories, or --all")
    options = context.ensure_object(Options)
    with Sync(options.load_as_owner()) as sync:
        accepting = _Accepting(sync, options, yes=yes, replace=replace, several=everything)
        for name in sync.on_the_way(_selected(sync.config, names)):
            accepting.see(name)
    context.exit(accepting.code)


@hosts.command()
@click.argument("names", nargs=-1, required=True, metavar="NAME...", shell_complete=complete.repositories)
@common
@click.pass_context
def forget(context: click.Context, names: tuple[str, ...]) -> None:
    """Take the keys of repositories' hosts out of sshsync's own file: no host is spoken to.

    NAME may be a group (@GROUP) or a range too. The next `hosts trust` shows what the host has then.
    """
    from sshsync.api import Sync

    options = context.ensure_object(Options)
    with Sync(options.load_as_owner()) as sync:
        for name in _selected(sync.config, names):
            done = sync.forget(name)
            if options.json:
                told = answers.Forgotten(name, str(done.file), list(done.keys), list(done.left))
                click.echo(as_json.answer_line(told))
                continue
            for fingerprint in done.keys:
                click.echo(f"{name}: {fingerprint} taken out of {done.file}")
            if not done.keys:
                click.echo(f"{name}: not on record in {done.file}")
            for place in done.left:
                click.echo(f"{name}: note: still on record in {place}, which is not sshsync's own")


def _selected(config: "Config", names: tuple[str, ...]) -> list[str]:
    """Return the repositories that are meant, all when none is named, each once."""
    from sshsync.core.selection import select

    wanted = dict.fromkeys(name for words in names for name in select(config.tree, words))
    return list(wanted) if names else list(config.tree.repositories)


class _Accepting:
    """Shows keys, asks, and records; what goes wrong with one host does not keep the others from being asked about.

    Attributes:
        code: the exit code.
    """

    def __init__(self, sync: "Sync", options: Options, *, yes: bool, replace: bool, several: bool) -> None:
        self._sync = sync
        self._json = options.json
        self._command = options.command
        self._yes = yes
        self._replace = replace
        self._several = several
        self.code = 0

    def see(self, name: str) -> None:
        """Look at the host of a repository."""
        from sshsync.errors import HostKeyError, SshsyncError
        from sshsync.model.policy import LOCAL

        if self._several and self._sync.config.tree.repositories[name].host.transport == LOCAL:
            return
        try:
            self._look(name)
        except SshsyncError as error:
            if self._json:
                click.echo(as_json.answer_line(as_json.error(error)))
            click.echo(f"sshsync: {error}", err=True)
            self.code = error.code if self.code != HostKeyError.code else self.code

    def _look(self, name: str) -> None:
        from sshsync.errors import HostKeyError

        seen = self._sync.host_key(name)
        if not self._json:
            _show_key(name, seen)
        try:
            recorded = "" if seen.known else self._record(name, seen)
        except HostKeyError:
            self._tell(name, seen, "")
            raise
        self._tell(name, seen, recorded)
        if recorded and not self._json:
            click.echo(f"{name}: recorded in {recorded}")

    def _record(self, name: str, seen: "SeenKey") -> str:
        """Record a key that may be recorded, and return the file that has it now."""
        from sshsync.errors import HostKeyError

        if seen.others and not self._replace:
            hint = f"someone may be in between: find out why; then: {self._command} hosts trust --replace {name}"
            raise HostKeyError("its host key CHANGED", where=seen.label, hint=hint)
        question = "Replace what is on record by this key?" if seen.others else "Is this the right key?"
        if not self._yes and not self._confirmed(name, seen, question):
            raise HostKeyError("its key is not recorded", where=seen.label, hint="answer y, or use --yes")
        return str(self._sync.trust(seen, replace=self._replace))

    def _tell(self, name: str, seen: "SeenKey", recorded: str) -> None:
        if self._json:
            state = "known" if seen.known else "changed" if seen.others else "new"
            others = [answers.OnRecord(key, place) for key, place in seen.others]
            shown = seen.key.type, seen.key.fingerprint
            told = answers.HostKey(name, seen.label, *shown, state, others, recorded)
            click.echo(as_json.answer_line(told))

    def _confirmed(self, name: str, seen: "SeenKey", question: str) -> bool:
        """Ask; with JSON on stdout whoever answers sees key and question on stderr."""
        if self._json:
            _show_key(name, seen, err=True)
        try:
            return click.confirm(question, err=self._json)
        except click.Abort:
            click.echo(err=self._json)
            return False


def _show_key(name: str, seen: "SeenKey", *, err: bool = False) -> None:
    shown = f"{seen.key.type} {seen.key.fingerprint}"
    if seen.known:
        click.echo(f"{name} ({seen.label}): {shown}: already known", err=err)
        return
    click.echo(f"{name} ({seen.label}) shows {shown}", err=err)
    for key, place in seen.others:
        click.echo(f"  CHANGED: on record is {key} ({place})", err=err)
