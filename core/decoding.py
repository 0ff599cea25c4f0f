"""A message taken apart step by step, for who looks after sensors: what each step of its way found in it."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum
from typing import NamedTuple

from core.decisions import Phrase
from core.places import Sensor
from core.readings import Message
from core.sensor_life import FormerDevice, FormerPlace

FIELDS_MAX = 100
"""Fields of one step that are told."""
INSTANTS_MAX = 50


class Figure(NamedTuple):
    """A value in the stored unit of its metric; ``sent``: figure and unit that it came in, where they differ."""

    value: float
    unit: str
    sent: tuple[float, str] | None = None


FieldValue = str | float | datetime | Figure | None


class StepName(StrEnum):
    """A step of a message's way, in its order."""

    TOPIC = "topic"
    ENVELOPE = "envelope"
    BYTES = "bytes"
    DECODER = "decoder"
    VALIDATION = "validation"
    OUTCOME = "outcome"


@dataclass(frozen=True, slots=True)
class Step:
    """What one step found.

    Parameters
    ----------
    said
        In a sentence of the catalogue (``decoding.``).
    fields
        Names (of the catalogue, ``decoding.field.``, or the payload's own) and what stands there.
    """

    name: StepName
    said: Phrase
    fields: tuple[tuple[str, FieldValue], ...] = ()


class Registered(NamedTuple):
    """An adopted sensor, with the devices and the places that were its own before."""

    sensor: Sensor
    devices: Sequence[FormerDevice] = ()
    places: Sequence[FormerPlace] = ()


@dataclass(frozen=True, slots=True)
class Decoding:
    """A message taken apart.

    Parameters
    ----------
    instants
        When what is taken of it was observed, each once, `INSTANTS_MAX` at most.
    """

    steps: tuple[Step, ...]
    instants: tuple[datetime, ...] = ()


Decode = Callable[[Message, Registered | None], Decoding]
"""(message, its sensor or None where nobody adopted it) to what the present decoders find. Never raises, whatever the
bytes; the same message gives the same."""
