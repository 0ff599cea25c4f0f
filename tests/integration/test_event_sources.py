"""Where events come from: decisions and their answers, floods, exports, intakes and backups that fail."""

from __future__ import annotations

import json
import threading
from collections.abc import Iterator
from datetime import date, timedelta
from pathlib import Path
from typing import Any

import pytest
from deciding_kind import AIRING, AIRINGS, COMMUNE, KIND, NOW, registered, write_co2, write_room
from passes import enter
from psycopg import errors
from pydantic import SecretStr

from core.clock import Window, format_instant
from core.clock import now as clock_now
from core.decisions import Action, Answer, DecisionState
from core.intakes import IntakeKind, IntakeState
from core.passes import key_of
from core.places import SensorKind
from core.readings import Arrival, Message
from core.roles import Grant, Role
from core.settings import IngestSettings, WorkerSettings
from core.store.exports import NewSchedule, add_schedule, read_schedules
from core.store.intakes import ask_intake, claim_intake
from core.store.pool import Connection, connected, open_pool, under
from core.store.roles import Login, as_login
from ingestors.adopted import AdoptedSensors
from ingestors.batch import BatchWriter
from ingestors.intake_run import IntakeFailed, IntakeRun
from ingestors.intakes import intake_run, run_intake
from ingestors.topics import topic_of
from ingestors.validate import Limits
from services.alarms.platform import tell_of_backups
from services.decisions.life import answer, decide
from services.exports import schedules
from services.exports.destinations import DestinationAbsent

pytestmark = pytest.mark.integration
MINUTE = timedelta(minutes=1)


def events(database_url: str) -> list[dict[str, Any]]:
    """Return all events as they are sent, in their order."""
    with connected(database_url) as connection:
        rows = connection.execute("SELECT body::text FROM event ORDER BY happened_at, name").fetchall()
    return [json.loads(body) for (body,) in rows]


def names(database_url: str) -> list[str]:
    return [one["type"] for one in events(database_url)]


@pytest.fixture
def town(database_url: str) -> Iterator[str]:
    """A town in which one kind of decision is made; the database's address."""
    with registered():
        yield database_url


def decided(database_url: str, *minutes: int) -> None:
    """Decide as the worker does, with its own login."""
    with open_pool(as_login(database_url, Login.WORKER), 1) as pool:
        for minute in minutes:
            assert decide(pool, AIRINGS, AIRING, NOW + minute * MINUTE) is not None


def test_a_decision_and_its_answers_are_told_by_whoever_may_decide(town: str) -> None:
    write_room(town)
    decided(town, 0)
    shorter = Action("room", "open_windows", Window(NOW, NOW + 5 * MINUTE), 5.0, "min")
    manager = enter(town, Grant(Role.BUILDING_MANAGER, COMMUNE))
    with connected(under(as_login(town, Login.API), key_of(manager))) as connection:
        for minute, state, actions in (
            (1, DecisionState.EDITED, (shorter,)),
            (2, DecisionState.APPROVED, None),
            (3, DecisionState.REFUSED, None),
        ):
            assert answer(connection, 1, Answer(state, "Nadia", NOW + minute * MINUTE, actions=actions)) is not None
    told = events(town)
    assert [one["type"] for one in told] == [
        "decision.proposed",
        "decision.edited",
        "decision.approved",
        "decision.refused",
    ]
    assert {one["commune_insee"] for one in told} == {COMMUNE}
    proposed, edited, approved, refused = (one["data"] for one in told)
    assert (proposed["by"], proposed["kind"], proposed["subject"]) == ("vigie", KIND, AIRING.code)
    assert proposed["headline"]["key"] == "headline"
    assert [one["value"] for one in proposed["actions"]] == [10.0]
    assert edited["actions"] == approved["actions"]
    assert [one["value"] for one in approved["actions"]] == [5.0]
    assert (approved["by"], approved["at"], refused["actions"]) == ("Nadia", "2026-03-16T09:22:00Z", [])


def test_who_may_only_see_a_decision_can_tell_nothing_of_it(town: str) -> None:
    write_room(town)
    decided(town, 0)
    for stranger in (Grant(Role.ANALYST, COMMUNE), Grant(Role.BUILDING_MANAGER, "93066")):
        key = key_of(enter(town, stranger))
        with (
            pytest.raises(errors.InsufficientPrivilege),
            connected(under(as_login(town, Login.API), key)) as connection,
        ):
            connection.execute(
                "INSERT INTO event (event_id, name, happened_at, commune_insee, subject, decision_id, body)"
                " VALUES (gen_random_uuid(), 'decision.approved', now(), %s, 'a', 1, '{}')",
                (COMMUNE,),
            )


def test_that_nothing_can_be_proposed_is_told_once_and_its_end_too(town: str) -> None:
    write_room(town, co2_ppm=None)
    decided(town, 0, 1)
    write_co2(town, 1_200.0, NOW + MINUTE)
    decided(town, 3, 4)
    alarms = [one["data"] for one in events(town) if one["type"] == "alarm.decision_impossible"]
    assert [(one["since"], one["until"]) for one in alarms] == [
        (format_instant(NOW), None),
        (format_instant(NOW), format_instant(NOW + 3 * MINUTE)),
    ]
    assert alarms[0]["subject"] == f"{KIND}:{AIRING.code}"
    assert alarms[0]["words"]["values"]["name"] == AIRING.name


def test_a_sensor_that_floods_raises_one_alarm_an_hour(database_url: str) -> None:
    at = clock_now()
    with connected(as_login(database_url, Login.INGEST)) as connection:
        connection.autocommit = True
        adopted = AdoptedSensors()
        adopted.refresh(connection)
        writer = BatchWriter(connection, adopted, Limits.of(IngestSettings(database_url=SecretStr(database_url))))
        # A commune that was merged is told as the one that it joined.
        topics = [topic_of(insee, SensorKind.BIN, "bac-1") for insee in ("93051", "93059")]
        topics[1] = topics[1].replace("bac-1", "bac-2")
        for minute in (0, 1):
            received_at = at + minute * MINUTE
            flooded = [Message(topic, b"{}", received_at, 2, flooded=True) for topic in topics * 3]
            writer.write(flooded, received_at)
            writer.write(flooded, received_at, Arrival.REPLAYED)
    told = events(database_url)
    assert sorted((one["type"], one["commune_insee"], one["data"]["subject"]) for one in told) == [
        ("alarm.sensor_flooded", "93051", "sensor:bac-1"),
        ("alarm.sensor_flooded", "93066", "sensor:bac-2"),
    ]
    assert {one["data"]["words"]["values"]["n"] for one in told} == {3}


def test_an_export_that_fails_again_and_again_is_told_and_its_recovery_too(
    database_url: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def absent(*_: object) -> None:
        raise DestinationAbsent("the store does not answer")

    settings = WorkerSettings(database_url=SecretStr(as_login(database_url, Login.WORKER)), exports_dir=tmp_path)
    write_room(database_url)
    with connected(database_url) as owner:
        new = NewSchedule("air", {"communes": [COMMUNE]}, "raw", "csv", "archives", date(2026, 3, 15), "Nadia")
        add_schedule(owner, new, NOW)
    with connected(settings.dsn) as connection:

        def look(hours: int) -> None:
            [schedule] = read_schedules(connection)
            schedules.run_schedule(connection, settings, schedule, NOW + timedelta(hours=hours))

        with monkeypatch.context() as broken:
            broken.setattr(schedules, "destination_of", absent)
            for hour in range(2):
                look(hour)
            assert names(database_url) == []
            for hour in range(2, 5):
                look(hour)
        look(5)
        look(6)
    raised, ended = events(database_url)
    assert raised["type"] == ended["type"] == "alarm.export_failed"
    assert raised["commune_insee"] == COMMUNE
    assert raised["data"]["words"]["values"] == {"name": "air", "reason": "the store does not answer"}
    assert (raised["data"]["until"], ended["data"]["until"]) == (None, format_instant(NOW + timedelta(hours=5)))


def test_an_intake_that_is_given_up_is_told(database_url: str) -> None:
    def refused(_run: IntakeRun) -> bool:
        raise IntakeFailed("the network server refused the key (403)")

    with connected(database_url) as owner:
        ask_intake(owner, IntakeKind.REPLAY, "Nadia", {"commune": COMMUNE}, clock_now())
    ingest = as_login(database_url, Login.INGEST)
    with connected(ingest) as connection:
        connection.autocommit = True
        claimed = claim_intake(connection, [IntakeKind.REPLAY], clock_now())
        assert claimed is not None
        settings = IngestSettings(database_url=SecretStr(ingest))
        run = intake_run(connection, settings, claimed, threading.Event())
        assert run_intake(run, refused) is IntakeState.FAILED
    [told] = events(database_url)
    assert (told["type"], told["commune_insee"]) == ("alarm.intake_failed", COMMUNE)
    assert told["data"]["words"]["values"]["reason"] == "the network server refused the key (403)"


def backed_up(connection: Connection, days_ago: int) -> None:
    connection.execute(
        "INSERT INTO backup (made_at, ended_at, rows, size_bytes, verified) VALUES (%(at)s, %(at)s, 1, 1, true)",
        {"at": NOW - timedelta(days=days_ago)},
    )


def test_a_backup_that_is_overdue_is_told_each_day_until_there_is_a_new_one(database_url: str) -> None:
    with connected(database_url) as connection:
        tell_of_backups(connection, NOW)
        backed_up(connection, 2)
        connection.execute("SET ROLE vigie_worker")
        for hours in (-1, 0, 1, 25):
            tell_of_backups(connection, NOW + timedelta(hours=hours))
        connection.execute("RESET ROLE")
        backed_up(connection, 0)
        for hours in (26, 27):
            tell_of_backups(connection, NOW + timedelta(hours=hours))
    told = [(one["type"], one["timestamp"], one["data"]["since"], one["data"]["until"]) for one in events(database_url)]
    instants = [format_instant(NOW + timedelta(hours=hours)) for hours in (0, 25, 26)]
    since = format_instant(NOW)
    assert told == [
        ("alarm.backup_overdue", instants[0], since, None),
        ("alarm.backup_overdue", instants[1], since, None),
        ("alarm.backup_overdue", instants[2], since, instants[2]),
    ]
