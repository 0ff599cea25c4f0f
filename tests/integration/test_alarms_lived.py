"""The life of alarms on our clock: groups, a silent lane, maintenance, escalation, snoozes, rules that end."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pytest
from acting import acting_as
from alarming import acts, deliver, episodes, look, steady, tick, told
from judging import COMMUNE, adopt

from core.alarms import ActOnAlarm, AlarmState, Condition, Rule, Scope
from core.events import EventName, PlatformAlarm, Severity
from core.places import Site
from core.sensor_life import Signature
from core.store.alarm_rules import read_rules, write_rule
from core.store.alarms import AlarmsAsked, KeptAlarm, count_alarms, hold_alarm, read_acts, read_alarms
from core.store.events import end_alarm, raise_alarm
from core.store.lanes import write_heartbeats
from core.store.maintenance import Maintenance, cancel_maintenance, write_maintenance
from core.store.pool import Connection, connected
from core.store.roles import Login
from core.store.sensor_life import hold_sensor, move_sensor, retire_sensor
from services.alarms.acting import Done, act_on
from services.alarms.days import evaluate_days
from services.alarms.issues import evaluate_issues
from services.alarms.learning import learn_rhythms

pytestmark = pytest.mark.integration

T0 = datetime(2026, 3, 2, 8, tzinfo=UTC)
MINUTE, HOUR, DAY = timedelta(minutes=1), timedelta(hours=1), timedelta(days=1)
LIMIT = {"side": "above", "raise": 100, "clear": 80, "minutes": 0, "clear_minutes": 0}
GATEWAY = "24e124fffef01234"


@pytest.fixture
def store(database_url: str) -> Iterator[Connection]:
    with connected(database_url) as connection:
        connection.autocommit = True
        yield connection


@pytest.fixture
def meter(store: Connection) -> int:
    """A meter with a limit that escalates after an hour."""
    [power] = adopt(store, "compteur", "power_kw", at=T0 - DAY)
    rule = Rule(0, Condition.THRESHOLD, Severity.INFO, LIMIT, Scope("power_kw"), escalate_after_s=3_600, made_by="test")
    write_rule(store, rule, T0)
    return power


def lasting(store: Connection) -> list[KeptAlarm]:
    return read_alarms(store, AlarmsAsked())


def heard_by(store: Connection, gateway: str, series: Sequence[int]) -> None:
    """Say that a gateway heard the sensors of these series on the day before, and on the day."""
    store.execute(
        """
        INSERT INTO gateway_heard (sensor_id, day, gateway, frames, last_at)
        SELECT sensor_id, day, %s, 100, %s
          FROM series CROSS JOIN unnest(%s::date[]) AS one (day) WHERE series_id = ANY(%s)
        """,
        (gateway, T0, [(T0 - DAY).date(), T0.date()], list(series)),
    )


def test_a_gateway_that_is_down_is_one_alarm_until_the_last_of_its_sensors_is_back(store: Connection) -> None:
    series = [adopt(store, f"capteur-{n}", "power_kw", at=T0 - DAY)[0] for n in range(9)]
    heard_by(store, GATEWAY, series[:8])
    for one in series:
        deliver(store, steady(one, T0 + one * MINUTE, range(0, 120, 15), 40), T0 + 2 * HOUR)
    # All but one are cut off; each is found silent as its own time comes.
    for minutes in range(120, 210, 5):
        at = T0 + minutes * MINUTE
        deliver(store, [(series[8], at - MINUTE, 40.0 + minutes % 11)], at)
        tick(store, at)
    [parent] = lasting(store)
    assert (parent.alarm.gateway, parent.members, parent.alarm.commune_insee) == (GATEWAY, 8, COMMUNE)
    assert [name for name, _ in told(store)] == ["alarm.raised"]
    assert len(read_alarms(store, AlarmsAsked(parent_id=parent.alarm.alarm_id))) == 8
    assert count_alarms(store, at, T0).raised == 1
    for back, one in enumerate(series[:8]):
        at += MINUTE
        deliver(store, [(one, at - MINUTE, 41.0), (series[8], at - MINUTE / 2, 42.0)], at)
        assert [kept.members for kept in lasting(store)] == ([7 - back] if back < 7 else [])
    assert [name for name, _ in told(store)] == ["alarm.raised", "alarm.cleared"]
    assert lasting(store) == []


def test_a_site_that_is_silent_is_one_alarm_where_no_gateway_explains_it(store: Connection) -> None:
    series = [adopt(store, f"capteur-{n}", "power_kw", at=T0 - DAY)[0] for n in range(6)]
    for one in series:
        deliver(store, steady(one, T0, range(0, 120, 15), 40), T0 + 2 * HOUR)
    tick(store, T0 + 3 * HOUR)
    [parent] = lasting(store)
    assert (parent.alarm.gateway, parent.members) == (None, 6)
    assert parent.site is not None


def test_two_sensors_are_two_alarms_and_wait_before_they_are_told(store: Connection) -> None:
    series = [adopt(store, f"capteur-{n}", "power_kw", at=T0 - DAY)[0] for n in range(2)]
    for one in series:
        deliver(store, steady(one, T0, range(0, 120, 15), 40), T0 + 2 * HOUR)
    tick(store, T0 + 3 * HOUR)
    assert (len(lasting(store)), told(store)) == (2, [])
    tick(store, T0 + 3 * HOUR + 11 * MINUTE)
    assert [name for name, _ in told(store)] == ["alarm.raised", "alarm.raised"]


def test_a_channel_is_silent_by_itself_only_while_its_node_speaks(store: Connection) -> None:
    co2, temperature = adopt(store, "salle-2", "co2_ppm", "temperature_c", at=T0 - DAY)
    both = [*steady(co2, T0, range(0, 120, 10)), *steady(temperature, T0, range(0, 60, 10), 20)]
    deliver(store, both, T0 + 2 * HOUR)
    tick(store, T0 + 2 * HOUR)
    assert [row[:3] for row in episodes(store)] == [("silence", "salle-2", "temperature_c")]
    # Then the whole node falls silent: one alarm of it, and the channel's own stays.
    tick(store, T0 + 4 * HOUR)
    assert [row[:3] for row in episodes(store)] == [
        ("silence", "salle-2", "temperature_c"),
        ("silence", "salle-2", None),
    ]


def test_a_lane_that_is_silent_is_one_alarm_and_no_sensor_is(store: Connection) -> None:
    series = [adopt(store, f"capteur-{n}", "power_kw", at=T0 - DAY)[0] for n in range(2)]
    for one in series:
        deliver(store, steady(one, T0, range(0, 120, 15), 40), T0 + 2 * HOUR)
    cut = T0 + 2 * HOUR
    write_heartbeats(store, "all", [(cut, cut)], cut)
    for hours in (1, 2, 5):
        tick(store, cut + hours * HOUR)
    assert [kept.alarm.name for kept in lasting(store)] == ["lane_silent"]
    # It is back, and what the broker kept comes in: nothing was silent.
    back = cut + 6 * HOUR
    write_heartbeats(store, "all", [(back, back)], back)
    for one in series:
        deliver(store, steady(one, back, range(0, 60, 15), 40), back + HOUR)
    write_heartbeats(store, "all", [(back + HOUR, back + HOUR)], back + HOUR)
    tick(store, back + HOUR)
    assert lasting(store) == []
    assert episodes(store) == []


def test_what_is_raised_in_a_maintenance_window_is_told_when_it_still_lasts_at_its_end(
    store: Connection, meter: int
) -> None:
    window = Maintenance(0, COMMUNE, None, None, T0, T0 + 3 * HOUR, "travaux", T0, "test")
    maintenance_id = write_maintenance(store, window)
    deliver(store, [(meter, T0 + 10 * MINUTE, 150.0)], T0 + 15 * MINUTE)
    [kept] = lasting(store)
    assert kept.alarm.state(T0 + 15 * MINUTE) is AlarmState.MUTED
    tick(store, T0 + 16 * MINUTE)
    assert told(store) == []
    assert cancel_maintenance(store, maintenance_id, T0 + 17 * MINUTE)
    tick(store, T0 + 18 * MINUTE)
    assert [name for name, _ in told(store)] == ["alarm.raised"]
    assert count_alarms(store, T0 + 18 * MINUTE, T0).raised == 1


def test_what_nobody_looks_at_escalates_once(store: Connection, meter: int) -> None:
    deliver(store, [(meter, T0, 150.0)], T0 + MINUTE)
    tick(store, T0 + 40 * MINUTE)
    assert [kept.alarm.severity for kept in lasting(store)] == [Severity.INFO]
    for hours in (1, 3):
        deliver(store, [(meter, T0 + hours * HOUR, 150.0 + hours)], T0 + hours * HOUR + 2 * MINUTE)
        tick(store, T0 + hours * HOUR + 2 * MINUTE)
    assert [kept.alarm.severity for kept in lasting(store)] == [Severity.WARNING]
    assert [name for name, _ in told(store)] == ["alarm.raised", "alarm.escalated"]


def test_what_was_acknowledged_or_sleeps_does_not_escalate_and_a_snooze_ends_by_itself(
    store: Connection, meter: int
) -> None:
    deliver(store, [(meter, T0, 150.0)], T0 + MINUTE)
    [kept] = lasting(store)
    with store.transaction():
        held = hold_alarm(store, kept.alarm.alarm_id)
        assert held is not None
        until = T0 + 2 * HOUR
        assert act_on(store, held, Done(ActOnAlarm.SNOOZED, "Nadia", until=until), T0 + 2 * MINUTE)
    deliver(store, [(meter, T0 + 80 * MINUTE, 151.0)], T0 + 90 * MINUTE)
    tick(store, T0 + 90 * MINUTE)
    [kept] = lasting(store)
    assert kept.alarm.state(T0 + 90 * MINUTE) is AlarmState.SNOOZED
    assert kept.alarm.severity is Severity.INFO
    tick(store, until)
    [kept] = lasting(store)
    done = [(one.what, one.by) for one in read_acts(store, kept.alarm.alarm_id)]
    assert done[:3] == [
        (ActOnAlarm.RAISED, "vigie"),
        (ActOnAlarm.SNOOZED, "Nadia"),
        (ActOnAlarm.UNSNOOZED, "vigie"),
    ]


def test_a_rule_that_is_edited_clears_what_it_raised_and_looks_anew(store: Connection, meter: int) -> None:
    deliver(store, [(meter, T0, 150.0)], T0 + MINUTE)
    rule = next(one for one in read_rules(store) if one.made_by == "test")
    higher = replace(rule, parameters={**LIMIT, "raise": 120}, replaces=rule.rule_id)
    write_rule(store, higher, T0 + 2 * MINUTE)
    tick(store, T0 + 3 * MINUTE)
    look(store, T0 + 3 * MINUTE)
    [kept] = lasting(store)
    assert kept.rule is not None
    assert kept.rule.replaces == rule.rule_id
    assert [name for name, _ in told(store)] == ["alarm.raised", "alarm.cleared", "alarm.raised"]
    write_rule(store, replace(higher, enabled=False, replaces=kept.rule.rule_id), T0 + 4 * MINUTE)
    tick(store, T0 + 5 * MINUTE)
    assert lasting(store) == []


def test_alarms_follow_a_sensor_that_moves_and_end_with_one_that_is_retired(store: Connection, meter: int) -> None:
    deliver(store, [(meter, T0, 150.0)], T0 + MINUTE)
    [kept] = lasting(store)
    assert kept.sensor is not None
    signed = Signature("test", T0 + 2 * MINUTE)
    with store.transaction():
        held = hold_sensor(store, kept.sensor.sensor_id)
        move_sensor(store, held, Site("93048", "mairie", "Mairie"), T0 + MINUTE, signed)
    tick(store, T0 + 3 * MINUTE)
    [kept] = lasting(store)
    assert (kept.alarm.commune_insee, kept.site and kept.site.code) == ("93048", "mairie")
    with store.transaction():
        retire_sensor(store, hold_sensor(store, kept.alarm.sensor_id or 0), T0 + 2 * MINUTE, signed)
    tick(store, T0 + 4 * MINUTE)
    assert lasting(store) == []
    assert acts(store)[-1] == ("cleared", True)


def test_what_the_platform_says_of_itself_is_an_alarm_too(store: Connection) -> None:
    alarm = PlatformAlarm(EventName.ALARM_BACKUP_OVERDUE, Severity.CRITICAL, T0, "backup", values={"made_at": "x"})
    assert raise_alarm(store, alarm, T0 + HOUR)
    assert raise_alarm(store, alarm, T0 + 3 * HOUR)
    [kept] = lasting(store)
    assert (kept.alarm.name, kept.alarm.since, kept.alarm.raised_at) == ("backup_overdue", T0, T0 + HOUR)
    assert end_alarm(store, alarm, T0 + 4 * HOUR)
    assert lasting(store) == []
    assert acts(store) == [("raised", True), ("cleared", True)]
    flooded = PlatformAlarm(
        EventName.ALARM_SENSOR_FLOODED, Severity.WARNING, T0, "sensor:bac-1", COMMUNE, {"n": 3, "sensor": "bac-1"}
    )
    assert raise_alarm(store, flooded, T0)
    tick(store, T0 + HOUR)
    assert len(lasting(store)) == 1
    tick(store, T0 + 3 * HOUR)
    assert lasting(store) == []


def test_the_worker_learns_rhythms_and_silence_follows_them(store: Connection) -> None:
    [power] = adopt(store, "compteur", "power_kw", at=T0 - 9 * DAY)
    # It speaks each hour, whatever a meter is expected to do.
    hourly = steady(power, T0 - 8 * DAY, range(0, 8 * 24 * 60, 60), 40)
    deliver(store, hourly, T0)
    with acting_as(store, Login.WORKER):
        assert learn_rhythms(store, T0) == 1
        assert learn_rhythms(store, T0 + DAY) == 0, "a rhythm that did not move is not written again"
        evaluate_days(store, T0 + HOUR)
        evaluate_issues(store, T0 + HOUR)
    late = [*steady(power, T0, range(0, 60, 60), 40), *steady(power, T0 + 150 * MINUTE, range(0, 60, 60), 40)]
    deliver(store, late, T0 + 151 * MINUTE)
    assert [one for one in episodes(store) if one[3] >= T0] == [], "two hours and a half are its own rhythm"
    tick(store, T0 + 350 * MINUTE)
    assert episodes(store)[-1][:3] == ("silence", "compteur", None)


def test_a_sensor_whose_backlog_comes_in_is_not_silent_until_nothing_comes_any_more(store: Connection) -> None:
    [power] = adopt(store, "compteur", "power_kw", at=T0 - 4 * DAY)
    deliver(store, steady(power, T0 - 3 * DAY, range(0, 120, 15), 40), T0)
    tick(store, T0 + MINUTE)
    deliver(store, steady(power, T0 - 2 * DAY, range(0, 120, 15), 40), T0 + 10 * MINUTE)
    tick(store, T0 + 20 * MINUTE)
    assert [one for one in episodes(store) if one[4] is None] == []
    tick(store, T0 + 2 * HOUR)
    [(preset, external_id, metric, since, _)] = [one for one in episodes(store) if one[4] is None]
    assert (preset, external_id, metric, since) == ("silence", "compteur", None, T0 - 2 * DAY + 105 * MINUTE)
