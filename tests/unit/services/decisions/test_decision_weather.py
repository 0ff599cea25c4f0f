"""Whoever forecasts the weather of a decision has a name in both languages, and a link where the licence wants one."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from core.weather_settings import WeatherSource
from services.decisions.weather import weather_name
from services.weather.file import REALISED
from services.words import LANGUAGES, read_catalogue

DASHBOARDS = Path(__file__).resolve().parents[4] / "dashboards"


@pytest.mark.parametrize("language", LANGUAGES)
@pytest.mark.parametrize("provider", [*sorted(set(WeatherSource) - {WeatherSource.NONE}), REALISED])
def test_every_provider_has_its_words(provider: str, language: str) -> None:
    assert read_catalogue(DASHBOARDS, language).knows(f"decision.common.weather.{weather_name(provider)}")


def test_the_page_links_to_open_meteo() -> None:
    script = (DASHBOARDS / "static" / "js" / "decision_why.js").read_text(encoding="utf-8")
    assert f"{weather_name(WeatherSource.OPEN_METEO)}: {json.dumps('https://open-meteo.com/')}" in script
