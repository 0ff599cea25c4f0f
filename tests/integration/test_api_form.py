"""The form of answers on a running API: tags and conditions, headers, bounds, rates, languages, methods."""

from __future__ import annotations

import uuid
from collections.abc import Iterator

import httpx
import pytest
from api_process import api_running, api_running_with, api_settings
from deciding_kind import AIRING, KIND, registered, write_room
from passes import EVERYTHING, enter, shown

from services.api.problem_answers import SAFE_HEADERS
from vigie.embedded import DatabaseServer

pytestmark = pytest.mark.integration


@pytest.fixture(scope="module")
def client(database_server: DatabaseServer, template: str) -> Iterator[httpx.Client]:
    name = f"form_{uuid.uuid4().hex}"
    url = database_server.create(name, template=template)
    write_room(url)
    with registered(), api_running(url) as client:
        yield client
    database_server.drop(name)


def problem(answer: httpx.Response, status: int, code: str) -> str:
    assert (answer.status_code, answer.json()["code"]) == (status, code)
    detail: str = answer.json()["detail"]
    return detail


def test_who_has_an_answer_is_told_that_it_holds(client: httpx.Client) -> None:
    first = client.get("/sensors/1")
    assert first.headers["cache-control"] == "private, no-cache"
    again = client.get("/sensors/1", headers={"If-None-Match": first.headers["etag"]})
    assert (again.status_code, again.content, again.headers["etag"]) == (304, b"", first.headers["etag"])
    client.patch("/sensors/1", json={"name": f"Autre {uuid.uuid4()}"}).raise_for_status()
    assert client.get("/sensors/1", headers={"If-None-Match": first.headers["etag"]}).status_code == 200


@pytest.mark.parametrize("coding", ["identity", "gzip", "br", "zstd"])
def test_a_sensor_is_changed_as_it_was_read_or_not_at_all(client: httpx.Client, coding: str) -> None:
    client.patch("/sensors/1", json={"name": "Avant"}).raise_for_status()
    read = client.get("/sensors/1", headers={"Accept-Encoding": coding}).headers["etag"]
    condition = {"If-Match": read}
    assert client.patch("/sensors/1", json={"name": "Une"}, headers=condition).status_code == 200
    refused = client.patch("/sensors/1", json={"name": "Deux"}, headers=condition)
    assert "relisez" in problem(refused, 412, "precondition_failed")
    assert client.get("/sensors/1").json()["name"] == "Une"
    assert client.patch("/sensors/1", json={"name": "Trois"}, headers={"If-Match": "*"}).status_code == 200


def test_so_is_a_policy(client: httpx.Client) -> None:
    path = f"/decision-subjects/{KIND}/{AIRING.code}"
    condition = {"If-Match": client.get(path, headers={"Accept-Encoding": "gzip"}).headers["etag"]}
    policies = [{"policy": {"limit_ppm": limit, "series_id": 1}} for limit in (900, 800)]
    assert client.put(path, json=policies[0], headers=condition).status_code == 200
    problem(client.put(path, json=policies[1], headers=condition), 412, "precondition_failed")
    assert client.get(path).json()["policy"]["limit_ppm"] == 900


def test_problems_are_never_kept_and_have_no_tag(client: httpx.Client) -> None:
    answer = client.get("/sensors/999")
    assert answer.headers["cache-control"] == "no-store"
    assert "etag" not in answer.headers


@pytest.mark.parametrize("path", ["/sensors", "/sensors/999", "/nothing", "/health"])
def test_every_answer_is_safe(client: httpx.Client, path: str) -> None:
    answer = client.get(path)
    assert {name: answer.headers[name] for name in SAFE_HEADERS} == dict(SAFE_HEADERS)
    assert "strict-transport-security" not in answer.headers


def test_https_is_told_to_stay_by_proxies_that_are_trusted_alone(database_url: str) -> None:
    said = {"X-Forwarded-Proto": "https", "X-Forwarded-For": "192.0.2.7"}
    for trusted, hsts in (("127.0.0.1", True), ("", False)):
        with api_running_with(api_settings(database_url, trusted_proxies=trusted)) as client:
            assert ("strict-transport-security" in client.get("/health", headers=said).headers) is hsts


def test_what_is_too_large_is_refused_before_it_is_read(client: httpx.Client) -> None:
    assert "32768" in problem(client.get("/sensors", params={"x": "y" * 33_000}), 414, "request_refused")
    assert "16384" in problem(client.get("/sensors", headers={"X-Long": "y" * 17_000}), 431, "request_refused")
    assert "65536" in problem(client.post("/sensors", content=b"y" * 70_000), 413, "body_too_large")
    unsaid = client.post("/sensors", content=iter([b"{}"]))
    problem(unsaid, 411, "body_too_large")


def test_an_address_lists_its_own_methods(client: httpx.Client) -> None:
    for path, methods in (("/sensors", "GET, POST"), ("/sensors/1", "GET, PATCH"), ("/sensors/bulk", "POST")):
        refused = client.delete(path)
        problem(refused, 405, "method_not_allowed")
        assert refused.headers["allow"] == methods


def test_details_are_in_the_reader_s_language(client: httpx.Client) -> None:
    told = {
        language: problem(client.get("/nothing", headers={"Accept-Language": language}), 404, "not_found")
        for language in ("fr", "en")
    }
    assert told == {"fr": "Rien ne porte cette adresse.", "en": "Nothing has this address."}


def test_a_pass_asks_so_much_and_another_as_much(database_url: str) -> None:
    settings = api_settings(database_url, rate_pass_burst=100, rate_pass_per_s=0.01)
    with api_running_with(settings) as client:
        one, other = (shown(enter(database_url, *EVERYTHING)) for _ in range(2))
        answer = client.get("/latest", headers=one)
        assert answer.headers["ratelimit-policy"] == '"pass";q=100;w=10000'
        assert answer.headers["ratelimit"] == '"pass";r=95;t=500'
        for _ in range(19):
            assert client.get("/latest", headers=one).status_code == 200
        refused = client.get("/latest", headers=one | {"Accept-Language": "en"})
        assert "try again in" in problem(refused, 429, "too_many_requests")
        assert 400 < int(refused.headers["retry-after"]) <= 500
        assert client.get("/latest", headers=other).status_code == 200
        assert client.get("/health", headers=one).status_code == 200


def test_who_guesses_is_stopped_and_who_is_known_there_is_not(database_url: str) -> None:
    settings = api_settings(database_url, rate_address_burst=100, rate_address_per_s=0.01)
    with api_running_with(settings) as client:
        known = shown(enter(database_url, *EVERYTHING))
        assert client.get("/sensors", headers=known).status_code == 200
        statuses = [client.get("/sensors", headers=shown(f"vigie_{guess}")).status_code for guess in range(20)]
        assert set(statuses) == {401, 429}
        assert statuses[-1] == 429
        assert client.get("/latest").status_code == 429
        assert client.get("/sensors", headers=known).status_code == 200
