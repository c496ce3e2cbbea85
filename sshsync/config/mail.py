"""What a configuration says of mail, and what of it makes no sense together."""

from collections.abc import Iterator
from dataclasses import dataclass

HERE = ("localhost", "127.0.0.1", "::1")


@dataclass(frozen=True, slots=True, kw_only=True)
class MailSettings:
    """The options of mail, by their names; `mail_weekly` is day (0 for Monday), hour and minute."""

    mail_to: str
    mail_on: str
    mail_weekly: tuple[int, int, int] | None
    mail_from: str
    smtp_host: str
    smtp_port: int
    smtp_tls: str
    smtp_ca_file: str
    smtp_user: str
    smtp_password_file: str
    sendmail: str

    @property
    def port(self) -> int:
        """Where the server listens."""
        return self.smtp_port or (465 if self.smtp_tls == "tls" else 587 if self.smtp_user else 25)

    @property
    def way(self) -> str:
        """What takes mail, in words."""
        return self.sendmail or f"{self.smtp_host}:{self.port}"


def faults(mail: MailSettings) -> Iterator[tuple[str, str, str]]:
    """Yield what makes no sense: the option, words, and what to do."""
    if mail.mail_weekly and not mail.mail_to:
        yield "mail_weekly", "nobody gets it", "set mail_to"
    if mail.smtp_user and not mail.smtp_password_file:
        yield "smtp_user", "needs a smtp_password_file", "write the password into a file of mode 0600 and name it"
    if mail.smtp_user and mail.smtp_tls == "no" and mail.smtp_host not in HERE:
        yield (
            "smtp_user",
            "its password would go over the network for everybody to read",
            "set smtp_tls = starttls, or tls",
        )
