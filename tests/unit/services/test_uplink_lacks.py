from __future__ import annotations

from datetime import UTC, datetime, timedelta

import numpy as np

from core.alarms import Condition, Rule, Scope
from core.clock import Window
from core.events import Severity
from core.places import Sensor, SensorKind, Series, Site
from core.store.uplink import Delays, Heard, Silence
from services.battery import WhyNot, end_of
from services.uplink import Lack, empty_level, interval_of, lack_since, lacks_of

START = datetime(2026, 3, 2, tzinfo=UTC)
EVERY = timedelta(minutes=10)
HOUR = timedelta(hours=1)
DAY = Window(START, START + 24 * HOUR)
ROOM = Sensor("room", SensorKind.INDOOR_AIR, "Salle", Site("93051", "s", "S", site_id=4), sensor_id=3)


def heard(first: datetime | None, last: datetime | None, *silences: Silence) -> Heard:
    return Heard(9, first, last, Delays(1.0, 2.0), silences)


def test_what_was_heard_all_day_lacks_nothing() -> None:
    assert lacks_of(heard(START + EVERY, DAY.end - EVERY), DAY, EVERY) == ()


def test_a_silence_lacks_what_its_interval_says() -> None:
    gap = Silence(START + 3 * HOUR, START + 4 * HOUR)
    [lack] = lacks_of(heard(START, DAY.end, gap), DAY, EVERY)
    assert lack == Lack(gap.after_at, gap.before_at, 5)


def test_the_beginning_and_the_end_of_a_window_count_too() -> None:
    [tail, opening] = lacks_of(heard(START + HOUR, DAY.end - HOUR), DAY, EVERY)
    assert (tail.since, tail.until, tail.missing) == (DAY.end - HOUR, None, 5)
    assert (opening.since, opening.until, opening.missing) == (START, START + HOUR, 6)


def test_a_sensor_that_was_never_heard_lacks_all() -> None:
    [lack] = lacks_of(heard(None, None), DAY, EVERY)
    assert (lack.until, lack.missing) == (None, 143)


def test_three_intervals_are_how_sensors_speak() -> None:
    assert lack_since(DAY.end - 3 * EVERY, DAY, EVERY) == ()
    assert lack_since(DAY.end - 3 * EVERY - timedelta(seconds=1), DAY, EVERY)[0].missing == 2


def test_a_sensor_speaks_as_its_most_frequent_metric_and_not_as_its_battery() -> None:
    assert interval_of(ROOM, [Series(1, 3, "no2_ugm3"), Series(2, 3, "battery_v"), Series(3, 3, "co2_ppm")]) == EVERY
    assert interval_of(ROOM, [Series(2, 3, "battery_v")]) == interval_of(ROOM, []) == 24 * HOUR


def rule(empty: float, scope: Scope, condition: Condition = Condition.BATTERY) -> Rule:
    return Rule(1, condition, Severity.WARNING, {"empty": empty, "days": 30}, scope)


def test_the_narrowest_rule_says_what_empty_is() -> None:
    rules = [
        rule(2.2, Scope("battery_v")),
        rule(2.4, Scope("battery_v", commune_insee="93051")),
        rule(2.6, Scope("battery_v", commune_insee="93051", site_id=4)),
        rule(2.9, Scope("battery_v", commune_insee="93051", site_id=5)),
        rule(9.9, Scope("battery_v", sensor_id=3), Condition.THRESHOLD),
    ]
    assert empty_level(rules, "battery_v", ROOM) == 2.6
    assert empty_level(rules[:1], "battery_v", ROOM) == 2.2
    assert empty_level(rules, "battery_ratio", ROOM) is None


def test_a_battery_that_falls_has_an_end_and_one_that_does_not_says_why() -> None:
    days = np.arange(9_000, 9_060)
    falling = np.linspace(3.6, 3.01, 60)
    ends, why_not = end_of(days, falling, 2.2)
    assert why_not is None
    assert ends is not None
    assert ends.earliest <= ends.likely
    assert abs((ends.likely - datetime(2000, 1, 1, tzinfo=UTC).date()).days - (9_059 + 81)) <= 2
    assert end_of(days, np.full(60, 3.6), 2.2) == (None, WhyNot.NOT_FALLING)
    assert end_of(days[:5], falling[:5], 2.2) == (None, WhyNot.TOO_SHORT)
    assert end_of(days, falling, None) == (None, WhyNot.NO_LEVEL)
