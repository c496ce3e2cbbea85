"""How long runs may be under way, as the configuration says."""

from sshsync.api.work import Parts
from sshsync.config.resolve import Settings
from sshsync.core.limits import Limit
from sshsync.errors import OutsideError
from sshsync.model.hours import ALWAYS
from sshsync.transfers.pace import wall


def limit(settings: Settings, *, now: bool = False) -> Limit:
    """Return what ends a run; `now` passes over the hours in which it may be under way."""
    return Limit(ALWAYS if now else settings.window, settings.max_duration)


def check(parts: Parts, found: Limit) -> None:
    """Make sure that a run may begin now; that it may not is a line in the log.

    Raises:
        OutsideError: it may not.
    """
    if not (words := found.shut(wall(parts.here.clock()))):
        return
    if log := parts.telling.log():
        log.info("nothing begun", reason=words)
    line = parts.config.settings.called.line
    raise OutsideError(words, hint=f"to run it now: {line} --now" if line else "")
