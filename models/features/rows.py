"""Which steps are to be forecast, from which origins: the rows of the feature table."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, fields

import numpy as np
import numpy.typing as npt

from core.errors import FutureLeak
from models.history import History, Indices

Mask = npt.NDArray[np.bool_]


@dataclass(frozen=True, slots=True, eq=False)
class Rows:
    """Steps to forecast; arrays of one length.

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
    first
        Index of the first step that may be looked back on: 0, or later where training pretends that a series is
        young.
    blind
        Whether the row is to do without the weather, as when none was received.

    Raises
    ------
    FutureLeak
        If a row knows steps at or after its origin.
    """

    series: Indices
    origin: Indices
    lead: Indices
    known: Indices
    first: Indices
    blind: Mask

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
    def at(cls, series: Indices, origin: Indices, lead: Indices, known: Indices | None = None) -> Rows:
        """Return rows of series as old as their history, that see the weather and, unless told, know all up to then."""
        known = origin if known is None else known
        return cls(series, origin, lead, known, np.zeros_like(origin), np.zeros(len(origin), dtype=np.bool_))

    @classmethod
    def together(cls, parts: Sequence[Rows]) -> Rows:
        """Return the rows of several, one after the other."""
        return cls(*(np.concatenate([getattr(part, name) for part in parts]) for name in _NAMES))

    def where(self, chosen: Mask) -> Rows:
        """Return the chosen rows, by mask."""
        return Rows(*(getattr(self, name)[chosen] for name in _NAMES))


_NAMES = tuple(field.name for field in fields(Rows))


def rows_of_origin(history: History, origin: int) -> Rows:
    """Return every (series, lead) of one origin, series by series."""
    steps = history.plan.steps
    series = np.repeat(np.arange(len(history.series_ids)), steps)
    lead = np.tile(np.arange(steps), len(history.series_ids))
    return Rows.at(series, np.full(len(series), origin), lead)
