"""Settings of the weather: bounds, and one line for a wrong one."""

from __future__ import annotations

from pathlib import Path

import pytest

from core.errors import SettingInvalid
from core.weather_settings import WeatherSettings, WeatherSource


def test_without_a_word_nobody_forecasts_the_weather() -> None:
    settings = WeatherSettings.from_environment()
    assert settings.weather_provider is WeatherSource.NONE
    assert (settings.weather_hours, settings.weather_every_s) == (96, 21_600)


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("VIGIE_WEATHER_PROVIDER", "the radio"),
        ("VIGIE_WEATHER_URL", "ftp://meteo.example.org/"),
        ("VIGIE_WEATHER_URL", "https://user@meteo.example.org/"),
        ("VIGIE_WEATHER_URL", "https://meteo.example.org/#today"),
        ("VIGIE_WEATHER_HOURS", "23"),
        ("VIGIE_WEATHER_HOURS", "384"),
        ("VIGIE_WEATHER_EVERY_S", "3599"),
        ("VIGIE_WEATHER_DAYS", "129"),
    ],
)
def test_a_wrong_setting_is_named(monkeypatch: pytest.MonkeyPatch, name: str, value: str) -> None:
    monkeypatch.setenv(name, value)
    with pytest.raises(SettingInvalid, match=name):
        WeatherSettings.from_environment()


def test_the_key_may_stand_in_a_file_and_is_not_shown(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    (tmp_path / "key").write_text("a secret word\n", encoding="utf-8")
    monkeypatch.setenv("VIGIE_WEATHER_API_KEY_FILE", str(tmp_path / "key"))
    settings = WeatherSettings.from_environment()
    assert settings.weather_api_key.get_secret_value() == "a secret word"
    assert "secret word" not in repr(settings)
