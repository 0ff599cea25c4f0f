"""Settings of the e-mails that tell of alarms: which server takes them, and where their links lead."""

from __future__ import annotations

import re
from enum import StrEnum
from pathlib import Path

from pydantic import Field, SecretStr

from core.environment import Environment
from core.errors import SettingInvalid

_LOCAL = r"[A-Za-z0-9.!#$%&'*+/=?^_`{|}~-]{1,64}"
_LABEL = r"[A-Za-z0-9](?:[A-Za-z0-9-]{0,61}[A-Za-z0-9])?"
ADDRESS = rf"^{_LOCAL}@{_LABEL}(?:\.{_LABEL})+$"
"""An e-mail address as every server takes it: ASCII, without comments and quotes (RFC 5321, section 4.1.2)."""
ADDRESS_CHARACTERS_MAX = 254


class MailSecurity(StrEnum):
    """How what is said to the mail server is kept from others."""

    STARTTLS = "starttls"
    """In the clear at first, then TLS; without it nothing is said (port 587)."""
    TLS = "tls"
    """TLS from the first byte (port 465)."""
    NONE = "none"
    """In the clear: for a relay on this machine or in the same closed network; never with a password."""


class MailSettings(Environment):
    """The mail server, as the worker hands mails over to it (RFC 6409); without a host nothing is sent.

    Parameters
    ----------
    smtp_host, smtp_port, smtp_security
        Where it is, and how it is spoken with.
    smtp_user, smtp_password
        Where it wants them; the password is never printed.
    smtp_sender
        The address that mails come from: ``vigie@ville.example``.
    smtp_ca_file
        Certificates of the authorities that may have signed the server's own; without it, the machine's.
    public_url
        Where people reach Vigie: mails lead there.
    dashboards_dir
        Holds the words that mails are written in.
    """

    smtp_host: str = Field(default="", max_length=253, pattern=r"^[A-Za-z0-9.:-]*$")
    smtp_port: int = Field(default=587, ge=1, le=65_535)
    smtp_security: MailSecurity = MailSecurity.STARTTLS
    smtp_user: str = Field(default="", max_length=254)
    smtp_password: SecretStr = SecretStr("")
    smtp_sender: str = Field(default="", max_length=ADDRESS_CHARACTERS_MAX)
    smtp_ca_file: Path | None = None
    smtp_timeout_s: float = Field(default=15, gt=0, le=120)
    public_url: str = Field(default="", pattern=r"^(https?://[^/\s?#@]+)?/?$")
    dashboards_dir: Path = Path(__file__).resolve().parent.parent / "dashboards"

    @property
    def sends_mail(self) -> bool:
        """Whether there is a mail server."""
        return bool(self.smtp_host)

    def check_mail(self) -> None:
        """Check that what belongs together is there, where there is a mail server.

        Raises
        ------
        SettingInvalid
            With one line that names the first wrong setting.
        """
        if not self.sends_mail:
            return
        if not is_address(self.smtp_sender):
            raise SettingInvalid("VIGIE_SMTP_SENDER: mails come from an address, vigie@ville.example say")
        if not self.public_url:
            raise SettingInvalid("VIGIE_PUBLIC_URL: mails lead to the pages; say where people reach them")
        if self.smtp_user and self.smtp_security is MailSecurity.NONE:
            raise SettingInvalid("VIGIE_SMTP_SECURITY: no password is sent in the clear, say starttls or tls")
        if bool(self.smtp_user) != bool(self.smtp_password.get_secret_value()):
            raise SettingInvalid("VIGIE_SMTP_PASSWORD: a user and a password belong together")


def is_address(text: str) -> bool:
    """Whether this is an e-mail address that a mail may go to."""
    return len(text) <= ADDRESS_CHARACTERS_MAX and re.fullmatch(ADDRESS, text, re.ASCII) is not None
