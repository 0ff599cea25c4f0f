"""The communes side by side: each sensor once, in its worst state, and only of what the pass sees."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from datetime import timedelta
from typing import Any

import httpx
import pytest
from api_process import api_running
from passes import enter, let_in

from core.clock import now
from core.places import Sensor, SensorKind, Site
from core.roles import Grant, Role
from core.store.pool import Connection, connected
from core.store.sensors import adopt_sensor

pytestmark = pytest.mark.integration
NOISY, MONTREUIL = "93051", "93048"
OLD, FRESH = timedelta(days=2), timedelta(minutes=1)


def add(connection: Connection, name: str, commune: str, site: str = "mairie") -> int:
    """Adopt an indoor sensor that never spoke."""
    sensor = Sensor(name, SensorKind.INDOOR_AIR, name, Site(commune, site, site))
    return adopt_sensor(connection, sensor, now() - timedelta(days=3))


def speak(
    connection: Connection, sensor_id: int, metric: str, age: timedelta, *, value: float = 500, bad: int = 0
) -> None:
    """Give a sensor a newest reading; 400 to 600 was expected of it."""
    row = connection.execute(
        "INSERT INTO series (sensor_id, metric) VALUES (%s, %s) RETURNING series_id", (sensor_id, metric)
    ).fetchone()
    assert row is not None
    at = now() - age
    connection.execute(
        "INSERT INTO latest (series_id, observed_at, value, quality, received_at) VALUES (%s, %s, %s, %s, now())",
        (row[0], at, value, bad),
    )
    connection.execute(
        "INSERT INTO expectation (series_id, issued_at, since, p05, p50, p95) "
        "VALUES (%s, %s, ARRAY[%s], ARRAY[400.0], ARRAY[500.0], ARRAY[600.0])",
        (row[0], at - timedelta(hours=1), at - timedelta(hours=1)),
    )


def alarm(connection: Connection, sensor_id: int, severity: str = "warning", **more: Any) -> int:
    """Raise an alarm of a sensor; ``more`` is where its life has come to."""
    life = dict.fromkeys(("acknowledged_at", "snoozed_until", "cleared_at", "parent_id")) | {"muted": False} | more
    row = connection.execute(
        """
        INSERT INTO alarm (name, severity, commune_insee, site_id, sensor_id, subject, since, confirmed_at, raised_at,
                           acknowledged_at, snoozed_until, cleared_at, parent_id, muted)
        SELECT 'threshold', %(severity)s, commune_insee, site_id, sensor_id, gen_random_uuid()::text, now(),
               now(), now(), %(acknowledged_at)s, %(snoozed_until)s, %(cleared_at)s, %(parent_id)s, %(muted)s
          FROM sensor JOIN site USING (site_id) WHERE sensor_id = %(sensor_id)s RETURNING alarm_id
        """,
        {"severity": severity, "sensor_id": sensor_id, **life},
    ).fetchone()
    assert row is not None
    return int(row[0])


@pytest.fixture
def town(database_url: str) -> Iterator[tuple[str, httpx.Client]]:
    with connected(database_url) as connection:
        for name, metric, age, more in (
            ("normal", "co2_ppm", FRESH, {}),
            ("watch", "co2_ppm", FRESH, {"value": 900}),
            ("suspect", "co2_ppm", FRESH, {"bad": 1}),
            ("silent", "co2_ppm", OLD, {}),
        ):
            speak(connection, add(connection, name, NOISY), metric, age, **more)
        both = add(connection, "both", NOISY, "école")
        speak(connection, both, "co2_ppm", OLD)
        speak(connection, both, "temperature_c", FRESH, value=900)
        # A battery says nothing of whether a sensor is alive.
        speak(connection, add(connection, "battery", NOISY), "battery_v", FRESH)
        add(connection, "never", NOISY)
        gone = add(connection, "gone", NOISY)
        speak(connection, gone, "co2_ppm", FRESH, value=900)
        connection.execute("UPDATE sensor SET retired_at = now() WHERE sensor_id = %s", (gone,))
        for number in range(2):
            speak(connection, add(connection, f"stale-{number}", MONTREUIL), "co2_ppm", OLD * (number + 1))
        minute = now().replace(second=0, microsecond=0)
        for ago, stored in ((1, 7), (10, 5), (11, 1_000)):
            connection.execute(
                "INSERT INTO reception (commune_insee, kind, minute, stored) VALUES (%s, 'indoor_air', %s, %s)",
                (NOISY, minute - timedelta(minutes=ago), stored),
            )
    with api_running(database_url) as api:
        yield database_url, api


def told(api: httpx.Client) -> dict[str, dict[str, Any]]:
    return {one["insee"]: one for one in api.get("/metropole").json()["items"]}


def test_each_sensor_is_counted_once_in_its_worst_state(town: tuple[str, httpx.Client]) -> None:
    _, api = town
    found = told(api)
    assert set(found) == {NOISY, MONTREUIL}
    here = found[NOISY]
    assert here["name"] == "Noisy-le-Grand"
    states = {"alarming": 0, "watch": 2, "silent": 3, "suspect": 1, "normal": 1}
    assert {state: here[state] for state in states} == states
    assert here["sensors"] == sum(states.values())
    assert (here["received_10min"], here["refused_today"], here["stale_since"]) == (12, 0, None)
    there = found[MONTREUIL]
    assert (there["sensors"], there["silent"], there["received_10min"]) == (2, 2, 0)
    assert there["stale_since"] is not None


def test_the_states_are_those_that_the_latest_readings_tell(town: tuple[str, httpx.Client]) -> None:
    _, api = town
    by_sensor: dict[int, list[str]] = {}
    for one in api.get("/latest", params={"commune": NOISY}).json()["items"]:
        if one["metric"] != "battery_v":
            by_sensor.setdefault(one["sensor_id"], []).append(one["state"])
    order = ["watch", "silent", "suspect", "normal"]
    counted = Counter(min(states, key=order.index) for states in by_sensor.values())
    here = told(api)[NOISY]
    # Two never spoke but by a battery.
    assert {state: here[state] for state in order} == {**counted, "silent": counted["silent"] + 2}


def test_an_alarm_counts_while_it_waits_for_a_person(town: tuple[str, httpx.Client]) -> None:
    url, api = town
    with connected(url) as connection:
        rows = connection.execute("SELECT external_id, sensor_id FROM sensor").fetchall()
        sensors: dict[str, int] = dict(rows)
        parent = alarm(connection, sensors["normal"])
        alarm(connection, sensors["normal"], "critical")
        alarm(connection, sensors["watch"], "info")
        alarm(connection, sensors["suspect"], acknowledged_at=now())
        alarm(connection, sensors["silent"], muted=True)
        alarm(connection, sensors["both"], snoozed_until=now() + timedelta(hours=1))
        alarm(connection, sensors["battery"], parent_id=parent)
        alarm(connection, sensors["never"], cleared_at=now())
    here = told(api)[NOISY]
    assert (here["alarming"], here["watch"], here["normal"], here["sensors"]) == (1, 2, 0, 7)
    with connected(url) as connection:
        connection.execute(
            "UPDATE alarm SET snoozed_until = now() - interval '1 second' WHERE snoozed_until IS NOT NULL"
        )
    assert (told(api)[NOISY]["alarming"], told(api)[NOISY]["watch"]) == (2, 1)


def test_a_pass_is_told_of_what_it_sees_and_of_nothing_else(town: tuple[str, httpx.Client]) -> None:
    url, api = town
    one_commune = let_in(api, enter(url, Grant(Role.TECHNICIAN, MONTREUIL)))
    assert set(told(one_commune)) == {MONTREUIL}
    with connected(url) as connection:
        row = connection.execute("SELECT site_id FROM site WHERE code = 'école'").fetchone()
        assert row is not None
    one_site = let_in(api, enter(url, Grant(Role.BUILDING_MANAGER, NOISY, row[0])))
    assert {insee: one["sensors"] for insee, one in told(one_site).items()} == {NOISY: 1}
    assert told(one_site)[NOISY]["received_10min"] == 0
    assert let_in(api, "nobody").get("/metropole").status_code == 401
