"""`vigie admin`: links, people and their roles, from the machine itself."""

from __future__ import annotations

import pytest
from typer.testing import CliRunner

from core.clock import now
from core.errors import SettingInvalid
from core.passes import key_of
from core.roles import Role
from core.store.audit import WantedActs, read_acts
from core.store.pool import connected
from core.store.sign_in import read_entry
from vigie.__main__ import app
from vigie.commands.admin import ADMINISTRATOR, UnknownPerson


@pytest.fixture(autouse=True)
def _address(database_url: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("VIGIE_DATABASE_URL", database_url)
    monkeypatch.setenv("VIGIE_PUBLIC_URL", "https://vigie.example.org/")


def vigie(*arguments: str) -> str:
    done = CliRunner().invoke(app, ["admin", *arguments], catch_exceptions=False)
    assert done.exit_code == 0, done.output
    return done.output


def entry(database_url: str, printed: str) -> str | None:
    """Whom a printed link lets in."""
    address, _, secret = printed.strip().removeprefix("open ").rpartition("/enter/")
    assert address == "https://vigie.example.org"
    with connected(database_url) as connection:
        found = read_entry(connection, key_of(secret), now())
    return None if found is None else found.name


def test_a_link_lets_the_local_administrator_in_and_ends_the_one_before(database_url: str) -> None:
    first, second = vigie("link"), vigie("link")
    assert entry(database_url, first) is None
    assert entry(database_url, second) == ADMINISTRATOR
    held = vigie("people").splitlines()[1]
    assert all(f"{role} (everywhere)" in held for role in Role if role is not Role.DRIVER)
    assert "driver" not in held


def test_a_link_opens_an_account_that_was_shut_and_says_so_on_record(database_url: str) -> None:
    vigie("link")
    with connected(database_url) as connection:
        connection.execute("UPDATE person SET disabled_at = now()")
    assert entry(database_url, vigie("link")) == ADMINISTRATOR
    with connected(database_url) as connection:
        assert [one.what for one in read_acts(connection, WantedActs(), limit=2)] == ["link_made", "person_enabled"]


def test_roles_are_given_taken_and_put_on_record(database_url: str) -> None:
    assert vigie("grant", "Amina Diallo", "technician", "--commune", "93051") == "Amina Diallo: technician (93051)\n"
    vigie("grant", "#1", "analyst")
    assert entry(database_url, vigie("link", "--person", "amina diallo")) == "Amina Diallo"
    vigie("revoke", "amina diallo", "technician", "--commune", "93051")
    assert vigie("people").split()[-3:] == ["never", "analyst", "(everywhere)"]
    with connected(database_url) as connection:
        acts = [entry.what for entry in read_acts(connection, WantedActs())]
    assert acts == ["grant_taken", "link_made", "grant_given", "grant_given", "person_added"]


def test_what_cannot_be_given_is_refused() -> None:
    for arguments in (
        ("grant", "Amina", "driver"),
        ("grant", "Amina", "analyst", "--commune", "00000"),
        ("grant", "Amina", "analyst", "--commune", "93051", "--site", "77"),
        ("revoke", "Amina", "analyst"),
        ("link", "--person", "nobody"),
    ):
        refused = CliRunner().invoke(app, ["admin", *arguments])
        assert refused.exit_code != 0
    with pytest.raises(SettingInvalid, match="--site needs the --commune"):
        vigie("grant", "Amina", "analyst", "--site", "77")
    with pytest.raises(UnknownPerson, match="nobody"):
        vigie("link", "--person", "nobody")
