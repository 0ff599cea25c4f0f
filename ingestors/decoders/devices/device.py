"""A device model, and what the decoders of all of them share: figures laid out in bytes.

A maker's file says how its frames are cut into pieces; a `Layout` says what stands in a piece. docs/decoders.md shows
whole files, with the few names that they take from elsewhere.
"""

from __future__ import annotations

import math
import struct
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from functools import cached_property
from itertools import islice

from core.places import SensorKind
from core.readings import Reason
from ingestors.decoders.fields import observe
from ingestors.decoders.frame import READINGS_MAX, Decoded, Observation, Refusal
from ingestors.decoders.lorawan import PAYLOAD_BYTES_MAX


class Malformed(Exception):
    """The bytes are no frame of this device."""


Found = Iterator[Observation | Refusal]
Reader = Callable[[int, bytes, datetime], Found]
"""(f_port, payload, observed_at) to what the frame holds, in its order. Pure; raises nothing but `Malformed`."""


@dataclass(frozen=True, slots=True)
class Device:
    """A device model whose bytes Vigie reads.

    Parameters
    ----------
    model
        Our name of it, maker first: lower case, digits and dashes.
    maker, title
        As a buyer knows them.
    kinds
        The sensor kinds it serves as.
    read
        Its frames' reader. `decode` is what others call.
    version
        Grows when the same bytes give something else than before; rejections are kept with it.
    claims
        ``brand/model`` of The Things Stack's device repository, lower case: a network server that names one of them
        means this device.
    """

    model: str
    maker: str
    title: str
    kinds: tuple[SensorKind, ...]
    read: Reader
    version: int
    claims: tuple[str, ...] = ()

    @property
    def decoder(self) -> str:
        """Its decoder and version, as rejections keep them."""
        return f"{self.model}/{self.version}"

    def decode(self, f_port: int, payload: bytes, observed_at: datetime) -> Decoded | Refusal:
        """Return what a frame holds. Never raises, whatever the bytes; the same frame always gives the same.

        A frame that breaks off, or is none of this device, is refused whole: what stood before may be read from the
        wrong place.
        """
        if len(payload) > PAYLOAD_BYTES_MAX:
            return Refusal(Reason.TOO_LARGE, f"{len(payload)} bytes, a frame has at most {PAYLOAD_BYTES_MAX}")
        try:
            found = list(islice(self.read(f_port, payload, observed_at), READINGS_MAX + 1))
        except Malformed as error:
            return Refusal(Reason.MALFORMED, f"no frame of {self.model}: {error}")
        if len(found) > READINGS_MAX:
            return Refusal(Reason.MALFORMED, f"more than {READINGS_MAX} readings")
        observations: dict[tuple[str, datetime], Observation] = {}
        refusals: list[Refusal] = []
        for one in found:
            if isinstance(one, Refusal):
                refusals.append(one)
            elif math.isfinite(one.value):
                observations.setdefault((one.metric.name, one.observed_at), one)
            else:
                refusals.append(Refusal(Reason.MALFORMED, f"{one.metric.quantity} is not a number"))
        if not observations and not refusals:
            return Refusal(Reason.NO_READING, f"a frame of {self.model} without any reading that Vigie knows")
        return Decoded(tuple(observations.values()), tuple(refusals))


@dataclass(frozen=True, slots=True)
class Field:
    """One figure of a frame: measured = raw * factor + offset, in ``unit`` of ``ingestors.units``."""

    metric: str
    unit: str
    factor: float = 1.0
    offset: float = 0.0

    def measured(self, raw: float, observed_at: datetime) -> Observation:
        """Return the raw figure as an observation in the metric's stored unit."""
        return observe(self.metric, raw * self.factor + self.offset, self.unit, observed_at)


@dataclass(frozen=True)
class Layout:
    """So many bytes in a row.

    Parameters
    ----------
    form
        As `struct` writes it, byte order first; ``x`` is a byte that says nothing to Vigie.
    fields
        What the figures of ``form`` are, in order.
    timed
        The first figure of ``form`` is the time of the others, in seconds since 1970, and has no field.
    """

    form: str
    fields: tuple[Field, ...] = ()
    timed: bool = False

    @cached_property
    def size(self) -> int:
        """How many bytes it takes."""
        return struct.calcsize(self.form)

    def read(self, piece: bytes, observed_at: datetime) -> Found:
        """Yield what a piece of this size holds."""
        raws = struct.unpack(self.form, piece)
        if self.timed:
            observed_at, raws = since_1970(raws[0]), raws[1:]
        for field, raw in zip(self.fields, raws, strict=True):
            yield field.measured(raw, observed_at)


NOTHING = tuple(Layout(f"{size}x") for size in range(32))
"""``NOTHING[n]``: n bytes that say nothing to Vigie."""


class Octets:
    """A frame read from front to back; there is nothing behind its end."""

    def __init__(self, payload: bytes) -> None:
        self._payload = payload
        self._at = 0

    @property
    def left(self) -> int:
        """How many bytes are still to be read."""
        return len(self._payload) - self._at

    def take(self, size: int) -> bytes:
        """Return the next ``size`` bytes.

        Raises
        ------
        Malformed
            If the frame ends before.
        """
        if not 0 <= size <= self.left:
            raise Malformed(f"it ends {abs(size - self.left)} bytes too early")
        self._at += size
        return self._payload[self._at - size : self._at]

    def byte(self) -> int:
        """Return the next byte."""
        return self.take(1)[0]

    def laid_out(self, layout: Layout, observed_at: datetime) -> Found:
        """Yield what the next bytes hold."""
        return layout.read(self.take(layout.size), observed_at)


def since_1970(seconds: int) -> datetime:
    """Return the instant of a device's own clock: seconds since 1970, 32 bits at most."""
    return datetime.fromtimestamp(seconds, UTC)


def before(instant: datetime, seconds: int) -> datetime:
    """Return the instant so many seconds before another.

    Raises
    ------
    Malformed
        If there is none.
    """
    try:
        return instant - timedelta(seconds=seconds)
    except OverflowError:
        raise Malformed(f"{seconds} s before {instant.isoformat()}") from None
