"""How long a session lasts, and its secret; a driver's link; what a process remembers."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Iterator
from datetime import datetime, timedelta

import httpx
import pytest
from api_process import SIGNING_KEY, api_running_with, api_settings
from itsdangerous import TimestampSigner
from passes import EVERYTHING, enter, let_in

from core.clock import Window, now
from core.decisions import Decision, Phrase, Soundness, Subject
from core.passes import key_of, new_secret
from core.roles import Grant, PassKind, Role, Visitor
from core.store.decisions import write_decision, write_subject
from core.store.doors import (
    SUPERSEDED,
    NewPass,
    WantedPasses,
    make_pass,
    note_use,
    prune_passes,
    read_passes,
    read_visitor,
    renew_session,
    revoke_pass,
)
from core.store.people import add_local_person, write_person_grants
from core.store.pool import Connection, connected, open_pool
from core.store.roles import Login, as_login
from services.api.doors.cookies import Seal
from services.api.doors.visiting import Door

IDLE_S = 600


@pytest.fixture
def door(database_url: str) -> Iterator[Connection]:
    """A connection of the door."""
    with connected(as_login(database_url, Login.DOOR)) as connection:
        yield connection


def session(door: Connection, at: datetime, *, lasts: timedelta = timedelta(hours=12)) -> tuple[int, str]:
    """Begin a session of a technician of Noisy-le-Grand; return its pass and its key."""
    person_id = add_local_person(door, f"Amina {new_secret()}", at)
    write_person_grants(door, person_id, (), (Grant(Role.TECHNICIAN, "93051"),), at)
    key = key_of(new_secret())
    new = NewPass(PassKind.SESSION, key, "Amina", "Amina", at, at + lasts, EVERYTHING[:1], person_id, idle_s=IDLE_S)
    return make_pass(door, new), key


def known(door: Connection, key: str, at: datetime) -> Visitor:
    visitor = read_visitor(door, key, at)
    assert visitor is not None
    return visitor


def test_a_session_ends_when_it_was_idle_or_has_lasted(door: Connection) -> None:
    at = now()
    pass_id, key = session(door, at, lasts=timedelta(minutes=15))
    assert read_visitor(door, key, at + timedelta(seconds=IDLE_S - 1)) is not None
    assert read_visitor(door, key, at + timedelta(seconds=IDLE_S)) is None
    note_use(door, pass_id, at + timedelta(seconds=IDLE_S - 1))
    assert read_visitor(door, key, at + timedelta(seconds=IDLE_S + 100)) is not None
    assert read_visitor(door, key, at + timedelta(minutes=15)) is None


def test_use_is_noted_once_a_minute_and_the_first_of_a_day_told(door: Connection) -> None:
    at = datetime.fromisoformat("2026-03-02T23:58:00Z")
    pass_id, _ = session(door, at)
    told = [note_use(door, pass_id, at + timedelta(seconds=s)) for s in (0, 30, 61, 110, 180)]
    assert told == [True, False, False, False, True]
    row = door.execute("SELECT used_at FROM pass WHERE pass_id = %s", (pass_id,)).fetchone()
    assert row == (at + timedelta(seconds=180),)


def test_a_renewed_session_goes_on_and_its_old_secret_ends(door: Connection) -> None:
    at = now()
    pass_id, before = session(door, at)
    after = key_of(new_secret())
    renewed = renew_session(door, known(door, before, at), after, at)
    assert renewed is not None
    assert (renewed.pass_id, renewed.key) == (pass_id, after)
    assert renew_session(door, known(door, before, at), key_of(new_secret()), at) is None, "another was first"
    assert known(door, after, at).expires_at == at + timedelta(hours=12)
    assert known(door, before, at + SUPERSEDED / 2).grants == known(door, after, at).grants
    assert read_visitor(door, before, at + SUPERSEDED) is None
    person_id = renewed.person_id
    listed = read_passes(door, WantedPasses(PassKind.SESSION, person_id=person_id), at, limit=9)
    assert [one.pass_id for one in listed] == [pass_id]
    revoke_pass(door, pass_id, at)
    assert read_visitor(door, before, at) is None, "what is left of it goes with it"


def test_passes_that_open_nothing_are_let_go_of_in_time(door: Connection) -> None:
    at = now()
    pass_id, _ = session(door, at)
    revoke_pass(door, pass_id, at)
    assert prune_passes(door, at + timedelta(days=1)) == 0
    assert prune_passes(door, at + timedelta(days=3)) == 1


def test_a_process_forgets_at_once_whom_it_was_told_of(database_url: str) -> None:
    settings = api_settings(database_url)
    key = key_of(enter(database_url, *EVERYTHING))

    async def looked_up() -> list[bool]:
        with open_pool(settings.door_dsn, 1) as pool:
            door = Door(settings, Seal.of(settings), pool)
            found = [await door.visitor(key, ("", "")) is not None]
            with connected(database_url) as connection:
                revoke_pass(connection, 1, now())
            found.append(await door.visitor(key, ("", "")) is not None)
            door.forget()
            return [*found, await door.visitor(key, ("", "")) is not None]

    assert asyncio.run(looked_up()) == [True, True, False]


def test_other_processes_hear_of_a_revocation(database_url: str) -> None:
    settings = api_settings(database_url)
    with api_running_with(settings) as one, api_running_with(settings) as other:
        admin = enter(database_url, *EVERYTHING, name="admin")
        program = enter(database_url, *EVERYTHING, name="program")
        at_other = let_in(other, program)
        assert at_other.get("/me").status_code == 200
        [pass_id] = [
            token["pass_id"]
            for token in let_in(one, admin).get("/tokens").json()["items"]
            if token["name"] == "program"
        ]
        assert let_in(one, admin).delete(f"/tokens/{pass_id}").status_code == 204
        # The database refuses at once; the other process, once it heard of it.
        heard_by = time.monotonic() + 5
        while (status := at_other.get("/me").status_code) == 200 and time.monotonic() < heard_by:
            time.sleep(0.01)
        assert status == 401


def test_an_old_cookie_is_renewed_in_use(database_url: str, monkeypatch: pytest.MonkeyPatch) -> None:
    with connected(database_url) as connection:
        person_id = add_local_person(connection, "Amina", now())
        write_person_grants(connection, person_id, (), EVERYTHING, now())
        secret = new_secret()
        ends = now() + timedelta(hours=12)
        make_pass(
            connection,
            NewPass(
                PassKind.SESSION, key_of(secret), "Amina", "Amina", now(), ends, EVERYTHING, person_id, idle_s=7_200
            ),
        )
    hour_ago = int((now() - timedelta(minutes=61)).timestamp())
    with monkeypatch.context() as patched:
        patched.setattr(TimestampSigner, "get_timestamp", lambda _: hour_ago)
        old = Seal([SIGNING_KEY]).write("the session", secret)
    with api_running_with(api_settings(database_url)) as api:
        api.cookies.set("vigie", old)
        csrf = Seal([SIGNING_KEY]).token("the session")
        said = {"X-CSRF-Token": csrf, "Sec-Fetch-Site": "same-origin"}
        past = {"name": "x", "expires_at": "2020-01-01T00:00:00Z", "grants": [{"role": "analyst"}]}
        act = api.post("/tokens", json=past, headers=said)
        assert (act.status_code, "vigie" in act.cookies) == (422, False), "an act may be sent again by the same pass"
        first = api.get("/me")
        assert first.status_code == 200
        renewed = first.cookies["vigie"]
        assert renewed != old
        assert "httponly" in first.headers["set-cookie"].lower()
        api.cookies.clear()
        api.cookies.set("vigie", old)
        parallel = api.get("/me")
        assert parallel.status_code == 200, "a request that was under way"
        assert "vigie" not in parallel.cookies, "renewed once"
        api.cookies.clear()
        api.cookies.set("vigie", renewed)
        again = api.get("/me")
        assert (again.status_code, again.json()["csrf"]) == (200, first.json()["csrf"])
        assert "vigie" not in again.cookies


def round_decision(database_url: str, code: str) -> int:
    """Keep a proposed round on this subject; return its id."""
    at = now()
    with connected(database_url) as connection:
        write_subject(connection, Subject("round", code, "93051", "Nord", {}))
        written = write_decision(connection, made_up_round(code, at), {})
    assert written is not None
    return written.decision_id


def made_up_round(code: str, at: datetime) -> Decision:
    return Decision(
        kind="round",
        subject=code,
        commune_insee="93051",
        made_at=at,
        window=Window(at, at + timedelta(hours=8)),
        answer_by=at + timedelta(hours=1),
        soundness=Soundness.SOUND,
        headline=Phrase("headline", {}),
        reasons=(),
        actions=(),
        inputs=(),
        alternatives=(),
        checks=(),
        figures={},
        picture={},
    )


def test_a_driver_s_link_shows_its_round_and_nothing_else(database_url: str) -> None:
    shown_round, other_round = round_decision(database_url, "93051:nord"), round_decision(database_url, "93051:sud")
    with api_running_with(api_settings(database_url)) as api:
        dispatcher = let_in(api, enter(database_url, Grant(Role.DISPATCHER, "93051")))
        path = f"/decisions/{shown_round}/links"
        late = (now() + timedelta(hours=73)).isoformat()
        assert dispatcher.post(path, json={"expires_at": late}).status_code == 422
        made = dispatcher.post(path, json={"name": "camion 2"})
        assert made.status_code == 201, made.text
        root, _, secret = made.json()["link"].rpartition("/round/")
        with httpx.Client(base_url=root) as driver:
            opened = driver.get(f"/round/{secret}")
            assert (opened.status_code, opened.headers["location"]) == (303, "/round")
            assert driver.get("/round").status_code == 200
            assert driver.get("/api/v1/me").json()["decision_id"] == shown_round
            assert driver.get(f"/api/v1/decisions/{shown_round}").status_code == 200
            assert driver.get(f"/api/v1/decisions/{other_round}").status_code == 404
            for closed in ("decisions", "sensors", "latest?commune=93051", "live", "people", "exports/schedules"):
                assert driver.get(f"/api/v1/{closed}").status_code == 403
            [listed] = dispatcher.get(path).json()["items"]
            assert (listed["name"], listed["made_by"], listed["pass_id"]) == (
                "camion 2",
                "a test",
                made.json()["pass_id"],
            )
            assert dispatcher.delete(f"{path}/{listed['pass_id']}").status_code == 204
            assert driver.get(f"/api/v1/decisions/{shown_round}").status_code == 401
            assert driver.get("/round").status_code == 410
            assert driver.get(f"/round/{secret}").headers["location"] == "/round"
        elsewhere = let_in(api, enter(database_url, Grant(Role.DISPATCHER, "93005")))
        assert elsewhere.post(path, json={}).status_code == 404
        sees_only = let_in(api, enter(database_url, Grant(Role.ANALYST, "93051"), Grant(Role.DISPATCHER, "93005")))
        assert sees_only.post(path, json={}).status_code == 403
