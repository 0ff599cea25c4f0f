"""Alarms by the real store: in order, out of order, late; nobody is told twice, or of what had ended."""

from __future__ import annotations

import random
import uuid
from collections.abc import Iterator, Sequence
from datetime import UTC, datetime, timedelta

import pytest
from alarming import Reading, acts, deliver, episodes, look, steady, tick, told
from judging import adopt

from core.alarms import Condition, Rule, Scope
from core.events import Severity
from core.store.alarm_rules import write_rule
from core.store.alarms import AlarmsAsked, read_alarms
from core.store.pool import Connection, connected
from vigie.embedded import DatabaseServer

pytestmark = pytest.mark.integration

T0 = datetime(2026, 3, 2, 8, tzinfo=UTC)
"""A Monday, nine o'clock in Paris."""
MINUTE, HOUR, DAY = timedelta(minutes=1), timedelta(hours=1), timedelta(days=1)


@pytest.fixture
def store(database_url: str) -> Iterator[Connection]:
    with connected(database_url) as connection:
        connection.autocommit = True
        yield connection


@pytest.fixture
def other(database_server: DatabaseServer, template: str) -> Iterator[Connection]:
    name = f"shuffled_{uuid.uuid4().hex}"
    url = database_server.create(name, template=template)
    with connected(url) as connection:
        connection.autocommit = True
        yield connection
    database_server.drop(name)


def high(series_id: int, start: datetime, minutes: range) -> list[Reading]:
    """Return readings of a room with stale air."""
    return steady(series_id, start, minutes, 1_600.0)


def test_a_limit_raises_once_is_told_and_cleared_with_the_dates_of_the_data(store: Connection) -> None:
    [co2] = adopt(store, "salle-2", "co2_ppm", at=T0 - DAY)
    deliver(store, steady(co2, T0, range(0, 60, 10)), T0 + HOUR)
    assert episodes(store) == []
    deliver(store, high(co2, T0 + HOUR, range(0, 60, 10)), T0 + 2 * HOUR)
    found = [row for row in episodes(store) if row[0] == "co2_school_1500"]
    assert found == [("co2_school_1500", "salle-2", "co2_ppm", T0 + HOUR, None)]
    deliver(store, steady(co2, T0 + 2 * HOUR, range(0, 60, 10)), T0 + 3 * HOUR)
    [(*_, since, until)] = [row for row in episodes(store) if row[0] == "co2_school_1500"]
    assert (since, until) == (T0 + HOUR, T0 + 2 * HOUR)
    assert [name for name, at in told(store)].count("alarm.raised") == 2
    assert [name for name, at in told(store)].count("alarm.cleared") == 2


def a_week(series: Sequence[int]) -> list[Reading]:
    """Return a week of a room, its battery and a quiet sensor: gaps, flapping, a stuck stretch, holes."""
    chance = random.Random(5)  # noqa: S311 - the same week at each run
    co2, temperature, power = series
    found: list[Reading] = []
    for step in range(7 * 24 * 6):
        at = T0 + 10 * step * MINUTE
        hour = (at.hour + 1) % 24
        stale = 8 <= hour < 12 and at.weekday() in {1, 3}
        flapping = 900 if at.weekday() == 2 and 9 <= hour < 15 and step % 2 else 0
        if not 300 <= step < 360:
            found.append((co2, at, 520 + 60 * chance.random() + 1_200 * stale + flapping))
        if not (300 <= step < 360 or 500 <= step < 560):
            value = 21.5 if 600 <= step < 900 else 20 + 3 * chance.random()
            found.append((temperature, at, round(value, 2)))
        if step % 3 == 0 and not 700 <= step < 740:
            found.append((power, at, 40 + 20 * chance.random()))
    return found


def rooms(connection: Connection) -> list[int]:
    return [
        *adopt(connection, "salle-2", "co2_ppm", "temperature_c", at=T0 - DAY),
        *adopt(connection, "compteur", "power_kw", at=T0 - DAY),
    ]


def in_portions(connection: Connection, readings: Sequence[Reading], size: int, at: datetime | None = None) -> None:
    """Deliver readings portion by portion: each when its last was observed, or all at an instant."""
    for start in range(0, len(readings), size):
        part = readings[start : start + size]
        deliver(connection, part, at or part[-1][1] + MINUTE)
        tick(connection, at or part[-1][1] + MINUTE)


@pytest.mark.parametrize("late_share", [0.1, 1.0])
def test_late_and_shuffled_arrival_end_in_the_same_alarms_as_in_order(
    store: Connection, other: Connection, late_share: float
) -> None:
    series = rooms(store)
    assert rooms(other) == series
    week = a_week(series)
    end = week[-1][1] + MINUTE
    in_portions(store, week, 144)
    tick(store, end)
    in_order = episodes(store)
    assert {row[0] for row in in_order} >= {"co2_school_800", "co2_school_1500", "silence", "stuck"}
    assert ("silence", "salle-2", "temperature_c") in {row[:3] for row in in_order}
    chance = random.Random(11)  # noqa: S311 - the same disorder at each run
    late = [one for one in week if chance.random() < late_share]
    on_time = sorted(set(week) - set(late), key=lambda one: one[1])
    late += chance.sample(week, 200)
    chance.shuffle(late)
    in_portions(other, on_time, 211)
    in_portions(other, late, 331, end)
    assert episodes(other) == in_order


def test_a_late_week_has_the_right_dates_and_nobody_is_told_of_what_had_ended(store: Connection) -> None:
    series = rooms(store)
    week = a_week(series)
    deliver(store, week, T0 + 8 * DAY)
    tick(store, T0 + 8 * DAY)
    kept = read_alarms(store, AlarmsAsked(is_open=False, limit=1_000))
    over = [one.alarm for one in kept if one.alarm.until is not None]
    assert len(over) > 5
    assert all(one.found_late for one in over)
    assert {what for what, was_told in acts(store) if was_told} <= {"raised"}
    # It came late, so what follows it may: silent is who says nothing for a while from here on.
    tick(store, T0 + 8 * DAY + 15 * MINUTE)
    assert told(store) == []
    for minutes in (120, 135):
        tick(store, T0 + 8 * DAY + minutes * MINUTE)
    before = told(store)
    assert [name for name, _ in before] == ["alarm.raised", "alarm.raised"], "both fell silent at the end of the week"
    # The same week again, and looked at again: nothing moves, and nobody hears of it.
    deliver(store, week, T0 + 8 * DAY + 3 * HOUR)
    look(store, T0 + 8 * DAY + 3 * HOUR)
    assert told(store) == before


def test_late_readings_withdraw_what_never_was(store: Connection) -> None:
    [power] = adopt(store, "compteur", "power_kw", at=T0 - DAY)
    deliver(store, steady(power, T0, range(0, 120, 15), 40), T0 + 2 * HOUR)
    tick(store, T0 + 5 * HOUR)
    assert [row[0] for row in episodes(store)] == ["silence"]
    tick(store, T0 + 5 * HOUR + 11 * MINUTE)
    # What the gateway held back comes: there was no silence.
    deliver(store, steady(power, T0, range(120, 318, 15), 40), T0 + 5 * HOUR + 20 * MINUTE)
    assert episodes(store) == []
    assert [name for name, _ in told(store)] == ["alarm.raised", "alarm.withdrawn"]


def test_flapping_raises_once(store: Connection) -> None:
    [power] = adopt(store, "compteur", "power_kw", at=T0 - DAY)
    limit = {"side": "above", "raise": 100, "clear": 80, "minutes": 30, "clear_minutes": 60}
    rule = Rule(0, Condition.THRESHOLD, Severity.WARNING, limit, Scope("power_kw"), name="flap", made_by="test")
    write_rule(store, rule, T0)
    start = T0
    for hour in range(8):
        values = [120 if (4 * hour + step) % 3 else 90 for step in range(4)]
        held = [130.0, 125.0, 121.0, 119.0] if hour == 0 else [float(one) for one in values]
        deliver(store, [(power, start + 15 * step * MINUTE, one) for step, one in enumerate(held)], start + HOUR)
        start += HOUR
    assert [name for name, _ in told(store)] == ["alarm.raised"]
