"""Native payloads: SenML packs in JSON (RFC 8428).

::

    [ {"bn": base name, "bt": base time s, "bu": base unit, "bv": base value,   carried over to what follows
       "n": quantity, "u": unit, "v": number | "vb": boolean, "t": time s},
      {"n": ..., "v": ...}, ... ]

    value = bv + v        time = bt + t        times below 2**28 s are relative to the reception

One observed frame, of an indoor air sensor of the simulator::

    [{"bt":1772442000},{"n":"co2","v":612.0,"u":"ppm"},{"n":"temperature","v":20.4,"u":"Cel"}]

``n`` is the quantity of a metric (``core.metrics``), after an optional device prefix that ends with ``:`` or ``/``;
the topic says which sensor it is. A sender without a clock may leave the time out: what it says was true when we
received it first, which the store remembers by the MQTT packet (``core.store.timeless``).
"""

from __future__ import annotations

import json
import math
from collections.abc import Iterable, Sequence
from datetime import datetime, timedelta
from typing import Annotated, TypeAlias

import msgspec
from msgspec import UNSET, UnsetType

from core.clock import EPOCH
from core.metrics import BY_QUANTITY, Metric, Nature
from core.readings import Reason
from ingestors.decoders.frame import READINGS_MAX, Decoded, Observation, Refusal
from ingestors.units import CONVERSIONS, sent_unit

VERSION = 2
"""Rises with each change of what a pack gives; 2: a lone surrogate in a text is malformed."""
RELATIVE_BELOW_S = 2**28
_UNIX_EPOCH_S = EPOCH.timestamp()

_Text: TypeAlias = str | UnsetType
_Number: TypeAlias = float | UnsetType


class _Record(msgspec.Struct, gc=False):
    """A record as RFC 8428 types it: JSON's null, a number in quotes or one beyond a float's range is not taken."""

    bn: _Text = UNSET
    bt: _Number = UNSET
    bu: _Text = UNSET
    bv: _Number = UNSET
    bs: _Number = UNSET
    bver: Annotated[float, msgspec.Meta(le=10)] | UnsetType = UNSET
    n: _Text = UNSET
    u: _Text = UNSET
    v: _Number = UNSET
    vb: bool | UnsetType = UNSET
    vs: _Text = UNSET
    vd: _Text = UNSET
    s: _Number = UNSET
    t: _Number = UNSET
    ut: _Number = UNSET


_PACK = msgspec.json.Decoder(list[_Record])
_ANY_PACK = msgspec.json.Decoder(list[dict[str, object]])


def _taken() -> dict[tuple[str, str | None], tuple[Metric, float, float]]:
    taken: dict[tuple[str, str | None], tuple[Metric, float, float]] = {}
    for quantity, metric in BY_QUANTITY.items():
        for unit, (factor, offset) in CONVERSIONS[metric.name].items():
            taken[quantity, unit] = (metric, factor, offset)
        if metric.nature is Nature.STATE:
            taken[quantity, None] = (metric, 1.0, 0.0)
    return taken


_TAKEN = _taken()
"""(quantity, unit or None where none is said) to the metric, and how its stored value comes from the one sent."""


def decode_senml(payload: bytes, received_at: datetime) -> Decoded | Refusal:  # noqa: C901 - each base field is carried over by itself; a call for each record would cost a tenth
    """Decode one SenML pack."""
    try:
        pack = _PACK.decode(payload)
        _refuse_pack(pack, payload)
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError) as error:
        return Refusal(Reason.MALFORMED, _fault(error))
    observations: list[Observation] = []
    refusals: list[Refusal] = []
    timeless, instant_s, instant = False, math.nan, None
    base_name, base_unit, base_value, base_s = "", None, 0.0, 0.0
    for record in pack:
        # Base fields are carried over to what follows; a record without a value only does that.
        if record.bt is not UNSET:
            base_s = record.bt
        if record.bn is not UNSET:
            base_name = record.bn
        if record.bu is not UNSET:
            base_unit = record.bu
        if record.bv is not UNSET:
            base_value = record.bv
        if record.n is UNSET and not _has_value(record):
            continue
        at_s = base_s if record.t is UNSET else base_s + record.t
        if at_s != instant_s:
            instant_s, instant = at_s, _instant(at_s, received_at)
            timeless = timeless or at_s < RELATIVE_BELOW_S
        name = base_name if record.n is UNSET else base_name + record.n
        found = _resolve(record, name, base_unit if record.u is UNSET else record.u, base_value)
        if isinstance(found, Refusal):
            refusals.append(found)
        elif instant is None:
            refusals.append(Refusal(Reason.MALFORMED, f"{_quantity(name)} at an impossible time"))
        else:
            observations.append(Observation(found[0], instant, found[1]))
    if not observations and not refusals:
        return Refusal(Reason.NO_READING, "the pack holds no value")
    return Decoded(observations, refusals, timeless=timeless)


def _refuse_pack(pack: Sequence[_Record], payload: bytes) -> None:
    """Raise what the types do not say."""
    if len(pack) > READINGS_MAX:
        raise msgspec.ValidationError(f"{len(pack)} records, at most {READINGS_MAX} are taken")
    # RFC 8428, 4.4: a field that ends with _ must be understood; the typed decoder passes over what it does not know.
    # Only a payload that may hold such a name, plainly or escaped, is looked through.
    suspect = b'_"' in payload or b"\\u" in payload
    if suspect and any(name.endswith("_") for record in _ANY_PACK.decode(payload) for name in record):
        raise msgspec.ValidationError("a field that must be understood is not")


def _fault(error: Exception) -> str:
    if isinstance(error, RecursionError):
        return "JSON nested too deeply"
    if isinstance(error, UnicodeDecodeError):
        return "not UTF-8"
    return f"not SenML: {error}" if isinstance(error, msgspec.ValidationError) else f"not JSON: {error}"


def _has_value(record: _Record) -> bool:
    return any(value is not UNSET for value in (record.v, record.vb, record.vs, record.vd, record.s))


def _resolve(record: _Record, name: str, unit: str | None, base: float) -> tuple[Metric, float] | Refusal:
    """Return which metric a record speaks of, and its value in the stored unit."""
    said = unit if record.vb is UNSET else None
    # Most names are a quantity and nothing else.
    taken = _TAKEN.get((name, said)) or _TAKEN.get((_quantity(name), said))
    if taken is not None:
        metric, factor, offset = taken
        if record.v is not UNSET:
            return metric, (base + record.v) * factor + offset
        if record.vb is not UNSET:
            return metric, float(record.vb)
    quantity = _quantity(name)
    if quantity not in BY_QUANTITY:
        return Refusal(Reason.UNKNOWN_METRIC, f"no metric has the quantity {quantity!r}")
    if record.v is UNSET:
        return Refusal(Reason.NO_READING, f"{quantity} has no numeric value")
    return Refusal(Reason.UNKNOWN_UNIT, f"{quantity} with " + ("no unit" if unit is None else f"the unit {unit!r}"))


def _quantity(name: str) -> str:
    """Return a name without its device prefix, which ends with ``:`` or ``/``."""
    return name.replace("/", ":").rpartition(":")[2]


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
