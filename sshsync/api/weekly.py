"""The mail about a week: what is in it, and whether it goes now."""

import time
from pathlib import Path
from typing import TYPE_CHECKING

from sshsync.core import health
from sshsync.notices import mail, weekly
from sshsync.report import as_week
from sshsync.state.journal import KEPT_RUNS

if TYPE_CHECKING:
    from sshsync.api.sync import Sync


def send(sync: "Sync", command: str, *, at_once: bool) -> str:
    """Send it when it is due and has not gone yet; see `Sync.weekly`."""
    settings = sync.config.settings
    state, wanted, now = Path(settings.state_dir), settings.mail.mail_weekly, time.time()
    if not at_once and (wanted is None or weekly.sent(state) >= weekly.due(wanted, now)):
        return ""
    since = now - weekly.WEEK
    rows = health.seen(sync.status(), now, None)
    runs = [row for row in sync.journal.runs(KEPT_RUNS, dry=False) if row["finished"] and row["finished"] >= since]
    latest = sync.journal.latest()
    report = sync.history(str(latest["id"])) if latest else None
    lines = as_week.text(rows, runs, since, report, command, sync.running())
    mail.send(settings.mail, as_week.subject(rows, runs), lines)
    # One that was asked for takes the place of none that is due.
    if not at_once and state.is_dir():
        weekly.keep(state, now)
    return f"sent to {mail.told(settings.mail)}"
