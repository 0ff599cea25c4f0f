"""ChirpStack v4 uplink events: the frame, and what the device profile's codec made of it where it has one.

::

    {deduplicationId, time, deviceInfo {devEui, deviceName, tags ...}, devAddr, adr, dr, fCnt, fPort, confirmed,
     data base64, object {name: value}, rxInfo [{gatewayId, rssi, snr ...}], txInfo {...}}

One frame of the documented shape (``tests/captures/chirpstack/normal.json``)::

    {"deduplicationId":"3ac7e3c4-4401-4b8d-9386-a5c902f9202d","time":"2026-03-02T09:00:00.433492+00:00",
     "deviceInfo":{"devEui":"0101010101010101"},"fPort":1,"object":{"fill_level":62}}

Observed at ``time``. Zero, false and empty fields are absent from the envelope: no ``fCnt`` is 0.

The frame is ``devEui`` (by its sensor), ``devAddr`` and ``fCnt``: ``deduplicationId`` is another for the copy that a
slow gateway hands in late, and ``devAddr`` renews with each join. Without a reading among the fields, the frame's bytes
are left to the decoder of the device's model. The event names no model; two tags of the device (``brand`` and
``model``, as a person wrote them) do. The name of a device profile is free text, and tells nothing for certain.
"""

from __future__ import annotations

from datetime import datetime
from typing import Any

from core.readings import Reason
from ingestors.decoders.fields import best_signal, decode_fields, first_of_each
from ingestors.decoders.frame import Decoded, Refusal, Uplink, member, parse_json, parse_time
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
"""Rises with each change of what an event gives; 2: the frame, left to device decoders."""


def decode_chirpstack(payload: bytes, received_at: datetime) -> Decoded | Refusal:  # noqa: ARG001 - the network's time counts, not ours
    """Decode one ``up`` event."""
    event = parse_json(payload)
    if isinstance(event, Refusal):
        return event
    dev_eui = member(event, "deviceInfo").get("devEui")
    if not isinstance(dev_eui, str) or not dev_eui:
        return Refusal(Reason.MALFORMED, "no deviceInfo.devEui")
    observed_at = parse_time(event.get("time"))
    if observed_at is None:
        return Refusal(Reason.MALFORMED, "no time")
    try:
        uplink = _uplink(event, observed_at)
    except NotAFrame as fault:
        return Refusal(Reason.MALFORMED, str(fault))
    observations, refusals = decode_fields(member(event, "object"), observed_at)
    signal = uplink.health if observations else ()
    return Decoded(tuple(first_of_each([*observations, *signal])), tuple(refusals), dev_eui.lower(), uplink)


def _uplink(event: dict[str, Any], observed_at: datetime) -> Uplink:
    session = parse_session(event.get("devAddr"))
    f_cnt = parse_counter(event.get("fCnt"), "fCnt", F_CNT_MAX)
    f_port = parse_counter(event.get("fPort"), "fPort", F_PORT_MAX)
    payload = parse_payload(event.get("data"), "data")
    tags = member(member(event, "deviceInfo"), "tags")
    signal = tuple(best_signal(event.get("rxInfo"), observed_at))
    lora = member(member(member(event, "txInfo"), "modulation"), "lora")
    return Uplink(
        session,
        f_cnt,
        f_port,
        payload,
        observed_at,
        name_device(tags.get("brand"), tags.get("model")),
        signal,
        parse_receptions(event.get("rxInfo"), lambda one: one.get("gatewayId")),
        parse_spreading_factor(lora.get("spreadingFactor")),
    )
