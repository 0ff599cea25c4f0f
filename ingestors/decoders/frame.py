"""What every decoder gives back, and the careful reading of JSON they share."""

from __future__ import annotations

import json
import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any, NamedTuple, NoReturn

from core.clock import parse_instant
from core.metrics import Metric
from core.readings import Reason, Reception

READINGS_MAX = 1_000
"""Most readings of one message; a message with more is refused whole."""
RECEPTIONS_MAX = 16
"""Gateways of one frame that are told of; those that are named first."""
SERVICE_PORT = 0
"""LoRaWAN's port of MAC commands, which are the network's own: a service frame carries no reading. The Things Stack
passes it on to applications, first with its bytes (lorawan-stack issue 3511), then without (pull request 4671);
ChirpStack keeps it back."""


class Observation(NamedTuple):
    """One decoded value: the metric's stored unit, aware UTC.

    ``sent`` is the figure and the unit that it was sent in, None where the payload says them plainly.
    """

    metric: Metric
    observed_at: datetime
    value: float
    sent: tuple[float, str] | None = None


@dataclass(frozen=True, slots=True)
class Refusal:
    """Why a message or one of its readings cannot be taken. The same message always gives the same words."""

    reason: Reason
    detail: str


@dataclass(frozen=True, slots=True)
class Uplink:
    """What a LoRaWAN network server says of the frame that brought a payload.

    Parameters
    ----------
    session
        Renews with each join, and the counter with it: the session key id, or the device address.
    f_cnt, f_port
        Its counter in the session, and its port; `SERVICE_PORT` where the envelope names none.
    payload
        The application's bytes, as the device sent them; empty when the server gives none.
    observed_at
        By the network's clock.
    device
        ``brand/model`` as the network server knows it, lower case; None when it does not say.
    health
        Battery and signal as the network server gives them: they go with what a codec or a device decoder finds, and
        are none by themselves.
    receptions
        The gateways that heard it, `RECEPTIONS_MAX` at most, each once.
    spreading_factor
        7 to 12; None when the server does not say.
    """

    session: str
    f_cnt: int
    f_port: int
    payload: bytes
    observed_at: datetime
    device: str | None = None
    health: tuple[Observation, ...] = ()
    receptions: tuple[Reception, ...] = ()
    spreading_factor: int | None = None


# Not frozen for the same reason as `core.readings.Message`.
@dataclass(slots=True)
class Decoded:
    """What a payload holds: the readings understood, and those refused one by one.

    Parameters
    ----------
    sender
        The external id that the payload itself gives, lower case; None when it gives none.
    uplink
        The LoRaWAN frame, None over other networks.
    timeless
        Whether times count from the reception, as the sender has no clock.
    """

    observations: Sequence[Observation] = ()
    refusals: Sequence[Refusal] = ()
    sender: str | None = None
    uplink: Uplink | None = None
    timeless: bool = False


Decoder = Callable[[bytes, datetime], Decoded | Refusal]
"""(payload, received_at) to what it holds, or why all of it is refused. Pure; never raises, whatever the bytes."""


def _no_constant(name: str) -> NoReturn:
    raise ValueError(f"{name} is not JSON")


def parse_json(payload: bytes) -> Any | Refusal:
    """Parse strict JSON (RFC 8259): no NaN, no Infinity, UTF-8 only, no nesting that exhausts the stack."""
    try:
        return json.loads(payload.decode("utf-8"), parse_constant=_no_constant)
    except RecursionError:
        return Refusal(Reason.MALFORMED, "JSON nested too deeply")
    except UnicodeDecodeError:
        return Refusal(Reason.MALFORMED, "not UTF-8")
    except ValueError as error:
        return Refusal(Reason.MALFORMED, f"not JSON: {error}")


def parse_number(value: object) -> float | None:
    """Return a JSON number as a finite float; None for anything else, booleans and overflows included."""
    if isinstance(value, bool) or not isinstance(value, int | float):
        return None
    try:
        number = float(value)
    except OverflowError:
        return None
    return number if math.isfinite(number) else None


def parse_time(value: object) -> datetime | None:
    """Return an RFC 3339 instant in UTC, or None when ``value`` is no such text."""
    if not isinstance(value, str):
        return None
    try:
        return parse_instant(value)
    except (ValueError, OverflowError):
        return None


def member(value: object, name: str) -> dict[str, Any]:
    """Return the object under ``name``; empty when absent, as network servers leave out what is empty."""
    found = value.get(name) if isinstance(value, dict) else None
    return found if isinstance(found, dict) else {}
