"""Secrets of webhooks, sealed: who reads the database, or a dump of it, cannot sign with them.

AES-256 in Galois/Counter mode (NIST SP 800-38D) under a key that is derived from the setting ``secret`` (RFC 5869).
"""

from __future__ import annotations

import secrets
from collections.abc import Sequence

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESGCM
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.kdf.hkdf import HKDF

from core.errors import VigieError

NONCE_BYTES = 12
_PURPOSE = b"vigie.webhook"


class SealBroken(VigieError):
    """The webhook's secret cannot be read: it was sealed under another ``VIGIE_SECRET``."""


class Sealing:
    """Seals, and opens what was sealed.

    Parameters
    ----------
    secrets_known
        Of the settings, the newest first: that one seals, what any of them sealed is opened.
    """

    def __init__(self, secrets_known: Sequence[str]) -> None:
        self._keys = [AESGCM(_key(secret)) for secret in secrets_known]

    def seal(self, secret: str) -> bytes:
        """Return the secret sealed, each time another way."""
        nonce = secrets.token_bytes(NONCE_BYTES)
        return nonce + self._keys[0].encrypt(nonce, secret.encode(), _PURPOSE)

    def unseal(self, sealed: bytes) -> str:
        """Return what was sealed.

        Raises
        ------
        SealBroken
            If it was sealed under another secret, or is none of ours.
        """
        for key in self._keys:
            try:
                return key.decrypt(sealed[:NONCE_BYTES], sealed[NONCE_BYTES:], _PURPOSE).decode()
            except (InvalidTag, ValueError):
                continue
        raise SealBroken


def _key(secret: str) -> bytes:
    return HKDF(SHA256(), 32, None, _PURPOSE).derive(secret.encode())
