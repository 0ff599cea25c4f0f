"""Model cards in both languages: of a model that lost to the naive, of a young one, of one that has all there is."""

from __future__ import annotations

import re
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

from core.metrics import METRICS, Family, forecast_metrics, metric_named
from core.model_life import PLATFORM, Better, Reign, StoredModel
from core.scores import Sums
from models.cards import WHYS, CardFacts, LiveFigures, card_of, unseen_months
from services.model_cards import SaidCard, card_text, said_card
from services.words import LANGUAGES, read_catalogue

DASHBOARDS = Path(__file__).resolve().parents[3] / "dashboards"
END = datetime(2026, 3, 2, 2, tzinfo=UTC)
FIGURES = {
    "steps": 900,
    "pinball": 12.0,
    "pinball_naive": 16.0,
    "skill": 0.25,
    "coverage_80": 0.79,
    "coverage_90": 0.91,
    "absolute_error": 41.5,
    "absolute_error_naive": 60.25,
}
FULL_CARD: dict[str, Any] = {
    "validation": FIGURES,
    "by_lead": [{"lead_from_h": 0.0, **FIGURES}, {"lead_from_h": 3.0, **FIGURES, "skill": 0.1}],
    "by_regime": [{"regime": regime, **FIGURES} for regime in (0, 1, 2)],
    "young": {**FIGURES, "skill": 0.05},
    "families": {"habit": 0.6, "recent": 0.25, "weather": 0.1, "calendar": 0.05},
    "weather": True,
    "communes": 3,
    "origins": {"field": 11, "simulated": 1},
    "days": {"least": 20.0, "median": 118.0, "most": 120.0},
    "series": {"judged": 12, "lost": 1, "worst": -0.08, "median": 0.24},
}
FULL = StoredModel(
    "co2_ppm", END, END - timedelta(days=120), END, 120_000, 12, 41.5, FULL_CARD, "0.7.0 models:1f git:13", 1,
    {"rows_max": 120_000}, "ab" * 32, 0.00051, 0.026, "schedule", 7,
)  # fmt: skip
SUMS = Sums(12, 21_600, 432, 800.0, 1_000.0, 900.0, 1_200.0, 17_000, 19_500, [1_080] * 7)
LIVE = LiveFigures(30, SUMS, ((0, SUMS), (3, SUMS)), ((0, SUMS), (1, SUMS)), (("Salle 2, Noisy-le-Grand", SUMS),))
REIGNS = (
    Reign("co2_ppm", END - timedelta(days=40), 4, PLATFORM, "first"),
    Reign("co2_ppm", END + timedelta(minutes=1), 7, "Nadia", "meilleur depuis deux semaines"),
)


def facts(kind: str) -> CardFacts:
    """Return the facts of a model of this kind."""
    co2 = metric_named("co2_ppm")
    full = CardFacts(co2, FULL, REIGNS, LIVE, 2, END + timedelta(days=3))
    if kind == "full":
        return full
    if kind == "naive-only":
        lost = {**FULL_CARD, "validation": {**FIGURES, "skill": -0.02}, "weather": False}
        return replace(full, model=replace(FULL, card=lost), reigns=(), live=LiveFigures(30), concerns=0)
    # What an older version kept: no figures but the whole, nothing of how it was made.
    few_days = {"validation": FIGURES, "days": {"least": 1.0, "median": 13.0, "most": 14.0}}
    young = StoredModel("co2_ppm", END, END - timedelta(days=14), END, 3_000, 1, 4.0, few_days, model_id=7)
    return replace(full, model=young, reigns=REIGNS[:1], live=LiveFigures(30), concerns=0)


def said(of: CardFacts, language: str) -> SaidCard:
    return said_card(card_of(of), read_catalogue(DASHBOARDS, language))


@pytest.mark.parametrize("language", LANGUAGES)
@pytest.mark.parametrize("kind", ["naive-only", "young", "full"])
def test_every_card_is_whole_in_every_language(kind: str, language: str) -> None:
    card = said(facts(kind), language)
    assert len(card.sections) == 11
    for section in card.sections:
        assert section.heading
        assert section.paragraphs
        assert all(name and value for name, value in section.rows)
    text = card_text(card)
    assert not re.search(r"[{}]|\bNone\b|\bnan\b|model_card\.", text)


def test_a_full_card_tells_its_facts_in_french() -> None:
    text = card_text(said(facts("full"), "fr"))
    for told in (
        "Fiche du modèle 7\N{NO-BREAK SPACE}: CO₂",
        "Gain sur la naïve: 25\N{NO-BREAK SPACE}%",
        "12 séries jugées, dont 1 sous la naïve",
        "Gain, échéances de 3 h et plus: 10\N{NO-BREAK SPACE}%",
        "1 série est simulée",
        "Appris sur les mesures du 2\N{NO-BREAK SPACE}novembre 2025 au 2\N{NO-BREAK SPACE}mars 2026",
        "7 mois de l’année (avril à octobre)",
        "Énergie: 0,51 Wh",
        "CO₂e: 0,026 g",
        "Salle 2, Noisy-le-Grand: 20\N{NO-BREAK SPACE}%",
        "par Nadia\N{NO-BREAK SPACE}: meilleur depuis deux semaines",
        "par la règle\N{NO-BREAK SPACE}: premier modèle de cette grandeur",
        "2 doutes ont été signalés",
        "ab" * 32,
        "(UE) 2024/1689",
    ):
        assert told in text, told


def test_a_card_says_who_speaks_in_its_stead() -> None:
    assert "the naive forecast did as well or better" in card_text(said(facts("naive-only"), "en"))
    assert "It is in service since 2\N{NO-BREAK SPACE}March 2026 at 03:01" in card_text(said(facts("full"), "en"))
    assert "It is not in service" in card_text(said(facts("young"), "en"))
    spoke = replace(facts("full"), reigns=(*REIGNS, Reign("co2_ppm", END + timedelta(days=1), 4, "Nadia", "retour")))
    assert "It has been in service and is not any more" in card_text(said(spoke, "en"))


def test_a_young_card_says_that_it_is_young_and_invents_nothing() -> None:
    text = card_text(said(facts("young"), "en"))
    assert "Half of the series have less than 13 days of history" in text
    assert "Its energy was not counted" in text
    assert "Seed: unknown" in text
    assert "nothing is judged yet" in text


@pytest.mark.parametrize("metric", [row.name for row, _ in forecast_metrics()])
def test_every_metric_that_is_forecast_has_a_card(metric: str) -> None:
    of = replace(facts("full"), metric=METRICS[metric], model=replace(FULL, metric=metric))
    assert len({card_text(said(of, language)) for language in LANGUAGES}) == len(LANGUAGES)


def test_the_months_that_a_model_never_saw_follow_its_window() -> None:
    assert unseen_months(FULL) == [4, 5, 6, 7, 8, 9, 10]
    assert unseen_months(replace(FULL, history_start=END - timedelta(days=400))) == []


def test_every_family_is_spoken_of() -> None:
    for language in LANGUAGES:
        words = read_catalogue(DASHBOARDS, language)
        assert all(words.knows(f"model_card.use.{family}") for family in Family)
        assert all(words.knows(f"model_card.act.use_{family}") for family in Family)
        assert all(words.knows(f"model_card.why.{why}") for why in WHYS)


FIXED, THIN = "\N{NO-BREAK SPACE}", "\N{NARROW NO-BREAK SPACE}"


@pytest.mark.parametrize(
    ("language", "told"),
    [
        ("fr", f"3{FIXED}% de perte en moins que le modèle 4, sur les mêmes 21{THIN}600 pas de 12 séries en 3 jours"),
        ("en", "3% less loss than model 4, on the same 21,600 steps of 12 series over 3 days"),
    ],
)
def test_a_promotion_by_rule_is_told_in_the_readers_language(language: str, told: str) -> None:
    why = Better(gain=0.034, held_90=0.9, champion=4, steps=21_600, series=12, days=3).why()
    new = Reign("co2_ppm", END, 7, PLATFORM, why)
    old = Reign("co2_ppm", END, 8, PLATFORM, "pinball 1.1% under that of model 7")
    text = card_text(said(replace(facts("full"), reigns=(new, old)), language))
    assert told in text
    assert old.why in text
    assert "{" not in text
