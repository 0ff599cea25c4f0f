"""Where a broker listens, and who we are to it."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from urllib.parse import unquote, urlsplit

from core.errors import SettingInvalid


@dataclass(frozen=True, slots=True)
class BrokerAddress:
    """Where a broker listens, and who we are to it.

    Raises
    ------
    SettingInvalid
        From `parse`, when the URL is no ``mqtt://[user:password@]host[:port]`` or ``mqtts://...``.
    """

    host: str
    port: int
    user: str | None = None
    password: str | None = None
    encrypted: bool = False
    ca_file: Path | None = None

    @classmethod
    def parse(cls, url: str, ca_file: Path | None = None) -> BrokerAddress:
        """Parse a broker URL; the port defaults to 1883, or 8883 when encrypted. The URL is never echoed."""
        try:
            parts = urlsplit(url)
            port = parts.port
        except ValueError:
            raise SettingInvalid("VIGIE_BROKER_URL: not a URL with a host and a port") from None
        if parts.scheme not in {"mqtt", "mqtts"} or not parts.hostname:
            raise SettingInvalid("VIGIE_BROKER_URL: expected mqtt://[user:password@]host[:port] or mqtts://...")
        encrypted = parts.scheme == "mqtts"
        user = unquote(parts.username) if parts.username else None
        password = unquote(parts.password) if parts.password else None
        return cls(parts.hostname, port or (8883 if encrypted else 1883), user, password, encrypted, ca_file)
