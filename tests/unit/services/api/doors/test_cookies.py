"""The session's cookie: signed, known again, and not forged."""

from __future__ import annotations

from datetime import timedelta

import pytest
from pydantic import SecretStr

from core.clock import now
from core.errors import SettingInvalid
from core.settings import DoorSettings
from services.api.doors.cookies import Seal, new_session_id

KEY, OTHER = "a" * 32, "b" * 32


def settings(**given: object) -> DoorSettings:
    return DoorSettings(database_door_url=SecretStr("postgresql://none"), **given)  # type: ignore[arg-type]


def test_a_cookie_is_read_as_it_was_written() -> None:
    seal, session_id = Seal([KEY]), new_session_id()
    session = seal.read(seal.write(session_id, "vigie_x.y"))
    assert session is not None
    assert (session.session_id, session.secret) == (session_id, "vigie_x.y")
    assert now() - session.signed_at < timedelta(seconds=5)


def test_what_another_key_signed_is_no_cookie_of_ours() -> None:
    written = Seal([OTHER]).write("session", "vigie_x")
    assert Seal([KEY]).read(written) is None
    assert Seal([OTHER, KEY]).read(written) is not None, "the key before, while it is changed"
    assert Seal([KEY]).read("") is None
    assert Seal([KEY]).read("session.vigie_x") is None


def test_a_changed_cookie_is_none() -> None:
    seal = Seal([KEY])
    written = seal.write("session", "vigie_x")
    assert seal.read(written) is not None
    assert seal.read(written.replace("vigie_x", "vigie_y")) is None


def test_a_token_holds_for_its_session_only() -> None:
    seal = Seal([KEY])
    assert seal.is_token(seal.token("one"), "one")
    assert not seal.is_token(seal.token("one"), "other")
    assert not seal.is_token("", "one")
    assert not seal.is_token("é" * 64, "one")
    assert Seal([KEY, OTHER]).is_token(seal.token("one"), "one")


def test_no_secret_or_a_short_one_stops_the_process() -> None:
    assert Seal.of(settings(secret=SecretStr(KEY))).read(Seal([KEY]).write("one", "x")) is not None
    for wrong in ({}, {"secret": "short"}, {"secret": KEY, "secret_previous": "short"}):
        with pytest.raises(SettingInvalid, match="VIGIE_SECRET"):
            Seal.of(settings(**{name: SecretStr(value) for name, value in wrong.items()}))
