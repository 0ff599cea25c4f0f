"""What the envelopes of LoRaWAN network servers share: whole numbers, the frame's bytes, the device they name.

Both servers write protocol buffers as JSON: zero, false and empty fields are absent, bytes are base64.
"""

from __future__ import annotations

import base64
import re
from collections.abc import Callable
from typing import Any

from core.readings import Reception
from ingestors.decoders.frame import RECEPTIONS_MAX, member, parse_number

F_CNT_MAX = 2**32 - 1
F_PORT_MAX = 255
PAYLOAD_BYTES_MAX = 255
"""No LoRaWAN frame carries more: the length of a LoRa packet is one byte."""
SESSION_CHARACTERS_MAX = 64
_BASE64_CHARACTERS_MAX = 4 * -(-PAYLOAD_BYTES_MAX // 3)
GATEWAY_CHARACTERS_MAX = 64
SPREADING_FACTORS = range(5, 13)
"""LoRa's own; LoRaWAN in Europe uses 7 to 12 (LoRaWAN Regional Parameters, EU863-870)."""
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


def parse_receptions(value: object, name_of: Callable[[dict[str, Any]], object]) -> tuple[Reception, ...]:
    """Return the gateways that heard a frame, each by its best antenna, in the order in which they are named first.

    What is not understood of one is None; a gateway without a name is left out. Never refuses: who heard a frame says
    nothing of its readings.

    Parameters
    ----------
    name_of
        What names the gateway in one reception.
    """
    found: dict[str, Reception] = {}
    for one in value if isinstance(value, list) else []:
        name = name_of(one) if isinstance(one, dict) else None
        if not isinstance(name, str) or not 0 < len(name) <= GATEWAY_CHARACTERS_MAX or not name.isprintable():
            continue
        heard = Reception(name, parse_number(one.get("rssi")), parse_number(one.get("snr")), *_place_of(one))
        known = found.get(name)
        if known is None and len(found) == RECEPTIONS_MAX:
            break
        if known is None or (heard.rssi_dbm or -1e9) > (known.rssi_dbm or -1e9):
            found[name] = heard
    return tuple(found.values())


def parse_spreading_factor(value: object) -> int | None:
    """Return the spreading factor that a frame was sent with, None where none is said."""
    return value if isinstance(value, int) and not isinstance(value, bool) and value in SPREADING_FACTORS else None


def _place_of(reception: dict[str, Any]) -> tuple[float | None, float | None]:
    """Return longitude and latitude; both None unless both are there, and not both zero, which servers leave out."""
    location = member(reception, "location")
    longitude, latitude = parse_number(location.get("longitude")), parse_number(location.get("latitude"))
    if longitude is None or latitude is None or abs(longitude) > 180 or abs(latitude) > 90:
        return None, None
    return longitude, latitude
