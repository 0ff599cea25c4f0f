"""Whatever a decision of load shifting says, both catalogues have the words for it."""

from __future__ import annotations

import json
import re
from pathlib import Path
from typing import Any

import pytest
from load_cases import ALL, NOW, policy, situation

from services.decisions.load_shifting.decider import decide

ROOT = Path(__file__).resolve().parents[4]
SOURCES = ROOT / "services" / "decisions" / "load_shifting"
# Keys that the source builds from two words.
BUILT = {
    f"doubt_{name}_{word}"
    for name, words in {
        "load_forecast": ("stale", "naive"),
        "outdoor_temperature": ("yesterday", "usual_of_month", "missing"),
        "indoor_temperature": ("stale", "missing"),
    }.items()
    for word in words
}


def catalogue(language: str) -> dict[str, Any]:
    words = json.loads((ROOT / "dashboards" / "words" / f"{language}.json").read_text(encoding="utf-8"))
    found: dict[str, Any] = words["decision"]["load_shifting"]
    return found


def said() -> set[str]:
    text = "".join((SOURCES / name).read_text(encoding="utf-8") for name in ("explain.py", "decider.py"))
    stems = ("headline", "shed", "move", "limit", "marginal", "peak_cut", "comfort_", "doubt_colour", "no_")
    return {key for key in re.findall(r'"([a-z_]+)"', text) if key.startswith(stems)}


def no_keys(found: set[str]) -> set[str]:
    """Leave out what is a figure or a value, not a sentence."""
    return {key for key in found if not key.endswith(("_kw", "_kwh", "_eur", "_kh", "_at"))}


@pytest.mark.parametrize("language", ["fr", "en"])
def test_every_sentence_has_its_words(language: str) -> None:
    words = catalogue(language)
    wanted = no_keys(said()) | BUILT | {"headline_no_forecast", "headline_no_plan", "limit_car_charger"}
    assert len(wanted) > 30
    assert wanted <= set(words)


@pytest.mark.parametrize("language", ["fr", "en"])
def test_every_name_of_a_decision_has_its_words(language: str) -> None:
    words = catalogue(language)
    shed = {"weekdays": [1, 2], "start": "18:00", "end": "19:00", "power_kw": 5}
    decision = decide(situation(), policy(**ALL, shed=shed), NOW)
    assert {check.name for check in decision.checks} <= set(words["check"])
    assert {other.name for other in decision.alternatives} <= set(words["alternative"])
    assert {row.name for row in decision.inputs} <= set(words["input"])
    for phrase in (decision.headline, *decision.reasons):
        assert set(re.findall(r"\{(\w+)\}", words[phrase.key])) <= set(phrase.values)
