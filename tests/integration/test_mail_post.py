"""The door to SMTP: what a server says of us is not what it says of a mail or an address."""

from __future__ import annotations

from email.message import EmailMessage

import pytest
from mail_server import Mails, mail_server

from core.mail_settings import MailSecurity, MailSettings
from services.alarms.mail.smtp import MailAbsent, Post

pytestmark = pytest.mark.integration

ADDRESS = "technique@ville.example"


def send(port: int) -> None:
    message = EmailMessage()
    message["Subject"] = "essai"
    settings = MailSettings(
        smtp_host="127.0.0.1",
        smtp_port=port,
        smtp_security=MailSecurity.NONE,
        smtp_sender="vigie@ville.example",
        smtp_timeout_s=3,
    )
    Post(settings).send(message, ADDRESS)


def test_a_server_that_wants_nobody_refuses_no_address() -> None:
    mails = Mails(unwelcome="554 you are on our list")
    with mail_server(mails) as port:
        with pytest.raises(MailAbsent, match="554"):
            send(port)
        mails.unwelcome = ""
        send(port)
    assert [address for address, _ in mails.taken] == [ADDRESS]


def test_a_mail_that_was_taken_is_taken_whatever_the_server_says_then() -> None:
    mails = Mails(goodbye="554 too late")
    with mail_server(mails) as port:
        send(port)
    assert len(mails.taken) == 1
