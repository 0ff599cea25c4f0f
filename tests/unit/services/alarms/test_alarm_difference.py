"""What moves between alarms and episodes: dates, ends, what never was, and what is history already."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime, timedelta

from core.alarms import Alarm, Episode
from core.events import Severity
from services.alarms.difference import Knowing, difference

T0 = datetime(2026, 3, 2, 8, tzinfo=UTC)
MINUTE, HOUR = timedelta(minutes=1), timedelta(hours=1)
NOW = Knowing(T0 + 6 * HOUR)


def alarm(alarm_id: int, since: datetime, until: datetime | None = None) -> Alarm:
    """Return an alarm that was raised in time."""
    return Alarm(
        alarm_id=alarm_id,
        rule_id=1,
        name="threshold",
        severity=Severity.WARNING,
        commune_insee="93051",
        site_id=1,
        sensor_id=1,
        series_id=1,
        gateway=None,
        subject="sensor:a",
        since=since,
        until=until,
        confirmed_at=since,
        raised_at=since + MINUTE,
        cleared_at=until,
        told_at=since + MINUTE,
    )


def test_what_did_not_move_is_not_written() -> None:
    known = [alarm(1, T0, T0 + HOUR), alarm(2, T0 + 3 * HOUR)]
    found = [Episode(T0, T0 + HOUR, T0), Episode(T0 + 3 * HOUR, None, T0 + 3 * HOUR)]
    moved = difference(known, found, NOW)
    assert (list(moved.new), list(moved.moved), list(moved.withdrawn)) == ([], [], [])


def test_an_end_clears_now_whenever_it_was() -> None:
    known = [alarm(1, T0)]
    [(before, after)] = difference(known, [Episode(T0, T0 + HOUR, T0)], NOW).moved
    assert (before, after) == (known[0], replace(known[0], until=T0 + HOUR, cleared_at=NOW.at))


def test_an_alarm_keeps_its_life_when_its_beginning_moves() -> None:
    known = [alarm(1, T0 + HOUR)]
    [(_, after)] = difference(known, [Episode(T0, None, T0)], NOW).moved
    assert (after.alarm_id, after.since, after.cleared_at) == (1, T0, None)


def test_an_episode_that_late_readings_cut_in_two_is_one_alarm_moved_and_one_new() -> None:
    known = [alarm(1, T0, T0 + 4 * HOUR)]
    halves = [Episode(T0, T0 + HOUR, T0), Episode(T0 + 2 * HOUR, T0 + 4 * HOUR, T0 + 2 * HOUR)]
    moved = difference(known, halves, NOW)
    assert [after.until for _, after in moved.moved] == [T0 + HOUR]
    assert list(moved.new) == [halves[1]]


def test_what_never_was_is_withdrawn() -> None:
    known = [alarm(1, T0, T0 + HOUR)]
    assert list(difference(known, [], NOW).withdrawn) == known


def test_an_end_that_late_readings_take_back_opens_it_again() -> None:
    known = [alarm(1, T0, T0 + HOUR)]
    [(_, after)] = difference(known, [Episode(T0, None, T0)], NOW).moved
    assert (after.until, after.cleared_at) == (None, None)


def test_late_is_what_ended_an_hour_before_and_what_nothing_was_heard_of_since() -> None:
    assert NOW.is_late(Episode(T0, NOW.at - HOUR, T0))
    assert not NOW.is_late(Episode(T0, NOW.at - HOUR + MINUTE, T0))
    assert not NOW.is_late(Episode(T0, None, T0))
    quiet = replace(NOW, heard_at=NOW.at - HOUR)
    assert quiet.is_late(Episode(T0, None, T0))
    assert not replace(quiet, interval=HOUR).is_late(Episode(T0, None, T0))
