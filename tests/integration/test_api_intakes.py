"""Rejections and intakes over the API, with an ingest process's runner beside it."""

from __future__ import annotations

import base64
import uuid
from collections.abc import Iterator
from dataclasses import replace
from datetime import timedelta
from typing import Any

import httpx
import pytest
from api_process import api_running
from ingesting import wait_until
from replaying import ROOM, T0, autocommitting, lay, message, refused, settings_of

from core.clock import format_instant
from core.readings import Reason
from core.store.pruned import prune_kept
from core.store.rejections import LISTED_BYTES_MAX
from ingestors.intakes import running_intakes
from vigie.embedded import DatabaseServer

pytestmark = pytest.mark.integration
LONG = 3 * LISTED_BYTES_MAX


@pytest.fixture(scope="module")
def place(database_server: DatabaseServer, template: str) -> Iterator[tuple[httpx.Client, str]]:
    """An API, and the address of its database: three rejections that are mended, one that is long, one settled."""
    name = f"intakes_{uuid.uuid4().hex}"
    url = database_server.create(name, template=template)
    with autocommitting(url) as connection:
        long = replace(message(9), payload=b" " * LONG, size_bytes=LONG)
        others = [refused(long, Reason.MALFORMED), refused(message(20), Reason.FLOODED)]
        lay(connection, [*(refused(message(step)) for step in range(3)), *others], ROOM)
        prune_kept(connection, T0, settings_of(url).model_copy(update={"quarantine_messages_max": 0}))
    with api_running(url) as api:
        yield api, url
    database_server.drop(name)


@pytest.fixture
def api(place: tuple[httpx.Client, str]) -> httpx.Client:
    return place[0]


def get(api: httpx.Client, path: str, **parameters: Any) -> Any:
    answer = api.get(path, params=parameters)
    assert answer.status_code == 200, answer.text
    return answer.json()


def ask(api: httpx.Client, **body: Any) -> httpx.Response:
    return api.post("/intakes", json=body)


def test_rejections_are_filtered(api: httpx.Client) -> None:
    found = get(api, "/rejections", reason="unknown_unit", sensor="room-1", commune="93066")["items"]
    assert [item["received_at"] for item in found] == [
        format_instant(T0 + timedelta(minutes=step)) for step in (2, 1, 0)
    ]
    assert found[0]["decoder"] == "senml/1"
    assert found[0]["last_received_at"] == found[0]["received_at"]
    later = get(api, "/rejections", since=format_instant(T0 + timedelta(minutes=2)), reason="unknown_unit")["items"]
    assert later == found[:1]
    assert get(api, "/rejections", sensor="nobody")["items"] == []


def test_a_list_shows_the_beginning_of_a_payload_and_one_alone_is_whole(api: httpx.Client) -> None:
    [listed] = get(api, "/rejections", reason="malformed")["items"]
    assert len(base64.b64decode(listed["payload_base64"])) == LISTED_BYTES_MAX
    alone = get(api, f"/rejections/{listed['rejection_id']}")
    assert len(base64.b64decode(alone["payload_base64"])) == alone["size_bytes"] == LONG
    assert listed["replayable"]
    assert api.get("/rejections/999").status_code == 404


def test_groups_and_what_was_let_go_of(api: httpx.Client) -> None:
    groups = get(api, "/rejections/groups", commune="93066")["items"]
    [malformed] = [group for group in groups if group["reason"] == "malformed"]
    assert malformed == {
        "reason": "malformed",
        "external_id": "room-1",
        "commune": "93066",
        "sensor_id": 1,
        "rejections": 1,
        "times": 1,
        "first_received_at": format_instant(T0 + timedelta(minutes=9)),
        "last_received_at": format_instant(T0 + timedelta(minutes=9)),
        "replayable": 1,
        "settled": 0,
    }
    assert get(api, "/rejections/groups", commune="93051")["items"] == []
    [gone] = get(api, "/pruned")["items"]
    assert (gone["what"], gone["reason"], gone["bound"]) == ("rejection", "flooded", "messages")
    assert (gone["external_id"], gone["messages"], gone["day"]) == ("room-1", 1, "2026-03-02")
    assert get(api, "/pruned", since="2026-03-03")["items"] == []


def test_a_replay_is_asked_carried_out_and_read(place: tuple[httpx.Client, str]) -> None:
    api, url = place
    asked = ask(api, kind="replay", reason="unknown_unit", external_id="ROOM-1")
    assert asked.status_code == 202, asked.text
    intake = asked.json()
    assert asked.headers["location"] == f"/api/v1/intakes/{intake['intake_id']}"
    assert (intake["state"], intake["author"], intake["total"]) == ("asked", "an administrator", None)
    assert intake["arguments"] == {"reason": "unknown_unit", "external_id": "room-1"}
    with running_intakes(settings_of(url)):
        wait_until(lambda: get(api, f"/intakes/{intake['intake_id']}")["ended_at"] is not None, 20)
    done = get(api, f"/intakes/{intake['intake_id']}")
    assert (done["state"], done["total"]) == ("done", 3)
    assert done["counts"] == {"messages": 3, "stored": 3, "duplicate": 0, "rejected": 0, "aside": 0}
    assert {item["settled_as"] for item in get(api, "/rejections", settled=True)["items"]} == {"stored"}
    refused_again = api.post(f"/intakes/{intake['intake_id']}/cancel", json={})
    assert (refused_again.status_code, refused_again.json()["code"]) == (409, "state_refused")


def test_a_back_fill_is_asked_and_cancelled(api: httpx.Client) -> None:
    window = {"since": "2026-03-01T00:00:00+01:00", "until": "2026-03-02T00:00:00+01:00"}
    asked = ask(api, kind="backfill", application="noisy-air", **window).json()
    assert asked["arguments"] == {
        "application": "noisy-air",
        "since": "2026-02-28T23:00:00Z",
        "until": "2026-03-01T23:00:00Z",
    }
    assert asked["intake_id"] in [item["intake_id"] for item in get(api, "/intakes", running=True)["items"]]
    cancelled = api.post(f"/intakes/{asked['intake_id']}/cancel")
    assert (cancelled.status_code, cancelled.json()["state"]) == (200, "cancelled")
    assert [item["intake_id"] for item in get(api, "/intakes", running=True)["items"]] == []
    assert get(api, "/intakes", kind="backfill", limit=1)["items"] == [cancelled.json()]


@pytest.mark.parametrize(
    ("body", "named"),
    [
        ({"kind": "replay", "reason": "bad_luck"}, "reason"),
        ({"kind": "replay", "reason": "conflict"}, "conflict"),
        ({"kind": "replay", "by": " "}, "by"),
        ({"kind": "replay", "commune": "75000"}, "commune"),
        ({"kind": "replay", "sensor": "room-1"}, "sensor"),
        ({"kind": "import"}, "kind"),
        ({"kind": "backfill", "application": "noisy-air"}, "since"),
        (
            {"kind": "backfill", "application": "../x", "since": "2026-03-01T00:00Z", "until": "2026-03-02T00:00Z"},
            "application",
        ),
        (
            {"kind": "backfill", "application": "air", "since": "2026-03-02T00:00Z", "until": "2026-03-01T00:00Z"},
            "ends",
        ),
    ],
)
def test_what_cannot_be_asked_is_refused_by_name(api: httpx.Client, body: dict[str, Any], named: str) -> None:
    answer = ask(api, **body)
    assert (answer.status_code, answer.json()["code"]) == (422, "invalid_body")
    assert named in str(answer.json()["errors"])


def test_what_is_not_there_is_not_found(api: httpx.Client) -> None:
    assert api.get("/intakes/999").status_code == 404
    assert api.post("/intakes/999/cancel").status_code == 404
