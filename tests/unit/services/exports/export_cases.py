"""Labels and batches of a few lines, as the store gives them."""

from __future__ import annotations

from datetime import UTC, date, datetime
from typing import Any

import pyarrow as pa

from core.places import Origin
from core.store.history import DAYS, READINGS, SeriesLabel
from services.exports.labels import Labels

T0 = datetime(2026, 3, 2, 8, 10, tzinfo=UTC)


def label(series_id: int = 41, metric: str = "co2_ppm", **told: Any) -> SeriesLabel:
    """Return the label of a series in a school."""
    usual: dict[str, Any] = {
        "external_id": "a81758fffe03d1b2",
        "sensor": "Salle 2",
        "site_code": "ecole-a",
        "site": "École A",
        "commune_insee": "93051",
        "commune": "Noisy-le-Grand",
        "origin": Origin.FIELD,
        "longitude": 2.55,
        "latitude": 48.84,
        "interval_s": None,
    }
    return SeriesLabel(series_id, metric, **usual | told)


def readings(*lines: tuple[int, datetime, float, int, int, datetime]) -> pa.RecordBatch:
    """Return readings as the store gives them: series, when, value, quality, flags, received."""
    columns = zip(*lines, strict=True) if lines else [()] * len(READINGS)
    return pa.RecordBatch.from_arrays(
        [pa.array(column, field.type) for column, field in zip(columns, READINGS, strict=True)], schema=READINGS
    )


def one_reading(value: float = 812.5, *, at: datetime = T0, quality: int = 0, flags: int = 0) -> pa.RecordBatch:
    """Return one reading of the series 41, received a little after it was observed."""
    return readings((41, at, value, quality, flags, at.replace(microsecond=250_000)))


def one_day(**told: Any) -> pa.RecordBatch:
    """Return the roll-up of one local day of the series 41."""
    usual: dict[str, Any] = {
        "series_id": 41,
        "day": date(2026, 3, 29),
        "count": 138,
        "good": 136,
        "slots": 137,
        "hours": 23,
        "hours_valid": 22,
        "mean": 612.25,
        "low": 400.0,
        "high": 900.5,
        "last": 410.0,
        "increment": None,
        "known_s": None,
        "rolled_at": T0,
    }
    return pa.RecordBatch.from_pylist([usual | told], schema=DAYS)


def labels(*told: SeriesLabel) -> Labels:
    """Return labels; without any, that of the series 41."""
    return Labels(told or (label(),))
