"""Readings by the column: thousands of them handled as arrays, and written as PostgreSQL takes them."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, TypeAlias

import numpy as np
from numpy.typing import NDArray

from core.clock import EPOCH

if TYPE_CHECKING:
    from core.readings import Reading

Ints: TypeAlias = NDArray[np.int64]
Floats: TypeAlias = NDArray[np.float64]
Mask: TypeAlias = NDArray[np.bool_]
MICROSECOND = timedelta(microseconds=1)


def to_microseconds(instant: datetime) -> int:
    """Return how many microseconds an aware instant lies after `EPOCH`: how PostgreSQL counts, too."""
    return (instant - EPOCH) // MICROSECOND


def from_microseconds(count: int) -> datetime:
    """Return the instant so many microseconds after `EPOCH`."""
    return EPOCH + timedelta(microseconds=count)


def none_for_missing(values: Floats) -> list[float | None]:
    """Return numbers as a list, None where one is missing (NaN)."""
    listed: NDArray[np.object_] = values.astype(object)
    listed[np.isnan(values)] = None
    return list(listed)


def instants_of(microseconds: Ints) -> list[datetime]:
    """Return the instants so many microseconds after `EPOCH`."""
    since = np.datetime64(EPOCH.replace(tzinfo=None), "us")
    return [one.replace(tzinfo=UTC) for one in (since + microseconds.astype("timedelta64[us]")).tolist()]


@dataclass(frozen=True, slots=True)
class Columns:
    """Readings as arrays of one length.

    Parameters
    ----------
    series_id
        Whose they are.
    observed_us
        When they were true, in microseconds since `core.clock.EPOCH`.
    value
        In the stored unit of the series' metric.
    quality, flags
        As `core.readings.Quality` and `core.readings.Flag` number them.
    message
        Number of the message that brought each, in its batch.
    """

    series_id: Ints
    observed_us: Ints
    value: Floats
    quality: Ints
    flags: Ints
    message: Ints

    @classmethod
    def of(cls, readings: Sequence[Reading] | Columns) -> Columns:
        """Return readings as columns, each brought by a message of its own; columns stay as they are."""
        if isinstance(readings, Columns):
            return readings
        return cls(
            np.array([one.series_id for one in readings], np.int64),
            np.array([to_microseconds(one.observed_at) for one in readings], np.int64),
            np.array([one.value for one in readings], np.float64),
            np.array([one.quality for one in readings], np.int64),
            np.array([one.flags for one in readings], np.int64),
            np.arange(len(readings)),
        )

    def __len__(self) -> int:
        return len(self.series_id)

    def where(self, kept: Mask) -> Columns:
        """Return those of the readings that ``kept`` is true for."""
        return Columns(
            self.series_id[kept],
            self.observed_us[kept],
            self.value[kept],
            self.quality[kept],
            self.flags[kept],
            self.message[kept],
        )

    def observed_at(self, position: int) -> datetime:
        """Return when one of them was true."""
        return from_microseconds(int(self.observed_us[position]))
