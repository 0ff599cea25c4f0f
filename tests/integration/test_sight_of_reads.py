"""The store's reads say the same to the owner and to who may see all; to others their own, and by the same indexes."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from datetime import timedelta
from typing import Any

import psycopg
import pytest
from leak_town import ALPHA, BRAVO, HERE, THERE, Place, Town, leak_town
from passes import enter
from wasm_timescale import comparable

from core.clock import Window, now
from core.intakes import RejectionFilter
from core.passes import key_of
from core.roles import Grant, Role
from core.scores import ScoredBy
from core.store import (
    calibrations,
    channels,
    entities,
    forecasts,
    gaps,
    history,
    latest,
    live,
    observations,
    places,
    readings,
    rejections,
    rollups,
    scores,
    sensors,
    things,
)
from core.store.decisions import Wanted, read_subjects
from core.store.pool import Connection, connected, entered
from core.store.roles import Login, as_login
from vigie.embedded import DatabaseServer

pytestmark = pytest.mark.integration

WINDOW = Window(now() - timedelta(days=2), now() + timedelta(days=1))
DAY = WINDOW.end.date()
EVERY = entities.Wanted(["meter"], retired=True)

READS: dict[str, Callable[[Connection, Place], Any]] = {
    "latest of a commune": lambda store, place: latest.read_latest(store, commune=place.commune),
    "latest": lambda store, place: [one for one in latest.read_latest(store) if one.series_id == place.number],
    "newest values": lambda store, place: entities.read_newest_values(store, [place.number]),
    "readings": lambda store, place: readings.read_readings(store, place.number, WINDOW),
    "readings as of": lambda store, place: readings.read_readings(store, place.number, WINDOW, as_of=now()),
    "steps": lambda store, place: readings.read_step_columns(store, [place.number], WINDOW, timedelta(hours=1)),
    "first instances": lambda store, place: entities.read_instances(store, [place.number], WINDOW, 3),
    "last instances": lambda store, place: entities.read_instances(store, [place.number], WINDOW, 3, newest_first=True),
    "hours": lambda store, place: entities.read_hours_of(store, [place.number], WINDOW, 100),
    "days": lambda store, place: rollups.read_days(store, [place.number], DAY - timedelta(days=9), DAY),
    "scores": lambda store, place: [
        one
        for one in scores.read_sums(store, "power_kw", ScoredBy.SERIES, DAY - timedelta(days=9))
        if one[0] == str(place.number)
    ],
    "forecast": lambda store, place: forecasts.read_forecast(store, place.number),
    "ledgers": lambda store, place: gaps.read_ledgers(store, WINDOW, commune=place.commune),
    "gaps": lambda store, place: gaps.read_gaps(store, place.number, WINDOW),
    "channels": lambda store, place: channels.read_channels(store, series_id=place.number),
    "sensors": lambda store, place: sensors.read_sensors(store, commune=place.commune),
    "sensor": lambda store, place: sensors.read_sensor(store, place.number),
    "changes": lambda store, place: sensors.read_changes(store, place.number),
    "former devices": lambda store, place: sensors.read_former_devices(store, sensor_id=place.number),
    "sites": lambda store, place: places.read_sites(store, commune=place.commune),
    "calibrations": lambda store, place: calibrations.read_calibrations(store, place.number),
    "rejections": lambda store, place: rejections.read_rejections(store, RejectionFilter(commune=place.commune)),
    "groups": lambda store, place: rejections.read_groups(store, commune=place.commune),
    "reception": lambda store, place: live.read_reception(store, WINDOW, commune=place.commune),
    "subjects": lambda store, place: read_subjects(store, commune=place.commune),
    "labels": lambda store, place: history.read_labels(store, history.Selection(communes=(place.commune,))),
    "numbers": lambda store, place: [n for n in entities.read_sensor_numbers(store, EVERY) if n == place.number],
    "datastreams": lambda store, place: [
        row
        for row in things.read_entities(store, things.Ask("datastream", ("id", "oldest_at", "newest_at")))
        if row["id"] == place.number
    ],
    "spans": lambda store, place: observations.read_observed_spans(store, [place.number]),
    "observations": lambda store, place: observations.read_observations(
        store, [observations.Stretch(place.number, WINDOW.start, WINDOW.end)], observations.ObservationAsk(each=5)
    ),
    "decisions": lambda store, place: _decision_ids(store, Wanted(commune=place.commune)),
}
"""What requests read, asked of one place."""


def _decision_ids(store: Connection, wanted: Wanted) -> list[Any]:
    # Their bodies are no decisions here: they are not parsed.
    return store.execute(
        "SELECT decision_id FROM decision WHERE commune_insee = %s ORDER BY 1", (wanted.commune,)
    ).fetchall()


@pytest.fixture(scope="module")
def town(database_server: DatabaseServer, template: str) -> Iterator[Town]:
    with leak_town(database_server, template) as town:
        yield town


def said_to(town: Town, read: Callable[[Connection, Place], Any], place: Place, *grants: Grant) -> Any:
    """Return what a read says to a pass with these grants; to the owner without any."""
    login = as_login(town.owner, Login.API) if grants else town.owner
    with connected(login) as store:
        if grants:
            entered(store, key_of(enter(town.owner, *grants)))
        return comparable(read(store, place))


@pytest.mark.parametrize("name", READS)
def test_a_read_says_to_each_what_is_theirs(town: Town, name: str) -> None:
    read = READS[name]
    for place in (HERE, THERE):
        owners = said_to(town, read, place)
        assert owners != said_to(town, read, Place("nowhere", 99_999, "94080")), "there is something to see"
        assert said_to(town, read, place, Grant(Role.ANALYST)) == owners
        assert said_to(town, read, place, Grant(Role.ANALYST, place.commune)) == owners
    nothing = said_to(town, read, Place("nowhere", 99_999, "94080"))
    assert said_to(town, read, THERE, Grant(Role.ANALYST, ALPHA)) == nothing
    assert said_to(town, read, HERE, Grant(Role.ANALYST, BRAVO)) == nothing


LOOKED_UP = {
    "reading": "SELECT value FROM reading WHERE series_id = %(number)s AND observed_at >= %(start)s",
    "readings of several": """
        SELECT value FROM reading WHERE series_id = ANY(ARRAY[%(number)s]) AND observed_at >= %(start)s
    """,
    "zones": """
        SELECT value FROM unnest(ARRAY[%(number)s]) AS zone (owner) CROSS JOIN LATERAL (
               SELECT value FROM reading WHERE series_id = zone.owner AND observed_at >= %(start)s OFFSET 0) AS near
    """,
    "rollup_hour": "SELECT mean FROM rollup_hour WHERE series_id = %(number)s AND hour >= %(start)s",
    "rollup_day": "SELECT mean FROM rollup_day WHERE series_id = %(number)s",
    "forecast_step": "SELECT p50 FROM forecast_step WHERE series_id = %(number)s AND issued_at >= %(start)s",
    "frame": "SELECT f_cnt FROM frame WHERE sensor_id = %(number)s AND observed_at >= %(start)s",
    "latest": "SELECT value FROM latest WHERE series_id = %(number)s",
    "forecast": "SELECT step_s FROM forecast WHERE series_id = %(number)s AND issued_at = %(start)s",
    "rejection": "SELECT topic FROM rejection WHERE rejection_id = %(number)s",
}
"""Reads, each of which has an index to look up by: under a pass, too, whatever the view or policy between."""


@pytest.mark.parametrize("name", LOOKED_UP)
def test_what_is_looked_up_by_an_index_is_so_under_a_pass(town: Town, name: str) -> None:
    with psycopg.connect(as_login(town.owner, Login.API)) as connection:
        connection.execute("SELECT set_config('vigie.key', %s, true)", (town.keys["technician"],))
        # The town is small: reading all of it would be cheaper, and tell nothing of a large one.
        connection.execute("SET LOCAL enable_seqscan = off")
        cursor = psycopg.ClientCursor(connection)
        values = {"number": HERE.number, "start": WINDOW.start}
        plan = [line for (line,) in cursor.execute(f"EXPLAIN {LOOKED_UP[name]}", values)]
    scans = [number for number, line in enumerate(plan) if " Scan using " in line or "Bitmap Index Scan" in line]
    assert scans, plan
    assert all("Index Cond" in plan[number + 1] for number in scans), plan
    assert not any("Seq Scan" in line for line in plan), plan


def test_the_first_and_last_of_a_series_are_read_without_the_others(town: Town) -> None:
    with connected(as_login(town.owner, Login.API)) as connection:
        entered(connection, town.keys["technician"])
        plan = connection.execute(
            """
            EXPLAIN (ANALYZE, COSTS off, TIMING off, SUMMARY off)
            SELECT FROM first_readings(%s, '-infinity', 'infinity', '-infinity', 'infinity', 2)
            """,
            (HERE.number,),
        ).fetchall()
        assert "rows=2" in plan[0][0]
    with connected(town.owner) as connection:
        rows = connection.execute(
            """
            EXPLAIN (ANALYZE, COSTS off, TIMING off, SUMMARY off)
            SELECT * FROM first_readings(%s, '-infinity', 'infinity', '-infinity', 'infinity', 2)
            """,
            (HERE.number,),
        ).fetchall()
        # Taken apart into its statement: planned with the values of this call, and it stops at the second row.
        assert any("Limit" in line for (line,) in rows)
        assert not any("Function Scan" in line for (line,) in rows)
