"""Webhooks and events under the api's own login, by raw SQL: nothing of another commune is seen, sent or changed."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import psycopg
import pytest
from passes import enter
from psycopg import errors
from webhooking import COMMUNE, ELSEWHERE, asked, flood

from core.passes import key_of
from core.roles import Grant, Role
from core.store.pool import connected, under
from core.store.roles import Login, as_login

pytestmark = pytest.mark.integration

COUNTS = "SELECT (SELECT count(*) FROM webhook), (SELECT count(*) FROM event), (SELECT count(*) FROM delivery)"
ADD_WEBHOOK = (
    "INSERT INTO webhook (name, url, wanted, communes, sealed, made_at, made_by)"
    " VALUES ('a', 'https://a.example', '{alarm.*}', "
)
ADD_EVENT = "INSERT INTO event (happened_at, event_id, name, commune_insee, subject, body) VALUES ("
NOT_THEIRS = (
    "SELECT sealed FROM webhook",
    "SELECT * FROM webhook",
    "SELECT sealed_before FROM webhook",
    "UPDATE webhook SET communes = NULL",
    "UPDATE webhook SET communes = '{93066}'",
    "UPDATE webhook SET communes = '{93051,93066}'",
    "UPDATE webhook SET sealed_before = 'x'",
    "UPDATE delivery SET state = 'taken'",
    "DELETE FROM delivery",
    "DELETE FROM event",
    "UPDATE event SET body = '{}'",
    ADD_WEBHOOK + "NULL, 'x', now(), 'me')",
    ADD_WEBHOOK + "'{93066}', 'x', now(), 'me')",
    ADD_EVENT + "now(), gen_random_uuid(), 'alarm.sensor_flooded', '93051', 'sensor:a', '{}')",
    ADD_EVENT + "now(), gen_random_uuid(), 'decision.approved', '93051', 'round:a', '{}')",
    ADD_EVENT + "now(), gen_random_uuid(), 'webhook.test', '93066', 'webhook:2', '{}')",
)


@pytest.fixture
def local(database_url: str) -> Iterator[psycopg.Connection[Any]]:
    """Raw SQL under the api's login and the pass of a commune's administrator, beside a webhook of another's."""
    with connected(database_url) as owner:
        for commune in (COMMUNE, ELSEWHERE):
            owner.execute(
                "INSERT INTO webhook (name, url, wanted, communes, sealed, made_at, made_by)"
                " VALUES (%s, 'https://hook.example', '{alarm.*}', %s, 'x', now(), 'a test')",
                (commune, [commune]),
            )
    flood(database_url, "bin-1")
    flood(database_url, "bin-2", commune=ELSEWHERE)
    key = key_of(enter(database_url, Grant(Role.ADMINISTRATOR, COMMUNE)))
    with connected(under(as_login(database_url, Login.API), key)) as connection:
        yield connection


def test_raw_sql_sees_and_changes_nothing_of_elsewhere(local: psycopg.Connection[Any]) -> None:
    assert local.execute(COUNTS).fetchone() == (1, 1, 1)
    assert local.execute("SELECT name FROM webhook").fetchall() == [(COMMUNE,)]
    assert (
        local.execute("UPDATE webhook SET url = 'https://mine.example' WHERE communes <> %s", ([COMMUNE],)).rowcount
        == 0
    )
    assert local.execute("DELETE FROM webhook WHERE name = %s", (ELSEWHERE,)).rowcount == 0


def test_raw_sql_is_refused_what_is_not_theirs(local: psycopg.Connection[Any]) -> None:
    local.commit()
    for statement in NOT_THEIRS:
        with pytest.raises(errors.InsufficientPrivilege), local.transaction():
            local.execute(statement)


def test_raw_sql_sends_nothing_from_elsewhere_to_a_webhook_of_theirs(
    local: psycopg.Connection[Any], database_url: str
) -> None:
    foreign = asked(database_url, "SELECT event_id FROM event WHERE commune_insee = %s", ELSEWHERE)
    [(own,)] = local.execute("SELECT webhook_id FROM webhook").fetchall()
    with pytest.raises(errors.InsufficientPrivilege):
        local.execute("INSERT INTO delivery (webhook_id, event_id) VALUES (%s, %s)", (own, foreign))


def test_without_a_pass_raw_sql_sees_no_webhook(database_url: str, local: psycopg.Connection[Any]) -> None:
    with connected(as_login(database_url, Login.API)) as stranger:
        assert stranger.execute(COUNTS).fetchone() == (0, 0, 0)
    assert local.execute(COUNTS).fetchone() == (1, 1, 1)
