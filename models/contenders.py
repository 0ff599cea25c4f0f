"""Our own models as a forecaster among others: trained, calibrated and kept calibrated as the platform does it."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import timedelta

import numpy as np

from models.forecaster import Speaking, outlook
from models.history import Floats, History
from models.online import NO_SHIFTS, tracked
from models.train import TrainedModel, TrainingSettings, train

_DAY = timedelta(days=1)


@dataclass(frozen=True, slots=True)
class Vigie:
    """Our pooled direct boosters, unfitted.

    Parameters
    ----------
    training
        How they are trained.
    """

    training: TrainingSettings = field(default_factory=TrainingSettings)
    name: str = "vigie"

    def fit(self, history: History) -> FittedVigie:
        """Train on everything the history knows.

        Raises
        ------
        ShortHistory
            If that is too little.
        """
        return FittedVigie(train(history, self.training), self.training.boosting.threads)


@dataclass(frozen=True, slots=True, eq=False)
class _Issue:
    """What was issued at an origin; ``spoken`` are the rows of the series that the model spoke of."""

    origin: int
    quantiles: Floats
    spoken: tuple[int, ...]


@dataclass(slots=True, eq=False)
class FittedVigie:
    """Our model, with what its own forecasts that came true have taught it since it was trained.

    Parameters
    ----------
    shifts
        Per series id, as `models.online` keeps them.
    awaited
        Issues whose whole horizon has not come yet, the oldest first.
    learnt_until
        Origin of the newest issue that was learnt from.
    """

    model: TrainedModel
    threads: int
    shifts: dict[int, Floats] = field(default_factory=dict)
    awaited: list[_Issue] = field(default_factory=list)
    learnt_until: int | None = None

    def quantiles(self, history: History) -> Floats:
        """Return what would have been issued at the history's end."""
        while self.awaited and self.awaited[0].origin + history.plan.steps <= history.length:
            self._learn(history, self.awaited.pop(0))
        ahead = outlook(history, self.model, Speaking(shifts=self.shifts), self.threads)
        spoken = tuple(row for row, fallback in enumerate(ahead.fallbacks) if fallback is None)
        self.awaited.append(_Issue(history.length, ahead.quantiles, spoken))
        return ahead.quantiles

    def _learn(self, history: History, issue: _Issue) -> None:
        """Move the shifts of each series by what came of an issue."""
        before = self.learnt_until
        since = history.plan.every if before is None else (issue.origin - before) * history.plan.step
        came = history.values[:, issue.origin : issue.origin + history.plan.steps]
        for row in issue.spoken:
            if np.isfinite(came[row]).any():
                series_id = history.series_ids[row]
                shifts = self.shifts.get(series_id, NO_SHIFTS)
                self.shifts[series_id] = tracked(shifts, issue.quantiles[row], came[row], since / _DAY)
        self.learnt_until = issue.origin
