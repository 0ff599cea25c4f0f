"""The steps of forecasts on their way into the store: as PostgreSQL's binary COPY takes them, in one buffer.

As `core.store.staging` does it; what is missing has a length of -1 and no value there, so that rows that lack the same
are as long as each other.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from core.columns import to_microseconds
from core.forecasts import QUANTILES, Forecast
from core.store.staging import HEADER, TRAILER

_FIGURES = len(QUANTILES) + 2
"""The levels, the naive forecast and the mean."""
_MISSING = -1


def packed_steps(forecasts: Sequence[Forecast]) -> bytes:
    """Return the steps of forecasts: series, issue, start, the levels in order, the naive forecast, the mean."""
    lengths = [len(one.steps) for one in forecasts]
    series = np.repeat([one.series_id for one in forecasts], lengths)
    issued = np.repeat([to_microseconds(one.issued_at) for one in forecasts], lengths)
    steps = [step for one in forecasts for step in one.steps]
    valid = np.array([to_microseconds(step.valid_at) for step in steps], dtype=np.int64)
    figures = np.array([(*step.quantiles, step.naive, step.mean) for step in steps], dtype=np.float64)
    figures = figures.reshape(len(steps), _FIGURES)
    lacking = np.isnan(figures[:, -2:])
    parts = [HEADER]
    for pattern in np.unique(lacking, axis=0):
        some = (lacking == pattern).all(axis=1)
        told = np.append(np.ones(len(QUANTILES), dtype=np.bool_), ~pattern)
        rows = np.zeros(int(some.sum()), _row(told))
        rows["fields"] = 3 + _FIGURES
        rows["series_id_bytes"], rows["series_id"] = 4, series[some]
        rows["issued_at_bytes"], rows["issued_at"] = 8, issued[some]
        rows["valid_at_bytes"], rows["valid_at"] = 8, valid[some]
        for number, is_told in enumerate(told.tolist()):
            rows[f"figure_{number}_bytes"] = 8 if is_told else _MISSING
            if is_told:
                rows[f"figure_{number}"] = figures[some, number]
        parts.append(rows.tobytes())
    return b"".join((*parts, TRAILER))


def _row(told: np.ndarray[tuple[int], np.dtype[np.bool_]]) -> np.dtype[np.void]:
    """Return how a row lies that tells these figures."""
    columns = [("fields", ">i2")]
    for name, form in (("series_id", ">i4"), ("issued_at", ">i8"), ("valid_at", ">i8")):
        columns += [(f"{name}_bytes", ">i4"), (name, form)]
    for number, is_told in enumerate(told.tolist()):
        columns += [(f"figure_{number}_bytes", ">i4")]
        columns += [(f"figure_{number}", ">f8")] if is_told else []
    return np.dtype(columns)
