"""The sentences that explain a forecast: keys of ``explanation`` in the words, with their figures."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum

import numpy as np

from core.clock import PARIS, format_instant
from core.decisions import Phrase
from core.forecasts import QUANTILES, Forecast, ForecastStep
from core.metrics import Metric, Nature
from models.explain import Explanation
from models.features.calendar import calendar_of
from models.features.table import FeatureFamily
from models.history import Floats, History
from models.regimes import Regime, regimes
from services.words import Catalogue, decimals_of

TOLD_MAX = 2
"""Most pushes that a sentence names; the answer has them all."""
NOTABLE = 0.02
"""A push, or a difference from habit, under this share of what is forecast is not worth a word."""
_SPOKEN = (FeatureFamily.WEATHER, FeatureFamily.CALENDAR, FeatureFamily.RECENT, FeatureFamily.NEIGHBOURS)
# What a sentence names beside habit; lead and age are told as figures only.
_NOON, _EVENING = 12, 18
_P50 = QUANTILES.index(0.5)


class Footing(StrEnum):
    """Why a step has no contributions to tell."""

    NAIVE = "naive"
    """The naive forecast stood in."""
    UNREADABLE = "unreadable"
    """The model that spoke cannot be read any more."""
    UNSEEN = "unseen"
    """What whoever asks may see is not enough for the model to speak."""


@dataclass(frozen=True, slots=True)
class Sentences:
    """Says why forecasts of a metric are what they are, in the language of these words."""

    metric: Metric
    words: Catalogue

    def why(self, told: Explanation, step: ForecastStep, history: History, *, exact: bool) -> str:
        """Return a step's explanation: how it differs from habit, and what makes the difference."""
        difference = told.median - told.usual
        values = {"amount": self._amount(told.median), "when": self._when(step, history.as_of)}
        notable = NOTABLE * max(abs(told.median), abs(told.usual))
        if abs(difference) <= notable:
            sentence = self._said("as_usual", **values)
        else:
            away = self._difference(abs(difference), like=told.median)
            sentence = self._said("more" if difference > 0 else "less", **values, difference=away)
            sentence = self._because(sentence, told, self._names(step, history), notable)
        sentence = self._said("full_stop", sentence=sentence)
        return sentence if exact else f"{sentence} {self._said('not_exact')}"

    def _because(self, sentence: str, told: Explanation, names: Mapping[FeatureFamily, str], notable: float) -> str:
        """Return a sentence with what makes the difference, and what works against it."""
        rises = told.median > told.usual
        pushes = [
            (names[family], push) for family, push in told.pushes.items() if family in names and abs(push) > notable
        ]
        for key, found in (
            ("mostly", [pair for pair in pushes if (pair[1] > 0) == rises][:TOLD_MAX]),
            ("despite", [pair for pair in pushes if (pair[1] > 0) != rises][:1]),
        ):
            said = [self._said("push", name=name, push=self._push(push, like=told.median)) for name, push in found]
            if said:
                sentence = self._said(key, sentence=sentence, pushes=self._said("and").join(said))
        return sentence

    def without_pushes(self, footing: Footing, step: ForecastStep, forecast: Forecast) -> str:
        """Return the explanation of a step that no contributions are known of."""
        values = {"amount": self._amount(step.quantiles[_P50]), "when": self._when(step, forecast.issued_at)}
        if footing is not Footing.NAIVE:
            return self._said(footing.value, **values)
        key = f"fallback.{forecast.fallback}"
        naive = "naive_risen" if self.metric.plan is not None and self.metric.plan.cumulates else "naive"
        return self._said(naive, **values, why_key=key if self.words.knows(key) else "fallback.other")

    def what_if(self, colder_c: float, now: Floats, then: Floats) -> str:
        """Return what the colder weather would change, over the whole forecast: medians as they are and would be."""
        key = "what_if_colder" if colder_c >= 0 else "what_if_warmer"
        before, after = float(np.mean(now)), float(np.mean(then))
        change = (after - before) / abs(before) if before else 0.0
        if abs(change) < NOTABLE / 4:
            return self._said("what_if_same", degrees=abs(colder_c), way_key=f"explanation.{key}")
        return self._said(
            "what_if",
            way_key=f"explanation.{key}",
            degrees=abs(colder_c),
            before=self._amount(before),
            after=self._amount(after),
            change=self._percent(change),
        )

    def _names(self, step: ForecastStep, history: History) -> dict[FeatureFamily, str]:
        """Return what a sentence calls each family that it may name."""
        names = {}
        for family in _SPOKEN:
            part = _kind_of_hour(step, history) if family is FeatureFamily.CALENDAR else "other"
            key = f"explanation.push_of.{family}_{part}"
            names[family] = self.words.text(key if self.words.knows(key) else f"explanation.push_of.{family}")
        return names

    def _when(self, step: ForecastStep, issued_at: datetime) -> str:
        """Return when a step is: its hour, with the day where that is not the day of issue."""
        is_same_day = step.valid_at.astimezone(PARIS).date() == issued_at.astimezone(PARIS).date()
        at = format_instant(step.valid_at)
        return self._said("at_hour", step_hour=at) if is_same_day else self._said("at_day", step_at=at)

    def _amount(self, value: float) -> str:
        """Return an amount with its unit; shares in percent."""
        if self.metric.high <= 1:
            return self.words.share(value)
        return self._with_unit(self.words.number(value))

    def _difference(self, value: float, *, like: float) -> str:
        """Return a difference with its unit, no finer than an amount; of shares in points."""
        if self.metric.high <= 1:
            return self._said("points", value=round(value * 100))
        return self._with_unit(self.words.number(value, decimals_of(float(like))))

    def _with_unit(self, said: str) -> str:
        is_count = self.metric.nature is Nature.COUNT
        unit = self.words.text(f"unit.{self.metric.name}") if is_count else self.metric.unit
        return f"{said}\N{NO-BREAK SPACE}{unit}".strip()

    def _push(self, value: float, *, like: float) -> str:
        if self.metric.high <= 1:
            return self.words.signed(round(value * 100))
        return self.words.signed(value, decimals_of(float(like)))

    def _percent(self, change: float) -> str:
        text = self.words.share(abs(change))
        return f"{'+' if change > 0 else chr(0x2212)}{text}"

    def _said(self, key: str, **values: str | float) -> str:
        return self.words.said(Phrase(f"explanation.{key}", values))


def _kind_of_hour(step: ForecastStep, history: History) -> str:
    """Return what kind of hour a step is, in a word of the catalogue."""
    calendar = calendar_of(step.valid_at, history.plan.step, 1)
    regime = Regime(int(regimes(calendar, np.zeros(1, dtype=np.int64))[0]))
    if regime is Regime.NIGHT:
        return "night"
    if calendar.holiday[0] > 0:
        return "holiday"
    if calendar.school_vacation[0] > 0:
        return "vacation"
    if regime is Regime.OTHER_DAY:
        return "weekend"
    hour = step.valid_at.astimezone(PARIS).hour
    return "morning" if hour < _NOON else "afternoon" if hour < _EVENING else "evening"
