"""What the envelopes of LoRaWAN network servers share: whole numbers, the frame's bytes, the device they name.

Both servers write protocol buffers as JSON: zero, false and empty fields are absent, bytes are base64.
"""

from __future__ import annotations

import base64
import re

F_CNT_MAX = 2**32 - 1
F_PORT_MAX = 255
PAYLOAD_BYTES_MAX = 255
"""No LoRaWAN frame carries more: the length of a LoRa packet is one byte."""
SESSION_CHARACTERS_MAX = 64
_BASE64_CHARACTERS_MAX = 4 * -(-PAYLOAD_BYTES_MAX // 3)
_DEVICE_PART = re.compile(r"[A-Za-z0-9][A-Za-z0-9 ._+-]{0,63}")


class NotAFrame(ValueError):
    """An envelope says what no LoRaWAN frame can be; its text is the detail of the refusal."""


def parse_counter(value: object, name: str, most: int) -> int:
    """Return a whole number from 0 to ``most``; absent means 0."""
    if value is None:
        return 0
    if isinstance(value, bool) or not isinstance(value, int) or not 0 <= value <= most:
        raise NotAFrame(f"{name} is not a whole number from 0 to {most}")
    return value


def parse_payload(value: object, name: str) -> bytes:
    """Return the frame's bytes from base64; absent means none."""
    if value is None:
        return b""
    if not isinstance(value, str):
        raise NotAFrame(f"{name} is not base64")
    if len(value) > _BASE64_CHARACTERS_MAX:
        raise NotAFrame(f"{name} holds more than the {PAYLOAD_BYTES_MAX} bytes of a LoRaWAN frame")
    try:
        return base64.b64decode(value, validate=True)
    except ValueError:
        raise NotAFrame(f"{name} is not base64") from None


def parse_session(*names: object) -> str:
    """Return the first name that the server gives the device's session; ``""`` when it gives none.

    A frame without a session has no identity, and stays out of the ledger.
    """
    for name in names:
        if isinstance(name, str) and name:
            if len(name) > SESSION_CHARACTERS_MAX or not name.isprintable():
                raise NotAFrame("the session's name is none")
            return name
    return ""


def name_device(brand: object, model: object) -> str | None:
    """Return ``brand/model`` in lower case, or None when either is missing or no name."""
    parts = [part for part in (brand, model) if isinstance(part, str) and _DEVICE_PART.fullmatch(part)]
    return "/".join(parts).lower() if len(parts) == 2 else None
