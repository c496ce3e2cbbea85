"""Mail about runs: by SMTP, or by a program where it can work."""

import os
import smtplib
import socket
import ssl
from base64 import b64encode
from collections.abc import Callable, Mapping, Sequence
from email.message import EmailMessage
from email.utils import formatdate, getaddresses, make_msgid
from pathlib import Path

from sshsync.config.mail import MailSettings
from sshsync.model.report import RunReport
from sshsync.model.words import visible
from sshsync.notices import program
from sshsync.notices.base import FAILURES_ONLY
from sshsync.report import as_text
from sshsync.transports.ssh_auth import read_password

WITHIN = 20.0
"""Seconds for each answer of the server."""
_CHANGES_ONLY = "not told: it hears of failures and changes only (--fail)"


class Mail:
    """See `Notice`: a mail about each run that somebody wants to hear of.

    Args:
        mail: to whom, how, and of which runs.
        before: returns the exit code of the run before one, None for none.
    """

    name = "mail_to"

    def __init__(self, mail: MailSettings, before: Callable[[str], int | None]) -> None:
        self._mail = mail
        self._before = before

    def begin(self, run: str) -> None:
        """Nothing."""

    def end(self, report: RunReport, in_sync: Mapping[str, float]) -> None:
        """Send the report where it is wanted.

        Raises:
            OSError: it could not be sent.
        """
        del in_sync
        if self._wanted(report):
            lines = [
                as_text.headline(report),
                "",
                *as_text.details(report),
                "",
                as_text.advice(report),
                "",
                *as_text.circumstances(report),
            ]
            send(self._mail, as_text.headline(report), lines)

    def rehearse(self, report: RunReport) -> str:
        """See `Notice`."""
        if not self._wanted(report):
            return FAILURES_ONLY if self._mail.mail_on == "failure" else _CHANGES_ONLY
        self.end(report, {})
        return f"told: {told(self._mail)}"

    def _wanted(self, report: RunReport) -> bool:
        if report.exit_code or self._mail.mail_on == "always":
            return True
        changed = any(job.copied or job.deleted or job.adjusted for job in report.jobs)
        return self._mail.mail_on == "change" and (changed or bool(self._before(report.run)))


def told(mail: MailSettings) -> str:
    """Return in words to whom mail goes, and by what."""
    return f"{mail.mail_to}, by {mail.way}"


def send(mail: MailSettings, subject: str, lines: Sequence[str]) -> None:
    """Send a mail.

    Raises:
        OSError: the server or the program did not take it, for everybody or for some; the text says what to do.
        StateError: the password cannot be read.
    """
    host = socket.gethostname()
    message = EmailMessage()
    message["From"] = mail.mail_from or f"sshsync@{host}"
    message["To"] = mail.mail_to
    message["Subject"] = _text(f"sshsync on {host}: {subject}")
    message["Date"] = formatdate(localtime=True)
    message["Message-ID"] = make_msgid(domain=host)
    message["Auto-Submitted"] = "auto-generated"
    message.set_content(_text("\n".join(lines)), cte="quoted-printable")
    if mail.sendmail:
        _by_program(mail.sendmail, message)
    else:
        _by_smtp(mail, message)


def _text(words: str) -> str:
    return words.encode("utf-8", "backslashreplace").decode()


def _by_program(sendmail: str, message: EmailMessage) -> None:
    if _without_privileges():
        raise OSError(
            f"{sendmail} cannot work here: this process may gain no privileges (NoNewPrivileges); "
            "leave sendmail away: mail goes to smtp_host then"
        )
    program.run([sendmail, "-t", "-oi"], message.as_bytes(), dict(os.environ))


def _without_privileges() -> bool:
    """Tell whether programs with rights of their own, as most that take mail are, get none here (prctl(2))."""
    try:
        return "NoNewPrivs:\t1" in Path("/proc/self/status").read_text()
    except OSError:
        return False


def _by_smtp(mail: MailSettings, message: EmailMessage) -> None:
    password = read_password(Path(mail.smtp_password_file)) if mail.smtp_user else ""
    takers = [address for _, address in getaddresses([mail.mail_to])]
    try:
        with _connected(mail) as server:
            if mail.smtp_user:
                server.login(mail.smtp_user, password)
            refused = server.send_message(message, to_addrs=takers)
    except smtplib.SMTPRecipientsRefused as error:
        refused = error.recipients
    except OSError as error:
        # What was said may hold the password, and what is raised from another error shows that one too.
        raise OSError(_reason(mail, error, password)) from None
    if refused:
        words = "; ".join(f"{taker}: {_said(*answer)}" for taker, answer in refused.items())
        raise OSError(f"{mail.way} took no mail for {words}")


def _connected(mail: MailSettings) -> smtplib.SMTP:
    # The name of this host is not looked up: that may take as long as a dead name server wants.
    here = socket.gethostname()
    if mail.smtp_tls == "tls":
        return smtplib.SMTP_SSL(mail.smtp_host, mail.port, here, timeout=WITHIN, context=_context(mail))
    server = smtplib.SMTP(mail.smtp_host, mail.port, here, timeout=WITHIN)
    try:
        if mail.smtp_tls == "starttls":
            server.starttls(context=_context(mail))
    except OSError:
        server.close()
        raise
    return server


def _context(mail: MailSettings) -> ssl.SSLContext:
    return ssl.create_default_context(cafile=mail.smtp_ca_file or None)


def _reason(mail: MailSettings, error: OSError, password: str) -> str:
    """Return why a mail did not go, and what to do; no word that holds the password."""
    if isinstance(error, smtplib.SMTPAuthenticationError):
        said = _said(error.smtp_code, error.smtp_error, password)
        return f"{mail.way} does not let {mail.smtp_user} log in: {said}; look at smtp_user and smtp_password_file"
    if isinstance(error, smtplib.SMTPNotSupportedError):
        what = "STARTTLS" if mail.smtp_tls == "starttls" and "STARTTLS" in str(error) else "what is needed"
        return f"{mail.way} offers no {what}: {_without(str(error), password)}; look at smtp_tls and smtp_user"
    if isinstance(error, ssl.SSLCertVerificationError):
        words = f"certificate verify failed: {error.verify_message}"
        return f"{mail.way}: {words}; name what vouches for it in smtp_ca_file"
    if isinstance(error, smtplib.SMTPResponseException):
        return f"{mail.way} did not take it: {_said(error.smtp_code, error.smtp_error, password)}"
    words = error.strerror or _without(str(error), password) or type(error).__name__
    return f"{mail.way}: {words}; set smtp_host and smtp_port to a server that takes mail"


def _said(code: int, words: bytes | str, password: str = "") -> str:
    text = words.decode("utf-8", "replace") if isinstance(words, bytes) else words
    return f"{code} {_without(text, password)}"


def _without(words: str, password: str) -> str:
    """Return the words of a server, unless it says the password back."""
    shown = [password, b64encode(password.encode()).decode()] if password else []
    return "…" if any(secret in words for secret in shown) else visible(words.replace("\n", " "), 200)
