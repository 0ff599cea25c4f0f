"""Explanations in French and English sentences, with figures no finer than what is forecast."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from pathlib import Path

import numpy as np
import pytest

from core.clock import Window
from core.forecasts import Forecast, ForecastStep
from core.metrics import metric_named
from models.explain import Explanation
from models.features.table import FeatureFamily
from models.history import History
from services.explaining_sentences import Footing, Sentences
from services.words import read_catalogue

DASHBOARDS = Path(__file__).resolve().parents[3] / "dashboards"
ISSUED = datetime(2026, 3, 17, 8, 16, tzinfo=UTC)  # a Tuesday in term
SPACE, MINUS = "\N{NO-BREAK SPACE}", "\N{MINUS SIGN}"
GOES = "la prévision passerait"


def sentences(metric: str, language: str) -> Sentences:
    return Sentences(metric_named(metric), read_catalogue(DASHBOARDS, language))


def step_at(hours: float, median: float) -> ForecastStep:
    return ForecastStep(ISSUED.replace(minute=15) + timedelta(hours=hours), (median,) * 7, median)


def told(start: float, **pushes: float) -> Explanation:
    given = {family: pushes.get(family.value, 0.0) for family in FeatureFamily}
    ranked = dict(sorted(given.items(), key=lambda pair: -abs(pair[1])))
    return Explanation(start + sum(given.values()), start, ranked, 0.0)


def history(metric: str) -> History:
    window = Window.ending(ISSUED, timedelta(days=1))
    return History.of(metric_named(metric), window, (), ())


@pytest.mark.parametrize(
    ("language", "said"),
    [
        (
            "fr",
            f"Prévu{SPACE}: 812{SPACE}ppm à 10:15, soit 140{SPACE}ppm de plus que d’habitude{SPACE}: surtout ",
        ),
        (
            "en",
            f"Forecast: 812{SPACE}ppm at 10:15, 140{SPACE}ppm more than usual: mostly ",
        ),
    ],
)
def test_a_step_says_what_differs_from_habit_and_why(language: str, said: str) -> None:
    why = told(640, habit=32, calendar=95.2, recent=60.3, neighbours=-9.5, lead=-6)
    says = sentences("co2_ppm", language).why(why, step_at(1, 812), history("co2_ppm"), exact=True)
    reasons = {
        "fr": "le matin d’un jour ouvré (+95) et le niveau des dernières heures (+60).",
        "en": "the morning of a working day (+95) and the level of the last hours (+60).",
    }
    assert says == said + reasons[language]


def test_what_works_against_the_difference_is_told_as_such() -> None:
    why = told(100, habit=20, weather=-30, calendar=12, recent=-4)
    says = sentences("power_kw", "fr").why(why, step_at(1, 98), history("power_kw"), exact=False)
    assert says.startswith(
        f"Prévu{SPACE}: 98{SPACE}kW à 10:15, soit 22{SPACE}kW de moins que d’habitude{SPACE}: "
        f"surtout la météo prévue ({MINUS}30) et le niveau des dernières heures ({MINUS}4), "
        "malgré le matin d’un jour ouvré (+12)."
    )
    assert says.endswith("vos droits ne montrent pas tout ce que le modèle a vu.")


def test_what_is_as_usual_has_no_reasons() -> None:
    says = sentences("power_kw", "fr").why(
        told(100, habit=1, recent=0.5), step_at(1, 101.5), history("power_kw"), exact=True
    )
    assert says == f"Prévu{SPACE}: 102{SPACE}kW à 10:15, comme d’habitude."


def test_shares_are_told_in_percent_and_points() -> None:
    why = told(0.4, habit=0.1, recent=0.12)
    says = sentences("fill_ratio", "fr").why(why, step_at(1, 0.62), history("fill_ratio"), exact=True)
    assert f"62{SPACE}% à 10:15, soit 12 points de plus" in says
    assert "(+12)" in says


@pytest.mark.parametrize(
    ("hours", "kind"),
    [
        (6, "l’après-midi d’un jour ouvré"),
        (10, "la soirée d’un jour ouvré"),
        (18, "la nuit"),
        (24 * 4, "le week-end"),
        (24 * 20, "le jour férié"),  # Easter Monday
        (24 * 35, "les vacances scolaires"),
    ],
)
def test_the_calendar_is_told_by_the_kind_of_hour(hours: int, kind: str) -> None:
    says = sentences("power_kw", "fr").why(told(100, calendar=50), step_at(hours, 150), history("power_kw"), exact=True)
    assert kind in says


def test_another_day_is_named() -> None:
    says = sentences("power_kw", "en").why(told(100), step_at(24, 100), history("power_kw"), exact=True)
    assert f"on 18{SPACE}March 2026 at 09:15" in says


@pytest.mark.parametrize("language", ["fr", "en"])
@pytest.mark.parametrize("fallback", ["no_model", "short_history", "a word of tomorrow"])
def test_the_naive_says_that_it_repeats_and_why(language: str, fallback: str) -> None:
    forecast = Forecast(1, ISSUED, timedelta(minutes=5), ISSUED, [step_at(1, 812)], fallback=fallback)
    says = sentences("co2_ppm", language).without_pushes(Footing.NAIVE, forecast.steps[0], forecast)
    assert {"fr": "elle répète", "en": "it repeats"}[language] in says
    words = read_catalogue(DASHBOARDS, language)
    assert words.text(f"fallback.{fallback if words.knows(f'fallback.{fallback}') else 'other'}") in says


def test_the_naive_of_a_bin_adds_what_came_in_last_week() -> None:
    forecast = Forecast(1, ISSUED, timedelta(hours=1), ISSUED, [step_at(1, 0.62)], fallback="no_model")
    says = sentences("fill_ratio", "fr").without_pushes(Footing.NAIVE, forecast.steps[0], forecast)
    assert "elle ajoute au dernier niveau" in says
    assert "elle répète" not in says


@pytest.mark.parametrize("footing", [Footing.UNREADABLE, Footing.UNSEEN])
def test_what_cannot_be_explained_says_so(footing: Footing) -> None:
    forecast = Forecast(1, ISSUED, timedelta(minutes=5), ISSUED, [step_at(1, 812)], model_id=3)
    for language in ("fr", "en"):
        assert "812" in sentences("co2_ppm", language).without_pushes(footing, forecast.steps[0], forecast)


@pytest.mark.parametrize(
    ("colder_c", "then", "said"),
    [
        (5.0, 110.0, f"5{SPACE}°C de moins, {GOES} de 100{SPACE}kW à 110{SPACE}kW en moyenne (+10{SPACE}%)"),
        (-2.5, 90.0, f"2,5{SPACE}°C de plus, {GOES} de 100{SPACE}kW à 90{SPACE}kW en moyenne ({MINUS}10{SPACE}%)"),
        (1.0, 100.1, f"1{SPACE}°C de moins, la prévision ne changerait guère."),
    ],
)
def test_what_if_is_told_over_the_whole_forecast(colder_c: float, then: float, said: str) -> None:
    says = sentences("power_kw", "fr").what_if(colder_c, np.full(48, 100.0), np.full(48, then))
    assert says.startswith(f"S’il faisait {said}")
