"""What once stood in the way of alarms for ever, or was never raised: each had one bad row, or one more rule."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from acting import acting_as
from alarming import acts, deliver, episodes, look, steady, tick
from judging import COMMUNE, adopt, judge_all, write
from psycopg.pq import TransactionStatus

from core.alarms import Condition, Episode, Rule, Scope
from core.events import EventName, PlatformAlarm, Severity
from core.places import Site
from core.sensor_life import Signature
from core.store.alarm_groups import join_group
from core.store.alarm_rules import read_rules, write_rule
from core.store.alarms import AlarmsAsked, read_alarms
from core.store.episodes import NewAlarm, insert_alarms
from core.store.events import raise_alarm
from core.store.pool import Connection, connected, open_pool
from core.store.roles import Login
from core.store.sensor_life import hold_sensor, move_sensor, retire_sensor
from services.alarms import watching
from services.alarms.clock import settle
from services.alarms.conditions import CONDITIONS
from services.alarms.days import evaluate_days
from services.alarms.issues import evaluate_issues
from services.alarms.track import State, Track
from services.jobs.alarming import take_turns

pytestmark = pytest.mark.integration

T0 = datetime(2026, 3, 2, 8, tzinfo=UTC)
MINUTE, HOUR, DAY = timedelta(minutes=1), timedelta(hours=1), timedelta(days=1)
LIMIT = {"side": "above", "raise": 100, "clear": 80, "minutes": 0, "clear_minutes": 0}
SIGNED = Signature("test", T0 + HOUR)


@pytest.fixture
def store(database_url: str) -> Iterator[Connection]:
    with connected(database_url) as connection:
        connection.autocommit = True
        yield connection


def silence(factor: float, metric: str | None = None) -> Rule:
    return Rule(
        0,
        Condition.SILENCE,
        Severity.CRITICAL,
        {"factor": factor},
        Scope(metric, commune_insee=COMMUNE),
        made_by="test",
    )


def preset_off(store: Connection) -> None:
    preset = next(one for one in read_rules(store) if one.preset == "silence")
    write_rule(store, replace(preset, enabled=False, replaces=preset.rule_id), T0 - DAY)


def test_a_second_rule_of_silence_raises_though_the_first_did(store: Connection) -> None:
    [power] = adopt(store, "compteur", "power_kw", at=T0 - DAY)
    write_rule(store, silence(2.0), T0 - DAY)
    deliver(store, steady(power, T0, range(0, 120, 15), 40), T0 + 2 * HOUR)
    tick(store, T0 + 3 * HOUR)
    assert [row[0] for row in episodes(store)] == ["silence"]
    tick(store, T0 + 5 * HOUR)
    assert sorted(row[0] or "own" for row in episodes(store)) == ["own", "silence"]


def test_who_no_rule_listens_to_does_not_keep_others_from_being_found(
    store: Connection, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("services.alarms.clock.SILENT_MAX", 1)
    preset_off(store)
    [unheard] = adopt(store, "compteur", "power_kw", at=T0 - DAY)
    [bin_] = adopt(store, "bac-1", "distance_mm", at=T0 - DAY)
    write_rule(store, silence(1.0, "distance_mm"), T0 - DAY)
    deliver(store, steady(unheard, T0, range(0, 120, 15), 40), T0 + 2 * HOUR)
    deliver(store, steady(bin_, T0, range(0, 120, 15), 400), T0 + 2 * HOUR)
    tick(store, T0 + 3 * DAY)
    # The only channel of a sensor is the sensor.
    assert [row[1:3] for row in episodes(store)] == [("bac-1", None)]


def test_a_rule_of_one_metric_finds_it_silent_on_a_node_that_speaks(store: Connection) -> None:
    preset_off(store)
    co2, temperature = adopt(store, "salle-2", "co2_ppm", "temperature_c", at=T0 - DAY)
    write_rule(store, silence(1.0, "temperature_c"), T0 - DAY)
    both = [*steady(co2, T0, range(0, 120, 10)), *steady(temperature, T0, range(0, 60, 10), 20)]
    deliver(store, both, T0 + 2 * HOUR)
    tick(store, T0 + 2 * HOUR)
    assert [row[1:3] for row in episodes(store)] == [("salle-2", "temperature_c")]


def test_what_comes_late_of_a_retired_sensor_raises_nothing_again(store: Connection) -> None:
    [power] = adopt(store, "compteur", "power_kw", at=T0 - DAY)
    write_rule(store, Rule(0, Condition.THRESHOLD, Severity.INFO, LIMIT, Scope("power_kw"), made_by="test"), T0 - DAY)
    deliver(store, [(power, T0, 150.0), (power, T0 + 15 * MINUTE, 151.0)], T0 + 20 * MINUTE)
    [kept] = read_alarms(store, AlarmsAsked())
    with store.transaction():
        retire_sensor(store, hold_sensor(store, kept.alarm.sensor_id or 0), T0 + 20 * MINUTE, SIGNED)
    tick(store, T0 + 21 * MINUTE)
    before = acts(store)
    deliver(store, [(power, T0 + 10 * MINUTE, 152.0)], T0 + 22 * MINUTE)
    assert acts(store) == before
    assert read_alarms(store, AlarmsAsked()) == []


def test_a_sensor_that_floods_while_it_moves_holds_up_no_other_alarm(store: Connection) -> None:
    [power] = adopt(store, "compteur", "power_kw", at=T0 - DAY)
    flooded = PlatformAlarm(
        EventName.ALARM_SENSOR_FLOODED, Severity.WARNING, T0, "sensor:compteur", COMMUNE, {"n": 3, "sensor": "compteur"}
    )
    assert raise_alarm(store, flooded, T0)
    row = store.execute("SELECT sensor_id FROM series WHERE series_id = %s", (power,)).fetchone()
    assert row is not None
    with store.transaction():
        move_sensor(store, hold_sensor(store, row[0]), Site("93048", "mairie", "Mairie"), T0 + MINUTE, SIGNED)
    assert raise_alarm(store, replace(flooded, commune_insee="93048"), T0 + HOUR)
    tick(store, T0 + HOUR + MINUTE)
    assert len(read_alarms(store, AlarmsAsked())) == 2
    tick(store, T0 + 4 * HOUR)
    assert read_alarms(store, AlarmsAsked()) == []


def silent(store: Connection, series: list[int], since: datetime, **is_so: object) -> list[int]:
    rule = next(one for one in read_rules(store) if one.preset == "silence")
    rows = store.execute(
        "SELECT sensor_id, site_id FROM series JOIN sensor USING (sensor_id) WHERE series_id = ANY(%s)", (series,)
    ).fetchall()
    new = NewAlarm(
        "silence", Severity.WARNING, COMMUNE, rows[0][1], since, None, since + HOUR, since + HOUR, rule_id=rule.rule_id
    )
    return insert_alarms(store, [replace(new, sensor_id=sensor_id, **is_so) for sensor_id, _ in rows])  # type: ignore[arg-type]


def test_a_gateway_has_one_group_also_when_maintenance_hid_who_was_silent_long_before(store: Connection) -> None:
    series = [adopt(store, f"capteur-{n}", "power_kw", at=T0 - 30 * DAY)[0] for n in range(9)]
    for days, some in ((9, series[:6]), (1, series[6:])):
        store.execute(
            """
            INSERT INTO gateway_heard (sensor_id, day, gateway, frames, last_at)
            SELECT sensor_id, %s, 'toit', 100, %s FROM series WHERE series_id = ANY(%s)
            """,
            ((T0 - days * DAY).date(), T0, some),
        )
    hidden = silent(store, series[:6], T0 - 9 * DAY, muted=True)
    silent(store, series[6:], T0 - 2 * HOUR)
    settle(store, T0)
    [group] = [one for one in read_alarms(store, AlarmsAsked()) if one.members]
    store.execute("UPDATE alarm SET muted = false WHERE alarm_id = ANY(%s)", (hidden,))
    settle(store, T0 + MINUTE)
    [again] = [one for one in read_alarms(store, AlarmsAsked()) if one.members]
    assert (again.alarm.alarm_id, again.members) == (group.alarm.alarm_id, 9)


def test_a_group_is_as_severe_as_the_worst_of_those_who_join_it(store: Connection) -> None:
    series = [adopt(store, f"capteur-{n}", "power_kw", at=T0 - DAY)[0] for n in range(3)]
    group = NewAlarm(
        "silence", Severity.WARNING, COMMUNE, None, T0, None, T0, T0, gateway="toit", subject="gateway:toit"
    )
    [parent_id] = insert_alarms(store, [group])
    join_group(store, parent_id, silent(store, series[:2], T0))
    join_group(store, parent_id, silent(store, series[2:], T0, severity=Severity.CRITICAL))
    [kept] = read_alarms(store, AlarmsAsked())
    assert (kept.alarm.severity, kept.members) == (Severity.CRITICAL, 3)


def test_the_turns_of_the_night_and_of_forecasts_hold_nothing_when_they_are_over(database_url: str) -> None:
    with connected(database_url) as connection:
        [power] = adopt(connection, "compteur", "power_kw", at=T0 - DAY)
        write(connection, steady(power, T0 - 5 * DAY, range(0, 2 * 24 * 60, 15), 40), T0)
        judge_all(connection)
        connection.commit()
        with acting_as(connection, Login.WORKER):
            connection.commit()
            evaluate_issues(connection, T0)
            assert connection.info.transaction_status is TransactionStatus.IDLE
            evaluate_days(connection, T0)
            assert connection.info.transaction_status is TransactionStatus.IDLE
            look(connection, T0)


def test_a_series_that_a_condition_stumbles_over_holds_back_no_other(
    store: Connection, monkeypatch: pytest.MonkeyPatch
) -> None:
    odd, sound = (adopt(store, name, "power_kw", at=T0 - DAY)[0] for name in ("compteur-1", "compteur-2"))
    write_rule(store, Rule(0, Condition.THRESHOLD, Severity.INFO, LIMIT, Scope("power_kw"), made_by="test"), T0 - DAY)
    kind = CONDITIONS[Condition.THRESHOLD]

    def stumbling(track: Track, parameters: Any, state: State) -> list[Episode]:
        if track.value.max() > 1_000:
            raise OverflowError("too far")
        return kind.episodes(track, parameters, state)

    monkeypatch.setattr(watching, "CONDITIONS", {**CONDITIONS, Condition.THRESHOLD: replace(kind, episodes=stumbling)})
    deliver(store, [(odd, T0, 2_000.0), (sound, T0, 150.0)], T0 + MINUTE)
    assert [row[1] for row in episodes(store)] == ["compteur-2"]


def test_a_turn_that_fails_holds_up_none_that_follow_and_fails_the_job(database_url: str) -> None:
    done: list[str] = []

    def fails(_connection: Connection, _at: datetime) -> None:
        raise OverflowError("too far")

    def follows(connection: Connection, _at: datetime) -> None:
        connection.execute("SELECT")
        done.append("follows")

    with open_pool(database_url, 1) as pool, pytest.raises(OverflowError):
        take_turns(pool, T0, (fails, follows))
    assert done == ["follows"]
