"""A real SMTP server of the tests, which takes mails, refuses some addresses, and can be away."""

from __future__ import annotations

import asyncio
import ssl
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from email import message_from_bytes
from email.message import EmailMessage
from email.policy import default
from typing import Any

from aiosmtpd.controller import Controller
from aiosmtpd.smtp import SMTP, AuthResult, Envelope, LoginPassword, Session

USER, PASSWORD = "vigie", "the password of tests"
REFUSED, LATER = "gone@ville.example", "full@ville.example"


@dataclass
class Mails:
    """What the server took, and how it answers."""

    taken: list[tuple[str, EmailMessage]] = field(default_factory=list)
    users: list[str] = field(default_factory=list)
    tls: list[bool] = field(default_factory=list)
    refusing: str = ""
    goodbye: str = "221 bye"
    unwelcome: str = ""

    async def handle_EHLO(  # noqa: N802 - as aiosmtpd calls it
        self, _server: SMTP, session: Session, _envelope: Envelope, host: str, answers: list[str]
    ) -> list[str]:
        """Say who we are, or that we want nobody."""
        session.host_name = host
        return [self.unwelcome] if self.unwelcome else answers

    async def handle_HELO(  # noqa: N802 - as aiosmtpd calls it
        self, _server: SMTP, session: Session, _envelope: Envelope, host: str
    ) -> str:
        """Say the same in the old way."""
        session.host_name = host
        return self.unwelcome or "250 here"

    async def handle_QUIT(self, _server: SMTP, _session: Session, _envelope: Envelope) -> str:  # noqa: N802 - likewise
        """Say goodbye."""
        return self.goodbye

    async def handle_RCPT(  # noqa: N802 - as aiosmtpd calls it
        self, _server: SMTP, _session: Session, envelope: Envelope, address: str, _options: list[str]
    ) -> str:
        """Take an address, or refuse it."""
        if address == REFUSED:
            return "550 no such mailbox"
        if address == LATER:
            return "452 mailbox full"
        envelope.rcpt_tos.append(address)
        return "250 OK"

    async def take(self, _server: SMTP, session: Session, envelope: Envelope) -> str:
        """Take a mail."""
        if self.refusing:
            return self.refusing
        content = envelope.content
        assert isinstance(content, bytes)
        message = message_from_bytes(content, policy=default)
        assert isinstance(message, EmailMessage)
        self.taken.append((envelope.rcpt_tos[0], message))
        self.tls.append(session.ssl is not None)
        return "250 taken"

    def authenticate(
        self, _server: SMTP, _session: Session, _envelope: Envelope, _mechanism: str, who: Any
    ) -> AuthResult:
        """Let in who knows the password."""
        assert isinstance(who, LoginPassword)
        self.users.append(who.login.decode())
        return AuthResult(success=(who.login, who.password) == (USER.encode(), PASSWORD.encode()))

    def wait_for(self, count: int) -> list[tuple[str, EmailMessage]]:
        """Return the mails once there are so many."""
        deadline = time.monotonic() + 10
        while len(self.taken) < count:
            assert time.monotonic() < deadline, f"{len(self.taken)} of {count} mails came"
            time.sleep(0.02)
        return self.taken


setattr(Mails, "handle_DATA", Mails.take)  # noqa: B010 - aiosmtpd finds it by this name


class _OnPort(Controller):
    """A server whose port is the system's choice."""

    def _trigger_server(self) -> None:
        # A port of 0 is told by the server only once it listens.
        assert isinstance(self.server, asyncio.Server)
        self.port = self.server.sockets[0].getsockname()[1]
        super()._trigger_server()  # type: ignore[no-untyped-call] # aiosmtpd types it not


@contextmanager
def mail_server(
    mails: Mails, port: int = 0, *, starttls: ssl.SSLContext | None = None, tls: ssl.SSLContext | None = None
) -> Iterator[int]:
    """Run a server that gives what it takes to ``mails``; give its port."""
    controller = _OnPort(
        mails,
        hostname="127.0.0.1",
        port=port,
        ssl_context=tls,
        tls_context=starttls,
        require_starttls=starttls is not None,
        auth_required=starttls is not None,
        authenticator=mails.authenticate,
        auth_require_tls=starttls is not None,  # it knows of no TLS from the first byte on
    )
    controller.start()
    try:
        yield controller.port
    finally:
        controller.stop()
