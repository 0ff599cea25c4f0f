"""A message's way from its bytes to what shall be written of it: topic, size, decoder, sensor, validation. Pure."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, replace
from itertools import groupby
from typing import Protocol

from core.places import Sensor
from core.readings import Aside, Message, Reason, Rejection
from ingestors.adopted import Known
from ingestors.decoders import DECODERS
from ingestors.decoders.frame import Observation, Refusal
from ingestors.topics import Address, parse_topic
from ingestors.validate import Limits, refuse_place, refuse_reading, refuse_sender

DETAIL_CHARACTERS_MAX = 400
_TOPIC_CHARACTERS_MAX = 512


class Sensors(Protocol):
    """Who is adopted."""

    def named(self, external_id: str) -> Known | None:
        """Return the adopted sensor of this external id, or None."""
        ...


@dataclass(frozen=True, slots=True)
class Examined:
    """What shall be written of one message: readings of its sensor, rejections, or the whole message aside.

    Parameters
    ----------
    kept
        The message as a rejection keeps it: its payload cut, its texts storable.
    refused_readings
        How many of its readings the rejections stand for.
    """

    kept: Message
    sensor: Sensor | None = None
    observations: tuple[Observation, ...] = ()
    rejections: tuple[Rejection, ...] = ()
    aside: Aside | None = None
    refused_readings: int = 0


def examine(message: Message, sensors: Sensors, limits: Limits) -> Examined:
    """Return what shall be written of a message; the same message gives the same, whenever it is delivered."""
    kept = cut(message, limits)
    address = parse_topic(message.topic)
    if address is None:
        return _refused(kept, Refusal(Reason.WRONG_TOPIC, "the topic is none of ours"))
    if message.size_bytes > limits.payload_bytes_max:
        detail = f"{message.size_bytes} bytes, at most {limits.payload_bytes_max} are taken"
        return _refused(kept, Refusal(Reason.TOO_LARGE, detail), address)
    decoded = DECODERS[address.network](message.payload, message.received_at)
    if isinstance(decoded, Refusal):
        return _refused(kept, decoded, address)
    known = sensors.named(address.external_id)
    sensor = known.sensor if known else None
    whole = refuse_sender(address, decoded) or (refuse_place(address, sensor) if sensor else None)
    if whole is not None:
        return _refused(kept, whole, address)
    if sensor is None and decoded.observations:
        return Examined(kept, aside=Aside(_storable(message), address.external_id, address.network))
    checked = [(one, refuse_reading(one, message.received_at, limits)) for one in decoded.observations]
    refusals = [*decoded.refusals, *(refusal for _, refusal in checked if refusal is not None)]
    return Examined(
        kept,
        sensor,
        tuple(one for one, refusal in checked if refusal is None),
        tuple(_rejections(kept, refusals, address, sensor)),
        refused_readings=len(refusals),
    )


def cut(message: Message, limits: Limits) -> Message:
    """Return a message as a rejection keeps it: the payload cut at the kept limit, the texts storable."""
    return replace(_storable(message), payload=message.payload[: limits.kept_bytes_max])


def refuse_whole(message: Message, detail: str, limits: Limits) -> Examined:
    """Return a message as refused for what the store said of it."""
    return _refused(cut(message, limits), Refusal(Reason.MALFORMED, detail))


def _refused(kept: Message, refusal: Refusal, address: Address | None = None) -> Examined:
    return Examined(kept, rejections=tuple(_rejections(kept, [refusal], address, None)))


def _rejections(
    kept: Message, refusals: Iterable[Refusal], address: Address | None, sensor: Sensor | None
) -> Iterable[Rejection]:
    # One row per reason, however many readings: a message of a thousand bad ones must not be kept a thousand times.
    for reason, same in groupby(sorted(refusals, key=lambda one: one.reason), key=lambda one: one.reason):
        details = [one.detail for one in same]
        more = f" (and {len(details) - 3} more)" if len(details) > 3 else ""
        yield Rejection(
            kept,
            reason,
            storable("; ".join(details[:3]))[:DETAIL_CHARACTERS_MAX] + more,
            address.external_id if address else None,
            sensor.site.commune_insee if sensor else address.commune_insee if address else None,
        )


def storable(text: str) -> str:
    """Return ``text`` without what PostgreSQL cannot keep: NUL and lone surrogates."""
    return text.replace("\0", "\ufffd").encode("utf-8", "replace").decode("utf-8")


def _storable(message: Message) -> Message:
    return replace(
        message,
        topic=storable(message.topic)[:_TOPIC_CHARACTERS_MAX],
        properties={storable(name): storable(value) for name, value in message.properties.items()},
    )
