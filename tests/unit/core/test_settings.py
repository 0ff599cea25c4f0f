"""A wrong setting stops the process with one line that names it, and no password in it."""

from __future__ import annotations

from pathlib import Path

import pytest
from pydantic import SecretStr

from core.errors import SettingInvalid
from core.settings import ApiSettings, IngestSettings, MigrateSettings, ProvisionSettings, Settings, WorkerSettings

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


SECRETS = sorted(
    {
        (settings, name)
        for settings in (ApiSettings, IngestSettings, MigrateSettings, ProvisionSettings, WorkerSettings)
        for name, field in settings.model_fields.items()
        if field.annotation is SecretStr
    },
    key=lambda one: (one[0].__name__, one[1]),
)


@pytest.mark.parametrize(("settings", "name"), SECRETS)
def test_every_secret_may_stand_in_a_file(
    settings: type[Settings], name: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    for needed in ("DATABASE_URL", "DATABASE_DOOR_URL", "BROKER_ADMIN_URL", "SECRET"):
        monkeypatch.setenv(f"VIGIE_{needed}", URL)
    file = tmp_path / "secret"
    file.write_text("mqtt://a:from-a-file@b\n")
    monkeypatch.delenv(f"VIGIE_{name.upper()}", raising=False)
    monkeypatch.setenv(f"VIGIE_{name.upper()}_FILE", str(file))
    read = settings.from_environment()
    assert getattr(read, name).get_secret_value() == "mqtt://a:from-a-file@b"
    assert "from-a-file" not in repr(read)


def test_a_secret_said_twice_is_refused(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setenv("VIGIE_DATABASE_URL", URL)
    monkeypatch.setenv("VIGIE_DATABASE_URL_FILE", str(tmp_path / "none"))
    with pytest.raises(SettingInvalid, match="VIGIE_DATABASE_URL_FILE"):
        Settings.from_environment()


@pytest.mark.parametrize(
    ("held", "said"),
    [
        (None, "cannot be read"),
        (b"", "no secret"),
        (b"\n", "no secret"),
        (b"\xff\xfe", "no text"),
        (b"x" * 70_000, "no"),
    ],
)
def test_a_file_that_holds_no_secret_is_named(
    held: bytes | None, said: str, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    file = tmp_path / "secret"
    if held is not None:
        file.write_bytes(held)
    monkeypatch.delenv("VIGIE_DATABASE_URL", raising=False)
    monkeypatch.setenv("VIGIE_DATABASE_URL_FILE", str(file))
    with pytest.raises(SettingInvalid, match=said) as caught:
        Settings.from_environment()
    assert "VIGIE_DATABASE_URL_FILE" in str(caught.value)
    assert "\n" not in str(caught.value)


def test_what_is_no_secret_has_no_file(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    file = tmp_path / "lane"
    file.write_text("north")
    monkeypatch.setenv("VIGIE_DATABASE_URL", URL)
    monkeypatch.setenv("VIGIE_LANE_FILE", str(file))
    assert IngestSettings.from_environment().lane == "all"
