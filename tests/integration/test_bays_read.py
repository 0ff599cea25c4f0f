"""Bays read from the store: runs are what the sensors said, and only what was known at the instant."""

from __future__ import annotations

from datetime import datetime, timedelta

import pytest
from simulated_bays import AT, SIMULATED, simulated, subject

from core.clock import Window
from core.decisions import Subject
from core.places import communes
from core.readings import Batch, Quality, Reading
from core.store.batches import write_batch
from core.store.places import write_communes, write_series
from core.store.pool import Connection, connected
from core.store.sensors import adopt_sensor
from models.simulation.days import SeededDay
from services.decisions.bays.policy import parse_policy
from services.decisions.bays.read import read_situation
from services.decisions.bays.situation import situation_json

pytestmark = pytest.mark.integration
DAYS = 3
SUBJECT = Subject(**subject())


def fill(connection: Connection, received_at: datetime) -> dict[str, int]:
    """Write what the commune's bays said over three days; return their series."""
    write_communes(connection, communes().values())
    window = Window.ending(AT, timedelta(days=DAYS))
    readings, series = [], {}
    for name in [name for bay in parse_policy(SUBJECT.policy).bays for name in bay.sensors]:
        sensor_id = adopt_sensor(connection, SIMULATED[name].sensor, window.start)
        series[name] = write_series(connection, sensor_id, "occupied")
        for ordinal in range(window.start.toordinal(), AT.toordinal() + 1):
            said = SIMULATED[name].traces(SeededDay(1, ordinal))[0].deliveries()
            readings += [Reading(series[name], one.observed_at, one.value) for one in said if one.observed_at in window]
    write_batch(connection, Batch(received_at, readings))
    return series


def test_runs_are_those_of_the_sensors(database_url: str) -> None:
    with connected(database_url) as connection:
        fill(connection, AT)
        found = read_situation(connection, SUBJECT, parse_policy(SUBJECT.policy), AT)
    expected, _ = simulated(days=DAYS)
    read, made = situation_json(found)["places"], situation_json(expected)["places"]
    assert {name: {**row, "series_id": 1} for name, row in read.items()} == made


def test_what_came_later_or_is_bad_is_not_read(database_url: str) -> None:
    policy = parse_policy(SUBJECT.policy)
    with connected(database_url) as connection:
        series = fill(connection, AT)
        before = situation_json(read_situation(connection, SUBJECT, policy, AT))
        late, bad = AT - timedelta(minutes=1), AT - timedelta(minutes=2)
        number = series[policy.bays[0].sensors[0]]
        flipped = 1 - before["places"][policy.bays[0].sensors[0]]["occupied"][-1]
        write_batch(connection, Batch(AT + timedelta(hours=1), [Reading(number, late, flipped)]))
        write_batch(connection, Batch(AT, [Reading(number, bad, flipped, Quality.BAD)]))
        assert situation_json(read_situation(connection, SUBJECT, policy, AT)) == before
        after = read_situation(connection, SUBJECT, policy, AT + timedelta(hours=1))
        assert late.timestamp() in after.places[policy.bays[0].sensors[0]].start_s


def test_an_empty_store_has_no_places(database_url: str) -> None:
    with connected(database_url) as connection:
        assert read_situation(connection, SUBJECT, parse_policy(SUBJECT.policy), AT).places == {}
