"""Rows of a table of readings become SenML packs, one for each sensor and instant. Pure.

=============  ==============================================================================================
external_id    of an adopted sensor
observed_at    RFC 3339 or ``YYYY-MM-DD HH:MM[:SS]``; ``DD/MM/YYYY HH:MM[:SS]`` too
value          a number; in text, with a point or a comma
metric         ``co2_ppm``: the value is in its stored unit unless the row says another; or
quantity       ``co2``: the SenML name, with ``unit``
unit           optional with a metric
=============  ==============================================================================================
"""

from __future__ import annotations

import json
import math
import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from zoneinfo import ZoneInfo

from core.clock import EPOCH, parse_instant
from core.errors import NaiveDatetime
from core.metrics import METRICS
from core.readings import Message
from ingestors.files.chunk import Context, Entry, Fault, FileUnfit
from ingestors.units import sent_unit

NEEDED = ("external_id", "observed_at", "value")
NAMES = ("metric", "quantity")
COLUMNS = (*NEEDED, *NAMES, "unit")
_YEARS_END = 9_999
_NUMBER = re.compile(r"[+-]?(\d+([.,]\d*)?|[.,]\d+)([eE][+-]?\d+)?")
_FRENCH_DATE = re.compile(r"(\d{2})/(\d{2})/(\d{4})[ T]+(.+)")

Cell = str | float | bool | datetime | None
Row = Mapping[str, Cell]


class _RowUnfit(ValueError):
    """A row is no reading; its text says why."""


@dataclass(frozen=True, slots=True)
class _Measured:
    """One row, understood: whose, when, and its SenML record."""

    topic: str
    observed_at: datetime
    record: dict[str, str | float]


def check_columns(names: Iterable[str]) -> None:
    """Raise `FileUnfit` when a table lacks what a reading needs."""
    have = set(names)
    missing = [name for name in NEEDED if name not in have]
    if not have & set(NAMES):
        missing.append("metric or quantity")
    if missing:
        raise FileUnfit(f"the table has no column {', '.join(missing)}; its columns are {', '.join(sorted(have))}")


def pack_rows(rows: Iterable[tuple[int, Row]], context: Context) -> tuple[list[Entry], list[Fault]]:
    """Return the messages of numbered rows, in order of their first rows, and the rows that are no readings."""
    packs: dict[tuple[str, datetime], list[dict[str, str | float]]] = {}
    lines: dict[tuple[str, datetime], int] = {}
    faults: list[Fault] = []
    for line, row in rows:
        try:
            measured = _measured(row, context)
        except _RowUnfit as unfit:
            faults.append(Fault(line, str(unfit)))
        else:
            key = measured.topic, measured.observed_at
            lines.setdefault(key, line)
            packs.setdefault(key, []).append(measured.record)
    return [Entry(lines[key], _message(*key, records, context)) for key, records in packs.items()], faults


def _message(topic: str, observed_at: datetime, records: list[dict[str, str | float]], context: Context) -> Message:
    time_s = observed_at.timestamp()
    pack = [{"bt": int(time_s) if time_s.is_integer() else time_s}, *records]
    payload = json.dumps(pack, separators=(",", ":"), allow_nan=False).encode()
    return Message(topic, payload, context.received_at, len(payload))


def _measured(row: Row, context: Context) -> _Measured:
    external_id = _text(row, "external_id").lower()
    topic = context.topic_of(external_id)
    if topic is None:
        raise _RowUnfit(f"no adopted sensor is called {external_id!r}")
    observed_at = _instant(row.get("observed_at"), context.zone)
    if observed_at < EPOCH:
        raise _RowUnfit(f"observed before the year {EPOCH.year}, or never")
    return _Measured(topic, observed_at, _record(row) | {"v": _number(row.get("value"))})


def _record(row: Row) -> dict[str, str | float]:
    unit = _text(row, "unit", needed=False)
    name = _text(row, "metric", needed=False)
    metric = METRICS.get(name)
    if metric is not None:
        quantity, unit = metric.quantity, unit or sent_unit(metric)
    else:
        # A metric that is none is for the pipeline to refuse, as it would be live.
        quantity = name or _text(row, "quantity")
    return {"n": quantity, "u": unit} if unit else {"n": quantity}


def _text(row: Row, name: str, *, needed: bool = True) -> str:
    cell = row.get(name)
    text = "" if cell is None else str(cell).strip()
    if needed and not text:
        raise _RowUnfit(f"{name} is empty")
    return text


def _number(cell: Cell) -> float:
    if isinstance(cell, str):
        # Spaces of every width group thousands in French tables.
        text = "".join(cell.split())
        if not _NUMBER.fullmatch(text):
            raise _RowUnfit(f"value {cell.strip()[:40]!r} is not a number" if text else "value is empty")
        cell = float(text.replace(",", "."))
    if isinstance(cell, bool) or not isinstance(cell, int | float) or not math.isfinite(cell):
        raise _RowUnfit("value is not a number")
    return float(cell)


def _instant(cell: Cell, zone: ZoneInfo | None) -> datetime:
    if isinstance(cell, datetime):
        told = cell
    else:
        text = "" if cell is None else str(cell).strip()
        french = _FRENCH_DATE.fullmatch(text)
        text = "{2}-{1}-{0}T{3}".format(*french.groups()) if french else text
        try:
            return parse_instant(text)
        except NaiveDatetime:
            told = datetime.fromisoformat(text)
        except (ValueError, OverflowError):
            raise _RowUnfit(
                f"observed_at {text[:40]!r} is not a date and time" if text else "observed_at is empty"
            ) from None
    if not EPOCH.year <= told.year < _YEARS_END:
        raise _RowUnfit(f"observed before the year {EPOCH.year}, or never")
    if told.tzinfo is not None:
        return told.astimezone(UTC)
    if zone is None:
        raise _RowUnfit("observed_at has no offset: say in which zone it is told (--zone)")
    return _of_zone(told, zone)


def _of_zone(told: datetime, zone: ZoneInfo) -> datetime:
    """Return the one instant that a local time means; in the hours that a clock change skips or repeats, none."""
    first, second = (told.replace(tzinfo=zone, fold=fold).astimezone(UTC) for fold in (0, 1))
    if first != second:
        raise _RowUnfit(f"{told.isoformat()} is no single instant in {zone.key}: its clocks change then")
    return first
