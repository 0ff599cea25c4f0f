"""The one door to SMTP: a mail is handed over to the server of the settings, which takes it from there (RFC 6409)."""

from __future__ import annotations

import smtplib
import ssl
from contextlib import suppress
from email.message import EmailMessage

from core.errors import VigieError
from core.mail_settings import MailSecurity, MailSettings

PERMANENT = 500
"""From this answer on the server will say the same of this mail again (RFC 5321, section 4.2.1)."""


class MailAbsent(VigieError):
    """Nobody takes mails at present: the server does not answer, or does not let us in."""


class MailLater(VigieError):
    """The server takes this mail later, it says."""


class MailRefused(VigieError):
    """The server takes no mail for this address, and will not tomorrow."""


class Post:
    """Hands mails over, each on a connection of its own: there are few, and none waits behind another's trouble."""

    def __init__(self, settings: MailSettings) -> None:
        self._settings = settings

    def send(self, message: EmailMessage, address: str) -> None:
        """Hand a mail over for this one address.

        Raises
        ------
        MailAbsent
            If no mail is taken at present.
        MailLater
            If this one may be taken later.
        MailRefused
            If it will not.
        """
        server = self._connected()
        try:
            server.send_message(message, self._settings.smtp_sender, [address])
        except smtplib.SMTPRecipientsRefused as error:
            [(code, _)] = error.recipients.values()
            raise _failure(code, f"the address was refused with {code}") from None
        except smtplib.SMTPSenderRefused as error:
            raise MailAbsent(f"the server refused the sender with {error.smtp_code}") from None
        except smtplib.SMTPResponseException as error:
            raise _failure(error.smtp_code, f"the server answered {error.smtp_code}") from None
        except (smtplib.SMTPException, OSError) as error:
            raise MailAbsent(f"the server does not take mails: {type(error).__name__}") from None
        finally:
            # Nothing is lost by a line that ends without goodbye: what was taken is taken (RFC 5321, section 4.1.1.10).
            with suppress(smtplib.SMTPException, OSError):
                server.quit()
            server.close()

    def _connected(self) -> smtplib.SMTP:
        """Return a server that lets us in. That it does not, says nothing of a mail or an address: none is given up."""
        try:
            return self._let_in()
        except smtplib.SMTPAuthenticationError as error:
            raise MailAbsent(f"the server refused the user or the password ({error.smtp_code})") from None
        except smtplib.SMTPResponseException as error:
            raise MailAbsent(f"the server does not let us in: {error.smtp_code}") from None
        except (smtplib.SMTPException, OSError) as error:
            raise MailAbsent(f"the server does not take mails: {type(error).__name__}") from None

    def _let_in(self) -> smtplib.SMTP:
        settings = self._settings
        trusted = ssl.create_default_context(cafile=settings.smtp_ca_file)
        host, port, timeout_s = settings.smtp_host, settings.smtp_port, settings.smtp_timeout_s
        server: smtplib.SMTP
        if settings.smtp_security is MailSecurity.TLS:
            server = smtplib.SMTP_SSL(host, port, timeout=timeout_s, context=trusted)
        else:
            server = smtplib.SMTP(host, port, timeout=timeout_s)
        try:
            if settings.smtp_security is MailSecurity.STARTTLS:
                server.starttls(context=trusted)
            server.ehlo_or_helo_if_needed()
            if settings.smtp_user:
                server.login(settings.smtp_user, settings.smtp_password.get_secret_value())
        except BaseException:
            server.close()
            raise
        return server


def _failure(code: int, told: str) -> VigieError:
    return MailRefused(told) if code >= PERMANENT else MailLater(told)
