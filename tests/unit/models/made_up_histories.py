"""Small made-up histories that the tests of the forecasting room share."""

from __future__ import annotations

from datetime import UTC, datetime

import numpy as np

from core.metrics import metric_named
from models.history import Floats, History

START = datetime(2026, 1, 5, tzinfo=UTC)


def history_of(values: Floats, metric: str = "power_kw", start: datetime = START) -> History:
    """Return a history of these values, shape (series, steps), known to its end."""
    row = metric_named(metric)
    assert row.plan is not None
    end = start + values.shape[1] * row.plan.step
    return History(row, row.plan, tuple(range(1, len(values) + 1)), start, end, values)


def building_loads(series: int, days: int, seed: int = 1) -> Floats:
    """Return hourly loads in kW with working hours, weekends and noise that grows with the load."""
    random = np.random.default_rng(seed)
    hours = np.arange(days * 24)
    works = ((hours // 24) % 7 < 5) & (hours % 24 >= 8) & (hours % 24 < 18)
    shape = np.where(works, 3.0, 1.0) * (1 + 0.2 * np.sin(hours / 24 * 2 * np.pi))
    levels = 20.0 * 2.0 ** np.arange(series)[:, None]
    drift = np.repeat(random.normal(0, 0.1, (series, days)), 24, axis=1)
    return levels * shape * (1 + drift) * (1 + random.normal(0, 0.08, (series, len(hours))))


def loads_history(series: int = 3, days: int = 35, seed: int = 1) -> History:
    """Return a history of `building_loads`."""
    return history_of(building_loads(series, days, seed))
