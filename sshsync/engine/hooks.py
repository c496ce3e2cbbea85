"""Hooks: the operator's commands on a child before its files change, and after all that had to change did."""

from sshsync.engine.context import Context
from sshsync.model.topology import Repository
from sshsync.remote import scripts
from sshsync.remote.scripts import Command

MAY_BE_SILENT = 600.0
"""Seconds that a hook may be silent beyond the host's timeout."""

_DUE = "due"


class Hooks:
    """`pre_cmd` and `post_cmd` of one child.

    That a `post_cmd` is due is on record from before the first change until it ended well: a run that is killed in
    between, or that leaves files behind, hands it on to the next one.
    """

    def __init__(self, context: Context, child: Repository, root: bytes) -> None:
        self._context = context
        self._child = child
        self._root = root
        self._note = f"post_cmd {child.name} {child.identity}"

    def before(self) -> None:
        """Run `pre_cmd`; nothing has changed yet.

        Raises:
            SshsyncError: it failed: nothing is to be changed.
        """
        if self._child.commands.before:
            self._run("pre_cmd", self._child.commands.before)
        if self._child.commands.after:
            self._context.records.note(self._note, _DUE)

    def after(self) -> None:
        """Run `post_cmd` when it is due.

        Raises:
            SshsyncError: it failed; it stays due.
        """
        if self._child.commands.after and self._context.records.noted(self._note) == _DUE:
            self._run("post_cmd", self._child.commands.after)
            self._context.records.note(self._note, "")

    def _run(self, option: str, template: str) -> None:
        command = Command(scripts.HOOK, {"ROOT": self._root, "TEMPLATE": template.encode()})

        def once() -> None:
            self._context.asking.session(self._child).run(command, allow=MAY_BE_SILENT).check(option)

        self._context.asking.retry(self._child, option, once)
