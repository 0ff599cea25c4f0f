"""History as Arrow, on a real server: calibrated as of an instant, in order, in bounded batches."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from itertools import chain

import psycopg
import pyarrow as pa
import pytest
from psycopg import sql

from core.clock import Window
from core.errors import StoreAbsent
from core.metrics import Family
from core.places import Origin, Sensor, SensorKind, Site
from core.quality.calibrations import Calibration
from core.readings import Batch, Message, Quality, Reading
from core.sensor_life import Signature
from core.store import arrow as door
from core.store import calibrations, history, places, readings, sensor_life, sensors
from core.store.arrow import ArrowConnection, opened_arrow, read_batches
from core.store.batches import write_batch
from core.store.history import READINGS, Selection, read_history, read_labels, read_series_ids, read_step_history
from core.store.pool import Connection, connected

pytestmark = pytest.mark.integration
T0 = datetime(2026, 3, 2, 8, tzinfo=UTC)
MINUTE, HOUR = timedelta(minutes=1), timedelta(hours=1)
MESSAGE = Message("vigie/v1/93051/indoor_air/s1/up", b"{}", T0, 2)
DAY = Window(T0, T0 + timedelta(days=1))


@pytest.fixture
def connection(database_url: str) -> Iterator[Connection]:
    """Two sensors of two communes: series 1 and 2 of the first, 3 of the second."""
    with connected(database_url) as connection:
        for name, commune in (("s1", "93051"), ("s2", "75056")):
            site = Site(commune, "ecole", "École d'été", 2.55, 48.85)
            sensor = Sensor(
                name, SensorKind.INDOOR_AIR, name.upper(), site, Origin.SIMULATED if name == "s2" else Origin.FIELD
            )
            sensor_id = sensors.adopt_sensor(connection, sensor, T0)
            for metric in ("co2_ppm", "occupied") if name == "s1" else ("co2_ppm",):
                places.write_series(connection, sensor_id, metric)
        connection.commit()
        yield connection


@pytest.fixture
def arrow(database_url: str) -> Iterator[ArrowConnection]:
    with opened_arrow(database_url) as arrow:
        yield arrow


def write(connection: Connection, received_at: datetime, *rows: Reading) -> None:
    write_batch(connection, Batch(received_at, rows, [MESSAGE] * len(rows)))
    connection.commit()


def rows_of(batches: Iterator[pa.RecordBatch]) -> list[tuple[int, datetime, float]]:
    rows = [row for batch in batches for row in batch.to_pylist()]
    return [(row["series_id"], row["observed_at"], row["value"]) for row in rows]


def test_readings_come_in_order_and_in_their_columns(connection: Connection, arrow: ArrowConnection) -> None:
    write(connection, T0 + HOUR, Reading(3, T0, 9.0), Reading(1, T0 + MINUTE, 2.0), Reading(1, T0, 1.0, Quality.BAD))
    [batch] = read_history(arrow, Selection(), DAY)
    assert batch.schema == READINGS
    assert rows_of(iter([batch])) == [(1, T0, 1.0), (1, T0 + MINUTE, 2.0), (3, T0, 9.0)]
    assert batch.column("quality").to_pylist() == [2, 0, 0]
    assert batch.column("received_at").to_pylist() == [T0 + HOUR] * 3


def test_history_is_what_was_known_and_as_it_was_calibrated_then(
    connection: Connection, arrow: ArrowConnection
) -> None:
    write(connection, T0 + HOUR, Reading(1, T0, 100.0))
    write(connection, T0 + 3 * HOUR, Reading(1, T0 + MINUTE, 200.0))
    calibrations.write_calibration(connection, Calibration(1, T0, T0 + 2 * HOUR, 2.0, 1.0, "Nadia"))
    connection.commit()
    told = {
        hours: [value for *_, value in rows_of(read_history(arrow, Selection(), DAY, as_of=T0 + hours * HOUR))]
        for hours in range(4)
    }
    assert told == {0: [], 1: [100.0], 2: [201.0], 3: [201.0, 401.0]}
    assert [value for *_, value in rows_of(read_history(arrow, Selection(), DAY))] == [201.0, 401.0]


@pytest.mark.parametrize(
    ("selection", "found"),
    [
        (Selection(), [1, 2, 3]),
        (Selection(communes=("93051",)), [1, 2]),
        (Selection(families=(Family.AIR,)), [1, 3]),
        (Selection(metrics=("co2_ppm", "occupied"), communes=("93051", "75056")), [1, 2, 3]),
        (Selection(families=(Family.AIR,), metrics=("occupied",)), []),
        (Selection(series_ids=(3, 2)), [2, 3]),
        (Selection(origins=(Origin.SIMULATED,)), [3]),
        (Selection(communes=("' OR true --\\",)), []),
        (Selection(in_service_at=T0), [1, 2, 3]),
        (Selection(in_service_at=T0 + HOUR), [3]),
    ],
)
def test_a_selection_is_what_all_its_fields_name(
    connection: Connection, arrow: ArrowConnection, selection: Selection, found: list[int]
) -> None:
    sensor = sensor_life.hold_sensor(connection, 1)
    sensor_life.retire_sensor(connection, sensor, T0 + HOUR, Signature("Nadia", T0 + HOUR))
    connection.commit()
    assert read_series_ids(arrow, selection) == found
    assert [one.series_id for one in read_labels(connection, selection)] == found


def test_labels_say_what_a_series_is(connection: Connection) -> None:
    label = read_labels(connection, Selection(series_ids=(1,)))[0]
    assert (label.metric, label.unit, label.external_id, label.sensor) == ("co2_ppm", "ppm", "s1", "S1")
    assert (label.site_code, label.site, label.commune_insee, label.commune) == (
        "ecole",
        "École d'été",
        "93051",
        "Noisy-le-Grand",
    )
    assert (label.origin, label.longitude, label.latitude, label.interval_s) == (Origin.FIELD, 2.55, 48.85, None)


@pytest.mark.parametrize(("batch_bytes", "readings_max"), [(door.BATCH_BYTES, history.READINGS_MAX), (200, 1)])
def test_steps_as_arrow_are_those_of_the_store_however_it_comes_in_pieces(
    connection: Connection, arrow: ArrowConnection, monkeypatch: pytest.MonkeyPatch, batch_bytes: int, readings_max: int
) -> None:
    monkeypatch.setattr(door, "BATCH_BYTES", batch_bytes)
    monkeypatch.setattr(history, "READINGS_MAX", readings_max)
    rows = [
        Reading(series, T0 + number * 7 * MINUTE, number % 2 + series / 3) for series in (1, 3) for number in range(90)
    ]
    rows += [Reading(2, T0 + number * 11 * MINUTE, float(number % 3 == 0)) for number in range(-5, 60)]
    write(connection, T0 + 10 * HOUR, *rows)
    calibrations.write_calibration(connection, Calibration(3, T0 + HOUR, T0, 1.5, -1.0, "Nadia"))
    connection.commit()
    window = Window(T0 + 3 * MINUTE, T0 + 9 * HOUR)
    batches = list(read_batches(arrow, sql.SQL("SELECT * FROM reading WHERE value >= {}").format(0)))
    assert (len(batches) > 10) is (batch_bytes == 200)
    found = read_step_history(arrow, Selection(), window, HOUR / 4)
    columns = readings.read_step_columns(connection, [1, 2, 3], window, HOUR / 4)
    told = [(some.series.tolist(), some.starts.tolist(), some.mean.tolist(), some.count.tolist()) for some in found]
    assert [list(chain.from_iterable(parts)) for parts in zip(*told, strict=True)] == [
        columns.series.tolist(),
        columns.starts.tolist(),
        columns.mean.tolist(),
        columns.count.tolist(),
    ]


def test_an_absent_server_and_a_lost_one_are_the_store_absent(database_url: str, connection: Connection) -> None:
    with pytest.raises(StoreAbsent), opened_arrow("postgresql://127.0.0.1:1/none"):
        pass
    many = sql.SQL("SELECT number FROM generate_series(1, {}) AS number").format(10_000_000)
    with opened_arrow(database_url) as arrow:
        batches = read_batches(arrow, many)
        next(batches)
        connection.execute(
            """
            SELECT pg_terminate_backend(pid) FROM pg_stat_activity
             WHERE datname = current_database() AND pid <> pg_backend_pid()
            """
        )
        with pytest.raises(StoreAbsent):
            list(batches)
    with opened_arrow(database_url) as arrow, pytest.raises(StoreAbsent):
        list(read_batches(arrow, sql.SQL("SELECT * FROM nowhere WHERE {}").format(True)))
    with opened_arrow(database_url) as arrow, pytest.raises(Exception, match="no_such_column") as mistake:
        list(read_batches(arrow, sql.SQL("SELECT no_such_column FROM reading WHERE {}").format(True)))
    assert not isinstance(mistake.value, StoreAbsent | psycopg.Error)
