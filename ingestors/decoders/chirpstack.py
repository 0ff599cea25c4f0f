"""ChirpStack v4 uplink events, with the payload already decoded by the device profile's codec.

::

    {deduplicationId, time, deviceInfo {devEui, deviceName, tags ...}, devAddr, adr, dr, fCnt, fPort, confirmed,
     data base64, object {name: value}, rxInfo [{gatewayId, rssi, snr ...}], txInfo {...}}

One frame of the documented shape (``tests/captures/chirpstack/normal.json``)::

    {"deduplicationId":"3ac7e3c4-4401-4b8d-9386-a5c902f9202d","time":"2026-03-02T09:00:00.433492+00:00",
     "deviceInfo":{"devEui":"0101010101010101"},"fPort":1,"object":{"fill_level":62}}

Observed at ``time``. Zero, false and empty fields are absent from the envelope: no ``fCnt`` is 0.
"""

from __future__ import annotations

from datetime import datetime

from core.readings import Reason
from ingestors.decoders.fields import best_signal, decode_fields, first_of_each
from ingestors.decoders.frame import Decoded, Refusal, member, parse_json, parse_time


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
    observations, refusals = decode_fields(member(event, "object"), observed_at)
    if not observations and not refusals:
        return Refusal(Reason.NO_READING, "no field of object is known to Vigie")
    signal = best_signal(event.get("rxInfo"), observed_at)
    return Decoded(tuple(first_of_each([*observations, *signal])), tuple(refusals), dev_eui.lower())
