"""Alarms on TimescaleDB's own SQL are those of a plain PostgreSQL: found, moved by the clock, read."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any

import psycopg
import pytest
from judging import COMMUNE, adopt
from wasm_timescale import alone, comparable, running_timescale

from core.alarms import ActOnAlarm, Condition, Rule, Scope
from core.events import Severity
from core.forecasts import QUANTILES, Forecast, ForecastStep
from core.readings import Batch, Message, Reading
from core.store.alarm_rules import read_rules, write_rule
from core.store.alarms import AlarmsAsked, count_alarms, hold_alarm, read_acts, read_alarms
from core.store.batches import write_batch
from core.store.forecasts import write_forecasts, write_newest_issue
from core.store.lanes import write_heartbeats
from core.store.maintenance import Maintenance, read_maintenance, write_maintenance
from core.store.migrate import migrate
from services.alarms.acting import Done, act_on
from services.alarms.clock import find_silent, tend_alarms
from services.alarms.days import evaluate_days
from services.alarms.evaluating import evaluate_touched
from services.alarms.issues import evaluate_issues
from services.alarms.learning import learn_rhythms
from services.quality import judge_touched

pytestmark = pytest.mark.integration

T0 = datetime(2026, 3, 2, tzinfo=UTC)
MINUTE, HOUR, DAY = timedelta(minutes=1), timedelta(hours=1), timedelta(days=1)
PORTION = 40
"""Readings that the WebAssembly server bears in one go."""
MESSAGE = Message("vigie/v1/93051/meter/m1/up", b"", T0, 0)
LIMIT = {"side": "above", "raise": 100, "clear": 80, "minutes": 0, "clear_minutes": 0}


def forecast_of(series_id: int) -> Forecast:
    """Return a forecast that expects little."""
    steps = [ForecastStep(T0 + n * HOUR, tuple(10 + level for level in QUANTILES), 10.0) for n in range(9)]
    return Forecast(series_id, T0, HOUR, T0 - HOUR, steps, None, "no_model")


def scenario(connection: psycopg.Connection[Any]) -> dict[str, Any]:
    """Live some days of alarms; return all that is read of them."""
    power, battery = adopt(connection, "compteur", "power_kw", "battery_ratio", at=T0 - DAY)
    write_forecasts(connection, [forecast_of(power)])
    write_newest_issue(connection, "power_kw", COMMUNE, T0)
    rules = [
        Rule(0, Condition.THRESHOLD, Severity.INFO, LIMIT, Scope("power_kw"), escalate_after_s=60, made_by="test"),
        Rule(0, Condition.EXPECTED, Severity.INFO, {"minutes": 0}, Scope("power_kw"), made_by="test"),
        Rule(
            0,
            Condition.EXPECTED,
            Severity.INFO,
            {"will_exceed": 10.5, "within_hours": 6, "chance": 0.4},
            Scope("power_kw"),
            made_by="test",
        ),
        Rule(0, Condition.COMPLETENESS, Severity.INFO, {"ratio": 1.0, "days": 1}, Scope("power_kw"), made_by="test"),
    ]
    for rule in rules:
        write_rule(connection, rule, T0)
    readings = [Reading(power, T0 + 15 * n * MINUTE, 30.0 + n % 5 + 90 * (n % 48 > 40)) for n in range(384) if n % 97]
    readings += [Reading(battery, T0 + n * DAY, 0.9 - n / 100) for n in range(4)]
    at = T0 + 4 * DAY
    for start in range(0, len(readings), PORTION):
        part = readings[start : start + PORTION]
        write_batch(connection, Batch(at, part, [MESSAGE] * len(part)))
    while judge_touched(connection).hours_touched:
        continue
    for hourly in (False, True):
        while evaluate_touched(connection, at, hourly=hourly).hours_touched:
            continue
    learnt = learn_rhythms(connection, at)
    window = Maintenance(0, COMMUNE, None, None, at, at + HOUR, "travaux", at, "Nadia")
    write_maintenance(connection, window)
    issues = evaluate_issues(connection, T0 + MINUTE)
    days = evaluate_days(connection, at + MINUTE)
    write_heartbeats(connection, "all", [(at + 5 * HOUR, at + 5 * HOUR)], at + 5 * HOUR)
    silent = find_silent(connection, at + 5 * HOUR)
    for minutes in (300, 330, 400):
        tend_alarms(connection, at + minutes * MINUTE)
    [first, *_] = read_alarms(connection, AlarmsAsked())
    held = hold_alarm(connection, first.alarm.alarm_id)
    assert held is not None
    act_on(connection, held, Done(ActOnAlarm.ACKNOWLEDGED, "Nadia"), at + 7 * HOUR)
    return {
        "learnt": learnt,
        "moved": (issues, days, silent.moved),
        "rules": len(read_rules(connection)),
        "open": read_alarms(connection, AlarmsAsked()),
        "all": read_alarms(connection, AlarmsAsked(is_open=False, limit=99)),
        "acts": read_acts(connection, first.alarm.alarm_id),
        "counts": count_alarms(connection, at + 7 * HOUR, T0),
        "maintenance": read_maintenance(connection, ending_after=T0),
    }


def test_alarms_on_timescale_are_those_of_plain_postgresql(database_url: str) -> None:
    with alone(database_url) as connection:
        plain = scenario(connection)
    found = {(kept.alarm.name, kept.rule.parameters.get("will_exceed")) for kept in plain["all"] if kept.rule}
    assert found >= {
        ("threshold", None),
        ("expected", None),
        ("expected", 10.5),
        ("completeness", None),
        ("silence", None),
    }
    assert plain["learnt"] > 0
    with running_timescale() as url:
        migrate(url)
        with alone(url) as connection:
            timescale = scenario(connection)
    for name, answer in plain.items():
        assert comparable(_undated(timescale[name])) == comparable(_undated(answer)), name


def _undated(answer: Any) -> Any:
    """Return an answer without when the migration ran."""
    return answer if not isinstance(answer, list) else [repr(getattr(one, "alarm", one)) for one in answer]
