"""A wrong setting stops the process with one line that names it, and no password in it."""

from __future__ import annotations

import pytest

from core.errors import SettingInvalid
from core.settings import IngestSettings, Settings

URL = "postgresql://vigie:secret@localhost/vigie"


def test_settings_come_from_the_environment(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("VIGIE_DATABASE_URL", URL)
    monkeypatch.setenv("VIGIE_BATCH_MESSAGES_MAX", "50")
    settings = IngestSettings.from_environment()
    assert settings.dsn == URL
    assert settings.batch_messages_max == 50


def test_a_missing_setting_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("VIGIE_DATABASE_URL", raising=False)
    with pytest.raises(SettingInvalid, match="VIGIE_DATABASE_URL"):
        Settings.from_environment()


def test_a_setting_out_of_bounds_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("VIGIE_DATABASE_URL", URL)
    monkeypatch.setenv("VIGIE_BATCH_AGE_S_MAX", "-1")
    with pytest.raises(SettingInvalid, match="VIGIE_BATCH_AGE_S_MAX") as caught:
        IngestSettings.from_environment()
    assert "\n" not in str(caught.value)


def test_passwords_are_never_printed(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("VIGIE_DATABASE_URL", URL)
    monkeypatch.setenv("VIGIE_BROKER_URL", "mqtt://vigie:hidden@broker")
    printed = repr(IngestSettings.from_environment())
    assert "secret" not in printed
    assert "hidden" not in printed
