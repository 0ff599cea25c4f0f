"""Decisions over the API, on a real database: read, decided, answered, exported, their policies set."""

from __future__ import annotations

import json
from collections.abc import Iterator
from datetime import timedelta
from typing import Any

import httpx
import pytest
from api_process import api_running
from deciding_kind import AIRING, COMMUNE, KIND, registered, write_co2, write_room

from core import clock
from core.store.outbox import take_outgoing
from core.store.pool import connected
from services.api.routes import decisions as routes

pytestmark = pytest.mark.integration
MINUTE = timedelta(minutes=1)
SUBJECT = {"kind": KIND, "subject": AIRING.code}


@pytest.fixture
def api(database_url: str) -> Iterator[httpx.Client]:
    write_room(database_url, at=clock.now() - 2 * MINUTE)
    with registered(), api_running(database_url) as client:
        yield client


def decided(api: httpx.Client) -> dict[str, Any]:
    answer = api.post("/decisions", json=SUBJECT)
    assert answer.status_code == 201, answer.text
    body: dict[str, Any] = answer.json()
    assert answer.headers["location"] == f"/api/v1/decisions/{body['decision_id']}"
    return body


def answered(api: httpx.Client, decision_id: int, **body: Any) -> httpx.Response:
    return api.post(f"/decisions/{decision_id}/answers", json={"by": "Nadia", **body})


def problem(answer: httpx.Response, status: int, code: str) -> dict[str, Any]:
    body: dict[str, Any] = answer.json()
    assert answer.headers["content-type"] == "application/problem+json"
    assert (answer.status_code, body["status"], body["code"]) == (status, status, code)
    return body


def test_a_decision_made_now_explains_itself(api: httpx.Client) -> None:
    body = decided(api)
    assert (body["state"], body["kind"], body["subject"], body["soundness"]) == (
        "proposed", KIND, AIRING.code, "sound",
    )  # fmt: skip
    assert (body["subject_name"], body["commune_insee"], body["answers"]) == ("École Jaurès", COMMUNE, [])
    assert body["headline"]["key"] == "headline"
    assert body["headline"]["values"]["co2_ppm"] == 1_500
    assert body["reasons"] == [{"key": "over_limit", "values": {"limit_ppm": 1_000}}]
    assert body["inputs"][0]["series_id"] == 1
    assert body["simulated"] is True
    assert body["checks"] == [{"name": "length", "passed": True, "detail": ""}]
    assert body["alternatives"] == [{"name": "nothing", "figures": {"airings": 0}}]
    assert api.get(f"/decisions/{body['decision_id']}").json() == body


def test_decisions_are_listed_by_what_is_asked(api: httpx.Client, database_url: str) -> None:
    first = decided(api)
    later = clock.now() - timedelta(seconds=1)
    write_co2(database_url, 700.0, later)
    with connected(database_url) as connection:
        connection.execute("UPDATE decision SET made_at = made_at - interval '1 minute'")
    second = decided(api)

    def ids(**parameters: Any) -> list[int]:
        return [item["decision_id"] for item in api.get("/decisions", params=parameters).json()["items"]]

    both = [second["decision_id"], first["decision_id"]]
    assert ids() == both
    assert ids(newest=True) == both[:1]
    assert ids(state="superseded") == both[1:]
    assert ids(kind=KIND, commune=COMMUNE, subject=AIRING.code) == both
    assert ids(commune="75056") == []
    page = api.get("/decisions", params={"limit": 1}).json()
    assert ids(before=page["next"]) == both[1:]
    problem(api.get("/decisions", params={"kind": "nothing"}), 422, "invalid_parameter")
    problem(api.get("/decisions/404"), 404, "not_found")


def test_an_approval_is_kept_and_waits_for_mqtt(api: httpx.Client, database_url: str) -> None:
    decision_id = decided(api)["decision_id"]
    answer = answered(api, decision_id, state="approved")
    assert answer.status_code == 201
    assert answer.json() == api.get(f"/decisions/{decision_id}").json()
    assert answer.json()["state"] == "approved"
    [given] = answer.json()["answers"]
    assert (given["state"], given["by"], given["note"]) == ("approved", "an administrator", "")
    with connected(database_url) as connection:
        told = [one for one in take_outgoing(connection, 10) if one.topic == f"vigie/out/v1/{COMMUNE}/decision/{KIND}"]
    assert [one.payload["decision_id"] for one in told] == [decision_id]
    again = problem(answered(api, decision_id, state="approved"), 409, "state_refused")
    assert again["detail"] == "a decision that is approved cannot become approved"


def test_a_refusal_says_why(api: httpx.Client) -> None:
    decision_id = decided(api)["decision_id"]
    body = answered(api, decision_id, state="refused", note=" Contrôle\nen cours. ").json()
    assert (body["state"], body["answers"][0]["note"]) == ("refused", "Contrôle\nen cours.")


def test_an_edit_brings_its_actions_and_the_proposal_stays(api: httpx.Client) -> None:
    proposal = decided(api)
    action = {**proposal["actions"][0], "value": 5.0}
    body = answered(api, proposal["decision_id"], state="edited", actions=[action]).json()
    assert (body["state"], body["actions"]) == ("edited", proposal["actions"])
    assert body["answers"][0]["actions"] == [action]


@pytest.mark.parametrize(
    ("body", "field"),
    [
        ({"state": "superseded"}, "state"),
        ({"state": "approved", "by": "  "}, "by"),
        ({"state": "approved", "by": "a\x00b"}, "by"),
        ({"state": "refused", "note": "\x00"}, "note"),
        ({"state": "edited"}, "actions"),
        ({"state": "approved", "actions": []}, "actions"),
        ({"state": "approved", "colour": "red"}, "colour"),
    ],
)
def test_an_answer_that_says_nothing_clear_is_refused(api: httpx.Client, body: dict[str, Any], field: str) -> None:
    decision_id = decided(api)["decision_id"]
    assert problem(answered(api, decision_id, **body), 422, "invalid_body")["errors"][0]["parameter"] == field
    problem(answered(api, 404, state="approved"), 404, "not_found")


def test_a_window_of_an_edit_that_ends_before_it_starts_is_refused(api: httpx.Client) -> None:
    proposal = decided(api)
    action = proposal["actions"][0]
    turned = {**action, "window": {"start": action["window"]["end"], "end": action["window"]["start"]}}
    told = problem(answered(api, proposal["decision_id"], state="edited", actions=[turned]), 422, "invalid_body")
    assert told["errors"][0]["parameter"] == "actions.0.window"


def test_nobody_decides_on_what_is_not_there(api: httpx.Client) -> None:
    problem(api.post("/decisions", json={"kind": KIND, "subject": "nowhere"}), 404, "not_found")
    told = problem(api.post("/decisions", json={"kind": "nothing", "subject": "x"}), 422, "invalid_body")
    assert told["errors"][0]["parameter"] == "kind"


def test_a_process_makes_few_decisions_at_once(api: httpx.Client) -> None:
    for _ in range(routes.DECIDING_AT_ONCE):
        assert routes._deciding.acquire(blocking=False)  # noqa: SLF001 - stands for decisions under way
    try:
        answer = api.post("/decisions", json=SUBJECT)
        problem(answer, 503, "too_many_decisions")
        assert answer.headers["retry-after"]
    finally:
        routes._deciding.release(routes.DECIDING_AT_ONCE)  # noqa: SLF001 - as above
    decided(api)


def test_a_decision_is_had_in_the_formats_of_its_kind(api: httpx.Client) -> None:
    decision_id = decided(api)["decision_id"]
    file = api.get(f"/decisions/{decision_id}/export", params={"format": "csv"})
    assert (file.status_code, file.text) == (200, f"kind;{KIND}\r\n")
    assert file.headers["content-type"] == "text/csv; charset=utf-8"
    assert file.headers["content-disposition"] == f'attachment; filename="{KIND}-{decision_id}.csv"'
    told = problem(api.get(f"/decisions/{decision_id}/export", params={"format": "geojson"}), 422, "invalid_parameter")
    assert told["errors"][0]["parameter"] == "format"


def test_a_policy_is_set_checked_and_followed(api: httpx.Client) -> None:
    path = f"/decision-subjects/{KIND}/{AIRING.code}"
    policy = {"limit_ppm": 2_000, "series_id": 1}
    set_policy = api.put(path, json={"policy": policy})
    assert (set_policy.status_code, set_policy.json()["policy"]) == (200, policy)
    assert api.get("/decision-subjects", params={"kind": KIND, "commune": COMMUNE}).json()["items"] == [
        set_policy.json()
    ]
    assert decided(api)["actions"] == []
    told = problem(api.put(path, json={"policy": {**policy, "limit_ppm": 9}}), 422, "invalid_body")
    assert told["errors"] == [
        {"parameter": "policy.limit_ppm", "place": "body", "message": "limit_ppm must be 400 to 5000, not 9"}
    ]
    assert api.get("/decision-subjects").json()["items"][0]["policy"] == policy
    problem(api.put(f"/decision-subjects/{KIND}/nowhere", json={"policy": policy}), 404, "not_found")
    problem(api.put("/decision-subjects/nothing/x", json={"policy": policy}), 422, "invalid_parameter")


def test_the_live_feed_tells_what_was_proposed_and_answered(api: httpx.Client) -> None:
    with api.stream("GET", "/live", params={"commune": COMMUNE}) as feed:
        lines = feed.iter_lines()
        assert "event: ready" in (next(lines), next(lines))
        decision_id = decided(api)["decision_id"]
        answered(api, decision_id, state="approved")
        told = []
        for line in lines:
            if line == "event: decisions":
                told.append(json.loads(next(rest for rest in lines if rest.startswith("data: "))[6:])["items"][0])
            if len(told) == 2:
                break
    assert [(item["decision_id"], item["kind"], item["state"]) for item in told] == [
        (decision_id, KIND, "proposed"),
        (decision_id, KIND, "approved"),
    ]
