"""A message's way from its bytes to what it says: topic, size, decoder, sensor, device. Pure but for the log.

What of it is taken, the whole batch's readings together tell (`ingestors.sift`).
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from itertools import groupby
from typing import Protocol

import structlog

from core.metrics import Family
from core.places import Sensor
from core.readings import Aside, Message, Reason, Rejection, Sender
from ingestors.adopted import Known
from ingestors.decoders import DECODERS, VERSIONS
from ingestors.decoders.devices import device_of
from ingestors.decoders.frame import SERVICE_PORT, Decoded, Observation, Refusal, Uplink
from ingestors.topics import Address, Network, parse_topic
from ingestors.validate import Limits, refuse_place, refuse_sender, split_by_span

DETAIL_CHARACTERS_MAX = 400
_TOPIC_CHARACTERS_MAX = 512

_log: structlog.stdlib.BoundLogger = structlog.get_logger(__name__)
_broken: set[tuple[str, str]] = set()
"""Decoders that broke, with the error: each is told once, the rejections tell the rest."""


class Sensors(Protocol):
    """Who is adopted."""

    def named(self, external_id: str) -> Known | None:
        """Return the adopted sensor of this external id, or None."""
        ...


@dataclass(slots=True)
class Examined:
    """What one message says: observations of its sensor, refusals, or the whole message aside.

    Parameters
    ----------
    kept
        The message as a rejection keeps it: its texts storable, its payload cut when it is too large.
    sender
        As a rejection keeps it.
    sensor
        Whose the observations are; None when there are none.
    refusals
        Of the message, or of some of its readings; `ingestors.sift` adds to them.
    refused_readings
        How many of its readings the refusals stand for.
    uplink
        The frame that brought it, of an adopted sensor.
    owner
        Id of the adopted sensor that it is a message of, readable or not; None where it comes from elsewhere, and
        where the flood gate held it back: what is kept of a sensor's own must not be pushed out by it.
    """

    kept: Message
    sender: Sender = field(default_factory=Sender)
    sensor: Sensor | None = None
    observations: Sequence[Observation] = ()
    refusals: list[Refusal] = field(default_factory=list)
    refused_readings: int = 0
    aside: Aside | None = None
    uplink: Uplink | None = None
    timeless: bool = False
    owner: int | None = None

    @property
    def is_heard_only(self) -> bool:
        """Whether it is a service frame: that it was heard is all that it says, and the ledger keeps."""
        uplink = self.uplink
        return uplink is not None and uplink.f_port == SERVICE_PORT and bool(uplink.session) and not self.observations

    def refuse_reading(self, refusal: Refusal) -> None:
        """Refuse one of its readings."""
        self.refusals.append(refusal)
        self.refused_readings += 1

    def rejections(self) -> list[Rejection]:
        """Return the refusals as they are kept: one for each reason, however many readings.

        A message of a thousand bad readings must not be kept a thousand times.
        """
        found = []
        for reason, same in groupby(sorted(self.refusals, key=lambda one: one.reason), key=lambda one: one.reason):
            details = [one.detail for one in same]
            more = f" (and {len(details) - 3} more)" if len(details) > 3 else ""
            detail = storable("; ".join(details[:3]))[:DETAIL_CHARACTERS_MAX] + more
            found.append(Rejection(self.kept, reason, detail, *self.sender, timeless=self.timeless))
        return found


def examine(message: Message, sensors: Sensors, limits: Limits) -> Examined:
    """Return what a message says; the same message says the same, whenever it is delivered."""
    address = parse_topic(message.topic)
    if address is None:
        return _refused(message, limits, Refusal(Reason.WRONG_TOPIC, "the topic is none of ours"))
    known = sensors.named(address.external_id)
    commune = known.sensor.site.commune_insee if known else address.commune_insee
    decoded: Decoded | Refusal | None = _hold_back(message, limits)
    sender = Sender(address.external_id, commune, "" if decoded else VERSIONS[address.network])
    if decoded is None:
        decoded = decode_message(address.network, message)
    if isinstance(decoded, Decoded):
        decoded = refuse_sender(address, decoded) or (refuse_place(address, known) if known else None) or decoded
    if isinstance(decoded, Refusal):
        refused = _refused(message, limits, decoded, sender)
        # Nobody looked whether a quarantined pack says its time: equal bytes may be another observation.
        refused.timeless = message.flooded and address.network is Network.NATIVE
        if known is not None and decoded.reason not in {Reason.WRONG_TOPIC, Reason.FLOODED}:
            refused.owner = known.sensor.sensor_id
        return refused
    # In a topic of ours there is nothing to mend.
    examined = Examined(_storable(message) if message.properties else message, sender, timeless=decoded.timeless)
    return _of_known(examined, address, known, decoded) if known else _of_unknown(examined, address, decoded)


def _of_unknown(examined: Examined, address: Address, decoded: Decoded) -> Examined:
    """Keep the message aside whole if there is anything in it that a sensor may be adopted for."""
    uplink = decoded.uplink
    if decoded.observations or (uplink and (uplink.payload or uplink.f_port == SERVICE_PORT)):
        examined.aside = Aside(examined.kept, address.external_id, address.network, timeless=decoded.timeless)
    else:
        refusals = list(decoded.refusals)
        examined.refusals = refusals or [Refusal(Reason.NO_READING, "no field is known to Vigie")]
        examined.refused_readings = len(refusals)
    return examined


def _of_known(examined: Examined, address: Address, known: Known, decoded: Decoded) -> Examined:
    """Fill in what the message of an adopted sensor says."""
    examined.sensor, examined.owner = known.sensor, known.sensor.sensor_id
    observations: Sequence[Observation] = decoded.observations
    refusals: Sequence[Refusal] = decoded.refusals
    if decoded.uplink is not None:
        examined.uplink = decoded.uplink
        observations, refusals, decoder = _of_device(decoded, decoded.uplink, known.sensor.model)
        examined.sender = examined.sender._replace(decoder=decoder or examined.sender.decoder)
    examined.observations, outside = split_by_span(address, known, observations)
    examined.refusals = [*refusals, *outside]
    examined.refused_readings = len(examined.refusals)
    return examined


def _of_device(
    decoded: Decoded, uplink: Uplink, model: str | None
) -> tuple[Sequence[Observation], Sequence[Refusal], str | None]:
    """Return what a frame says, by the device's decoder where one is called for; and that decoder's name.

    It is called for when the registry says which device the sensor is, or when the network's codec gave no reading.
    Whoever is called for has the word: what a codec gave that had to be refused counts only where nobody else reads.
    """
    if uplink.f_port == SERVICE_PORT:
        # Its bytes, where a network server passes them on at all, are MAC commands: no device decoder knows them.
        return decoded.observations, decoded.refusals, None
    if model is None and decoded.observations:
        return decoded.observations, decoded.refusals, None
    device = device_of(model, uplink.device) if uplink.payload else None
    if device is None:
        if decoded.observations or decoded.refusals:
            return decoded.observations or uplink.health, decoded.refusals, None
        return (), (Refusal(Reason.NO_READING, _unread(uplink, model)),), None
    try:
        found = device.decode(uplink.f_port, uplink.payload, uplink.observed_at)
    except Exception as error:  # noqa: BLE001 - a decoder's mistake must not hold back the other messages
        found = _broke(device.decoder, error)
    if isinstance(found, Refusal):
        return (), (found,), device.decoder
    # Battery and signal as the network gives them, where the device says nothing of its own.
    said_by_device = {one.metric.name for one in found.observations}
    health = [
        one
        for one in (*decoded.observations, *uplink.health)
        if one.metric.family is Family.HEALTH and one.metric.name not in said_by_device
    ]
    by_metric = {one.metric.name: one for one in reversed(health)}
    return (*found.observations, *by_metric.values()), found.refusals, device.decoder


def _unread(uplink: Uplink, model: str | None) -> str:
    if not uplink.payload:
        return "no field is known to Vigie, and the frame carries no bytes"
    if model is None and uplink.device is None:
        return "no field is known to Vigie, and the sensor's device model is not given"
    return f"no field is known to Vigie, and the device model {model or uplink.device} is unknown"


def decode_message(network: Network, message: Message) -> Decoded | Refusal:
    """Return what the decoder of a network finds in a message; never raises, whatever the bytes."""
    try:
        return DECODERS[network](message.payload, message.received_at)
    except Exception as error:  # noqa: BLE001 - a decoder's mistake must not hold back the other messages
        return _broke(VERSIONS[network], error)


def _broke(decoder: str, error: Exception) -> Refusal:
    """Return the refusal of a message that broke its decoder; the first of each kind is logged with its trace."""
    kind = type(error).__name__
    if (decoder, kind) not in _broken:
        _broken.add((decoder, kind))
        _log.error("decoder_failed", decoder=decoder, exc_info=error)
    return Refusal(Reason.DECODER_FAILED, f"{decoder} failed with {kind}: a mistake of Vigie's")


def _hold_back(message: Message, limits: Limits) -> Refusal | None:
    """Return why a message is not decoded at all, or None."""
    if message.flooded:
        return Refusal(Reason.FLOODED, "its sensor or its commune sent more than the flood gate lets through")
    if message.size_bytes > limits.payload_bytes_max:
        detail = f"{message.size_bytes} bytes, at most {limits.payload_bytes_max} are taken"
        return Refusal(Reason.TOO_LARGE, detail)
    return None


def refuse_whole(message: Message, detail: str, limits: Limits) -> Examined:
    """Return a message as refused for what the store said of it."""
    return _refused(message, limits, Refusal(Reason.MALFORMED, detail))


def _refused(message: Message, limits: Limits, refusal: Refusal, sender: Sender | None = None) -> Examined:
    return Examined(cut(message, limits), sender or Sender(), refusals=[refusal])


def cut(message: Message, limits: Limits) -> Message:
    """Return a message as a rejection keeps it: texts storable, and of one that is too large only the beginning."""
    if message.size_bytes > limits.payload_bytes_max:
        return replace(_storable(message), payload=message.payload[: limits.kept_bytes_max])
    return _storable(message)


def storable(text: str) -> str:
    """Return ``text`` without what PostgreSQL cannot keep: NUL and lone surrogates."""
    return text.replace("\0", "\ufffd").encode("utf-8", "replace").decode("utf-8")


def _storable(message: Message) -> Message:
    return replace(
        message,
        topic=storable(message.topic)[:_TOPIC_CHARACTERS_MAX],
        properties={storable(name): storable(value) for name, value in message.properties.items()},
    )
