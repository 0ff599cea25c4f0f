"""Explanations as a service: why a forecast is what it is, in a sentence, from what whoever asks may see."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime

import structlog

from core.clock import floor_to_step, format_instant
from core.errors import VigieError
from core.forecasts import QUANTILES, Forecast, ForecastStep
from core.metrics import Metric
from core.store.arrow import ArrowConnection
from core.store.models import read_model
from core.store.pool import Connection
from core.store.scores import read_speaking
from models.artifacts import ArtifactUnreadable
from models.explain import ModelSilent, NoWeather, colder, explain, quantiles_of
from models.features.table import FeatureFamily
from models.forecaster import Speaking
from models.history import History
from models.train import TrainedModel
from services.explaining_sentences import Footing, Sentences
from services.forecast import Issue, read_issue_history
from services.model_loading import load_model
from services.words import Catalogue

log = structlog.get_logger(__name__)

SAME = 1e-6
"""Two medians that differ by less than this share are the same one."""
_P10, _P50, _P90 = (QUANTILES.index(level) for level in (0.10, 0.50, 0.90))


class NothingToExplain(VigieError):
    """There is no such step in this forecast."""


class WhatIfRefused(VigieError):
    """What would be if it were colder cannot be said of this forecast; ``reason`` says why.

    Parameters
    ----------
    reason
        ``naive``, ``no_weather_learnt``, ``no_weather_known`` or ``model_unreadable``.
    """

    def __init__(self, reason: str) -> None:
        super().__init__(f"what if it were colder cannot be said: {reason}")
        self.reason = reason


@dataclass(frozen=True, slots=True)
class Asked:
    """A forecast to explain, as it was issued, and where it is of.

    Parameters
    ----------
    commune
        By its INSEE code.
    """

    forecast: Forecast
    metric: Metric
    commune: str


@dataclass(frozen=True, slots=True)
class StepExplanation:
    """Why one step is forecast as it is; ``start`` + all pushes + ``rest`` = ``median``, as issued.

    Parameters
    ----------
    model_id
        None where the naive forecast stood in: it has no pushes.
    pushes
        Family, what people call it, and what it adds, the strongest first.
    exact
        Whether what whoever asks may see gives the very median that was issued.
    """

    valid_at: datetime
    issued_at: datetime
    model_id: int | None
    median: float
    start: float
    pushes: tuple[tuple[FeatureFamily, str, float], ...]
    rest: float
    exact: bool
    sentence: str


@dataclass(frozen=True, slots=True)
class WhatIfStep:
    """A step as it would be, beside the median that was issued."""

    valid_at: datetime
    p10: float
    p50: float
    p90: float
    p50_as_issued: float


@dataclass(frozen=True, slots=True)
class WhatIf:
    """A forecast as it would be if it were so many degrees colder."""

    issued_at: datetime
    colder_c: float
    steps: tuple[WhatIfStep, ...]
    sentence: str


@dataclass(frozen=True, slots=True)
class Explainer:
    """Explains forecasts to whoever's connections these are.

    Parameters
    ----------
    connection, arrow
        Both under the visitor's pass: a neighbour that they may not see is not looked at.
    words
        Of their language.
    """

    connection: Connection
    arrow: ArrowConnection
    words: Catalogue

    def why(self, asked: Asked, valid_at: datetime) -> StepExplanation:
        """Explain one step.

        Raises
        ------
        NothingToExplain
            If the forecast has no step that holds this instant.
        """
        step = _step_at(asked, valid_at)
        if asked.forecast.model_id is None:
            return self._without_pushes(asked, step, Footing.NAIVE)
        model = self._model(asked.forecast)
        if model is None:
            return self._without_pushes(asked, step, Footing.UNREADABLE)
        history, speaking = self._known(asked)
        lead = (step.valid_at - floor_to_step(asked.forecast.issued_at, asked.forecast.step)) // asked.forecast.step
        try:
            told = explain(history, model, asked.forecast.series_id, lead, speaking)
        except (ModelSilent, ValueError):
            return self._without_pushes(asked, step, Footing.UNSEEN)
        median = step.quantiles[_P50]
        exact = abs(told.median - median) <= SAME * max(abs(median), 1.0)
        told = told.told_of(median)
        pushes = (
            (family, self.words.text(f"explanation.family.{family}"), push) for family, push in told.pushes.items()
        )
        return StepExplanation(
            step.valid_at,
            asked.forecast.issued_at,
            asked.forecast.model_id,
            median,
            told.start,
            tuple(pushes),
            told.rest,
            exact,
            Sentences(asked.metric, self.words).why(told, step, history, exact=exact),
        )

    def what_if(self, asked: Asked, colder_c: float) -> WhatIf:
        """Return the forecast as it would be if it were so many degrees colder.

        Raises
        ------
        WhatIfRefused
            If the naive forecast stands in, or the weather has no part in it.
        """
        if asked.forecast.model_id is None:
            raise WhatIfRefused("naive")
        model = self._model(asked.forecast)
        if model is None:
            raise WhatIfRefused("model_unreadable")
        if not model.card.get("weather"):
            raise WhatIfRefused("no_weather_learnt")
        history, speaking = self._known(asked)
        series_id = asked.forecast.series_id
        try:
            now = quantiles_of(history, model, series_id, speaking)
            then = colder(history, model, series_id, colder_c, speaking)
        except NoWeather:
            raise WhatIfRefused("no_weather_known") from None
        except (ModelSilent, ValueError):
            raise WhatIfRefused("naive") from None
        steps = tuple(
            WhatIfStep(step.valid_at, float(row[_P10]), float(row[_P50]), float(row[_P90]), step.quantiles[_P50])
            for step, row in zip(asked.forecast.steps, then, strict=True)
        )
        said = Sentences(asked.metric, self.words).what_if(colder_c, now[:, _P50], then[:, _P50])
        return WhatIf(asked.forecast.issued_at, colder_c, steps, said)

    def _model(self, forecast: Forecast) -> TrainedModel | None:
        """Return the very model that spoke, None where it cannot be read any more."""
        stored = read_model(self.connection, forecast.model_id) if forecast.model_id else None
        if stored is None:
            return None
        try:
            return load_model(self.connection, stored)
        except ArtifactUnreadable as error:
            log.warning("model_unreadable", metric=stored.metric, model_id=stored.model_id, reason=str(error))
            return None

    def _known(self, asked: Asked) -> tuple[History, Speaking]:
        issue = Issue(asked.metric, asked.commune, asked.forecast.issued_at)
        history = read_issue_history(self.connection, self.arrow, issue)
        silenced, shifts = read_speaking(self.connection, history.series_ids, issue.issued_at)
        return history, Speaking(silenced, shifts)

    def _without_pushes(self, asked: Asked, step: ForecastStep, footing: Footing) -> StepExplanation:
        """Explain a step that no contributions are known of: from the naive value of it, where there is one."""
        median = step.quantiles[_P50]
        start = median if step.naive is None else step.naive
        sentence = Sentences(asked.metric, self.words).without_pushes(footing, step, asked.forecast)
        issued_at, model_id = asked.forecast.issued_at, asked.forecast.model_id
        exact = footing is Footing.NAIVE
        return StepExplanation(step.valid_at, issued_at, model_id, median, start, (), median - start, exact, sentence)


def _step_at(asked: Asked, instant: datetime) -> ForecastStep:
    for step in asked.forecast.steps:
        if step.valid_at <= instant < step.valid_at + asked.forecast.step:
            return step
    raise NothingToExplain(f"the forecast of {format_instant(asked.forecast.issued_at)} says nothing of that instant")
