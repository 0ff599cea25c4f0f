"""Idempotency keys: sent again, answered again, done once; of each pass its own."""

from __future__ import annotations

import uuid
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta
from typing import Any

import httpx
import psycopg
import pytest
from api_process import api_running
from passes import EVERYTHING, enter, let_in

from core.clock import format_instant, now
from core.store.idempotency import prune_kept_answers
from core.store.pool import connected
from vigie.embedded import DatabaseServer

pytestmark = pytest.mark.integration

SITE = {"commune_insee": "93051", "code": "mairie", "name": "Mairie"}


@pytest.fixture(scope="module")
def place(database_server: DatabaseServer, template: str) -> Iterator[tuple[httpx.Client, str]]:
    name = f"idempotency_{uuid.uuid4().hex}"
    url = database_server.create(name, template=template)
    with api_running(url) as client:
        yield client, url
    database_server.drop(name)


@pytest.fixture
def client(place: tuple[httpx.Client, str]) -> httpx.Client:
    return place[0]


def adoption(**fields: Any) -> dict[str, Any]:
    return {"external_id": uuid.uuid4().hex, "kind": "meter", "name": "Compteur", "site": SITE, **fields}


def keyed() -> dict[str, str]:
    return {"Idempotency-Key": str(uuid.uuid4())}


def known(client: httpx.Client, external_id: str) -> int:
    items = client.get("/sensors", params={"limit": 1_000}).json()["items"]
    return sum(item["external_id"] == external_id for item in items)


def test_what_is_sent_again_is_answered_again_and_done_once(client: httpx.Client) -> None:
    key, wanted = keyed(), adoption()
    first = client.post("/sensors", json=wanted, headers=key)
    again = client.post("/sensors", json=wanted, headers=key)
    assert first.status_code == again.status_code == 201
    assert again.json() == first.json()
    assert again.headers["location"] == first.headers["location"]
    assert "idempotency-replayed" not in first.headers
    assert again.headers["idempotency-replayed"] == "true"
    assert known(client, wanted["external_id"]) == 1
    assert client.post("/sensors", json=wanted).status_code == 409


def test_a_key_is_of_one_request_and_says_so_in_the_reader_s_language(client: httpx.Client) -> None:
    key = keyed()
    client.post("/sensors", json=adoption(), headers=key)
    for language, word in (("fr", "nouvelle"), ("en", "new one")):
        other = client.post("/sensors", json=adoption(name="Autre"), headers=key | {"Accept-Language": language})
        assert (other.status_code, other.json()["code"]) == (409, "idempotency_conflict")
        assert word in other.json()["detail"]


def test_a_key_belongs_to_its_pass(place: tuple[httpx.Client, str]) -> None:
    client, url = place
    key, wanted = keyed(), adoption()
    client.post("/sensors", json=wanted, headers=key)
    with let_in(client, enter(url, *EVERYTHING)) as other:
        assert other.post("/sensors", json=wanted, headers=key).json()["code"] == "already_adopted"


def test_what_was_refused_is_tried_anew(client: httpx.Client) -> None:
    key, wanted = keyed(), adoption()
    taken = client.post("/sensors", json=adoption(external_id="taken")).json()["sensor_id"]
    replaced = adoption(external_id="taken")
    assert client.post("/sensors", json=replaced, headers=key).json()["code"] == "already_adopted"
    freed = {"external_id": wanted["external_id"]}
    assert client.post(f"/sensors/{taken}/replace", json=freed, headers=keyed()).status_code == 200
    assert client.post("/sensors", json=replaced, headers=key).status_code == 201


def test_one_under_way_is_told_and_none_is_done_twice(client: httpx.Client) -> None:
    key, wanted = keyed(), adoption()
    with ThreadPoolExecutor(8) as threads:
        answers = list(threads.map(lambda _: client.post("/sensors", json=wanted, headers=key), range(8)))
    statuses = {answer.status_code for answer in answers}
    assert 201 in statuses
    assert statuses <= {201, 409}
    for answer in answers:
        if answer.status_code == 409:
            assert answer.json()["code"] == "idempotency_conflict"
            assert answer.headers["retry-after"] == "1"
    assert known(client, wanted["external_id"]) == 1


def test_the_answer_and_the_act_are_one_transaction(place: tuple[httpx.Client, str]) -> None:
    client, url = place
    wanted = adoption()
    with psycopg.connect(url) as owner:
        owner.execute("ALTER TABLE kept_answer ADD CONSTRAINT never CHECK (key <> 'never') NOT VALID")
    # A connection on which the server made a mistake is closed: another one is taken for that.
    with httpx.Client(base_url=client.base_url, headers=client.headers) as other:
        assert other.post("/sensors", json=wanted, headers={"Idempotency-Key": "never"}).status_code == 500
    assert known(client, wanted["external_id"]) == 0


@pytest.mark.parametrize("key", ["", "é", "a b", "x" * 256])
def test_a_key_has_its_bounds(client: httpx.Client, key: str) -> None:
    answer = client.post("/sensors", json=adoption(), headers={b"Idempotency-Key": key.encode()})
    assert answer.status_code == 422
    assert answer.json()["errors"][0]["place"] == "header"


def test_an_answer_that_shows_a_secret_is_not_kept(client: httpx.Client) -> None:
    key = keyed()
    grants = [{"role": "analyst", "commune_insee": "93051"}]
    wanted = {"name": "tableau", "grants": grants, "expires_at": format_instant(now() + timedelta(days=1))}
    assert client.post("/tokens", json=wanted, headers=key).status_code == 201
    again = client.post("/tokens", json=wanted, headers=key)
    assert (again.status_code, again.json()["code"]) == (409, "idempotency_conflict")
    assert "secret" in again.json()["detail"]


def test_answers_are_let_go_of_after_a_day_and_beyond_their_number(
    place: tuple[httpx.Client, str], monkeypatch: pytest.MonkeyPatch
) -> None:
    client, url = place
    for _ in range(3):
        client.post("/sensors", json=adoption(), headers=keyed())
    monkeypatch.setattr("core.store.idempotency.ANSWERS_MAX", 2)
    with connected(url) as connection:
        assert prune_kept_answers(connection, now() - timedelta(days=1)) >= 1
        [(held,)] = connection.execute(
            "SELECT max(n) FROM (SELECT count(*) AS n FROM kept_answer GROUP BY pass_id) AS x"
        )
        assert held == 2
        assert prune_kept_answers(connection, now()) >= 2


def test_a_deprecated_field_is_taken_and_told(client: httpx.Client) -> None:
    signed = client.post("/sensors", json=adoption() | {"by": "Nadia"})
    assert signed.headers["deprecation"].startswith("@")
    assert signed.headers["sunset"].endswith("GMT")
    assert 'rel="deprecation"' in signed.headers["link"]
    unsigned = client.patch(signed.headers["location"].removeprefix("/api/v1"), json={"name": "Autre"})
    assert unsigned.status_code == 200
    assert "deprecation" not in unsigned.headers
