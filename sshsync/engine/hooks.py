"""Hooks: the operator's commands on a child before its files change, and after all that had to change did."""

from sshsync.engine.context import Context
from sshsync.model.topology import Repository
from sshsync.remote import scripts
from sshsync.remote.scripts import Command

MAY_BE_SILENT = 600.0
"""Seconds that a hook may be silent beyond the host's timeout."""

_DUE = "due"


class Hooks:
    """`pre_cmd`, `post_cmd` and `health_cmd` of one child.

    That one of the latter is due is on record from before the first change until it ended well: a run that is killed in
    between, or that leaves files behind, hands it on to the next one.
    """

    def __init__(self, context: Context, child: Repository, root: bytes) -> None:
        self._context = context
        self._child = child
        self._root = root
        commands = child.commands
        self._after = {"post_cmd": commands.after, "health_cmd": commands.health}

    def before(self) -> None:
        """Run `pre_cmd`; nothing has changed yet.

        Raises:
            SshsyncError: it failed: nothing is to be changed.
        """
        if self._child.commands.before:
            self._run("pre_cmd", self._child.commands.before)
        for option, template in self._after.items():
            if template:
                self._context.records.note(self._note(option), _DUE)

    def after(self) -> None:
        """Run `post_cmd`, and then `health_cmd`, when they are due.

        Raises:
            SshsyncError: one failed; it stays due.
        """
        for option, template in self._after.items():
            if template and self._context.records.noted(self._note(option)) == _DUE:
                self._run(option, template)
                self._context.records.note(self._note(option), "")

    def _note(self, option: str) -> str:
        return f"{option} {self._child.name} {self._child.identity}"

    def _run(self, option: str, template: str) -> None:
        command = Command(scripts.HOOK, {"ROOT": self._root, "TEMPLATE": template.encode()})

        def once() -> None:
            self._context.asking.session(self._child).run(command, allow=MAY_BE_SILENT).check(option)

        self._context.asking.retry(self._child, option, once)
