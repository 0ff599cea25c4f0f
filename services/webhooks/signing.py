"""Signatures of webhooks as the Standard Webhooks have them (https://www.standardwebhooks.com, version 1)."""

from __future__ import annotations

import base64
import hashlib
import hmac
import secrets
from collections.abc import Sequence
from datetime import datetime

SECRET_BYTES = 32
SECRET_BEGINS = "whsec_"  # noqa: S105 - how a secret begins, no secret


def new_signing_secret() -> str:
    """Return a new secret as a receiver's library wants it: ``whsec_`` and base64."""
    return SECRET_BEGINS + base64.b64encode(secrets.token_bytes(SECRET_BYTES)).decode()


def signed_headers(message_id: str, at: datetime, body: bytes, secrets_now: Sequence[str]) -> dict[str, str]:
    """Return the headers that let a receiver check who sent this, when, and that nobody changed it.

    Parameters
    ----------
    message_id
        The same however often it is sent: by it a receiver knows what it has already.
    at
        The instant of this sending; receivers refuse what is older than some minutes.
    secrets_now
        All that are good; each signs, so that a receiver may know any of them.
    """
    timestamp = str(int(at.timestamp()))
    signed = b".".join((message_id.encode(), timestamp.encode(), body))
    return {
        "webhook-id": message_id,
        "webhook-timestamp": timestamp,
        "webhook-signature": " ".join(f"v1,{_signature(secret, signed)}" for secret in secrets_now),
    }


def _signature(secret: str, signed: bytes) -> str:
    key = base64.b64decode(secret.removeprefix(SECRET_BEGINS))
    return base64.b64encode(hmac.new(key, signed, hashlib.sha256).digest()).decode()
