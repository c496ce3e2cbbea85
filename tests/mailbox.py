"""A real SMTP server on this machine that keeps what it is given, with TLS and logins when asked."""

import email
import ssl
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from email.message import Message
from email.policy import default
from pathlib import Path
from typing import Any

from aiosmtpd.controller import Controller
from aiosmtpd.smtp import SMTP, AuthResult, Envelope, LoginPassword, Session

from benchmarks.ports import reserved

USER, PASSWORD = "mailer", "s3cret-of-the-mailer"


class Mailbox:
    """What arrived: messages, and from and to whom; `refuses` are addresses that are not taken."""

    def __init__(self) -> None:
        self.messages: list[Message] = []
        self.envelopes: list[tuple[str, list[str]]] = []
        self.refuses: set[str] = set()
        self.tls: list[bool] = []
        self.logins: list[bool] = []
        self.port = 0

    async def handle_RCPT(self, server: SMTP, session: Session, envelope: Envelope, address: str, options: list[str]) -> str:
        if address in self.refuses:
            return "550 5.1.1 no such person here"
        envelope.rcpt_tos.append(address)
        return "250 OK"

    async def handle_DATA(self, server: SMTP, session: Session, envelope: Envelope) -> str:
        assert isinstance(envelope.content, bytes)
        assert envelope.content.isascii(), "fit for any server"
        self.messages.append(email.message_from_bytes(envelope.content, policy=default))
        self.envelopes.append((str(envelope.mail_from), list(map(str, envelope.rcpt_tos))))
        self.tls.append(bool(server.transport and server.transport.get_extra_info("ssl_object")))
        return "250 kept"

    def text(self) -> str:
        """The words of the last message."""
        return str(self.messages[-1].get_payload(decode=True).decode()).replace("\r\n", "\n")


def certificate(directory: Path) -> tuple[Path, Path]:
    """Make a certificate for this machine that vouches for itself; return it and its key."""
    made = directory / "mail.crt", directory / "mail.key"
    command = ["openssl", "req", "-x509", "-newkey", "rsa:2048", "-nodes", "-days", "2", "-subj", "/CN=localhost", "-addext", "subjectAltName=DNS:localhost", "-out", str(made[0]), "-keyout", str(made[1])]
    subprocess.run(command, check=True, capture_output=True)
    return made


@contextmanager
def mailbox(*, tls: tuple[Path, Path] | None = None, starttls: bool = False, login: bool = False) -> Iterator[Mailbox]:
    """Serve until the end of the block; its port is in `port`."""
    made = Mailbox()
    options: dict[str, Any] = {}
    context = None
    if tls:
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        context.load_cert_chain(*tls)
    if login:

        def known(server: SMTP, session: Session, envelope: Envelope, mechanism: str, data: object) -> AuthResult:
            right = isinstance(data, LoginPassword) and (data.login, data.password) == (USER.encode(), PASSWORD.encode())
            made.logins.append(right)
            return AuthResult(success=right, handled=False)

        options |= {"authenticator": known, "auth_require_tls": False}
    if starttls:
        options |= {"tls_context": context, "require_starttls": True}
    server = Controller(made, hostname="127.0.0.1", port=reserved(), ssl_context=None if starttls else context, **options)
    server.start()
    try:
        made.port = server.port
        yield made
    finally:
        server.stop()
