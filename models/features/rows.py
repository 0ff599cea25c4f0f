"""Which steps are to be forecast, from which origins: the rows of the feature table."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from core.errors import FutureLeak
from models.history import History, Indices


@dataclass(frozen=True, slots=True, eq=False)
class Rows:
    """Steps to forecast; four arrays of one length.

    Parameters
    ----------
    series
        Row of the history.
    origin
        Index of the first step after the instant of issue.
    lead
        Steps from the origin, 0 for the first.
    known
        Index of the first step that was not known: the origin, or earlier for a sensor that reports late.

    Raises
    ------
    FutureLeak
        If a row knows steps at or after its origin.
    """

    series: Indices
    origin: Indices
    lead: Indices
    known: Indices

    def __post_init__(self) -> None:
        if (self.known > self.origin).any():
            raise FutureLeak

    def __len__(self) -> int:
        return len(self.series)

    @property
    def target(self) -> Indices:
        """Index of the step to forecast."""
        return self.origin + self.lead

    @classmethod
    def together(cls, parts: Sequence[Rows]) -> Rows:
        """Return the rows of several, one after the other."""
        return cls(
            np.concatenate([part.series for part in parts]),
            np.concatenate([part.origin for part in parts]),
            np.concatenate([part.lead for part in parts]),
            np.concatenate([part.known for part in parts]),
        )

    def where(self, chosen: npt.NDArray[np.bool_]) -> Rows:
        """Return the chosen rows, by mask."""
        return Rows(self.series[chosen], self.origin[chosen], self.lead[chosen], self.known[chosen])


def rows_of_origin(history: History, origin: int) -> Rows:
    """Return every (series, lead) of one origin, series by series."""
    steps = history.plan.steps
    series = np.repeat(np.arange(len(history.series_ids)), steps)
    lead = np.tile(np.arange(steps), len(history.series_ids))
    at = np.full(len(series), origin)
    return Rows(series, at, lead, at)
