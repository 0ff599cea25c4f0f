"""What the others nearby do: the series of the same site, or of the same commune where a series is alone on its site.

Each of the others is divided by its own scale of then, so that a kiosk counts as much as a town hall. Computed for
all series and steps at once, then looked up; nothing from a row's ``known`` on is looked at.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from models.features.calendar import Calendar
from models.features.lags import same_slot
from models.features.past import Columns, Sums, scales
from models.features.rows import Rows
from models.history import Floats, History, Indices

NEIGHBOUR_COLUMNS: tuple[str, ...] = (
    "neighbours_slot_d1",
    "neighbours_slot_d7",
    "neighbours_level_3h",
    "neighbours_week_error_3h",
    "neighbours_week_error_24h",
)


def neighbour_columns(history: History, rows: Rows, calendar: Calendar) -> Columns:
    """Return the mean of the others' values at the slot a day and a week ago, their recent level and its change."""
    others = others_of(history)
    if others is None or not len(rows):
        nothing = np.full(len(rows), np.nan)
        return dict.fromkeys(NEIGHBOUR_COLUMNS, nothing)
    sums, hour, day = Sums(others), history.steps_per_hour, history.steps_per_day

    def mean(hours: int, days_before: int) -> Floats:
        start = rows.origin - days_before * day - hours * hour
        return sums.mean(rows.series, start, rows.known - days_before * day)

    def slot(days: int) -> Floats:
        index = same_slot(history, rows, calendar, days)
        known = (index >= 0) & (index < rows.known)
        return np.where(known, others[rows.series, np.where(known, index, 0)], np.nan)

    level = mean(3, 0)
    columns = (slot(1), slot(7), level, level - mean(3, 7), mean(24, 0) - mean(24, 7))
    return dict(zip(NEIGHBOUR_COLUMNS, columns, strict=True))


def others_of(history: History) -> Floats | None:
    """Return the mean scaled value of each series' neighbours, shape (series, steps); None where nobody has any."""
    if history.around is None or history.length == 0:
        return None
    communes, sites = history.around.communes, history.around.sites
    by_site, by_commune = (
        _groups(list(zip(communes, sites, strict=True))),
        _groups([(commune,) for commune in communes]),
    )
    if (np.bincount(by_commune) < 2).all():
        return None
    scaled = history.values / scales(history)[:, :-1]
    alone = np.bincount(by_site)[by_site] < 2
    return np.where(alone[:, None], _mean_of_others(scaled, by_commune), _mean_of_others(scaled, by_site))


def _groups(labels: Sequence[tuple[str, ...]]) -> Indices:
    """Return the number of each label's group."""
    numbers = {label: number for number, label in enumerate(sorted(set(labels)))}
    return np.array([numbers[label] for label in labels], dtype=np.int64)


def _mean_of_others(values: Floats, group: Indices) -> Floats:
    """Return for each series the mean of its group without itself, NaN where none of them has a value."""
    known = np.isfinite(values)
    filled = np.where(known, values, 0.0)
    order = np.argsort(group, kind="stable")
    starts = np.flatnonzero(np.diff(group[order], prepend=-1))
    total = np.add.reduceat(filled[order], starts, axis=0)
    count = np.add.reduceat(known[order].astype(np.int32), starts, axis=0)
    left = count[group] - known
    return np.where(left > 0, (total[group] - filled) / np.maximum(left, 1), np.nan)
