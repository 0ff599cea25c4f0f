from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from datetime import timedelta

import pytest
from replaying import ALL, ROOM, SITE, T0, autocommitting, held_replay, lay, message, refused, replay

from core.clock import Window
from core.intakes import Counts, IntakeState, RejectionFilter
from core.places import Sensor, SensorKind
from core.readings import Message, Reason
from core.store.asides import read_unknown_sensors
from core.store.pool import Connection
from core.store.readings import read_readings
from core.store.rejections import read_groups, read_rejections, write_rejections
from core.store.sensors import adopt_sensor
from ingestors import rejections
from ingestors.intakes import run_intake

pytestmark = pytest.mark.integration
HOURS = Window(T0 - timedelta(days=1), T0 + timedelta(days=1))


@pytest.fixture
def connection(database_url: str) -> Iterator[Connection]:
    with autocommitting(database_url) as connection:
        yield connection


def values(connection: Connection) -> list[float]:
    found = connection.execute("SELECT series_id FROM series ORDER BY series_id").fetchall()
    return [one.value for (series_id,) in found for one in read_readings(connection, series_id, HOURS)]


def settled(connection: Connection) -> list[str | None]:
    return [kept.settled_as for kept in reversed(read_rejections(connection))]


@pytest.mark.parametrize(
    "reason", [Reason.DECODER_FAILED, Reason.UNKNOWN_UNIT, Reason.FLOODED, Reason.NO_READING, Reason.MALFORMED]
)
def test_what_is_mended_becomes_readings_and_a_second_replay_changes_nothing(
    connection: Connection, reason: Reason
) -> None:
    lay(connection, [refused(message(step, co2_ppm=600 + step), reason) for step in range(3)], ROOM)
    done = replay(connection)
    assert (done.counts, done.total) == (Counts(messages=3, stored=3), 3)
    assert values(connection) == [600, 601, 602]
    assert settled(connection) == ["stored"] * 3
    before = connection.execute("SELECT * FROM rejection ORDER BY rejection_id").fetchall()
    assert replay(connection).counts == Counts()
    assert connection.execute("SELECT * FROM rejection ORDER BY rejection_id").fetchall() == before
    assert values(connection) == [600, 601, 602]


def test_what_is_stored_already_is_a_duplicate(connection: Connection) -> None:
    lay(connection, [refused(message(0)), replace(refused(message(0)), detail="in other words")], ROOM)
    # Two rejections keep one message: it is replayed once.
    assert replay(connection).counts == Counts(messages=1, stored=1)
    assert settled(connection) == ["stored"] * 2
    lay(connection, [replace(refused(message(0)), detail="once more")])
    assert replay(connection).counts == Counts(messages=1, duplicate=1)
    assert settled(connection) == ["stored", "stored", "duplicate"]


def test_what_is_refused_again_stays_open_and_is_not_counted_as_come_again(connection: Connection) -> None:
    bad = replace(message(0), payload=b"[{}]", size_bytes=4)
    lay(connection, [refused(bad, Reason.NO_READING)], ROOM)
    assert replay(connection).counts == Counts(messages=1, rejected=1)
    # In the words of the present decoder: the former words are settled, the present ones are open.
    former, present = reversed(read_rejections(connection))
    assert (former.settled_as, present.settled_as) == ("rejected", None)
    again = replay(connection)
    assert again.counts == Counts(messages=1, rejected=1)
    [_, still] = reversed(read_rejections(connection))
    assert (still.rejection_id, still.times, still.settled_as) == (present.rejection_id, 1, None)
    assert still.replayed_at is not None


def test_a_message_refused_for_another_reason_keeps_that_one(connection: Connection) -> None:
    lay(connection, [refused(message(0, co2_ppm=-5.0))], ROOM)
    assert replay(connection, RejectionFilter(Reason.UNKNOWN_UNIT)).counts == Counts(messages=1, rejected=1)
    kept = {one.rejection.reason: one.settled_as for one in read_rejections(connection)}
    assert kept == {Reason.UNKNOWN_UNIT: "rejected", Reason.OUT_OF_BOUNDS: None}


def test_a_conflict_stays_one(connection: Connection) -> None:
    lay(connection, [refused(message(0, co2_ppm=600)), refused(message(0, co2_ppm=700))], ROOM)
    assert replay(connection).counts == Counts(messages=2, stored=1, rejected=1)
    assert values(connection) == [600]
    open_ones = read_rejections(connection, settled=False)
    assert [one.rejection.reason for one in open_ones] == [Reason.CONFLICT]
    assert not open_ones[0].replayable
    assert replay(connection).counts == Counts()


def test_a_sensor_adopted_in_between_gets_its_messages(connection: Connection) -> None:
    stranger = Sensor("room-2", SensorKind.INDOOR_AIR, "Room 2", SITE)
    lay(connection, [refused(message(0, sensor=stranger), Reason.FLOODED, stranger)])
    assert replay(connection).counts == Counts(messages=1, aside=1)
    assert settled(connection) == ["aside"]
    assert [one.external_id for one in read_unknown_sensors(connection)] == ["room-2"]
    adopt_sensor(connection, stranger, T0)
    assert read_unknown_sensors(connection) == []


def test_times_count_from_the_reception_of_the_message(connection: Connection) -> None:
    timeless = b'[{"n":"co2","u":"ppm","v":612}]'
    asked = Message(message(0).topic, timeless, T0, len(timeless))
    lay(connection, [refused(asked, Reason.FLOODED)], ROOM)
    replay(connection)
    [(observed_at, received_at)] = connection.execute("SELECT observed_at, received_at FROM reading").fetchall()
    assert observed_at == T0
    assert received_at > T0 + timedelta(days=1)


def test_equal_bytes_without_a_time_are_kept_apart(connection: Connection) -> None:
    timeless = b'[{"n":"co2","u":"ppm","v":612}]'
    arrivals = [Message(message(0).topic, timeless, T0 + timedelta(minutes=step), len(timeless)) for step in (0, 0, 5)]
    lay(connection, [replace(refused(one, Reason.FLOODED), timeless=True) for one in arrivals], ROOM)
    assert [one.times for one in reversed(read_rejections(connection))] == [2, 1]
    assert replay(connection).counts == Counts(messages=2, stored=2)


def test_a_cut_payload_is_not_replayed(connection: Connection) -> None:
    cut = replace(message(0), size_bytes=1_000_000)
    lay(connection, [refused(cut, Reason.TOO_LARGE)], ROOM)
    assert replay(connection).counts == Counts()
    assert [group.replayable for group in read_groups(connection)] == [0]


@pytest.mark.parametrize(
    ("wanted", "expected"),
    [
        (RejectionFilter(Reason.FLOODED), 1),
        (RejectionFilter(external_id="room-1"), 2),
        (RejectionFilter(commune="93066"), 3),
        (RejectionFilter(commune="93051"), 0),
        (RejectionFilter(since=T0 + timedelta(minutes=1)), 2),
        (RejectionFilter(until=T0 + timedelta(minutes=1)), 1),
        (RejectionFilter(rejection_id=2), 1),
        (RejectionFilter(Reason.FLOODED, rejection_id=1), 0),
        (ALL, 3),
    ],
)
def test_only_what_was_asked_is_replayed(connection: Connection, wanted: RejectionFilter, expected: int) -> None:
    other = Sensor("room-2", SensorKind.INDOOR_AIR, "Room 2", SITE)
    rejections_ = [
        refused(message(0)),
        refused(message(1), Reason.FLOODED),
        refused(message(2, sensor=other), sensor=other),
    ]
    lay(connection, rejections_, ROOM, other)
    assert replay(connection, wanted).counts == Counts(messages=expected, stored=expected)


def test_pages_follow_each_other(connection: Connection, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(rejections, "PAGE_MESSAGES_MAX", 3)
    monkeypatch.setattr(rejections, "PAGE_BYTES_MAX", 1)
    lay(connection, [refused(message(step)) for step in range(7)], ROOM)
    told: list[int] = []
    run = held_replay(connection)
    run.told = lambda intake: told.append(intake.counts.messages)
    assert run_intake(run) is IntakeState.DONE
    # A page holds no more bytes than one message may have: it is taken alone.
    assert told == [1, 2, 3, 4, 5, 6, 7]
    assert len(values(connection)) == 7


def test_a_dry_run_says_what_would_be_and_changes_nothing(connection: Connection) -> None:
    lay(connection, [refused(message(0)), refused(message(1, co2_ppm=-5))], ROOM)
    run = held_replay(connection)
    run.dry_run = True
    before = connection.execute("SELECT * FROM rejection ORDER BY rejection_id").fetchall()
    assert rejections.replay_rejections(run)
    assert run.intake.counts == Counts(messages=2, stored=1, rejected=1)
    assert values(connection) == []
    assert connection.execute("SELECT * FROM rejection ORDER BY rejection_id").fetchall() == before


def test_a_message_that_comes_again_is_kept_once_and_counted(connection: Connection) -> None:
    later = replace(message(0), received_at=T0 + timedelta(hours=1))
    write_rejections(connection, [refused(message(0)), refused(message(0)), refused(message(1))])
    write_rejections(connection, [refused(later)])
    twice, once = reversed(read_rejections(connection))
    assert (twice.times, twice.rejection.message.received_at, twice.last_received_at) == (3, T0, later.received_at)
    assert once.times == 1


def test_groups_say_how_many_how_often_and_since_when(connection: Connection) -> None:
    lay(connection, [refused(message(step)) for step in (0, 1, 1)], ROOM)
    lay(connection, [replace(refused(message(9)), external_id=None, commune_insee=None)])
    known, nameless = read_groups(connection)
    assert (known.reason, known.external_id, known.rejections, known.times) == (Reason.UNKNOWN_UNIT, "room-1", 2, 3)
    assert (known.first_received_at, known.last_received_at) == (T0, T0 + timedelta(minutes=1))
    assert (known.sensor_id, known.replayable, known.settled) == (1, 2, 0)
    assert (nameless.external_id, nameless.sensor_id) == (None, None)
    replay(connection)
    assert [(group.replayable, group.settled) for group in read_groups(connection, commune="93066")] == [(0, 2)]
