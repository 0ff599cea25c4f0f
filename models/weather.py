"""The weather of many places as it was forecast, issue after issue: a row knows what was forecast by its origin."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import groupby

import numpy as np
import numpy.typing as npt

from core.columns import to_microseconds
from core.weather import HOUR, VARIABLES, WeatherIssue
from models.features.calendar import Floats32

Indices = npt.NDArray[np.int64]

_HOUR_US = int(HOUR.total_seconds()) * 1_000_000


@dataclass(frozen=True, slots=True, eq=False)
class Weather:
    """Forecasts of the weather in the order in which they became known.

    Parameters
    ----------
    places
        What a row of ``values`` is the weather of: INSEE codes.
    known_us, start_us
        Per issue: when it was known, ascending, and the start of its first hour; microseconds as in `core.columns`.
    values
        Shape (places, issues, hours, `VARIABLES`), NaN where nothing was forecast.
    """

    places: tuple[str, ...]
    known_us: Indices
    start_us: Indices
    values: Floats32

    @classmethod
    def of(cls, issues: Sequence[WeatherIssue]) -> Weather:
        """Lay issues side by side; those of several places that became known together are one.

        A place that an issue says nothing of keeps what was known of it before.
        """
        places = tuple(sorted({issue.commune_insee for issue in issues}))
        ordered = sorted(issues, key=lambda issue: (issue.received_at, issue.start))
        together = [list(alike) for _, alike in groupby(ordered, key=lambda issue: (issue.received_at, issue.start))]
        hours = max((len(issue.values) for issue in issues), default=0)
        values = np.full((len(places), len(together), hours, len(VARIABLES)), np.nan, dtype=np.float32)
        for at, alike in enumerate(together):
            for issue in alike:
                values[places.index(issue.commune_insee), at, : len(issue.values)] = issue.values
        known = np.array([to_microseconds(alike[0].received_at) for alike in together], dtype=np.int64)
        start = np.array([to_microseconds(alike[0].start) for alike in together], dtype=np.int64)
        for at in range(1, len(together)):
            silent = np.isnan(values[:, at]).all(axis=(1, 2))
            values[silent, at] = _moved(values[silent, at - 1], (start[at] - start[at - 1]) // _HOUR_US)
        return cls(places, known, start, values)

    def at(self, place: Indices, known_by_us: Indices, instant_us: Indices) -> Floats32:
        """Return the weather of instants as it was forecast by then, shape (rows, `VARIABLES`).

        Of the newest issue that was known; NaN where there was none, or where it does not reach so far. For an
        instant that has passed, ask by that instant: what was forecast for it at last.

        Parameters
        ----------
        place
            Per row, an index of ``places``; -1 for nowhere.
        known_by_us, instant_us
            Per row, in microseconds as in `core.columns`.
        """
        issue = np.searchsorted(self.known_us, known_by_us, side="right") - 1
        known = (issue >= 0) & (place >= 0)
        safe = np.where(known, issue, 0)
        if not len(self.known_us):
            return np.full((len(place), len(VARIABLES)), np.nan, dtype=np.float32)
        hour = (instant_us - self.start_us[safe]) // _HOUR_US
        known &= (hour >= 0) & (hour < self.values.shape[2])
        found = self.values[np.where(known, place, 0), safe, np.where(known, hour, 0)]
        return np.where(known[:, None], found, np.float32(np.nan))

    def colder(self, degrees: float) -> Weather:
        """Return the same weather with every temperature lower by so many degrees, to ask what would be then."""
        values = self.values.copy()
        values[..., VARIABLES.index("temperature_c")] -= degrees
        return Weather(self.places, self.known_us, self.start_us, values)


def _moved(values: Floats32, hours: int) -> Floats32:
    """Return forecasts, shape (places, hours, variables), as told from so many hours later on."""
    moved = np.full_like(values, np.nan)
    count = max(values.shape[1] - abs(hours), 0)
    if hours >= 0:
        moved[:, :count] = values[:, values.shape[1] - count :]
    else:
        moved[:, values.shape[1] - count :] = values[:, :count]
    return moved
