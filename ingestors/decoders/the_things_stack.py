"""The Things Stack v3 uplinks: the frame, and what the device's codec made of it where it has one.

::

    {end_device_ids {device_id, dev_eui, dev_addr ...}, received_at, simulated?,
     uplink_message {session_key_id, f_cnt, f_port, frm_payload base64,
                     decoded_payload {name: value}, normalized_payload [{air {...}, battery ...}],
                     rx_metadata [{gateway_ids, rssi, snr ...}], settings {time?}, received_at,
                     version_ids {brand_id, model_id ...}, last_battery_percentage {value 0-100}}}

One frame of the documented shape (``tests/captures/the_things_stack/normal.json``)::

    {"end_device_ids":{"device_id":"eui-0004a30b001c0530"},"uplink_message":{"f_cnt":7,
     "decoded_payload":{"co2":641,"temperature":21.4},"received_at":"2026-03-02T09:00:00.123456789Z"}}

Observed at ``settings.time`` (gateway clock) when within five minutes of the network server's ``received_at``, else
at that ``received_at``; never by our clock. Zero and empty fields are absent from the envelope: no ``f_cnt`` is 0.
``simulated: true`` is refused. The frame is ``dev_eui`` (by its sensor), ``session_key_id`` and ``f_cnt``; where the
server leaves the session key's id out, ``dev_addr`` stands for it. Without a reading among the fields, the frame's
bytes are left to the decoder of the device's model, which ``version_ids`` may name.
"""

from __future__ import annotations

import json
from collections.abc import Iterable
from datetime import datetime, timedelta
from typing import Any

from core.clock import format_instant
from core.metrics import Metric
from core.readings import Heard, Reason
from ingestors.decoders.fields import best_signal, decode_fields, first_of_each, format_field, observe
from ingestors.decoders.frame import Decoded, Observation, Refusal, Uplink, member, parse_json, parse_number, parse_time
from ingestors.decoders.lorawan import (
    F_CNT_MAX,
    F_PORT_MAX,
    NotAFrame,
    name_device,
    parse_counter,
    parse_payload,
    parse_receptions,
    parse_session,
    parse_spreading_factor,
)

VERSION = 2
"""Rises with each change of what an envelope gives; 2: the frame, left to device decoders."""
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


def format_uplink(device_id: str, observed_at: datetime, heard: Heard, values: Iterable[tuple[Metric, float]]) -> bytes:
    """Format what a sensor said, and who heard it, as the uplink that the network server would publish."""
    at = format_instant(observed_at)
    receptions = [
        {
            "gateway_ids": {"gateway_id": one.gateway},
            "rssi": one.rssi_dbm,
            "snr": one.snr_db,
            "location": {"latitude": one.latitude, "longitude": one.longitude},
        }
        for one in heard.receptions
    ]
    fields = dict(format_field(metric, value) for metric, value in values)
    message = {"session_key_id": heard.session, "f_cnt": heard.f_cnt, "f_port": 1, "decoded_payload": fields}
    uplink = {
        "end_device_ids": {"device_id": device_id},
        "received_at": at,
        "uplink_message": message | {"rx_metadata": receptions, "received_at": at},
    }
    return json.dumps(uplink, separators=(",", ":"), allow_nan=False).encode()


def _decode_uplink(envelope: dict[str, Any], message: dict[str, Any], sender: str) -> Decoded | Refusal:
    observed_at = _observed_at(envelope, message)
    if observed_at is None:
        return Refusal(Reason.MALFORMED, "no uplink_message.received_at")
    try:
        uplink = _uplink(envelope, message, observed_at)
    except NotAFrame as fault:
        return Refusal(Reason.MALFORMED, str(fault))
    observations, refusals = decode_fields(member(message, "decoded_payload"), observed_at)
    observations = [*observations, *_normalized(message, observed_at)]
    health = uplink.health if observations else ()
    return Decoded(tuple(first_of_each([*observations, *health])), tuple(refusals), sender, uplink)


def _uplink(envelope: dict[str, Any], message: dict[str, Any], observed_at: datetime) -> Uplink:
    session = parse_session(message.get("session_key_id"), member(envelope, "end_device_ids").get("dev_addr"))
    f_cnt = parse_counter(message.get("f_cnt"), "f_cnt", F_CNT_MAX)
    f_port = parse_counter(message.get("f_port"), "f_port", F_PORT_MAX)
    payload = parse_payload(message.get("frm_payload"), "frm_payload")
    versions = member(message, "version_ids")
    device = name_device(versions.get("brand_id"), versions.get("model_id"))
    health = (*_battery(message, observed_at), *best_signal(message.get("rx_metadata"), observed_at))
    receptions = parse_receptions(message.get("rx_metadata"), lambda one: member(one, "gateway_ids").get("gateway_id"))
    lora = member(member(member(message, "settings"), "data_rate"), "lora")
    factor = parse_spreading_factor(lora.get("spreading_factor"))
    return Uplink(session, f_cnt, f_port, payload, observed_at, device, health, receptions, factor)


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
