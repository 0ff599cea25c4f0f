"""Every history read, and the API's JSON, byte for byte the same on every engine, with compressed chunks where it can.

Plain PostgreSQL, TimescaleDB as WebAssembly, and the server that VIGIE_TEST_SERVER names.
"""

from __future__ import annotations

import asyncio
import os
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from itertools import product
from pathlib import Path
from typing import Any

import httpx
import numpy as np
import psycopg
import pyarrow as pa
import pytest
from api_process import api_settings
from wasm_timescale import alone, comparable, running_timescale

from core.clock import Window, format_instant
from core.columns import to_microseconds
from core.forecasts import QUANTILES, Forecast, ForecastStep
from core.metrics import Family
from core.places import Sensor, SensorKind, Site
from core.quality.calibrations import Calibration
from core.quality.marks import codes_of
from core.readings import Batch, Message, Reading
from core.store import calibrations, forecasts, latest, places, readings, rollups, sensors
from core.store.arrow import opened_arrow
from core.store.batches import write_batch
from core.store.history import (
    Selection,
    read_day_history,
    read_history,
    read_hour_history,
    read_labels,
    read_step_history,
)
from core.store.migrate import migrate
from core.store.pool import connected
from services.api import answers
from services.api.app import create_app
from services.api.doors.visiting import let_in
from services.api.rates import rated
from services.quality import judge_touched, roll_unrolled
from services.rollups import Asked, Grain, read_rollups
from vigie.embedded import DatabaseServer, EmbeddedDatabase

pytestmark = pytest.mark.integration

MINUTE, HOUR, DAY = timedelta(minutes=1), timedelta(hours=1), timedelta(days=1)
AUTUMN = Window(datetime(2025, 10, 25, tzinfo=UTC), datetime(2025, 10, 28, tzinfo=UTC))
"""Sunday has 25 hours."""
SPRING = Window(datetime(2026, 3, 28, tzinfo=UTC), datetime(2026, 3, 31, tzinfo=UTC))
"""Sunday has 23 hours."""
WINDOWS = (AUTUMN, SPRING, Window(AUTUMN.start, SPRING.end))
CAME_LATE = SPRING.end + DAY
"""When what came late, or again with another value, was received."""
AS_OF = (None, SPRING.end, CAME_LATE + HOUR)
METRICS = {
    "co2_ppm": SensorKind.INDOOR_AIR,
    "occupied": SensorKind.BAY,
    "electricity_kwh": SensorKind.METER,
    "bikes_count": SensorKind.COUNTER,
}
SERIES = range(1, len(METRICS) + 1)
RHYTHM = 30 * MINUTE
MESSAGE = Message("vigie/v1/93051/room/s1/up", b"{}", SPRING.start, 2)


def observed(random: np.random.Generator) -> list[Reading]:
    """Return readings of every nature, with gaps, spikes, a meter that was reset, at instants between seconds."""
    found = []
    for window, series_id in product((AUTUMN, SPRING), SERIES):
        index = 1_000.0 if window is AUTUMN else 5_000.0
        for number in range(window.length // RHYTHM):
            if random.random() < 0.08:
                continue
            at = window.start + number * RHYTHM + timedelta(microseconds=int(random.integers(0, 600_000_000)))
            index = 0.0 if random.random() < 0.01 else index + float(random.random())
            value = (
                float(random.normal(600, 80)) + (2_000 if random.random() < 0.02 else 0),
                float(random.integers(0, 2)),
                round(index, 3),
                float(random.integers(0, 90)),
            )[series_id - 1]
            found.append(Reading(series_id, at, value))
    return found


def write_seeded(connection: psycopg.Connection[Any]) -> None:
    """Write a seeded history: some at once, compress it where that can be, then what came late, again and otherwise."""
    random = np.random.default_rng(5)
    for metric, kind in METRICS.items():
        site = Site("93051", kind.value, kind.value, 2.55, 48.85)
        sensor = Sensor(f"s-{kind.value}", kind, kind.value, site, interval_s=1_800)
        places.write_series(connection, sensors.adopt_sensor(connection, sensor, AUTUMN.start), metric)
    calibrate(connection, Calibration(1, AUTUMN.start + DAY, AUTUMN.end, 1.07, -3.5, "Nadia"))
    known = observed(random)
    late = random.random(len(known)) < 0.15
    first = [one for one, waits in zip(known, late, strict=True) if not waits]
    for part in (AUTUMN, SPRING):
        write(connection, part.end, [one for one in first if one.observed_at in part])
    judge(connection)
    compress(connection)
    again = [Reading(one.series_id, one.observed_at, one.value + 1.0) for one in first[::40]]
    write(
        connection, CAME_LATE, [*(one for one, waits in zip(known, late, strict=True) if waits), *again, *first[::25]]
    )
    calibrate(connection, Calibration(1, SPRING.start + DAY, CAME_LATE + 2 * HOUR, 0.93, 11.25, "Nadia"))
    judge(connection)
    write_expected(connection)


def write(connection: psycopg.Connection[Any], received_at: datetime, found: list[Reading]) -> None:
    """Write readings a hundred at once: of more, row by row, the WebAssembly server dies."""
    for first in range(0, len(found), 100):
        batch = found[first : first + 100]
        write_batch(connection, Batch(received_at, batch, [MESSAGE] * len(batch)))


def calibrate(connection: psycopg.Connection[Any], calibration: Calibration) -> None:
    calibrations.write_calibration(connection, calibration)


def judge(connection: psycopg.Connection[Any]) -> None:
    """Judge and roll up all that was touched, as the worker does."""
    while judge_touched(connection).hours_touched or roll_unrolled(connection):
        pass
    connection.commit()


def compress(connection: psycopg.Connection[Any]) -> None:
    """Compress every chunk of readings and roll-ups, where the engine can."""
    is_timescale = connection.execute("SELECT FROM pg_extension WHERE extname = 'timescaledb'").fetchone()
    if is_timescale:
        for table in ("reading", "rollup_hour"):
            connection.execute("SELECT compress_chunk(chunk) FROM show_chunks(%s) AS chunk", (table,))
        found = connection.execute(
            "SELECT bool_and(is_compressed) FROM timescaledb_information.chunks WHERE hypertable_name = 'reading'"
        ).fetchone()
        assert found == (True,), "the chunks of readings are compressed"
    connection.commit()


def write_expected(connection: psycopg.Connection[Any]) -> None:
    """Issue three forecasts of the first series, the last of them after its newest reading."""
    for number, ahead in enumerate((3 * HOUR, HOUR, -HOUR)):
        issued_at = SPRING.end - ahead
        steps = [
            ForecastStep(issued_at + lead * HOUR, tuple(500 + number + lead / 3 + 90 * level for level in QUANTILES))
            for lead in range(24)
        ]
        forecasts.write_forecasts(connection, [Forecast(1, issued_at, HOUR, issued_at - HOUR, steps, None, "no_model")])
    connection.commit()


def store_answers(connection: psycopg.Connection[Any]) -> Iterator[tuple[str, Any]]:
    """Yield each history read of the store and of the services above it, by its name."""
    ids = list(SERIES)
    bounds = (
        codes_of(np.array(ids), np.full(4, to_microseconds(AUTUMN.start))),
        codes_of(np.array(ids), np.full(4, to_microseconds(SPRING.end))),
    )
    yield "latest", latest.read_latest(connection)
    yield "latest one by one", list(latest.read_latest(connection, after=1, limit=2))
    yield "span", readings.read_span(connection, "co2_ppm")
    yield "labels", read_labels(connection, Selection(families=(Family.AIR, Family.BAY)))
    yield "zone hours", rollups.read_zone_hours(connection, *bounds)
    for number, window in enumerate(WINDOWS):
        yield f"hours {number}", rollups.read_hours(connection, 3, window)
        yield f"days {number}", rollups.read_days(connection, ids, window.start.date(), window.end.date())
        for as_of in AS_OF:
            name = f"{number} as of {as_of}"
            yield f"measured {name}", readings.read_measured(connection, ids, window, as_of=as_of)
            yield f"steps {name}", readings.read_steps(connection, ids, window, 7 * MINUTE, as_of=as_of)
            for series_id in ids:
                told = f"{series_id} {name}"
                yield f"raw {told}", readings.read_readings(connection, series_id, window, as_of=as_of)
                for grain in Grain:
                    asked = Asked(grain, window, as_of)
                    yield f"{grain} {told}", read_rollups(connection, series_id, asked, CAME_LATE + DAY)


def api_answers(connection: psycopg.Connection[Any]) -> list[tuple[str, bytes]]:
    """Return the bytes of each answer of the API about history, read through the one connection."""
    app = create_app(api_settings("postgresql://nowhere"))
    for dependency in (answers._store, answers._history):  # noqa: SLF001 - the seam between routes and store
        app.dependency_overrides[dependency] = lambda: connection
    for at_the_door in (rated, let_in):
        app.dependency_overrides[at_the_door] = lambda: None

    async def asked() -> list[tuple[str, bytes]]:
        found = []
        async with httpx.AsyncClient(transport=httpx.ASGITransport(app), base_url="http://api/api/v1") as api:
            for path, parameters in asked_of_the_api():
                answer = await api.get(path, params=parameters)
                assert answer.status_code == 200, f"{path} {parameters}: {answer.text}"
                found.append((f"{path} {parameters}", answer.content))
        return found

    return asyncio.run(asked())


def asked_of_the_api() -> Iterator[tuple[str, dict[str, str | int]]]:
    """Yield path and parameters of each question."""
    yield "/latest", {}
    yield "/latest", {"commune": "93051", "limit": 2}
    for window, as_of in product(WINDOWS, AS_OF):
        between = {"from": format_instant(window.start), "until": format_instant(window.end)}
        known = {"as_of": format_instant(as_of)} if as_of else {}
        for series_id in SERIES:
            yield f"/series/{series_id}/readings", {**between, **known, "limit": 100}
            yield f"/series/{series_id}/readings", {**between, **known, "step": "PT1H"}
            for points in (50, 800):
                yield f"/series/{series_id}/chart", {**between, **known, "points": points}
            for grain in Grain:
                yield f"/series/{series_id}/rollups", {**between, **known, "by": grain.value}
    day: dict[str, str | int] = {"from": format_instant(SPRING.start), "until": format_instant(SPRING.end)}
    yield "/completeness", {"commune": "93051", **day}
    yield "/series/3/increments", day
    yield "/series/1/completeness", day


def arrow_answers(url: str) -> Iterator[tuple[str, Any]]:
    """Yield each history read as Arrow."""
    every = Selection()
    with opened_arrow(url) as arrow:
        for number, window in enumerate(WINDOWS):
            yield f"hour history {number}", pa.Table.from_batches(read_hour_history(arrow, every, window)).to_pydict()
            days = pa.Table.from_batches(read_day_history(arrow, every, window)).drop_columns("rolled_at")
            yield f"day history {number}", days.to_pydict()
            for as_of in AS_OF:
                name = f"{number} as of {as_of}"
                found = pa.Table.from_batches(read_history(arrow, every, window, as_of=as_of))
                yield f"history {name}", found.to_pydict()
                steps = read_step_history(arrow, every, window, HOUR, as_of=as_of)
                yield f"step history {name}", [comparable(some) for some in steps]


@contextmanager
def plain_url(database_server: DatabaseServer, template: str, folder: Path) -> Iterator[str]:
    """Give a migrated database of a plain PostgreSQL: the test run's own, or one beside the server that is tried."""
    if not os.environ.get("VIGIE_TEST_SERVER"):
        yield database_server.create("same_answers", template=template)
        database_server.drop("same_answers")
        return
    server = EmbeddedDatabase(folder)
    url = server.create("same_answers")
    migrate(url)
    try:
        yield url
    finally:
        server.stop()


@pytest.fixture(scope="module")
def plain(
    database_server: DatabaseServer, template: str, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[dict[str, Any]]:
    """What a plain PostgreSQL answers."""
    with plain_url(database_server, template, tmp_path_factory.mktemp("plain")) as url:
        with connected(url) as connection:
            write_seeded(connection)
            found = {name: comparable(answer) for name, answer in store_answers(connection)}
            found |= dict(api_answers(connection))
        yield found | dict(arrow_answers(url))


def assert_same(found: Iterable[tuple[str, Any]], plain: dict[str, Any]) -> None:
    for name, answer in found:
        assert comparable(answer) == plain[name], name


def test_the_seeded_history_tries_what_may_differ(plain: dict[str, Any]) -> None:
    empty = {name for name, answer in plain.items() if not answer}
    assert empty == set()
    for series_id in SERIES:
        raw = [plain[f"raw {series_id} 2 as of {as_of}"] for as_of in AS_OF]
        assert len(raw[1]) < len(raw[2]) <= len(raw[0]), "some came late"
    assert plain["raw 1 1 as of None"] != plain[f"raw 1 1 as of {AS_OF[2]}"], "a calibration was set later"


def test_timescale_answers_byte_for_byte_as_plain_postgresql_does(plain: dict[str, Any]) -> None:
    with running_timescale() as url:
        migrate(url)
        with alone(url) as connection:
            write_seeded(connection)
            assert_same(store_answers(connection), plain)
            assert_same(api_answers(connection), plain)


def test_a_native_server_answers_byte_for_byte_as_plain_postgresql_does(
    database_url: str, plain: dict[str, Any]
) -> None:
    if not os.environ.get("VIGIE_TEST_SERVER"):
        pytest.skip("VIGIE_TEST_SERVER names no server to try")
    with connected(database_url) as connection:
        write_seeded(connection)
        assert_same(store_answers(connection), plain)
        assert_same(api_answers(connection), plain)
    assert_same(arrow_answers(database_url), plain)
