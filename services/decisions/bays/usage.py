"""How bays are used: occupied time per local hour of the week, lengths of stays, and stays beyond the rule.

Nothing that fewer than five stays stand behind is published: it is None.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from services.decisions.bays.local import DAY_S, HOUR_S, WEEK_HOURS, instant_of, iso_weekday, local_days, week_hours
from services.decisions.bays.policy import Bay
from services.decisions.bays.situation import Seconds
from services.decisions.bays.timeline import Floats, Stays, Timeline

STAYS_PUBLISHED_MIN = 5
DWELL_EDGES_MIN = (*range(0, 95, 5), 120, 1_440)
LEECH_MIN = 120
"""A stay beyond two hours (in French *ventouse*) is no delivery."""


@dataclass(frozen=True, slots=True, eq=False)
class WeekUse:
    """Use per local hour of the week, 168 cells from Monday 00:00.

    Parameters
    ----------
    known_s, occupied_s
        Place-seconds whose state is known; of them occupied.
    stays, arrivals
        Stays that touch the cell; arrivals seen in it.
    """

    known_s: Floats
    occupied_s: Floats
    stays: Floats
    arrivals: Floats

    def __add__(self, other: WeekUse) -> WeekUse:
        return WeekUse(
            self.known_s + other.known_s,
            self.occupied_s + other.occupied_s,
            self.stays + other.stays,
            self.arrivals + other.arrivals,
        )

    @classmethod
    def none(cls) -> WeekUse:
        """Return the use of no place."""
        return cls(*(np.zeros(WEEK_HOURS) for _ in range(4)))

    def published(self) -> list[float | None]:
        """Return the share of time occupied of each cell, None under five stays."""
        shares = np.divide(self.occupied_s, self.known_s, out=np.zeros(WEEK_HOURS), where=self.known_s > 0)
        return [
            round(share, 3) if stays >= STAYS_PUBLISHED_MIN else None
            for share, stays in zip(shares.tolist(), self.stays.tolist(), strict=True)
        ]


def week_use(place: Timeline) -> WeekUse:
    """Return the use of one place."""
    lengths_s, cells, owner = _by_hour(place.start_s, place.end_s)
    taken = place.occupied[owner] == 1
    stays = place.stays()
    arrivals = week_hours(stays.start_s[stays.began])
    return WeekUse(
        _summed(cells, lengths_s),
        _summed(cells[taken], lengths_s[taken]),
        _summed(cells[taken], np.ones(int(taken.sum()))),
        _summed(arrivals, np.ones(len(arrivals))),
    )


def _summed(cells: Seconds, weights: NDArray[np.generic]) -> Floats:
    sums: Floats = np.bincount(cells, weights=weights.astype(np.float64), minlength=WEEK_HOURS).astype(np.float64)
    return sums


def _by_hour(start_s: Seconds, end_s: Seconds) -> tuple[Seconds, Seconds, Seconds]:
    """Cut intervals at the hours; return each piece's length, hour of the week, and interval."""
    first, last = start_s // HOUR_S, (end_s - 1) // HOUR_S
    pieces = last - first + 1
    owner = np.repeat(np.arange(len(start_s)), pieces)
    nth = np.arange(len(owner)) - np.repeat(np.cumsum(pieces) - pieces, pieces)
    hour_s = (first[owner] + nth) * HOUR_S
    lengths_s = np.minimum(end_s[owner], hour_s + HOUR_S) - np.maximum(start_s[owner], hour_s)
    return lengths_s, week_hours(hour_s), owner


def judged_s(bay: Bay, stays: Stays) -> Seconds:
    """Return how long each stay stood while the bay's rule held, in seconds; 0 where it is not judged.

    A stay over two days is judged by the longer part. Days off the rule and market days are not judged.
    """
    if not len(stays.start_s):
        return np.zeros(0, dtype=np.int64)
    days = local_days(stays.start_s)
    first = int(days.min())
    rules = np.array([_regulated_s(bay, day) for day in range(first, int(days.max()) + 2)], dtype=np.int64)
    longest = np.zeros(len(days), dtype=np.int64)
    for later in (0, 1):
        opening, closing = rules[days - first + later].T
        overlap = np.minimum(stays.end_s, closing) - np.maximum(stays.start_s, opening)
        longest = np.maximum(longest, overlap)
    return longest


def _regulated_s(bay: Bay, day: int) -> tuple[int, int]:
    weekday = iso_weekday(day)
    if weekday not in bay.regulated_days or weekday in bay.market_days:
        return 0, 0
    return instant_of(day, bay.regulated_from_hour), instant_of(day, bay.regulated_until_hour)


@dataclass(frozen=True, slots=True)
class Dwell:
    """Lengths of a bay's whole stays, and how they keep its rule; a figure that under five stays carry is None.

    Parameters
    ----------
    stays, judged
        Whole stays; of them those that stood while the rule held.
    median_min
        Median length.
    over
        Judged stays beyond the rule; ``over_ratio`` their share, ``over_low_ratio`` what it surely exceeds.
    over_median_min
        Median of their excess.
    leech_ratio
        Share of judged stays over two hours.
    histogram
        Stays by length, between the edges of `DWELL_EDGES_MIN`.
    """

    stays: int
    judged: int
    over: int
    median_min: float | None
    over_ratio: float | None
    over_low_ratio: float | None
    over_median_min: float | None
    leech_ratio: float | None
    histogram: tuple[int | None, ...]


def dwell(bay: Bay, places: Sequence[Timeline]) -> Dwell:
    """Return the lengths of a bay's stays, over all its places."""
    parts = [place.stays() for place in places]
    lengths_min = np.concatenate([part.length_s[part.complete] for part in parts]) / 60
    judged_min = np.concatenate([judged_s(bay, part)[part.complete] for part in parts]) / 60
    judged_min = judged_min[judged_min > 0]
    excess = judged_min[judged_min > bay.max_stay_min] - bay.max_stay_min
    enough = len(judged_min) >= STAYS_PUBLISHED_MIN
    counts, _ = np.histogram(lengths_min, bins=DWELL_EDGES_MIN)
    return Dwell(
        stays=len(lengths_min),
        judged=len(judged_min),
        over=len(excess),
        median_min=_median(lengths_min),
        over_ratio=round(len(excess) / len(judged_min), 4) if enough else None,
        over_low_ratio=wilson_low(len(excess), len(judged_min)) if enough else None,
        over_median_min=_median(excess),
        leech_ratio=round(float(np.mean(judged_min > LEECH_MIN)), 4) if enough else None,
        histogram=tuple(count if count >= STAYS_PUBLISHED_MIN else None for count in counts.tolist()),
    )


def wilson_low(hits: int, of: int) -> float:
    """Return the lower end of Wilson's 80 % interval of a share (Wilson 1927, doi 10.2307/2276774)."""
    z, share = 1.2816, hits / of
    spread = z * np.sqrt(share * (1 - share) / of + z * z / (4 * of * of))
    return round(float(max((share + z * z / (2 * of) - spread) / (1 + z * z / of), 0.0)), 4)


def _median(values: NDArray[np.float64]) -> float | None:
    return round(float(np.median(values)), 1) if len(values) >= STAYS_PUBLISHED_MIN else None


def arrivals_between(places: Sequence[Timeline], from_s: int, until_s: int) -> int:
    """Return how many stays began in ``[from_s, until_s)``."""
    return sum(
        int(np.sum((stays.start_s >= from_s) & (stays.start_s < until_s) & stays.began))
        for stays in (place.stays() for place in places)
    )


def whole_days(places: Sequence[Timeline]) -> int:
    """Return how many days of known time the best known of these places has."""
    return max((int((place.end_s - place.start_s).sum()) // DAY_S for place in places), default=0)
