"""A sensor's quality at a glance: one state for each step of its last days, and what lies behind them."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import StrEnum

import numpy as np

from core.clock import Window
from core.columns import Floats, Ints, to_microseconds
from core.metrics import Family, metric_named
from core.places import Sensor, Series
from core.quality.completeness import HOUR, VALID_SHARE
from core.quality.traces import HOUR_US
from core.store.channels import read_channels
from core.store.pool import Connection
from core.store.quality_strip import Flagged, read_flagged, read_refused
from core.store.raw_frames import read_duplicates
from core.store.rollups import read_hours
from core.store.sensors import read_former_devices
from services.completeness import interval_of, life_of


class Stripe(StrEnum):
    """What a step of a sensor was like; the first that holds, in this order."""

    REFUSED = "refused"
    """A message was refused, and still is."""
    MISSING = "missing"
    """Fewer than three quarters of what was due came."""
    SUSPECT = "suspect"
    """A reading is not of good quality."""
    GOOD = "good"
    NONE = "none"
    """Nothing was due, and nothing came."""


@dataclass(frozen=True, slots=True, eq=False)
class ByStep:
    """What came of one series, by step; all of one length.

    Parameters
    ----------
    count, good
        Readings, and those of good quality.
    slots
        How many of the intervals that were due they stand for.
    due
        How many were; a fraction where the series speaks less than once a step.
    """

    count: Ints
    good: Ints
    slots: Ints
    due: Floats


@dataclass(frozen=True, slots=True)
class Strip:
    """A sensor's quality over a window.

    Parameters
    ----------
    stripes
        Start of each step, and what it was like; the last one may not be over.
    missing
        Readings that were due and did not come, of the series that lacks most.
    refused, duplicates
        Messages; when the newest of each came.
    """

    stripes: tuple[tuple[datetime, Stripe], ...]
    flags: tuple[Flagged, ...]
    missing: int
    refused: tuple[int, datetime | None]
    duplicates: tuple[int, datetime | None]


def read_strip(
    connection: Connection, sensor: Sensor, series: Sequence[Series], window: Window, step: timedelta
) -> Strip:
    """Return a sensor's quality in ``window``, which ends now; by steps of whole hours."""
    assert sensor.sensor_id is not None, "a sensor of the store has its id"
    measured = [one for one in series if metric_named(one.metric).family is not Family.HEALTH]
    starts = [window.start + number * step for number in range(-(-window.length // step))]
    each = [_by_step(connection, one.series_id, window, step) for one in measured]
    devices = [one.device.external_id for one in read_former_devices(connection, sensor_id=sensor.sensor_id)]
    refused = read_refused(connection, [sensor.external_id, *devices], window, step)
    with_refusals = {start for start, _, _ in refused}
    stripes = [
        stripe_of([one for one in each if one is not None], number, is_refused=start in with_refusals)
        for number, start in enumerate(starts)
    ]
    return Strip(
        tuple(zip(starts, stripes, strict=True)),
        tuple(read_flagged(connection, [one.series_id for one in measured], window)),
        max((_missing(one) for one in each if one is not None), default=0),
        (sum(count for _, count, _ in refused), max((last_at for _, _, last_at in refused), default=None)),
        read_duplicates(connection, sensor.sensor_id, window.start.date()),
    )


def stripe_of(each: Sequence[ByStep], number: int, *, is_refused: bool) -> Stripe:
    """Return what a step was like, by all that a sensor measures."""
    if is_refused:
        return Stripe.REFUSED
    if any(one.due[number] >= 1 and one.slots[number] < VALID_SHARE * one.due[number] for one in each):
        return Stripe.MISSING
    if any(one.good[number] < one.count[number] for one in each):
        return Stripe.SUSPECT
    return Stripe.GOOD if any(one.count[number] for one in each) else Stripe.NONE


def _by_step(connection: Connection, series_id: int, window: Window, step: timedelta) -> ByStep | None:
    """Return what came of a series by step; None where nothing ever did."""
    channels = read_channels(connection, series_id=series_id)
    if not channels:
        return None
    alive = life_of(channels[0], window.end)
    interval = interval_of(channels[0])
    hours = read_hours(connection, series_id, window)
    start_us, step_us = to_microseconds(window.start), step // timedelta(microseconds=1)
    place = (hours.hours - start_us) // step_us
    steps = -(-window.length // step)
    begins = start_us + np.arange(steps) * step_us
    ends = np.minimum(begins + step_us, to_microseconds(alive.end))
    begins = np.maximum(begins, to_microseconds(alive.start))
    due_hours = np.maximum(ends - begins, 0) // HOUR_US
    inside = (place >= 0) & (place < steps)

    def summed(column: Ints) -> Ints:
        return np.bincount(place[inside], weights=column[inside], minlength=steps).astype(np.int64)

    due = due_hours * (HOUR / interval)
    return ByStep(summed(hours.count), summed(hours.good), summed(hours.slots), due)


def _missing(one: ByStep) -> int:
    return int(np.maximum(np.floor(one.due) - one.slots, 0).sum())
