from __future__ import annotations

import json
import threading
from collections.abc import Iterator
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
import structlog
from ingesting import wait_until
from storage_server import Answer, StorageServer, storage_server

from core.clock import Window, format_instant
from core.intakes import BackfillAsked, Intake, IntakeKind, IntakeState
from core.places import Sensor, SensorKind, Site, communes
from core.readings import Message
from core.settings import IngestSettings
from core.store.gaps import read_ledgers
from core.store.intakes import ask_intake, cancel_intake, hold_intake, read_intake
from core.store.places import write_communes
from core.store.pool import Connection, connected
from core.store.roles import Login, as_login
from core.store.sensors import adopt_sensor
from ingestors.backfill.asking import ask_backfills
from ingestors.backfill.run import backfill
from ingestors.intake_run import IntakeRun
from ingestors.intakes import intake_run, run_intake

pytestmark = pytest.mark.integration

START = datetime(2026, 3, 2, tzinfo=UTC)
NOW = START + timedelta(days=1)
ALL = Window(START - timedelta(days=1), START + timedelta(days=30))
ASKED = BackfillAsked("ecoles", START - timedelta(hours=1), START + timedelta(days=1))
SITE = Site("93066", "ecole", "École")


@pytest.fixture
def storage() -> Iterator[StorageServer]:
    with storage_server() as server:
        yield server


@pytest.fixture
def store(database_url: str) -> Iterator[Connection]:
    with connected(database_url) as connection:
        write_communes(connection, communes().values())
        adopt_sensor(connection, Sensor("room-1", SensorKind.INDOOR_AIR, "Room 1", SITE), START)
        connection.commit()
        connection.autocommit = True
        yield connection


def uplink(f_cnt: int, device: str = "room-1", at: datetime | None = None) -> dict[str, Any]:
    """Return an uplink of a device that speaks each ten minutes, as the store keeps it."""
    received_at = at or START + f_cnt * timedelta(minutes=10)
    return {
        "end_device_ids": {"device_id": device, "application_ids": {"application_id": "ecoles"}},
        "received_at": format_instant(received_at).replace(
            "Z", "000123Z" if received_at.microsecond else ".000000123Z"
        ),
        "uplink_message": {
            "session_key_id": "AXPoziFRvbcEguvZQoCCZw==",
            "f_port": 10,
            "f_cnt": f_cnt,
            "frm_payload": "AQoBCgEKAQo=",
            "decoded_payload": {"co2": 400 + f_cnt},
            "received_at": format_instant(received_at),
        },
    }


def settings_of(database_url: str, storage: StorageServer, key: str = "NNSXS.KEY") -> IngestSettings:
    return IngestSettings.model_validate(
        {
            "database_url": as_login(database_url, Login.INGEST),
            "tts_url": storage.url,
            "tts_api_key": key,
            "tts_requests_per_min": 6_000,
        }
    )


def run_of(store: Connection, settings: IngestSettings, asked: BackfillAsked = ASKED) -> IntakeRun:
    """Ask a back-fill and hold it, as the process that runs it does."""
    intake = ask_intake(store, IntakeKind.BACKFILL, "Ada", asked.arguments(), NOW)
    held = hold_intake(store, intake.intake_id, NOW)
    assert held is not None
    return intake_run(store, settings, held, threading.Event())


def kept(store: Connection, run: IntakeRun) -> Intake:
    found = read_intake(store, run.intake.intake_id)
    assert found is not None
    return found


def values(store: Connection) -> list[float]:
    return [value for (value,) in store.execute("SELECT value FROM reading ORDER BY observed_at")]


def test_what_the_store_kept_is_taken_in_once(database_url: str, store: Connection, storage: StorageServer) -> None:
    storage.stored = [uplink(f_cnt) for f_cnt in range(25)]
    storage.page_max = 10
    run = run_of(store, settings_of(database_url, storage))
    assert run_intake(run) is IntakeState.DONE
    counts = kept(store, run).counts
    assert (counts.messages, counts.stored, counts.duplicate) == (25, 25, 0)
    assert values(store) == [400.0 + f_cnt for f_cnt in range(25)]
    (ledger,) = read_ledgers(store, ALL)
    assert (ledger.received, ledger.backfilled, ledger.missing) == (0, 25, 0)
    again = run_of(store, settings_of(database_url, storage))
    run_intake(again)
    assert (kept(store, again).counts.duplicate, len(values(store))) == (25, 25)


def test_what_was_heard_live_counts_once_and_its_gap_is_closed(
    database_url: str, store: Connection, storage: StorageServer
) -> None:
    storage.stored = [uplink(f_cnt) for f_cnt in range(10)]
    run = run_of(store, settings_of(database_url, storage))
    live = [message_of(uplink(f_cnt)) for f_cnt in (0, 1, 2, 7, 8, 9)]
    run.writer.write(live, NOW)
    assert [(one.received, one.missing) for one in read_ledgers(store, ALL)] == [(6, 4)]
    run_intake(run)
    assert (kept(store, run).counts.stored, kept(store, run).counts.duplicate) == (4, 6)
    assert [(one.received, one.backfilled, one.missing) for one in read_ledgers(store, ALL)] == [(6, 4, 0)]
    assert len(values(store)) == 10


def message_of(result: dict[str, Any]) -> Message:
    """Return an uplink as its server publishes it live."""
    payload = json.dumps(result).encode()
    return Message(f"v3/ecoles/devices/{result['end_device_ids']['device_id']}/up", payload, NOW, len(payload))


def test_a_store_is_asked_by_key_time_and_device(database_url: str, store: Connection, storage: StorageServer) -> None:
    storage.stored = [uplink(1), uplink(1, "room-2")]
    run_intake(run_of(store, settings_of(database_url, storage), replace(ASKED, external_id="room-1")))
    first = storage.asked[0]
    assert first.path == "/api/v3/as/applications/ecoles/devices/room-1/packages/storage/uplink_message"
    assert first.headers["Authorization"] == "Bearer NNSXS.KEY"
    assert first.headers["Accept"] == "text/event-stream"
    assert first.parameters["order"] == "received_at"
    assert first.parameters["after"] == "2026-03-01T23:00:00Z"
    assert first.parameters["before"] == "2026-03-03T00:00:00Z"
    assert values(store) == [401.0]


@pytest.mark.parametrize("inclusive", [True, False])
def test_uplinks_of_one_instant_are_all_taken_across_a_page(
    database_url: str, store: Connection, storage: StorageServer, *, inclusive: bool
) -> None:
    storage.inclusive = inclusive
    storage.page_max = 3
    instant = START + timedelta(hours=1)
    for number in (2, 3):
        adopt_sensor(store, Sensor(f"room-{number}", SensorKind.INDOOR_AIR, "Room", SITE), START)
    same = [uplink(7, f"room-{number}", instant) for number in (1, 2)]
    storage.stored = [uplink(1), uplink(2), *same, uplink(9, "room-3", instant + timedelta(seconds=1))]
    run = run_of(store, settings_of(database_url, storage))
    run_intake(run)
    assert (kept(store, run).counts.messages, len(values(store))) == (5, 5)


@pytest.mark.parametrize(
    "answer",
    [
        Answer(429, {"Retry-After": "0"}),
        Answer(500),
        Answer(503, {"Retry-After": "0"}),
        Answer(cut=True),
        Answer(error=True),
    ],
    ids=["429", "500", "503", "cut", "error line"],
)
def test_a_page_that_fails_is_asked_again(
    database_url: str, store: Connection, storage: StorageServer, answer: Answer, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("ingestors.backfill.storage.BACK_OFF_S", 0.001)
    storage.stored = [uplink(f_cnt) for f_cnt in range(6)]
    storage.page_max = 3
    storage.answers = [Answer(), answer, answer, Answer()]
    run = run_of(store, settings_of(database_url, storage))
    assert run_intake(run) is IntakeState.DONE
    assert (kept(store, run).counts.messages, len(values(store))) == (6, 6)


def test_the_advice_of_the_store_is_followed_within_bounds(
    database_url: str, store: Connection, storage: StorageServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    storage.stored = [uplink(0)]
    storage.answers = [
        Answer(429, {"X-Rate-Limit-Retry": "12", "X-Rate-Limit-Reset": "48"}),
        Answer(429, {"X-Rate-Limit-Reset": "9"}),
        Answer(429, {"Retry-After": "86400"}),
        Answer(200, {"X-Rate-Limit-Available": "1", "X-Rate-Limit-Reset": "31"}),
        Answer(200, {"X-Rate-Limit-Available": "9", "X-Rate-Limit-Reset": "31"}),
    ]
    waits: list[float] = []
    run = run_of(store, settings_of(database_url, storage))
    monkeypatch.setattr(run.stop, "wait", waits.append)
    assert run_intake(run) is IntakeState.DONE
    assert waits == [12, 9, 120, 31]


def test_a_store_that_stays_away_ends_the_intake_and_what_came_stays(
    database_url: str, store: Connection, storage: StorageServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("ingestors.backfill.storage.BACK_OFF_S", 0.001)
    storage.stored = [uplink(f_cnt) for f_cnt in range(6)]
    storage.page_max = 3
    storage.answers = [Answer(), *[Answer(502)] * 20]
    run = run_of(store, settings_of(database_url, storage))
    assert run_intake(run) is IntakeState.FAILED
    assert kept(store, run).detail == "the store fails (502) (8 tries)"
    assert (kept(store, run).counts.stored, len(storage.asked)) == (3, 9)


@pytest.mark.parametrize(("status", "word"), [(401, "key"), (403, "right"), (404, "application"), (302, "302")])
def test_a_refusal_is_not_tried_again(
    database_url: str, store: Connection, storage: StorageServer, status: int, word: str
) -> None:
    storage.answers = [Answer(status)]
    run = run_of(store, settings_of(database_url, storage))
    assert run_intake(run) is IntakeState.FAILED
    assert word in kept(store, run).detail
    assert len(storage.asked) == 1


def test_a_store_that_nobody_set_is_said(database_url: str, store: Connection, storage: StorageServer) -> None:
    run = run_of(store, settings_of(database_url, storage, key=""))
    assert run_intake(run) is IntakeState.FAILED
    assert "VIGIE_TTS_API_KEY" in kept(store, run).detail
    assert storage.asked == []


def test_the_key_is_never_logged(
    database_url: str, store: Connection, storage: StorageServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("ingestors.backfill.storage.BACK_OFF_S", 0.001)
    storage.answers = [Answer(500), Answer(cut=True), Answer(403)]
    settings = settings_of(database_url, storage)
    with structlog.testing.capture_logs() as logs:
        run_intake(run_of(store, settings))
    assert len(logs) >= 2
    assert "NNSXS" not in f"{logs}{settings!r}"


def test_a_killed_back_fill_goes_on_where_it_was(database_url: str, store: Connection, storage: StorageServer) -> None:
    storage.stored = [uplink(f_cnt) for f_cnt in range(9)]
    storage.page_max = 3
    settings = settings_of(database_url, storage)
    run = run_of(store, settings)

    class Killed(BaseException):
        """As abrupt as a signal."""

    def die(intake: Intake) -> None:
        if intake.counts.messages >= 5:
            raise Killed

    run.told = die
    with pytest.raises(Killed):
        backfill(run)
    with connected(database_url) as other:
        other.autocommit = True
        store.close()
        wait_until(lambda: hold_intake(other, run.intake.intake_id, NOW) is not None)
        held = read_intake(other, run.intake.intake_id)
        assert held is not None
        asked_before = len(storage.asked)
        assert run_intake(intake_run(other, settings, held, threading.Event())) is IntakeState.DONE
        ended = read_intake(other, run.intake.intake_id)
        assert ended is not None
        assert (ended.counts.messages, ended.counts.stored, ended.counts.duplicate) == (9, 9, 0)
        assert storage.asked[asked_before].parameters["after"] == "2026-03-02T00:39:59.999999Z"


def test_a_stop_leaves_the_rest_for_the_next_process(
    database_url: str, store: Connection, storage: StorageServer
) -> None:
    storage.stored = [uplink(f_cnt) for f_cnt in range(9)]
    storage.page_max = 3
    run = run_of(store, settings_of(database_url, storage))
    run.told = lambda _: run.stop.set()
    assert run_intake(run) is IntakeState.RUNNING
    assert kept(store, run).counts.messages == 3


def test_a_cancelled_back_fill_ends_before_its_next_page(
    database_url: str, store: Connection, storage: StorageServer
) -> None:
    storage.stored = [uplink(f_cnt) for f_cnt in range(9)]
    storage.page_max = 3
    run = run_of(store, settings_of(database_url, storage))

    def cancel(intake: Intake) -> None:
        cancel_intake(store, intake.intake_id, NOW)

    run.told = cancel
    assert run_intake(run) is IntakeState.CANCELLED
    assert len(values(store)) == 3


def test_a_stored_uplink_that_cannot_be_read_is_refused_as_a_live_one(
    database_url: str, store: Connection, storage: StorageServer
) -> None:
    broken = uplink(1)
    broken["uplink_message"]["frm_payload"] = "no base64"
    storage.stored = [broken, uplink(2, "unheard-of"), uplink(3)]
    run = run_of(store, settings_of(database_url, storage))
    run_intake(run)
    counts = kept(store, run).counts
    assert (counts.stored, counts.rejected, counts.aside) == (1, 1, 1)


def test_gaps_are_asked_for_once(database_url: str, store: Connection, storage: StorageServer) -> None:
    storage.stored = [uplink(f_cnt) for f_cnt in range(10) if f_cnt != 5]
    run = run_of(store, settings_of(database_url, storage))
    run.writer.write([message_of(uplink(f_cnt)) for f_cnt in (0, 1, 7, 8)], NOW)
    cancel_intake(store, run.intake.intake_id, NOW)
    (asked,) = ask_backfills(store, "ecoles", Window.ending(NOW, timedelta(days=2)), NOW)
    assert asked.since < START + timedelta(minutes=10) < START + timedelta(minutes=70) < asked.until
    assert ask_backfills(store, "ecoles", Window.ending(NOW, timedelta(days=2)), NOW) == []
    intake_id = run.intake.intake_id + 1
    held = hold_intake(store, intake_id, NOW)
    assert held is not None
    run_intake(intake_run(store, settings_of(database_url, storage), held, threading.Event()))
    assert [(one.backfilled, one.missing) for one in read_ledgers(store, ALL)] == [(4, 1)]
    assert ask_backfills(store, "ecoles", Window.ending(NOW, timedelta(days=2)), NOW) == []
