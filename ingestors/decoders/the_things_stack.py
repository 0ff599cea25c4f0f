"""The Things Stack v3 uplinks, with the payload already decoded by the device's codec.

::

    {end_device_ids {device_id, dev_eui ...}, received_at, simulated?,
     uplink_message {f_port, f_cnt, decoded_payload {name: value}, normalized_payload [{air {...}, battery ...}],
                     rx_metadata [{gateway_ids, rssi, snr ...}], settings {time?}, received_at,
                     last_battery_percentage {value 0-100}}}

One frame of the documented shape (``tests/captures/the_things_stack/normal.json``)::

    {"end_device_ids":{"device_id":"eui-0004a30b001c0530"},"uplink_message":{"f_cnt":7,
     "decoded_payload":{"co2":641,"temperature":21.4},"received_at":"2026-03-02T09:00:00.123456789Z"}}

Observed at ``settings.time`` (gateway clock) when within five minutes of the network server's ``received_at``, else
at that ``received_at``; never by our clock. Zero and empty fields are absent from the envelope: no ``f_cnt`` is 0.
``simulated: true`` is refused.
"""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import Any

from core.readings import Reason
from ingestors.decoders.fields import best_signal, decode_fields, first_of_each, observe
from ingestors.decoders.frame import Decoded, Observation, Refusal, member, parse_json, parse_number, parse_time

GATEWAY_CLOCK_TRUSTED = timedelta(minutes=5)

# Paths and units of normalized_payload: The Things Stack, "Payload formatters, normalized payload".
_NORMALIZED: tuple[tuple[tuple[str, ...], str, str], ...] = (
    (("air", "temperature"), "temperature_c", "Cel"),
    (("air", "relativeHumidity"), "humidity_ratio", "%RH"),
    (("air", "pressure"), "pressure_hpa", "hPa"),
    (("air", "co2"), "co2_ppm", "ppm"),
    (("battery",), "battery_v", "V"),
    (("metering", "water", "total"), "water_m3", "l"),
)


def decode_the_things_stack(payload: bytes, received_at: datetime) -> Decoded | Refusal:  # noqa: ARG001 - the network's time counts, not ours
    """Decode one uplink envelope."""
    envelope = parse_json(payload)
    if isinstance(envelope, Refusal):
        return envelope
    if not isinstance(envelope, dict) or not isinstance(envelope.get("uplink_message"), dict):
        return Refusal(Reason.MALFORMED, "no uplink_message")
    device_id = member(envelope, "end_device_ids").get("device_id")
    if not isinstance(device_id, str) or not device_id:
        return Refusal(Reason.MALFORMED, "no end_device_ids.device_id")
    if envelope.get("simulated") is True:
        return Refusal(Reason.SIMULATED_UPLINK, "the network server simulated this uplink")
    return _decode_uplink(envelope, envelope["uplink_message"], device_id.lower())


def _decode_uplink(envelope: dict[str, Any], uplink: dict[str, Any], sender: str) -> Decoded | Refusal:
    observed_at = _observed_at(envelope, uplink)
    if observed_at is None:
        return Refusal(Reason.MALFORMED, "no uplink_message.received_at")
    observations, refusals = decode_fields(member(uplink, "decoded_payload"), observed_at)
    observations = [*observations, *_normalized(uplink, observed_at)]
    if not observations and not refusals:
        return Refusal(Reason.NO_READING, "no decoded field is known to Vigie")
    health = [*_battery(uplink, observed_at), *best_signal(uplink.get("rx_metadata"), observed_at)]
    return Decoded(tuple(first_of_each([*observations, *health])), tuple(refusals), sender)


def _observed_at(envelope: dict[str, Any], uplink: dict[str, Any]) -> datetime | None:
    served_at = parse_time(uplink.get("received_at")) or parse_time(envelope.get("received_at"))
    gateway_at = parse_time(member(uplink, "settings").get("time"))
    if served_at is not None and gateway_at is not None and abs(gateway_at - served_at) <= GATEWAY_CLOCK_TRUSTED:
        return gateway_at
    return served_at


def _normalized(uplink: dict[str, Any], observed_at: datetime) -> list[Observation]:
    measurements = uplink.get("normalized_payload")
    found: list[Observation] = []
    for measurement in measurements[:1] if isinstance(measurements, list) else []:
        for path, metric_name, unit in _NORMALIZED:
            parent: Any = measurement
            for name in path[:-1]:
                parent = member(parent, name)
            number = parse_number(parent.get(path[-1])) if isinstance(parent, dict) else None
            if number is not None:
                found.append(observe(metric_name, number, unit, observed_at))
    return found


def _battery(uplink: dict[str, Any], observed_at: datetime) -> list[Observation]:
    number = parse_number(member(uplink, "last_battery_percentage").get("value"))
    return [] if number is None else [observe("battery_ratio", number, "%EL", observed_at)]
