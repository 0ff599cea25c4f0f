"""Steps: readings of any series gathered on a grid of equal lengths in UTC, by arrays."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, fields
from datetime import timedelta
from typing import Protocol, Self

import numpy as np

from core.clock import Window
from core.columns import MICROSECOND, Floats, Ints, Mask, to_microseconds
from core.metrics import Nature, expected_interval, metric_named
from core.quality.states import Holds, Shares, hold_us, shares


class Rhythmic(Protocol):
    """A series as the store reads it."""

    @property
    def series_id(self) -> int: ...  # noqa: D102 # a protocol's attribute
    @property
    def metric(self) -> str: ...  # noqa: D102 # a protocol's attribute
    @property
    def interval_s(self) -> int | None: ...  # noqa: D102 # a protocol's attribute


@dataclass(frozen=True, slots=True, eq=False)
class Samples:
    """Readings that are not bad, in order of series and time; ``times`` are microseconds since `core.clock.EPOCH`."""

    series: Ints
    times: Ints
    values: Floats

    @classmethod
    def none(cls) -> Self:
        """Return no sample at all."""
        none = np.zeros(0, dtype=np.int64)
        return cls(none, none, np.zeros(0))

    @classmethod
    def joined(cls, parts: Sequence[Samples]) -> Self:
        """Return the samples of several, in order of series and time; no two of a series at one instant."""
        every = cls(
            *(np.concatenate([getattr(part, one.name) for part in (cls.none(), *parts)]) for one in fields(cls))
        )
        order = np.lexsort((every.times, every.series))
        return cls(every.series[order], every.times[order], every.values[order])

    def followed_by(self, others: Self) -> Self:
        """Return these and then the others."""
        return type(self)(
            np.append(self.series, others.series),
            np.append(self.times, others.times),
            np.append(self.values, others.values),
        )

    def cut(self, first: int, end: int) -> Self:
        """Return those from the position ``first`` up to ``end``."""
        return type(self)(self.series[first:end], self.times[first:end], self.values[first:end])

    def where(self, wanted: Mask) -> Self:
        """Return those that are ``wanted``."""
        return type(self)(self.series[wanted], self.times[wanted], self.values[wanted])

    def within(self, window: Window) -> Self:
        """Return those observed in ``window``."""
        return self.where((self.times >= to_microseconds(window.start)) & (self.times < to_microseconds(window.end)))


@dataclass(frozen=True, eq=False)
class Steps:
    """One element of each column per step of a series that says anything, in order of series and start.

    Parameters
    ----------
    starts
        Microseconds since `core.clock.EPOCH`, on the grid that begins there.
    mean
        Of the readings; of a state, its share of the time in which it was known.
    low, high, last
        Of the readings; of a state, as read or held.
    count
        How many readings; 0 where a state was only held.
    """

    series: Ints
    starts: Ints
    mean: Floats
    low: Floats
    high: Floats
    last: Floats
    count: Ints

    @classmethod
    def none(cls) -> Self:
        """Return no step at all."""
        none, nothing = np.zeros(0, dtype=np.int64), np.zeros(0)
        return cls(none, none, nothing, nothing, nothing, nothing, none)

    def __len__(self) -> int:
        return len(self.series)


@dataclass(frozen=True, slots=True, eq=False)
class Means:
    """Steps of which only the mean is known, and how many readings it is of: as `Steps`, in any order."""

    series: Ints
    starts: Ints
    mean: Floats
    count: Ints


@dataclass(frozen=True, eq=False)
class Rhythms:
    """How often each of several series should speak, and whether it tells a state: what their steps rest on.

    Parameters
    ----------
    ids
        Of the series, ascending.
    interval
        Expected time between two readings, microseconds.
    is_state
        Whether what was read holds until the next reading.
    """

    ids: Ints
    interval: Ints
    is_state: Mask

    @classmethod
    def of(cls, series: Sequence[Rhythmic]) -> Self:
        """Return the rhythms of series in order of their ids."""
        ids = np.array([one.series_id for one in series], dtype=np.int64)
        intervals = [expected_interval(one.metric, one.interval_s) // MICROSECOND for one in series]
        states = [metric_named(one.metric).nature is Nature.STATE for one in series]
        return cls(ids, np.array(intervals, dtype=np.int64), np.array(states, dtype=np.bool_))

    @property
    def lead(self) -> Ints:
        """How long before a window the readings begin that its steps rest on, microseconds."""
        return np.where(self.is_state, hold_us(self.interval), 0)

    def steps_of(self, samples: Samples, window: Window, step: timedelta) -> Steps:
        """Return the steps of the samples observed in ``window``; of a state, also by what came in its lead."""
        owner = np.searchsorted(self.ids, samples.series)
        held = self.is_state[owner]
        levels = steps_of(samples.where(~held).within(window), step)
        if not held.any():
            return levels
        return both(levels, state_steps_of(samples.where(held), self.interval[owner][held], window, step))


def steps_of(samples: Samples, step: timedelta) -> Steps:
    """Return the steps in which there are readings. Sums run in order of time: the same readings give the same bits."""
    starts = _floored(samples.times, step)
    if not len(starts):
        return Steps.none()
    heads = np.flatnonzero(np.append(True, (np.diff(starts) != 0) | (np.diff(samples.series) != 0)))
    count = np.diff(np.append(heads, len(starts)))
    total = np.bincount(np.repeat(np.arange(len(heads)), count), weights=samples.values)
    return Steps(
        series=samples.series[heads],
        starts=starts[heads],
        mean=total / count,
        low=np.minimum.reduceat(samples.values, heads),
        high=np.maximum.reduceat(samples.values, heads),
        last=samples.values[heads + count - 1],
        count=count,
    )


def state_steps_of(samples: Samples, interval: Ints, window: Window, step: timedelta) -> Steps:
    """Return the steps of ``window`` in which a state was known.

    Parameters
    ----------
    samples
        From as long before the window as a state may hold (`core.quality.states.hold_us`).
    interval
        Expected time to the series' next reading, microseconds, beside each sample.
    """
    holds = Holds.of(samples.series, samples.times, samples.values, interval)
    known = shares(holds.within(to_microseconds(window.start), to_microseconds(window.end)), step // MICROSECOND)
    read = steps_of(samples.within(window), step)
    count = np.zeros(len(known), dtype=np.int64)
    # What is read is known: each step with a reading is among those with a state.
    count[np.isin(_codes(known, step), _codes(read, step))] = read.count
    return Steps(known.series, known.starts, known.mean, known.low, known.high, known.last, count)


def both(some: Steps, others: Steps) -> Steps:
    """Return the steps of two sets of series, none of which is in both."""
    order = np.lexsort((np.append(some.starts, others.starts), np.append(some.series, others.series)))
    columns = (np.append(getattr(some, one.name), getattr(others, one.name))[order] for one in fields(Steps))
    return Steps(*columns)


def _floored(times: Ints, step: timedelta) -> Ints:
    floored: Ints = times - times % (step // MICROSECOND)
    return floored


def _codes(steps: Steps | Shares, step: timedelta) -> Ints:
    """Return each step of a series as one number, in order; below 2**63 for 2**31 series and steps of a minute."""
    codes: Ints = (steps.series << 32) + steps.starts // (step // MICROSECOND)
    return codes
