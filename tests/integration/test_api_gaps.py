"""What the API says of frames heard and missing."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta

import httpx
import pytest
from api_process import api_running

from core.places import Sensor, SensorKind, Site
from core.readings import Arrival, Frame
from core.store.frames import write_frames
from core.store.pool import connected
from core.store.sensors import adopt_sensor

pytestmark = pytest.mark.integration
START = datetime(2026, 3, 2, 8, tzinfo=UTC)
WINDOW = {"since": "2026-03-02T00:00:00Z", "until": "2026-03-03T00:00:00Z"}


@dataclass
class Heard:
    """An API over a ledger of two sensors, in two communes."""

    api: httpx.Client
    room: int
    other: int


@pytest.fixture
def heard(database_url: str) -> Iterator[Heard]:
    with connected(database_url) as connection:
        site = Site("93066", "ecole", "École")
        room = adopt_sensor(connection, Sensor("room-1", SensorKind.INDOOR_AIR, "Salle 1", site), START)
        elsewhere = Site("93051", "mairie", "Mairie")
        other = adopt_sensor(connection, Sensor("meter-1", SensorKind.METER, "Compteur", elsewhere), START)
        adopt_sensor(connection, Sensor("native-1", SensorKind.BIN, "Borne", site), START)
        frames = [
            Frame(sensor_id, "s1", f_cnt, START + f_cnt * timedelta(minutes=10))
            for sensor_id, counters in ((room, (1, 2, 5, 9)), (other, (1, 2)))
            for f_cnt in counters
        ]
        write_frames(connection, frames, START, Arrival.LIVE)
        write_frames(connection, [Frame(room, "s1", 6, START + timedelta(hours=1))], START, Arrival.BACKFILLED)
    with api_running(database_url) as api:
        yield Heard(api, room, other)


def test_a_ledger_tells_received_backfilled_and_missing(heard: Heard) -> None:
    answer = heard.api.get("/gaps", params=WINDOW | {"commune": "93066"}).json()
    assert answer == {
        "items": [
            {
                "sensor_id": heard.room,
                "external_id": "room-1",
                "name": "Salle 1",
                "received": 4,
                "missing": 4,
                "backfilled": 1,
                "resets": 0,
                "joins": 0,
                "last_frame_at": "2026-03-02T09:30:00Z",
            }
        ],
        "next": None,
    }


def test_ledgers_come_by_pages(heard: Heard) -> None:
    first = heard.api.get("/gaps", params=WINDOW | {"limit": 1}).json()
    assert [item["sensor_id"] for item in first["items"]] == [first["next"]] == [heard.room]
    second = heard.api.get("/gaps", params=WINDOW | {"limit": 1, "after": first["next"]}).json()
    assert [item["sensor_id"] for item in second["items"]] == [heard.other]
    assert second["next"] is None


def test_gaps_of_a_sensor_come_newest_first_and_by_pages(heard: Heard) -> None:
    path = f"/sensors/{heard.room}/gaps"
    first = heard.api.get(path, params=WINDOW | {"limit": 1}).json()
    assert first == {
        "items": [
            {
                "session": "s1",
                "first_f_cnt": 7,
                "last_f_cnt": 8,
                "missing": 2,
                "after_at": "2026-03-02T09:00:00Z",
                "before_at": "2026-03-02T09:30:00Z",
            }
        ],
        "next": "2026-03-02T09:30:00Z",
    }
    second = heard.api.get(path, params=WINDOW | {"before": first["next"]}).json()
    assert [(item["first_f_cnt"], item["last_f_cnt"]) for item in second["items"]] == [(3, 4)]
    assert second["next"] is None


@pytest.mark.parametrize(
    ("path", "parameters", "status", "named"),
    [
        ("/gaps", {"since": "2026-01-01T00:00:00Z", "until": "2026-02-01T00:00:01Z"}, 422, "since"),
        ("/gaps", {"since": "2026-03-03T00:00:00Z", "until": "2026-03-02T00:00:00Z"}, 422, "since"),
        ("/gaps", {"commune": "13055"}, 422, "commune"),
        ("/sensors/999/gaps", {}, 404, None),
    ],
)
def test_bad_questions(heard: Heard, path: str, parameters: dict[str, str], status: int, named: str | None) -> None:
    answer = heard.api.get(path, params=parameters)
    assert answer.status_code == status
    assert [error["parameter"] for error in answer.json().get("errors", [])] == ([named] if named else [])


def test_the_longest_window_is_answered(heard: Heard) -> None:
    bounds = {"since": "2026-01-01T00:00:00Z", "until": "2026-02-01T00:00:00Z"}
    assert heard.api.get("/gaps", params=bounds).json()["items"] == []
