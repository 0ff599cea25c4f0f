"""Tracks from the store: the readings that evaluation looks at, calibrated, by series."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass

import numpy as np

from core.columns import MICROSECOND, Ints
from core.metrics import expected_interval
from core.quality.calibrations import lay_over
from core.quality.marks import codes_of
from core.quality.traces import HOUR_US
from core.store.calibrations import read_spans_of
from core.store.episodes import Watched
from core.store.foreseen import read_expected
from core.store.pool import Connection
from core.store.rhythms import read_rhythms
from core.store.touched import read_stored
from services.alarms.rhythm import Rhythm
from services.alarms.track import Track

READINGS_MAX = 500_000
"""About how many readings are in memory at once."""


@dataclass(frozen=True, slots=True)
class Zone:
    """What is read of a series: ``[first_us, last_us]`` in whole hours; with what was expected, where a rule asks."""

    watched: Watched
    first_us: int
    last_us: int
    end_us: int
    is_expected: bool = False


def interval_us_of(one: Watched) -> int:
    """Return how often a series should speak, microseconds."""
    return expected_interval(one.metric, one.interval_s) // MICROSECOND


def read_tracks(connection: Connection, zones: Sequence[Zone]) -> Iterator[tuple[Watched, Track]]:
    """Yield each series with its track, portion by portion."""
    for portion in _portions(zones):
        ids = [zone.watched.series_id for zone in portion]
        firsts = codes_of(np.array(ids), np.array([zone.first_us for zone in portion]))
        lasts = codes_of(np.array(ids), np.array([zone.last_us for zone in portion]))
        stored = read_stored(connection, firsts, lasts)
        gain, shift, _ = lay_over(read_spans_of(connection, ids), stored.series, stored.times)
        values = stored.raw * gain + shift
        rhythms = read_rhythms(connection, ids)
        order = np.array(ids)
        starts = np.searchsorted(stored.series, order)
        ends = np.searchsorted(stored.series, order, side="right")
        for zone, start, end in zip(portion, starts.tolist(), ends.tolist(), strict=True):
            rows = slice(start, end)
            times = stored.times[rows]
            low, high = read_expected(connection, zone.watched.series_id, times) if zone.is_expected else (None, None)
            yield (
                zone.watched,
                Track(
                    metric=zone.watched.metric,
                    observed=times,
                    value=values[rows],
                    quality=stored.quality[rows],
                    flags=stored.flags[rows],
                    interval_us=interval_us_of(zone.watched),
                    end_us=max(zone.end_us, int(times[-1])) if len(times) else zone.end_us,
                    expected_low=low,
                    expected_high=high,
                    rhythm=rhythm_of(rhythms, zone.watched.series_id),
                ),
            )


def rhythm_of(rhythms: Mapping[int, Sequence[tuple[int, int]]], series_id: int) -> Rhythm:
    """Return the rhythm of a series as conditions ask for it."""
    known: Ints = np.array(rhythms.get(series_id, []), dtype=np.int64).reshape(-1, 2)
    return Rhythm(known[:, 0], known[:, 1])


def _portions(zones: Sequence[Zone]) -> Iterator[list[Zone]]:
    portion: list[Zone] = []
    weight = 0
    for zone in sorted(zones, key=lambda one: one.watched.series_id):
        readings = max((zone.last_us - zone.first_us) // interval_us_of(zone.watched), HOUR_US // HOUR_US)
        if portion and weight + readings > READINGS_MAX:
            yield portion
            portion, weight = [], 0
        portion.append(zone)
        weight += readings
    if portion:
        yield portion
