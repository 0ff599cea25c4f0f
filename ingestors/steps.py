"""A message step by step, as its way through the pipeline takes it apart: for who looks after decoders and sensors.

It is the pipeline's own way (`ingestors.pipeline`, `ingestors.sift`), told instead of stored.
"""

from __future__ import annotations

import json
from collections.abc import Iterable
from dataclasses import dataclass

from core.columns import instants_of
from core.decisions import Phrase, Value
from core.decoding import FIELDS_MAX, INSTANTS_MAX, Decoding, FieldValue, Figure, Registered, Step, StepName
from core.readings import Arrival, Message, Reception
from ingestors.adopted import Known, known_by_external_id
from ingestors.decoders.frame import SERVICE_PORT, Decoded, Observation, Refusal, Uplink, member, parse_json
from ingestors.pipeline import Examined, decode_message, examine, storable
from ingestors.series import METRIC_NAMES
from ingestors.sift import sift
from ingestors.topics import Address, Network, parse_topic
from ingestors.validate import Limits

TEXT_CHARACTERS_MAX = 200
Field = tuple[str, FieldValue]


@dataclass(frozen=True, slots=True)
class _Registry:
    """The one sensor that a message is looked at for."""

    known: dict[str, Known]

    def named(self, external_id: str) -> Known | None:
        """Return it, if it is the one of this external id."""
        return self.known.get(external_id)


def decoding_of(message: Message, registered: Registered | None, limits: Limits) -> Decoding:
    """Return what the present decoders find in a message, step by step; never raises, whatever the bytes.

    Whatever refuses a message ends its way.
    """
    address = parse_topic(message.topic)
    if address is None:
        return Decoding((_step(StepName.TOPIC, "topic.unknown", topic=message.topic),))
    steps = [_topic(message, address)]
    if message.size_bytes > len(message.payload):
        cut = _step(StepName.ENVELOPE, "envelope.cut", kept=float(len(message.payload)), size=float(message.size_bytes))
        return Decoding((*steps, cut))
    decoded = decode_message(address.network, message)
    if isinstance(decoded, Refusal):
        return Decoding((*steps, _refused(StepName.ENVELOPE, decoded)))
    steps.append(_envelope(address.network, message, decoded))
    registry = _Registry({} if registered is None else _known(registered))
    examined = examine(message, registry, limits)
    known = registry.named(address.external_id)
    if decoded.uplink is not None and decoded.uplink.payload:
        steps.append(_bytes(decoded.uplink))
    if known is None:
        return Decoding((*steps, _step(StepName.VALIDATION, "validation.not_adopted", sensor=address.external_id)))
    if examined.sensor is not None:
        steps.append(_decoder(examined))
    return _validated(steps, examined, limits)


def _known(registered: Registered) -> dict[str, Known]:
    return known_by_external_id([registered.sensor], registered.devices, registered.places)


def _step(name: StepName, key: str, /, fields: Iterable[Field] = (), **values: Value) -> Step:
    return Step(name, Phrase(f"decoding.{key}", values), tuple(fields)[:FIELDS_MAX])


def _refused(name: StepName, refusal: Refusal) -> Step:
    said = {"reason_key": f"reason.{refusal.reason}"}
    return _step(name, f"{name}.refused", [("detail", refusal.detail)], **said)


def _topic(message: Message, address: Address) -> Step:
    fields: list[Field] = [("topic", message.topic), ("sensor", address.external_id)]
    if address.commune_insee is not None:
        fields += [("commune", address.commune_insee), ("kind", address.kind)]
    fields += [("property", f"{name}: {value}") for name, value in sorted(message.properties.items())]
    return _step(StepName.TOPIC, f"topic.{address.network}", fields)


def _envelope(network: Network, message: Message, decoded: Decoded) -> Step:
    uplink = decoded.uplink
    if uplink is None:
        fields = _pack_fields(message.payload)
        return _step(StepName.ENVELOPE, "envelope.pack", fields, n=len(fields))
    fields = [
        ("observed_at", uplink.observed_at),
        ("session", uplink.session),
        ("f_cnt", float(uplink.f_cnt)),
        ("f_port", float(uplink.f_port)),
        ("device", uplink.device),
        ("spreading_factor", None if uplink.spreading_factor is None else float(uplink.spreading_factor)),
        *(("gateway", _said_reception(one)) for one in uplink.receptions),
        *_codec_fields(network, message.payload),
    ]
    key = "envelope.service" if uplink.f_port == SERVICE_PORT else "envelope.frame"
    told = [field for field in fields if field[1] not in {None, ""}]
    return _step(StepName.ENVELOPE, key, told, n=len(uplink.receptions))


def _said_reception(one: Reception) -> str:
    figures = ((one.rssi_dbm, "dBm"), (one.snr_db, "dB"))
    return ", ".join([one.gateway, *(f"{value:g} {unit}" for value, unit in figures if value is not None)])


def _pack_fields(payload: bytes) -> list[Field]:
    """Return the records of a pack as they were sent."""
    pack = parse_json(payload)
    records = [one for one in pack if isinstance(one, dict)] if isinstance(pack, list) else []
    return [(f"record {number}", _plain(record)) for number, record in enumerate(records, start=1)]


def _codec_fields(network: Network, payload: bytes) -> list[Field]:
    """Return what the network's own codec made of the frame, as it was sent."""
    envelope = parse_json(payload)
    if network is Network.CHIRPSTACK:
        decoded = member(envelope, "object")
    else:
        decoded = member(member(envelope, "uplink_message"), "decoded_payload")
    return [(name[:TEXT_CHARACTERS_MAX], _plain(value)) for name, value in decoded.items()]


def _plain(value: object) -> str:
    return storable(json.dumps(value, ensure_ascii=False))[:TEXT_CHARACTERS_MAX]


def _bytes(uplink: Uplink) -> Step:
    return _step(StepName.BYTES, "bytes.frame", [("hex", uplink.payload.hex(" "))], n=len(uplink.payload))


def _decoder(examined: Examined) -> Step:
    fields = [(one.metric.name, _figure(one)) for one in examined.observations]
    return _step(StepName.DECODER, "decoder.found", fields, n=len(fields), decoder=examined.sender.decoder)


def _figure(one: Observation) -> Figure:
    sent = one.sent if one.sent is not None and one.sent[0] != one.value else None
    return Figure(one.value, one.metric.unit, sent)


def _validated(steps: list[Step], examined: Examined, limits: Limits) -> Decoding:
    """Hold what was found to its bounds, as a batch of one."""
    sifted = sift([examined], limits, Arrival.LIVE)
    instants = dict.fromkeys(instants_of(sifted.observed_us))
    taken: list[Field] = [
        (METRIC_NAMES[metric], at)
        for metric, at in zip(sifted.metric.tolist(), instants_of(sifted.observed_us), strict=True)
    ]
    refused: list[Field] = [("detail", storable(one.detail)) for one in examined.refusals]
    key = "taken" if taken and not refused else "partly" if taken else "refused"
    said: dict[str, Value] = {"reason_key": f"reason.{examined.refusals[0].reason}"} if refused else {}
    if not taken and not refused:
        key = "heard_only"
    last = _step(StepName.VALIDATION, f"validation.{key}", [*refused, *taken], **said, n=len(taken))
    return Decoding((*steps, last), tuple(instants)[:INSTANTS_MAX])
