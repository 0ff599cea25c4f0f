"""Native payloads: SenML packs in JSON (RFC 8428).

::

    [ {"bn": base name, "bt": base time s, "bu": base unit, "bv": base value,   carried over to what follows
       "n": quantity, "u": unit, "v": number | "vb": boolean, "t": time s},
      {"n": ..., "v": ...}, ... ]

    value = bv + v        time = bt + t        times below 2**28 s are relative to the reception

One observed frame, of an indoor air sensor of the simulator::

    [{"bt":1772442000},{"n":"co2","v":612.0,"u":"ppm"},{"n":"temperature","v":20.4,"u":"Cel"}]

``n`` is the quantity of a metric (``core.metrics``), after an optional device prefix that ends with ``:`` or ``/``;
the topic says which sensor it is. A sender without a clock may leave the time out: its message, should the broker
deliver it twice around a crash of ours, may then count twice.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from core.clock import EPOCH
from core.metrics import BY_QUANTITY, Metric, Nature
from core.readings import Reason
from ingestors.decoders.frame import READINGS_MAX, Decoded, Observation, Refusal, parse_json, parse_number
from ingestors.units import sent_unit, to_stored

RELATIVE_BELOW_S = 2**28
_VERSION_MAX = 10
_UNIX_EPOCH_S = EPOCH.timestamp()
_FIELDS = {"bn": str, "bu": str, "n": str, "u": str, "vs": str, "vd": str, "vb": bool}
_NUMBERS = ("bt", "bv", "t", "v", "bs", "s", "ut", "bver")


class _Malformed(Exception):
    """A record breaks RFC 8428."""


@dataclass(slots=True)
class _Carried:
    """The base fields as they stand at a record: what earlier records carry over to it."""

    name: str = ""
    time_s: float = 0.0
    unit: str | None = None
    value: float = 0.0

    def take(self, record: dict[str, Any]) -> None:
        self.name = record.get("bn", self.name)
        self.time_s = float(record.get("bt", self.time_s))
        self.unit = record.get("bu", self.unit)
        self.value = float(record.get("bv", self.value))


def decode_senml(payload: bytes, received_at: datetime) -> Decoded | Refusal:
    """Decode one SenML pack."""
    pack = parse_json(payload)
    if isinstance(pack, Refusal):
        return pack
    if not isinstance(pack, list) or not all(isinstance(record, dict) for record in pack):
        return Refusal(Reason.MALFORMED, "a SenML pack is an array of objects")
    if len(pack) > READINGS_MAX:
        return Refusal(Reason.MALFORMED, f"{len(pack)} records, at most {READINGS_MAX} are taken")
    base = _Carried()
    observations: list[Observation] = []
    refusals: list[Refusal] = []
    try:
        for record in pack:
            _check(record)
            base.take(record)
            if not {"n", "v", "vb", "vs", "vd", "s"} & record.keys():
                continue
            found = _resolve(base, record, received_at)
            if isinstance(found, Refusal):
                refusals.append(found)
            else:
                observations.append(found)
    except _Malformed as error:
        return Refusal(Reason.MALFORMED, str(error))
    if not observations and not refusals:
        return Refusal(Reason.NO_READING, "the pack holds no value")
    return Decoded(tuple(observations), tuple(refusals))


def _check(record: dict[str, Any]) -> None:
    for name, expected in _FIELDS.items():
        if name in record and not isinstance(record[name], expected):
            raise _Malformed(f"{name} has the wrong type")
    for name in _NUMBERS:
        if name in record and parse_number(record[name]) is None:
            raise _Malformed(f"{name} is not a finite number")
    if record.get("bver", _VERSION_MAX) > _VERSION_MAX:
        raise _Malformed("a SenML version later than 10")
    if any(name.endswith("_") for name in record):
        raise _Malformed("a field that must be understood is not")


def _resolve(base: _Carried, record: dict[str, Any], received_at: datetime) -> Observation | Refusal:
    full_name = base.name + record.get("n", "")
    quantity = re.split(r"[:/]", full_name)[-1]
    metric = BY_QUANTITY.get(quantity)
    if metric is None:
        return Refusal(Reason.UNKNOWN_METRIC, f"no metric has the quantity {quantity!r}")
    if "v" in record:
        value = base.value + float(record["v"])
    elif "vb" in record and metric.nature is Nature.STATE:
        value = float(record["vb"])
    else:
        return Refusal(Reason.NO_READING, f"{quantity} has no numeric value")
    unit = record.get("u", base.unit)
    if "vb" in record or (unit is None and metric.nature is Nature.STATE):
        unit = ""
    stored = to_stored(metric, value, unit) if unit is not None else None
    if stored is None:
        said = "no unit" if unit is None else f"the unit {unit!r}"
        return Refusal(Reason.UNKNOWN_UNIT, f"{quantity} with {said}")
    observed_at = _instant(base.time_s + float(record.get("t", 0)), received_at)
    if observed_at is None:
        return Refusal(Reason.MALFORMED, f"{quantity} at an impossible time")
    return Observation(metric, observed_at, stored)


def _instant(time_s: float, received_at: datetime) -> datetime | None:
    try:
        if time_s < RELATIVE_BELOW_S:
            return received_at + timedelta(microseconds=round(time_s * 1e6))
        return EPOCH + timedelta(microseconds=round((time_s - _UNIX_EPOCH_S) * 1e6))
    except OverflowError:
        return None


def format_pack(observed_at: datetime, values: Iterable[tuple[Metric, float]]) -> bytes:
    """Format the values of one sensor at one instant as a pack, in units that need no conversion."""
    time_s = observed_at.timestamp()
    records = [
        {"n": metric.quantity, "v": value} | ({"u": unit} if (unit := sent_unit(metric)) else {})
        for metric, value in values
    ]
    pack = [{"bt": int(time_s) if time_s.is_integer() else time_s}, *records]
    return json.dumps(pack, separators=(",", ":"), allow_nan=False).encode()
