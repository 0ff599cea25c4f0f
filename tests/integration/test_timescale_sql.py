"""The migrations and every read on TimescaleDB's own SQL give the answers of a plain PostgreSQL.

TimescaleDB comes as WebAssembly, from npm (``timescale/server.mjs``): one connection at a time, no COPY, and
prepared statements outlive their connection, so none are made.
"""

from __future__ import annotations

import asyncio
import inspect
import shutil
import subprocess
from collections.abc import Awaitable, Callable, Iterator, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any, Self

import psycopg
import pytest

from core.clock import Window
from core.forecasts import QUANTILES, Forecast, ForecastStep, Score
from core.places import Sensor, SensorKind, Site, communes
from core.readings import Aside, Batch, Message, Quality, Reading, Reason, Rejection
from core.store import batches, forecasts, live, migrate, places, readings, rejections, status

pytestmark = pytest.mark.integration

ROOT = Path(__file__).resolve().parent.parent.parent
SERVER = Path(__file__).resolve().parent / "timescale" / "server.mjs"
T0 = datetime(2026, 3, 2, 8, tzinfo=UTC)
HOUR = timedelta(hours=1)
DAYS_3 = Window(T0 - timedelta(days=1), T0 + timedelta(days=2))
MESSAGE = Message("vigie/v1/93051/meter/m1/up", b"{}", T0, 2)
STAGING_ROW = "INSERT INTO staging (position, series_id, observed_at, value, quality) VALUES (%s, %s, %s, %s, %s)"
MODEL = forecasts.StoredModel("power_kw", T0, T0 - HOUR, T0, 10, 2, 0.5, {"features": ["lag_24_h"]}, b"\x00\xff")

# Every reading function of the store, with the arguments that the scenario's rows answer to.
READS: dict[Callable[..., Any], dict[str, Any]] = {
    forecasts.read_forecast: {"series_id": 1, "as_of": T0 + 30 * timedelta(minutes=1)},
    forecasts.read_forecast_steps: {"series_id": 1, "issued_at": T0},
    forecasts.read_last_issues: {},
    forecasts.read_model: {"metric": "power_kw", "as_of": T0},
    forecasts.read_models: {},
    forecasts.read_unscored: {"metric": "power_kw", "ended_by": T0 + 5 * HOUR, "limit": 9},
    live.read_reception: {"window": DAYS_3, "commune": "93051"},
    places.is_adopted: {"external_id": "m1"},
    places.read_commune_series: {"commune": "93051"},
    places.read_communes: {"on": T0},
    places.read_sensor: {"sensor_id": 1},
    places.read_sensors: {"commune": "93051", "kind": SensorKind.METER},
    places.read_series: {"metric": "power_kw"},
    places.read_series_communes: {"series_ids": [1, 2]},
    places.read_series_of: {"sensor_ids": [1, 2]},
    places.read_series_page: {"metric": "power_kw", "after": 0, "limit": 1},
    places.read_sites: {"commune": "93051"},
    readings.read_latest: {"commune": "93051"},
    readings.read_readings: {"series_id": 1, "window": DAYS_3, "as_of": T0 + HOUR},
    readings.read_spans: {},
    readings.read_steps: {"series_ids": [1, 2], "window": DAYS_3, "step": HOUR},
    rejections.count_rejections: {"window": DAYS_3},
    rejections.read_rejections: {"reason": Reason.CONFLICT},
    rejections.read_unknown_sensors: {},
    status.newest_observed_at: {"external_ids": ["m1", "m2"]},
    status.read_progress: {},
}
LIVE_READS: dict[Callable[..., Awaitable[Any]], dict[str, Any]] = {
    live.count_live: {"after": 0, "commune": "93051", "limit": 100},
    live.read_live: {"after": 0},
    live.read_live_bounds: {},
}


class RowByRow:
    """Stands in for a COPY: the same rows, by INSERT."""

    def __init__(self, cursor: psycopg.Cursor[Any]) -> None:
        self.cursor = cursor

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        """Nothing is buffered."""

    def set_types(self, types: Sequence[str]) -> None:
        """Take the columns' types, which an INSERT knows by itself."""
        assert len(types) == STAGING_ROW.count("%s")

    def write_row(self, row: Sequence[Any]) -> None:
        """Write one row of the staging table."""
        self.cursor.execute(STAGING_ROW, row)


class CopylessCursor(psycopg.Cursor[Any]):
    """A cursor whose COPY goes row by row: the WebAssembly server's socket takes no COPY FROM STDIN."""

    def copy(self, *_: Any, **__: Any) -> RowByRow:  # type: ignore[override] # as much of a Copy as the store uses
        """Give what a COPY gives."""
        return RowByRow(self)


@dataclass
class Answers:
    """What one server answered: what became of each write, and each read by its function's name."""

    writes: list[Any] = field(default_factory=list)
    reads: dict[str, Any] = field(default_factory=dict)
    hypertables: list[str] = field(default_factory=list)


@pytest.fixture(scope="module")
def timescale_url() -> Iterator[str]:
    node = shutil.which("node")
    if node is None:
        pytest.skip("Node.js is not installed")
    if not (ROOT / "node_modules" / "@unni-craftsman" / "pglite").is_dir():
        pytest.skip("node_modules is absent: ./run test fetches it")
    process = subprocess.Popen([node, str(SERVER)], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)
    assert process.stdin is not None
    assert process.stdout is not None
    port = int(process.stdout.readline())
    yield f"postgresql://postgres:postgres@127.0.0.1:{port}/postgres?sslmode=disable"
    process.stdin.close()
    process.wait(10)
    process.stdout.close()


def run_migrations(url: str) -> None:
    """Run our files in order on one connection: yoyo wants a second one for each migration."""
    with psycopg.connect(url) as connection:
        for file in sorted(migrate.MIGRATIONS_DIR.glob("*.sql")):
            connection.execute(file.read_bytes())
        places.write_communes(connection, communes().values())


def forecast_of(series_id: int, issued_at: datetime, model_id: int | None) -> Forecast:
    steps = [
        ForecastStep(issued_at + lead * HOUR, tuple(level * 10 + lead for level in QUANTILES), float(lead))
        for lead in range(3)
    ]
    return Forecast(series_id, issued_at, HOUR, issued_at - HOUR, steps, model_id, None if model_id else "no_model")


def arrivals() -> list[Batch]:
    """First readings over three days; then a duplicate, a conflict, a late and a bad one, and an unknown sensor."""
    first = [Reading(series, T0 + i * 9 * HOUR, series + i / 3) for series in (1, 2) for i in range(5)]
    second = [
        first[0],
        Reading(1, T0, 99.0),
        Reading(1, T0 - timedelta(minutes=7), 4.25),
        Reading(2, T0 + timedelta(minutes=5), 7.5, Quality.BAD),
    ]
    refused = Rejection(MESSAGE, Reason.UNKNOWN_UNIT, "no unit 'hp'", "m1", "93051")
    aside = Aside(MESSAGE, "m9", "native")
    return [
        Batch(T0, first, [MESSAGE] * len(first)),
        Batch(T0 + 2 * HOUR, second, [MESSAGE] * len(second), [refused], [aside]),
    ]


def write_scenario(connection: psycopg.Connection[Any]) -> list[Any]:
    site = Site("93051", "mairie", "Mairie", 2.55, 48.85)
    for name in ("m1", "m2"):
        sensor_id = places.adopt_sensor(connection, Sensor(name, SensorKind.METER, name.upper(), site), T0)
        places.write_series(connection, sensor_id, "power_kw")
    writes: list[Any] = [batches.write_batch(connection, batch) for batch in arrivals() * 2]
    model_id = forecasts.write_model(connection, MODEL)
    issues = [forecast_of(1, T0, model_id), forecast_of(2, T0, None), forecast_of(1, T0 + HOUR, model_id)]
    writes.append(forecasts.write_forecasts(connection, [*issues, issues[0]]))
    forecasts.write_scores(connection, [Score(2, T0, 3, 0.1, 0.2, 0.3, 0.4, 0.8)], T0 + 5 * HOUR)
    writes.append(live.prune_live(connection, T0 - HOUR))
    places.adopt_sensor(connection, Sensor("m9", SensorKind.METER, "M9", site), T0)
    with connection.transaction(force_rollback=True):
        writes.append(rejections.take_adopted_asides(connection, 10))
    return writes


async def read_feed(url: str) -> dict[str, Any]:
    connection = await psycopg.AsyncConnection.connect(url, autocommit=True, prepare_threshold=None)
    async with connection:
        await connection.execute("SET TIME ZONE 'UTC'")
        return {read.__name__: await read(connection, **arguments) for read, arguments in LIVE_READS.items()}


def answers_of(url: str) -> Answers:
    answers = Answers()
    with psycopg.connect(url, cursor_factory=CopylessCursor, prepare_threshold=None) as connection:
        connection.execute("SET TIME ZONE 'UTC'")
        answers.writes = write_scenario(connection)
        answers.reads = {read.__name__: read(connection, **arguments) for read, arguments in READS.items()}
        if connection.execute("SELECT 1 FROM pg_extension WHERE extname = 'timescaledb'").fetchone():
            rows = connection.execute("SELECT hypertable_name FROM timescaledb_information.hypertables ORDER BY 1")
            answers.hypertables = [name for (name,) in rows]
    answers.reads |= asyncio.run(read_feed(url))
    return answers


def test_timescale_answers_as_plain_postgresql_does(timescale_url: str, database_url: str) -> None:
    run_migrations(timescale_url)
    timescale, plain = answers_of(timescale_url), answers_of(database_url)
    assert timescale.hypertables == ["forecast_step", "frame", "reading"]
    assert timescale.writes == plain.writes
    for name, answer in plain.reads.items():
        assert answer, f"{name} answers nothing: the scenario does not try it"
        assert timescale.reads[name] == answer, name


def test_every_read_of_the_store_is_tried() -> None:
    modules = (forecasts, live, places, readings, rejections, status)
    reads = {
        function
        for module in modules
        for name, function in inspect.getmembers(module, inspect.isfunction)
        if function.__module__ == module.__name__ and name.startswith(("read_", "count_", "is_", "newest_"))
    }
    assert {read.__qualname__ for read in reads - READS.keys() - LIVE_READS.keys()} == set()
