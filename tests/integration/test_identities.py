"""People of an identity provider in the store, under the door's login."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime, timedelta
from threading import Thread
from time import monotonic

import pytest
from api_process import api_running_with, api_settings
from passes import enter, let_in

from core.clock import now
from core.roles import Grant, PassKind, Role
from core.store.doors import NewPass, make_pass, read_pass_grants
from core.store.held import read_held
from core.store.identities import FORGOTTEN_AFTER, Identity, arrive, end_sessions, find_subject
from core.store.people import write_group_grants, write_person_grants
from core.store.pool import connected
from core.store.roles import Login, as_login

pytestmark = pytest.mark.integration
NOW = datetime(2026, 3, 2, 8, tzinfo=UTC)
AMINA = Identity("https://id.example.org", "amina", "Amina Diallo", "amina@example.org", ("tours",))
JEAN = replace(AMINA, subject="jean", name="Jean Durand", groups=())


def test_a_person_is_one_by_issuer_and_subject_and_has_what_they_and_their_groups_were_given(
    database_url: str,
) -> None:
    with connected(as_login(database_url, Login.DOOR)) as connection:
        first = arrive(connection, AMINA, NOW)
        assert (first.is_disabled, first.grants) == (False, ())
        write_person_grants(connection, first.person_id, [], [Grant(Role.ANALYST)], NOW)
        write_group_grants(connection, "tours", [], [Grant(Role.DISPATCHER, "93066"), Grant(Role.ANALYST)], NOW)
        write_group_grants(connection, "others", [], [Grant(Role.ADMINISTRATOR)], NOW)
        again = arrive(connection, replace(AMINA, name="Amina D."), NOW)
        assert again.person_id == first.person_id
        assert set(again.grants) == {Grant(Role.ANALYST), Grant(Role.DISPATCHER, "93066")}
        assert arrive(connection, replace(AMINA, issuer="https://other.example.org"), NOW).person_id != first.person_id
        assert find_subject(connection, AMINA.issuer, "amina") == first.person_id
        assert find_subject(connection, AMINA.issuer, "nobody") is None
        assert end_sessions(connection, first.person_id, NOW) is False


def test_whoever_came_and_was_given_nothing_is_forgotten_and_nobody_else(database_url: str) -> None:
    later = NOW + FORGOTTEN_AFTER + timedelta(seconds=1)
    with connected(as_login(database_url, Login.DOOR)) as connection:
        unmet, given, closed = (
            arrive(connection, replace(JEAN, subject=subject), NOW).person_id
            for subject in ("unmet", "given", "closed")
        )
        write_person_grants(connection, given, [], [Grant(Role.ANALYST)], NOW)
        connection.execute("UPDATE person SET disabled_at = %s WHERE person_id = %s", (NOW, closed))
        connection.execute(
            "INSERT INTO person (subject, name, added_at, seen_at) VALUES ('l', 'L', %s, %s)", (NOW, NOW)
        )
        arrive(connection, AMINA, later - timedelta(seconds=1))
        assert find_subject(connection, JEAN.issuer, "unmet") == unmet
        arrive(connection, AMINA, later)
        left = [subject for (subject,) in connection.execute("SELECT subject FROM person ORDER BY subject")]
    # A closed account stays closed, whoever asks; a local person is not the provider's to forget.
    assert left == ["amina", "closed", "given", "l"]


def test_a_grant_that_is_taken_away_during_a_sign_in_is_not_in_its_session(database_url: str) -> None:
    door = as_login(database_url, Login.DOOR)
    given = Grant(Role.DISPATCHER, "93066")
    with connected(door) as connection:
        write_group_grants(connection, "tours", [], [given], NOW)

    def take_away() -> None:
        with connected(door) as taking:
            write_group_grants(taking, "tours", [given], [], NOW)

    taker = Thread(target=take_away)
    with connected(door) as connection, connected(database_url) as watching:
        arrival = arrive(connection, AMINA, NOW)
        assert arrival.grants == (given,)
        taker.start()
        # Once it waits for this sign-in, the pass is made of what was read.
        deadline = monotonic() + 20
        while not watching.execute("SELECT 1 FROM pg_locks WHERE locktype = 'advisory' AND NOT granted").fetchone():
            assert monotonic() < deadline, "nobody waits"
            watching.rollback()
        expires_at = now() + timedelta(hours=1)
        new = NewPass(
            PassKind.SESSION, "k" * 64, "Amina", "Amina", now(), expires_at, arrival.grants, arrival.person_id
        )
        pass_id = make_pass(connection, replace(new, group_names=AMINA.groups, idle_s=600))
    taker.join(20)
    with connected(door) as connection:
        assert read_pass_grants(connection, [pass_id]) == {}


def test_a_token_loses_what_its_maker_loses_by_leaving_a_group(database_url: str) -> None:
    here = Grant(Role.TECHNICIAN, "93066")
    with connected(as_login(database_url, Login.DOOR)) as connection:
        write_group_grants(connection, "tours", [], [here], now())
        amina = arrive(connection, AMINA, now())
        new = NewPass(PassKind.TOKEN, "k" * 64, "a program", "Amina", now(), now() + timedelta(days=300), (here,))
        pass_id = make_pass(connection, replace(new, person_id=amina.person_id, group_names=AMINA.groups))
        assert arrive(connection, AMINA, now()).grants == read_held(connection, amina.person_id) == (here,)
        assert read_pass_grants(connection, [pass_id]) == {pass_id: (here,)}
        assert arrive(connection, replace(AMINA, groups=()), now()).grants == ()
        assert read_held(connection, amina.person_id) == ()
        assert read_pass_grants(connection, [pass_id]) == {}


def test_somebody_is_not_shut_out_by_who_does_not_give_what_their_groups_give(database_url: str) -> None:
    here, everywhere = Grant(Role.TECHNICIAN, "93051"), Grant(Role.ADMINISTRATOR)
    with connected(as_login(database_url, Login.DOOR)) as connection:
        write_group_grants(connection, "tours", [], [everywhere], now())
        amina = arrive(connection, AMINA, now()).person_id
        write_person_grants(connection, amina, [], [here], now())
    with api_running_with(api_settings(database_url)) as api:
        noisy = let_in(api, enter(database_url, Grant(Role.ADMINISTRATOR, "93051")))
        assert [one["name"] for one in noisy.get("/people").json()["items"]] == ["Amina Diallo"]
        assert noisy.post(f"/people/{amina}/disable", json={}).status_code == 403
        assert noisy.get("/sessions", params={"person_id": amina}).status_code == 403
        admin = let_in(api, enter(database_url, everywhere))
        assert admin.post(f"/people/{amina}/disable", json={}).status_code == 200
