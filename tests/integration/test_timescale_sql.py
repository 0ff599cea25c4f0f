"""The migrations and every read on TimescaleDB's own SQL give the answers of a plain PostgreSQL."""

from __future__ import annotations

import asyncio
import inspect
from collections.abc import Iterator
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta
from typing import Any

import numpy as np
import psycopg
import pytest
from scoring_town import day_sums
from store_reads import DAYS_3, HOUR, LIVE_READS, READS, T0
from wasm_timescale import alone, comparable, running_timescale

from core.decisions import Subject
from core.forecasts import QUANTILES, Forecast, ForecastStep, Score
from core.intakes import IntakeKind, RejectionFilter
from core.model_life import Concern, Reign, StoredModel
from core.places import Sensor, SensorKind, Site
from core.quality.calibrations import Calibration
from core.readings import Arrival, Aside, Batch, Frame, Message, Quality, Reading, Reason, Rejection, Sender
from core.registry_csv import parse_csv
from core.registry_plan import plan_lines
from core.sensor_life import Device, DeviceModel, Signature
from core.settings import KeptSettings
from core.store import (
    asides,
    batches,
    calibrations,
    channels,
    devices,
    exports,
    forecasts,
    frames,
    gaps,
    intakes,
    lanes,
    latest,
    live,
    migrate,
    models,
    places,
    pruned,
    readings,
    rejections,
    replays,
    rollups,
    scores,
    sensor_bulk,
    sensor_life,
    sensors,
    status,
    timeless,
)
from core.store.decisions import write_subject
from services.quality import judge_touched

pytestmark = pytest.mark.integration

MESSAGE = Message("vigie/v1/93051/meter/m1/up", b"{}", T0, 2)
M1 = Sender("m1", "93051")
MODEL = StoredModel("power_kw", T0, T0 - HOUR, T0, 10, 2, 0.5, {"validation": {"skill": 0.2}}, "0.7.0", 1, {"rows": 9})


# Every reading function of the store, with the arguments that the scenario's rows answer to.


@dataclass
class Answers:
    """What one server answered: what became of each write, and each read by its function's name."""

    writes: list[Any] = field(default_factory=list)
    reads: dict[str, Any] = field(default_factory=dict)
    hypertables: list[str] = field(default_factory=list)


@pytest.fixture(scope="module")
def timescale_url() -> Iterator[str]:
    with running_timescale() as url:
        yield url


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
    strangers = [
        Aside(replace(MESSAGE, topic=f"vigie/v1/93051/meter/{name}/up"), name, "native") for name in ("m8", "m9")
    ]
    return [
        Batch(T0, first, [MESSAGE] * len(first)),
        Batch(T0 + 2 * HOUR, second, [MESSAGE] * len(second), [refused], strangers, senders=[M1] * len(second)),
    ]


def write_scenario(connection: psycopg.Connection[Any]) -> list[Any]:
    site = Site("93051", "mairie", "Mairie", 2.55, 48.85)
    write_subject(connection, Subject("round", "93051:nord", "93051", "Nord", {}))
    for name in ("m1", "m2"):
        sensor_id = sensors.adopt_sensor(connection, Sensor(name, SensorKind.METER, name.upper(), site), T0)
        places.write_series(connection, sensor_id, "power_kw")
    outcomes = [batches.write_batch(connection, batch) for batch in arrivals() * 2]
    writes: list[Any] = [(one.stored, one.duplicates.tolist(), one.conflicts.tolist()) for one in outcomes]
    writes.append(timeless.write_timeless(connection, "all", [timeless.Packet(7, b"d", redelivered=False)], T0))
    writes.append(timeless.forget_timeless(connection, "all", 9, 100))
    lanes.write_heartbeats(connection, "all", [(T0, T0)], T0)
    writes.append(lanes.claim_lane(connection, "all"))
    model_id = models.write_model(connection, MODEL, b"\x00\xff")
    models.write_model(connection, replace(MODEL, trained_at=T0 + HOUR), b"\x00")
    models.promote(connection, Reign("power_kw", T0, model_id, "Nadia", "first"))
    models.write_concern(connection, Concern(model_id, T0, "Yanis", "trop bas"))
    issues = [forecast_of(1, T0, model_id), forecast_of(2, T0, None), forecast_of(1, T0 + HOUR, model_id)]
    writes.append(forecasts.write_forecasts(connection, [*issues, issues[0]]))
    writes.append(scores.write_scores(connection, [Score(2, T0, 3, 0.1, 0.2, 0.3, 0.4, 0.8)], T0 + 5 * HOUR))
    scores.hold_scoring(connection, "power_kw", "93051")
    for issued in (True, True, False):
        scores.write_day_sums(connection, day_sums(2, 1, T0.date(), 0.25, issued=issued))
    scores.write_shifts(connection, {2: np.arange(7.0) / 8}, T0)
    scores.write_speakers(connection, [scores.Speaker(2, T0, model_speaks=False, skill=-0.1)])
    writes.append(live.prune_live(connection, T0 - HOUR))
    sensors.adopt_sensor(connection, Sensor("m9", SensorKind.METER, "M9", site), T0)
    with connection.transaction(force_rollback=True):
        writes.append(asides.take_adopted_asides(connection, 10))
    writes += replay_scenario(connection) + export_scenario(connection)
    return writes + registry_scenario(connection) + ledger_scenario(connection) + judging_scenario(connection)


def judging_scenario(connection: psycopg.Connection[Any]) -> list[Any]:
    """Calibrate a series, judge what was touched, and touch it again to no effect."""
    judged = [judge_touched(connection)]
    marks = calibrations.write_calibration(connection, Calibration(1, T0 + 9 * HOUR, T0 + HOUR, 2.0, -1.0, "Nadia"))
    judged += [judge_touched(connection) for _ in range(2)]
    tables = [
        connection.execute("SELECT * FROM reading ORDER BY series_id, observed_at").fetchall(),
        connection.execute("SELECT * FROM latest ORDER BY series_id").fetchall(),
        connection.execute("SELECT * FROM rollup_hour ORDER BY series_id, hour").fetchall(),
        comparable(rollups.read_days(connection, [1, 2], DAYS_3.start.date(), DAYS_3.end.date())),
    ]
    return [judged, marks, tables]


def ledger_scenario(connection: psycopg.Connection[Any]) -> list[Any]:
    """Hear frames with a gap, a join, a reset and a copy of an hour before; let go of the oldest."""
    counters = [("s1", 7), ("s1", 8), ("s1", 11), ("s2", 1), ("s2", 4), ("s2", 2)]
    heard = [
        Frame(1, session, f_cnt, T0 + number * 20 * timedelta(minutes=1))
        for number, (session, f_cnt) in enumerate(counters)
    ]
    late = replace(heard[0], observed_at=T0 + HOUR)
    known = [
        frames.write_frames(connection, batch, T0 + DAYS_3.length, arrival)
        for batch, arrival in (
            ([*heard, heard[1]], Arrival.LIVE),
            ([late, Frame(1, "s1", 9, T0 + HOUR / 2)], Arrival.BACKFILLED),
            ([late, heard[0]], Arrival.REPLAYED),
        )
    ]
    gaps.lock_gaps(connection)
    return [known, frames.prune_old_frames(connection, T0 + HOUR / 4, T0.date(), 10)]


def registry_scenario(connection: psycopg.Connection[Any]) -> list[Any]:
    """Live a sensor's life, and take in a spreadsheet."""
    devices.write_device_models(connection, [DeviceModel("pulse", "Maker", "Pulse", (SensorKind.METER,))])
    signed = Signature("Nadia", T0 + HOUR)
    sensor_life.move_sensor(connection, held_m9(connection), Site("93066", "gymnase", "Gymnase"), T0, signed)
    sensor_life.replace_device(connection, held_m9(connection), Device("m10", "pulse"), T0, signed)
    sensor_life.retire_sensor(connection, held_m9(connection), T0, signed)
    held = held_m9(connection)
    sensor_life.edit_sensor(connection, held, replace(held, name="M10", retired_at=None), signed)
    asked = parse_csv(b"external_id;kind;name;commune;site;longitude;latitude\nm11;bin;B;93066;Parc;2;48\nm10;;M;;;;\n")
    plan = plan_lines(asked, sensor_bulk.read_registered(connection, ["m11", "m10"], hold=True))
    sensor_bulk.write_plan(connection, plan, signed)
    return [plan, sensors.read_changes(connection, held.sensor_id or 0)]


def held_m9(connection: psycopg.Connection[Any]) -> Sensor:
    found = connection.execute("SELECT sensor_id FROM sensor WHERE external_id IN ('m9', 'm10')").fetchone()
    assert found
    return sensor_life.hold_sensor(connection, found[0])


def export_scenario(connection: psycopg.Connection[Any]) -> list[Any]:
    """Schedule an export twice, write a day twice, the second time the same, fail, succeed, and remove another."""
    new = exports.NewSchedule("m1", {"sensors": ["m1"]}, "raw", "csv", "archives", DAYS_3.start.date(), "Nadia")
    added = [exports.add_schedule(connection, one, T0) for one in (new, new, replace(new, name="m2"))]
    file = exports.WrittenFile(T0.date(), T0, "m1/2026/m1-2026-03-02.csv", 5, 500, "0" * 64, corrects=False)
    exports.write_run(connection, 1, file, was=None, at=T0)
    exports.write_run(connection, 1, replace(file, known_at=T0 + HOUR), was=file.sha256, at=T0 + HOUR)
    exports.write_failure(connection, 1, "the disk is full", T0 + HOUR)
    failed = exports.read_schedules(connection)
    exports.write_success(connection, 1, T0 + 2 * HOUR)
    return [added, failed, exports.remove_schedule(connection, "m2", "Nadia", T0)]


def replay_scenario(connection: psycopg.Connection[Any]) -> list[Any]:
    """Ask for a replay, take its page, let go of what is over a bound: once for good, once taken back."""
    wanted = RejectionFilter(commune="93051")
    asked = intakes.ask_intake(connection, IntakeKind.REPLAY, "Camille", wanted.arguments(), T0)
    held = intakes.claim_intake(connection, [IntakeKind.REPLAY], T0)
    page = replays.take_replayable(connection, wanted, replays.Stretch(0, 10**6, 10, 10**6))
    writes: list[Any] = [asked, held, page]
    with connection.transaction(force_rollback=True):
        replays.settle_rejections(connection, page, ["stored"] * len(page.messages), T0)
        writes.append(rejections.read_rejections(connection, wanted, settled=True))
    policy = KeptSettings().model_copy(update={"asides_bytes_max": 1, "quarantine_messages_max": 1})
    with connection.transaction(force_rollback=True):
        writes.append([pruned.prune_kept(connection, T0 + 3 * HOUR, policy) for _ in range(3)])
    writes.append(pruned.prune_kept(connection, T0 + 89 * 24 * HOUR, KeptSettings()))
    rejections.write_rejections(
        connection, [Rejection(replace(MESSAGE, received_at=T0 - 9 * HOUR), Reason.MALFORMED, "")]
    )
    writes.append(pruned.prune_kept(connection, T0 + 90 * 24 * HOUR - HOUR, KeptSettings()))
    return writes


async def read_feed(url: str) -> dict[str, Any]:
    connection = await psycopg.AsyncConnection.connect(url, autocommit=True, prepare_threshold=None)
    async with connection:
        await connection.execute("SET TIME ZONE 'UTC'")
        return {read.__name__: await read(connection, **arguments) for read, arguments in LIVE_READS.items()}


def answers_of(url: str) -> Answers:
    answers = Answers()
    with alone(url) as connection:
        answers.writes = write_scenario(connection)
        answers.reads = {read.__name__: read(connection, **arguments) for read, arguments in READS.items()}
        if connection.execute("SELECT 1 FROM pg_extension WHERE extname = 'timescaledb'").fetchone():
            rows = connection.execute("SELECT hypertable_name FROM timescaledb_information.hypertables ORDER BY 1")
            answers.hypertables = [name for (name,) in rows]
    answers.reads |= asyncio.run(read_feed(url))
    return answers


def test_timescale_answers_as_plain_postgresql_does(timescale_url: str, database_url: str) -> None:
    migrate.migrate(timescale_url)
    timescale, plain = answers_of(timescale_url), answers_of(database_url)
    assert timescale.hypertables == ["forecast_step", "frame", "reading", "rollup_hour"]
    assert timescale.writes == plain.writes
    for name, answer in plain.reads.items():
        assert answer, f"{name} answers nothing: the scenario does not try it"
        assert comparable(timescale.reads[name]) == comparable(answer), name


def test_every_read_of_the_store_is_tried() -> None:
    modules = (
        asides,
        calibrations,
        channels,
        devices,
        exports,
        forecasts,
        models,
        frames,
        gaps,
        intakes,
        latest,
        live,
        places,
        pruned,
        readings,
        rejections,
        replays,
        rollups,
        scores,
        sensor_bulk,
        sensors,
        status,
    )
    reads = {
        function
        for module in modules
        for name, function in inspect.getmembers(module, inspect.isfunction)
        if function.__module__ == module.__name__ and name.startswith(("read_", "count_", "is_", "newest_"))
    }
    assert {read.__qualname__ for read in reads - READS.keys() - LIVE_READS.keys()} == set()
