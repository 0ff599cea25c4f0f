from __future__ import annotations

from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from datetime import UTC, date, datetime, timedelta

import pytest
from acting import acting_as
from replaying import ROOM, SITE, T0, autocommitting, message, refused, replay

from core.intakes import IntakeKind
from core.places import Sensor, SensorKind
from core.readings import Aside, Reason
from core.settings import KeptSettings
from core.store import pruned
from core.store.asides import read_unknown_sensors, take_adopted_asides, write_asides
from core.store.intakes import ask_intake, cancel_intake, read_intakes
from core.store.pool import Connection
from core.store.pruned import Pruned, prune_kept, read_pruned
from core.store.rejections import read_rejections, write_rejections
from core.store.roles import Login
from core.store.sensors import adopt_sensor

pytestmark = pytest.mark.integration
NOW = datetime(2026, 3, 3, 12, tzinfo=UTC)
DAY = date(2026, 3, 3)
OTHER = Sensor("room-2", SensorKind.INDOOR_AIR, "Room 2", SITE)


@pytest.fixture
def connection(database_url: str) -> Iterator[Connection]:
    with autocommitting(database_url) as connection:
        yield connection


def policy(**bounds: int) -> KeptSettings:
    """Return settings with bounds that no administrator may set so low."""
    return KeptSettings().model_copy(update=bounds)


def prune_all(connection: Connection, bounds: KeptSettings) -> list[Pruned]:
    with acting_as(connection, Login.INGEST):
        while prune_kept(connection, NOW, bounds):
            pass
    return read_pruned(connection)


def keep(connection: Connection, count: int, reason: Reason, sensor: Sensor = ROOM, *, padded: int = 0) -> None:
    """Keep ``count`` rejections of a sensor, a minute apart, their payloads padded with so many spaces."""
    messages = [message(step, sensor=sensor) for step in range(count)]
    wide = [replace(one, payload=one.payload + b" " * padded, size_bytes=len(one.payload) + padded) for one in messages]
    with acting_as(connection, Login.INGEST):
        write_rejections(connection, [refused(one, reason, sensor) for one in wide])


def aside(step: int, external_id: str = "room-9") -> Aside:
    stranger = replace(ROOM, external_id=external_id)
    return Aside(message(step, sensor=stranger), external_id, "native")


def kept_minutes(connection: Connection, external_id: str) -> list[int]:
    rows = connection.execute(
        "SELECT received_at FROM rejection WHERE external_id = %s ORDER BY rejection_id", (external_id,)
    )
    return [round((received_at - T0) / timedelta(minutes=1)) for (received_at,) in rows]


def assert_counted(connection: Connection) -> None:
    """Check that the table ``kept`` says what is there."""
    said = connection.execute("SELECT * FROM kept WHERE messages <> 0 ORDER BY what, reason, external_id").fetchall()
    there = connection.execute(
        """
        SELECT 'aside', '', external_id, count(*), sum(kept_bytes) FROM aside GROUP BY external_id
        UNION ALL
        SELECT 'rejection', reason, coalesce(external_id, ''), count(*), sum(kept_bytes) FROM rejection GROUP BY 2, 3
        ORDER BY 1, 2, 3
        """
    ).fetchall()
    assert said == there


def test_nothing_is_let_go_of_within_the_bounds(connection: Connection) -> None:
    keep(connection, 5, Reason.UNKNOWN_UNIT)
    write_asides(connection, [aside(0)])
    assert not prune_kept(connection, NOW, KeptSettings())
    assert (len(read_rejections(connection)), read_pruned(connection)) == (5, [])


def test_what_is_over_its_age_goes_and_is_counted_by_reason(connection: Connection) -> None:
    keep(connection, 3, Reason.UNKNOWN_UNIT)
    keep(connection, 1, Reason.MALFORMED, OTHER)
    write_asides(connection, [aside(0), aside(2)])
    # 28 hours after T0: received at minute 240 and later are younger than a day.
    write_rejections(connection, [refused(message(240))])
    gone = prune_all(connection, policy(rejections_days=1, asides_days=1))
    assert [(one.what, one.reason, one.bound, one.external_id, one.messages) for one in gone] == [
        ("rejection", "unknown_unit", "age", None, 3),
        ("aside", "", "age", None, 2),
        ("rejection", "malformed", "age", None, 1),
    ]
    assert all(one.day == DAY and one.bytes > 0 for one in gone)
    assert kept_minutes(connection, "room-1") == [240]
    assert_counted(connection)


def test_of_one_sensor_the_oldest_go_and_the_others_keep_theirs(connection: Connection) -> None:
    keep(connection, 9, Reason.UNKNOWN_UNIT)
    keep(connection, 4, Reason.NO_READING)
    keep(connection, 4, Reason.UNKNOWN_UNIT, OTHER)
    [gone] = prune_all(connection, policy(sensor_messages_max=4))
    assert (gone.bound, gone.external_id, gone.messages) == ("messages", "room-1", 5)
    assert kept_minutes(connection, "room-2") == [0, 1, 2, 3]
    assert kept_minutes(connection, "room-1") == [5, 6, 7, 8, 0, 1, 2, 3]
    assert_counted(connection)


def test_over_the_bytes_the_one_that_holds_most_gives_no_more_than_needed(connection: Connection) -> None:
    keep(connection, 10, Reason.MALFORMED, padded=1_000)
    keep(connection, 10, Reason.UNKNOWN_UNIT, OTHER)
    row = connection.execute("SELECT sum(kept_bytes), max(kept_bytes) FROM rejection").fetchone()
    assert row is not None
    total, largest = row
    [gone] = prune_all(connection, policy(rejections_bytes_max=total - largest - 1))
    assert (gone.bound, gone.external_id, gone.messages) == ("bytes", "room-1", 2)
    assert kept_minutes(connection, "room-1") == list(range(2, 10))
    assert_counted(connection)


def test_of_the_quarantine_the_newest_go(connection: Connection) -> None:
    keep(connection, 6, Reason.FLOODED)
    keep(connection, 3, Reason.FLOODED, OTHER)
    keep(connection, 7, Reason.MALFORMED, OTHER)
    [gone] = prune_all(connection, policy(quarantine_messages_max=7))
    assert (gone.reason, gone.bound, gone.external_id, gone.messages) == ("flooded", "messages", "room-1", 2)
    assert kept_minutes(connection, "room-1") == [0, 1, 2, 3]
    assert kept_minutes(connection, "room-2") == [0, 1, 2, 0, 1, 2, 3, 4, 5, 6]
    prune_all(connection, policy(quarantine_bytes_max=1))
    assert kept_minutes(connection, "room-2") == [0, 1, 2, 3, 4, 5, 6]
    assert_counted(connection)


def test_of_what_is_aside_too(connection: Connection) -> None:
    write_asides(connection, [aside(step) for step in range(5)] + [aside(step, "room-8") for step in range(3)])
    prune_all(connection, policy(sensor_messages_max=4))
    prune_all(connection, policy(asides_bytes_max=500))
    assert {one.bound for one in read_pruned(connection)} == {"messages", "bytes"}
    assert_counted(connection)
    left = connection.execute("SELECT sum(kept_bytes) FROM aside").fetchone()
    assert left is not None
    assert left[0] <= 500


def test_intakes_that_ended_long_ago_go_and_open_ones_stay(connection: Connection) -> None:
    old, still_open = (ask_intake(connection, IntakeKind.REPLAY, "Camille", {}, T0) for _ in range(2))
    cancel_intake(connection, old.intake_id, T0)
    prune_all(connection, policy(intakes_days=2))
    assert len(read_intakes(connection)) == 2
    prune_all(connection, policy(intakes_days=1))
    assert [one.intake_id for one in read_intakes(connection)] == [still_open.intake_id]


def test_a_step_is_bounded_and_says_that_there_is_more(connection: Connection, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(pruned, "STEP_MESSAGES_MAX", 2)
    keep(connection, 9, Reason.UNKNOWN_UNIT)
    bounds = policy(sensor_messages_max=4)
    assert [prune_kept(connection, NOW, bounds) for _ in range(4)] == [True, True, True, False]
    [gone] = read_pruned(connection)
    assert gone.messages == 5


def test_of_two_that_prune_one_waits_for_its_next_turn(connection: Connection, database_url: str) -> None:
    keep(connection, 9, Reason.UNKNOWN_UNIT)
    with autocommitting(database_url) as other, other.transaction():
        assert prune_kept(other, NOW, policy(sensor_messages_max=4))
        assert not prune_kept(connection, NOW, policy(sensor_messages_max=4))
    assert len(read_rejections(connection)) == 4


def test_what_is_taken_out_of_the_asides_is_kept_no_longer(connection: Connection) -> None:
    write_asides(connection, [aside(0), aside(1), aside(2, "room-8")])
    write_asides(connection, [aside(1)])
    assert [(one.external_id, one.messages) for one in read_unknown_sensors(connection)] == [
        ("room-8", 1),
        ("room-9", 2),
    ]
    adopt_sensor(connection, replace(ROOM, external_id="room-9"), T0)
    assert [one.external_id for one in read_unknown_sensors(connection)] == ["room-8"]
    assert [one.received_at for one in take_adopted_asides(connection, 10)] == [T0, T0 + timedelta(minutes=1)]
    assert_counted(connection)


def test_a_batch_that_is_taken_back_counts_nothing(connection: Connection) -> None:
    with connection.transaction(force_rollback=True):
        keep(connection, 2, Reason.UNKNOWN_UNIT)
    assert_counted(connection)
    assert read_rejections(connection) == []


def test_writers_replays_and_pruning_beside_each_other_lose_no_count(connection: Connection, database_url: str) -> None:
    adopt_sensor(connection, ROOM, T0)
    bad = [replace(message(step), payload=b"[{}]" + b" " * step, size_bytes=4 + step) for step in range(60)]

    def come(first: int) -> None:
        with autocommitting(database_url) as line:
            for turn in range(20):
                start = (first + 7 * turn) % 60
                write_rejections(line, [refused(one, Reason.NO_READING) for one in [*bad[start:], *bad[:start]]])

    def go() -> None:
        with autocommitting(database_url) as line:
            for _ in range(20):
                prune_kept(line, NOW, policy(sensor_messages_max=40))

    def again() -> None:
        with autocommitting(database_url) as line:
            for _ in range(4):
                replay(line)

    with ThreadPoolExecutor(5) as threads:
        for done in [threads.submit(come, 0), threads.submit(come, 31), threads.submit(go), threads.submit(again)]:
            done.result(60)
    assert_counted(connection)
    prune_all(connection, policy(sensor_messages_max=40))
    assert_counted(connection)
    assert connection.execute("SELECT max(messages) FROM kept").fetchone() == (40,)
