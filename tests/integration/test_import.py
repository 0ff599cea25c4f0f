from __future__ import annotations

import json
import subprocess
import sys
import threading
from collections.abc import Iterator, Sequence
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import polars as pl
import pytest

from core.clock import Window
from core.intakes import Intake, IntakeKind, IntakeState
from core.places import Sensor, SensorKind, Site, communes
from core.readings import Reason
from core.settings import IngestSettings
from core.store.gaps import read_ledgers
from core.store.intakes import ask_intake, hold_intake, read_intake, release_intake
from core.store.places import write_communes
from core.store.pool import Connection, connected
from core.store.sensors import adopt_sensor
from ingestors.files.chunk import CHUNK_LINES
from ingestors.files.run import FileFormat, FileImport, GivenFile
from ingestors.intake_run import IntakeRun
from ingestors.intakes import intake_run, run_intake

pytestmark = pytest.mark.integration

ROOT = Path(__file__).resolve().parent.parent.parent
CAPTURES = ROOT / "tests" / "captures"
START = datetime(2025, 3, 2, tzinfo=UTC)
NOW = datetime(2026, 3, 2, 12, tzinfo=UTC)
SITE = Site("93066", "ecole", "École")
HEADING = "external_id,observed_at,metric,value"


@pytest.fixture
def store(database_url: str) -> Iterator[Connection]:
    with connected(database_url) as connection:
        write_communes(connection, communes().values())
        adopt_sensor(connection, Sensor("room-1", SensorKind.INDOOR_AIR, "Room 1", SITE), START)
        adopt_sensor(connection, Sensor("room-2", SensorKind.INDOOR_AIR, "Room 2", SITE), START)
        connection.commit()
        connection.autocommit = True
        yield connection


def csv_of(folder: Path, lines: Sequence[str], name: str = "readings.csv") -> Path:
    path = folder / name
    path.write_text("\n".join([HEADING, *lines]) + "\n")
    return path


def lines_of(count: int, value: float = 400) -> list[str]:
    """Return a row a minute."""
    return [f"room-1,{(START + n * timedelta(minutes=1)).isoformat()},co2_ppm,{value + n % 500}" for n in range(count)]


def importing(
    store: Connection, database_url: str, path: Path, intake: Intake | None = None
) -> tuple[IntakeRun, FileImport]:
    """Ask the import of a file, or hold one that was asked, as the command does."""
    given = GivenFile.open(path)
    asked = intake or ask_intake(store, IntakeKind.IMPORT, "Ada", given.arguments(), NOW)
    held = hold_intake(store, asked.intake_id, NOW)
    assert held is not None
    settings = IngestSettings.model_validate({"database_url": database_url})
    return intake_run(store, settings, held, threading.Event()), FileImport(given)


def take(store: Connection, database_url: str, path: Path) -> tuple[Intake, FileImport]:
    run, work = importing(store, database_url, path)
    assert run_intake(run, work.run) is IntakeState.DONE
    return kept(store, run), work


def kept(store: Connection, run: IntakeRun) -> Intake:
    found = read_intake(store, run.intake.intake_id)
    assert found is not None
    return found


def readings(store: Connection) -> list[tuple[datetime, float]]:
    return store.execute("SELECT observed_at, value FROM reading ORDER BY observed_at").fetchall()


def test_a_table_is_taken_in_once_however_often_it_is_given(
    tmp_path: Path, database_url: str, store: Connection
) -> None:
    path = csv_of(tmp_path, lines_of(CHUNK_LINES + 100))
    first, _ = take(store, database_url, path)
    assert (first.counts.stored, first.counts.duplicate) == (CHUNK_LINES + 100, 0)
    again, _ = take(store, database_url, path)
    assert (again.counts.stored, again.counts.duplicate) == (0, CHUNK_LINES + 100)
    assert len(readings(store)) == CHUNK_LINES + 100


def test_what_is_wrong_is_told_with_its_line(tmp_path: Path, database_url: str, store: Connection) -> None:
    lines = [
        *lines_of(2),
        "room-1,2025-03-02T09:00:00Z,co2_ppm,99999",
        "room-9,2025-03-02T09:00:00Z,co2_ppm,500",
        "room-1,2025-03-02T09:01:00Z,radon,500",
        "room-1,2025-03-02T09:02:00Z,co2_ppm,much",
        "room-1,2025-03-02T00:00:00Z,co2_ppm,777",
    ]
    done, work = take(store, database_url, csv_of(tmp_path, lines))
    # The last row says another value for the first instant, in the same message: the first one stays.
    assert (done.counts.messages, done.counts.stored, done.counts.rejected) == (4, 2, 2)
    assert work.report.reasons == {Reason.OUT_OF_BOUNDS: 1, Reason.UNKNOWN_METRIC: 1, Reason.CONFLICT: 1}
    assert [fault.line for fault in work.report.first] == [4, 5, 6, 7]
    assert work.report.first[0].why.startswith("out_of_bounds: co2_ppm 99999 is outside")
    assert work.report.first[1].why == "no adopted sensor is called 'room-9'"
    assert work.report.faults.total() == 2
    assert done.cursor == {"rows": 7, "faults": 2}
    reasons = store.execute("SELECT reason FROM rejection ORDER BY reason").fetchall()
    assert reasons == [("conflict",), ("out_of_bounds",), ("unknown_metric",)]


def test_a_conflict_with_what_is_stored_is_told_with_its_line(
    tmp_path: Path, database_url: str, store: Connection
) -> None:
    take(store, database_url, csv_of(tmp_path, lines_of(3)))
    done, work = take(store, database_url, csv_of(tmp_path, lines_of(3, value=600)[1:2], "other.csv"))
    assert done.counts.rejected == 1
    assert [(fault.line, fault.why.split(":")[0]) for fault in work.report.first] == [(2, "conflict")]


def test_a_stopped_import_goes_on_where_it_was(tmp_path: Path, database_url: str, store: Connection) -> None:
    path = csv_of(tmp_path, [*lines_of(CHUNK_LINES), "room-9,x,y,z", *lines_of(CHUNK_LINES + 7)[CHUNK_LINES:]])
    run, work = importing(store, database_url, path)
    run.told = lambda _: run.stop.set()
    assert run_intake(run, work.run) is IntakeState.RUNNING
    stopped = kept(store, run)
    assert (stopped.state, stopped.counts.messages, stopped.cursor["rows"]) == (
        IntakeState.RUNNING,
        CHUNK_LINES,
        CHUNK_LINES,
    )
    again, rest = importing(store, database_url, path, stopped)
    assert run_intake(again, rest.run) is IntakeState.DONE
    assert (kept(store, again).counts.messages, kept(store, again).counts.duplicate) == (CHUNK_LINES + 7, 0)
    assert (rest.report.lines, rest.report.first[0].line) == (8, CHUNK_LINES + 2)
    assert kept(store, again).cursor["faults"] == 1


def test_a_dry_run_writes_nothing(tmp_path: Path, database_url: str, store: Connection) -> None:
    take(store, database_url, csv_of(tmp_path, lines_of(2), "before.csv"))
    before = readings(store)
    path = csv_of(tmp_path, [*lines_of(5), "room-1,2025-03-02T09:00:00Z,co2_ppm,99999"])
    run, work = importing(store, database_url, path)
    run.dry_run = True
    assert work.run(run)
    counts = run.intake.counts
    assert (counts.stored, counts.duplicate, counts.rejected) == (3, 2, 1)
    assert work.report.reasons == {Reason.OUT_OF_BOUNDS: 1}
    assert readings(store) == before
    assert store.execute("SELECT count(*) FROM rejection").fetchone() == (0,)
    assert kept(store, run).counts.messages == 0
    release_intake(store, run.intake.intake_id)


def test_parquet_is_a_table_too(tmp_path: Path, database_url: str, store: Connection) -> None:
    count = CHUNK_LINES + 3
    table = pl.DataFrame(
        {
            "external_id": ["room-1", "ROOM-2"] * (count // 2) + ["room-9"],
            "observed_at": [START + (n // 2) * timedelta(minutes=1) for n in range(count)],
            "quantity": ["temperature"] * count,
            "unit": ["K"] * count,
            "value": [293.15] * count,
            "note": ["not ours"] * count,
        }
    )
    path = tmp_path / "readings.parquet"
    table.write_parquet(path)
    done, work = take(store, database_url, path)
    assert (done.counts.stored, work.report.faults.total()) == (count - 1, 1)
    assert work.report.first[0].line == count
    assert {round(value, 6) for _, value in readings(store)} == {20.0}
    broken = tmp_path / "broken.parquet"
    broken.write_bytes(b"PAR1 and no more")
    run, broken_work = importing(store, database_url, broken)
    assert run_intake(run, broken_work.run) is IntakeState.FAILED
    assert "no Parquet" in kept(store, run).detail


def test_uplinks_of_a_file_fill_gaps_and_count_once(tmp_path: Path, database_url: str, store: Connection) -> None:
    envelope: dict[str, Any] = json.loads((CAPTURES / "the_things_stack" / "normal.json").read_bytes())
    envelope["end_device_ids"]["device_id"] = "room-1"

    def uplink(f_cnt: int) -> dict[str, Any]:
        at = f"2026-03-02T09:{f_cnt:02}:00Z"
        message = envelope["uplink_message"] | {"f_cnt": f_cnt, "received_at": at}
        return envelope | {"uplink_message": message, "received_at": at}

    path = tmp_path / "uplinks.ndjson"
    path.write_text("".join(json.dumps({"result": uplink(f_cnt)}) + "\n" for f_cnt in (7, 8, 8, 11)))
    done, _ = take(store, database_url, path)
    assert (done.counts.messages, done.counts.stored, done.counts.duplicate) == (4, 3, 1)
    ledger = read_ledgers(store, Window(NOW - timedelta(days=1), NOW))[0]
    assert (ledger.received, ledger.backfilled, ledger.missing) == (0, 3, 2)


def test_a_file_of_another_kind_is_said(tmp_path: Path, database_url: str, store: Connection) -> None:
    path = tmp_path / "notes.csv"
    path.write_text("a;b\n1;2\n")
    run, work = importing(store, database_url, path)
    assert run_intake(run, work.run) is IntakeState.FAILED
    assert kept(store, run).detail.startswith("notes.csv: the table has no column external_id")


def vigie(database_url: str, *arguments: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, "-m", "vigie", *arguments],
        cwd=ROOT,
        env={"PATH": "/usr/bin:/bin", "VIGIE_DATABASE_URL": database_url},
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )


def test_the_command_tries_out_then_takes_in(tmp_path: Path, database_url: str, store: Connection) -> None:
    path = str(csv_of(tmp_path, [*lines_of(3), "room-1,2025-03-02T09:00:00Z,co2_ppm,99999", "room-1,,co2_ppm,5"]))
    tried = vigie(database_url, "import", path, "--dry-run")
    assert tried.returncode == 0, tried.stderr
    assert "would be 4 messages: 3 stored, 1 rejected" in tried.stdout
    assert "refused, out_of_bounds: 1" in tried.stdout
    assert "line 6: observed_at is empty" in tried.stdout
    assert readings(store) == []
    done = vigie(database_url, "import", path, "--by", "Ada")
    assert "readings.csv: 4 messages: 3 stored, 1 rejected (5 lines in " in done.stdout
    assert len(readings(store)) == 3
    assert store.execute("SELECT kind, author, state FROM intake").fetchall() == [("import", "Ada", "done")]


def test_the_command_goes_on_with_an_open_import(tmp_path: Path, database_url: str, store: Connection) -> None:
    path = csv_of(tmp_path, lines_of(CHUNK_LINES + 1))
    run, work = importing(store, database_url, path)
    run.told = lambda _: run.stop.set()
    run_intake(run, work.run)
    assert "1 lines in" in vigie(database_url, "import", str(path)).stdout
    assert [one.counts.messages for one in [kept(store, run)]] == [CHUNK_LINES + 1]


@pytest.mark.usefixtures("store")
@pytest.mark.parametrize(
    ("arguments", "word"),
    [
        (("import", "absent.csv"), "No such file"),
        (("import", "run"), "--format"),
        (("import", "README.md", "--format", "xml"), "none of csv"),
        (("import", "README.md", "--format", "csv", "--zone", "Paris"), "no time zone"),
        (("backfill", "--application", "a", "--since", "2026-03-02"), "--since"),
        (("backfill", "--application", "a", "--since", "2026-03-02T00:00Z", "--until", "2026-03-01T00:00Z"), "--since"),
        (("backfill", "--application", "a", "--since", "2026-03-02T00:00Z"), "VIGIE_TTS_URL"),
    ],
)
def test_what_a_person_can_mend_ends_in_one_line(database_url: str, arguments: tuple[str, ...], word: str) -> None:
    failed = vigie(database_url, *arguments)
    assert failed.returncode == 2
    assert word in failed.stderr.splitlines()[-1]
    assert "Traceback" not in failed.stderr


@pytest.mark.parametrize("name", ["a.TSV", "a.jsonl", "a.parquet"])
def test_a_name_tells_the_format(tmp_path: Path, name: str) -> None:
    path = tmp_path / name
    path.write_bytes(b"")
    formats = {"a.TSV": FileFormat.CSV, "a.jsonl": FileFormat.NDJSON, "a.parquet": FileFormat.PARQUET}
    assert GivenFile.open(path).format is formats[name]
    assert GivenFile.open(path, FileFormat.CSV).format is FileFormat.CSV
