"""Scheduled exports on a real PostgreSQL, to a folder and to an S3-compatible store: due, written, put right."""

from __future__ import annotations

import csv
import fcntl
import hashlib
import io
import json
import os
import select
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
from acting import acting_as
from judging import adopt, judge_all, write
from prometheus_client import REGISTRY
from pyarrow import fs
from pydantic import SecretStr
from s3_store import S3Store, s3_running
from structlog.testing import capture_logs

from core.clock import PARIS
from core.metrics import Family
from core.settings import WorkerSettings
from core.store.exports import (
    CORRECTED_EVERY,
    NewSchedule,
    Schedule,
    add_schedule,
    held_schedule,
    read_runs,
    read_schedules,
    remove_schedule,
)
from core.store.pool import Connection, connected, open_pool
from core.store.retention import raise_kept_since
from core.store.roles import Login, as_login
from services.exports.destinations import Bucket, DestinationAbsent, Folder
from services.exports.schedules import first_open_day, local_day, run_due, run_schedule
from services.jobs import worker_app

pytestmark = pytest.mark.integration
MIDNIGHT = datetime(2026, 3, 27, 23, tzinfo=UTC)  # of 28 March in Paris; the clocks change on the 29th
MINUTE, HOUR, DAY = timedelta(minutes=1), timedelta(hours=1), timedelta(days=1)
FIRST = date(2026, 3, 28)
SECRET = "a-secret-nobody-shall-read"


@dataclass
class Place:
    """A database with a room, and a folder for files."""

    connection: Connection
    settings: WorkerSettings
    series: int

    def add(self, name: str = "air", to: str = "archives", **told: Any) -> Schedule:
        """Schedule an export of the room's readings."""
        usual: dict[str, Any] = {"wanted": {}, "by": "raw", "format": "csv", "since": FIRST, "author": "Nadia"}
        added = add_schedule(self.connection, NewSchedule(name, destination=to, **usual | told), MIDNIGHT)
        assert added is not None
        self.connection.commit()
        return added

    def run(self, at: datetime) -> None:
        """Look for what is due at an instant, as the worker does."""
        with capture_logs() as logs, acting_as(self.connection, Login.WORKER):
            while run_due(self.connection, self.settings, at):
                pass
        assert SECRET not in str(logs)

    def schedule(self) -> Schedule:
        """Return the one schedule as it stands."""
        [schedule] = read_schedules(self.connection)
        self.connection.commit()
        return schedule

    def file(self, name: str) -> bytes:
        """Return a file's bytes."""
        assert self.settings.exports_dir is not None
        return (self.settings.exports_dir / "archives" / name).read_bytes()

    def files(self) -> list[str]:
        """Return the names of all files, those that are under way too."""
        root = self.settings.exports_dir
        assert root is not None
        return sorted(path.name for path in root.rglob("*") if path.is_file())


@pytest.fixture
def place(database_url: str, tmp_path: Path) -> Iterator[Place]:
    worker = SecretStr(as_login(database_url, Login.WORKER))
    settings = WorkerSettings(database_url=worker, exports_dir=tmp_path / "exports")
    with connected(database_url) as connection:
        [series] = adopt(connection, "salle-2", "co2_ppm", at=MIDNIGHT)
        write(connection, [(series, MIDNIGHT + n * HOUR, 600.0 + n) for n in range(72)])
        connection.commit()
        judge_all(connection)
        connection.commit()
        yield Place(connection, settings, series)


def later(place: Place) -> datetime:
    """Return an instant that lies after every correction's pause: the store stamps with its own clock."""
    row = place.connection.execute("SELECT clock_timestamp()").fetchone()
    place.connection.commit()
    assert row is not None
    return row[0] + CORRECTED_EVERY + MINUTE  # type: ignore[no-any-return] # an instant


def test_each_day_that_is_over_has_a_file_and_the_day_of_the_change_its_23_hours(place: Place) -> None:
    place.add()
    place.run(MIDNIGHT + 47 * HOUR + 30 * MINUTE)
    assert place.files() == ["air-2026-03-28.csv", "air-2026-03-28.csv.json"]
    place.run(MIDNIGHT + 48 * HOUR)
    assert place.files()[2:] == ["air-2026-03-29.csv", "air-2026-03-29.csv.json"]
    lines = [
        len(list(csv.DictReader(io.StringIO(place.file(f"air/2026/air-2026-03-{day}.csv").decode()))))
        for day in (28, 29)
    ]
    assert lines == [24, 23]


def test_the_manifest_tells_rows_and_checksum(place: Place) -> None:
    place.add(wanted={"communes": ["93051"]})
    place.run(MIDNIGHT + 26 * HOUR)
    whole, told = place.file("air/2026/air-2026-03-28.csv"), place.file("air/2026/air-2026-03-28.csv.json")
    manifest = json.loads(told)
    assert (manifest["rows"], manifest["bytes"]) == (24, len(whole))
    assert manifest["sha256"] == hashlib.sha256(whole).hexdigest()
    assert manifest["from"] == "2026-03-27T23:00:00Z"
    assert (manifest["day"], manifest["version"], manifest["origins"]) == ("2026-03-28", 1, ["field"])
    [run] = read_runs(place.connection, place.schedule().schedule_id)
    assert (run.written.rows, run.written.sha256, run.written.corrects) == (24, manifest["sha256"], False)
    assert REGISTRY.get_sample_value("vigie_export_last_success_timestamp_seconds", {"schedule": "air"}) == (
        (MIDNIGHT + 26 * HOUR).timestamp()
    )


def test_a_day_that_is_touched_later_is_written_again_and_no_other(place: Place) -> None:
    at = later(place)
    first = (at - 4 * DAY).astimezone(PARIS).date()
    start, name = local_day(first).start, f"air/{first.year}/air-{first}.csv"
    write(place.connection, [(place.series, start + n * HOUR, 600.0 + n) for n in range(72)], at=start + 3 * DAY)
    place.connection.commit()
    judge_all(place.connection)
    place.connection.commit()
    schedule = place.add(since=first)
    place.run(at - CORRECTED_EVERY)
    assert corrections(place, schedule) == []
    write(place.connection, [(place.series, start + 90 * MINUTE, 777.0)], at=start + 3 * DAY)
    place.connection.commit()
    judge_all(place.connection)
    place.connection.commit()
    place.run(at - 5 * MINUTE)
    assert corrections(place, schedule) == []
    for instant in (at, at + 3 * HOUR):
        place.run(instant)
        assert corrections(place, schedule) == [(first, 25)]
    assert b",777," in place.file(name)
    assert json.loads(place.file(f"{name}.json"))["version"] == 2


def corrections(place: Place, schedule: Schedule) -> list[tuple[date, int]]:
    """Return the days that were put right, with the rows of their files."""
    runs = read_runs(place.connection, schedule.schedule_id)
    place.connection.commit()
    return [(one.written.day, one.written.rows) for one in runs if one.written.corrects]


def test_a_file_of_readings_that_were_let_go_of_since_stays_as_it_is(place: Place) -> None:
    place.add()
    place.run(MIDNIGHT + 3 * DAY)
    name = "air/2026/air-2026-03-28.csv"
    whole = place.file(name)
    raise_kept_since(place.connection, Family.AIR, MIDNIGHT + DAY)
    place.connection.execute("DELETE FROM reading WHERE observed_at < %s", (MIDNIGHT + DAY,))
    place.connection.execute("UPDATE rollup_day SET rolled_at = clock_timestamp()")
    place.connection.commit()
    place.run(later(place))
    assert len(whole.splitlines()) == 25
    assert place.file(name) == whole
    assert place.schedule().failures == 0


def test_what_was_put_and_not_noted_is_put_again_the_same(place: Place, monkeypatch: pytest.MonkeyPatch) -> None:
    def killed(*_: Any, **__: Any) -> None:
        raise KeyboardInterrupt

    schedule = place.add()
    with monkeypatch.context() as patched:
        patched.setattr("services.exports.schedules.write_run", killed)
        with pytest.raises(KeyboardInterrupt):
            run_schedule(place.connection, place.settings, schedule, MIDNIGHT + 26 * HOUR)
    place.connection.rollback()
    assert read_runs(place.connection, schedule.schedule_id) == []
    before = place.file("air/2026/air-2026-03-28.csv")
    place.run(MIDNIGHT + 26 * HOUR)
    assert place.file("air/2026/air-2026-03-28.csv") == before
    [run] = read_runs(place.connection, schedule.schedule_id)
    assert (run.written.rows, run.written.corrects) == (24, False)


def test_who_is_killed_half_way_leaves_no_file_and_the_next_one_goes_on(place: Place) -> None:
    minutes = [(place.series, MIDNIGHT + n * MINUTE, 600.0) for n in range(1_440) if n % 60]
    write(place.connection, minutes)
    place.connection.commit()
    place.add(by="raw")
    folder = place.settings.exports_dir
    assert folder is not None
    part = folder / "archives/air/2026/.air-2026-03-28.csv.part"
    part.parent.mkdir(parents=True)
    os.mkfifo(part)  # it takes less than the file is long, and waits until somebody reads: so it is surely half-way
    environment = os.environ | {"VIGIE_DATABASE_URL": place.settings.dsn, "VIGIE_EXPORTS_DIR": str(folder)}
    command = [sys.executable, "-m", "vigie", "exports", "run", "air"]
    reader = os.open(part, os.O_RDONLY | os.O_NONBLOCK)
    fcntl.fcntl(reader, fcntl.F_SETPIPE_SZ, 4_096)
    with subprocess.Popen(command, env=environment, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL) as running:
        ready, _, _ = select.select([reader], [], [], 60)
        assert ready
        assert os.read(reader, 10) == b"observed_a"
        running.kill()
        assert running.wait(10) == -9
    os.close(reader)
    assert place.files() == []
    part.unlink()
    part.write_bytes(b"what the killed one had written")
    place.run(MIDNIGHT + 26 * HOUR)
    assert place.files() == ["air-2026-03-28.csv", "air-2026-03-28.csv.json"]
    assert place.file("air/2026/air-2026-03-28.csv").count(b"\r\n") == 1_441


def test_a_place_that_takes_nothing_is_tried_again_ever_more_seldom(
    place: Place, monkeypatch: pytest.MonkeyPatch
) -> None:
    def full(*_: Any) -> None:
        raise DestinationAbsent("the disk is full")

    place.add()
    at, waits = MIDNIGHT + 26 * HOUR, []
    with monkeypatch.context() as patched:
        patched.setattr(Folder, "put", full)
        for _ in range(8):
            place.run(at)
            waits.append(place.schedule().next_try_at - at)
            place.run(place.schedule().next_try_at - MINUTE / 2)
            at = place.schedule().next_try_at
    assert waits == [n * MINUTE for n in (1, 2, 4, 8, 16, 32, 60, 60)]
    assert (place.schedule().failures, place.schedule().failure) == (8, "the disk is full")
    assert place.files() == []
    place.run(at)
    assert (place.schedule().failures, place.schedule().failure) == (0, "")
    assert place.schedule().succeeded_at == at
    assert "air-2026-03-28.csv" in place.files()


def test_one_that_cannot_be_written_does_not_hold_up_the_others(place: Place) -> None:
    place.add("aaa", to="s3://nowhere/at-all", wanted={"communes": ["93066"]})
    place.add("air")
    place.run(MIDNIGHT + 26 * HOUR)
    assert place.files() == ["air-2026-03-28.csv", "air-2026-03-28.csv.json"]
    states = {one.name: (one.failures, one.failure) for one in read_schedules(place.connection)}
    assert states == {"aaa": (1, "No series fits what was asked."), "air": (0, "")}


def test_who_is_at_it_is_left_alone(place: Place) -> None:
    schedule = place.add()
    with connected(place.settings.dsn) as other, held_schedule(other, schedule.schedule_id) as held:
        assert held
        assert run_schedule(place.connection, place.settings, schedule, MIDNIGHT + 26 * HOUR).files == 0
    assert place.files() == []
    place.run(MIDNIGHT + 26 * HOUR)
    assert len(place.files()) == 2


def test_a_day_without_a_reading_has_a_file_that_says_so(place: Place) -> None:
    place.add(since=FIRST - DAY)
    place.run(MIDNIGHT + 2 * HOUR)
    assert place.file("air/2026/air-2026-03-27.csv").count(b"\r\n") == 1
    assert json.loads(place.file("air/2026/air-2026-03-27.csv.json"))["rows"] == 0


def test_a_removed_one_stays_known_and_its_name_is_free(place: Place) -> None:
    first = place.add()
    assert remove_schedule(place.connection, "air", "Nadia", MIDNIGHT)
    assert not remove_schedule(place.connection, "air", "Nadia", MIDNIGHT)
    place.run(MIDNIGHT + 26 * HOUR)
    assert place.files() == []
    assert place.add().schedule_id != first.schedule_id
    new = NewSchedule("air", {}, "raw", "csv", "archives", FIRST, "Ali")
    assert add_schedule(place.connection, new, MIDNIGHT) is None


@pytest.mark.parametrize(("by", "file_format"), [("hour", "csv-fr"), ("day", "parquet")])
def test_roll_ups_are_exported_too(place: Place, by: str, file_format: str) -> None:
    place.add(by=by, format=file_format)
    place.run(MIDNIGHT + 26 * HOUR)
    [told] = [name for name in place.files() if name.endswith(".json")]
    assert json.loads(place.file(f"air/2026/{told}"))["rows"] == {"hour": 24, "day": 1}[by]


@pytest.fixture(scope="module")
def s3() -> Iterator[S3Store]:
    with s3_running() as store:
        yield store


def on(place: Place, s3: S3Store) -> Place:
    told = {
        "exports_s3_endpoint": s3.endpoint,
        "exports_s3_region": "fr-par",
        "exports_s3_key": SecretStr("key"),
        "exports_s3_secret": SecretStr(SECRET),
    }
    return Place(place.connection, place.settings.model_copy(update=told), place.series)


def test_a_store_gets_files_and_manifests_and_keeps_nothing_half(place: Place, s3: S3Store) -> None:
    there = on(place, s3)
    there.add("s3-air", to=f"s3://{s3.bucket}/vigie/raw")
    there.run(MIDNIGHT + 26 * HOUR)
    name = "vigie/raw/s3-air/2026/s3-air-2026-03-28.csv"
    files = {key: there for key, there in s3.files().items() if key.startswith("vigie/")}
    assert sorted(files) == [name, f"{name}.json"]
    assert json.loads(files[f"{name}.json"])["sha256"] == hashlib.sha256(files[name]).hexdigest()
    assert files[name].count(b"\r\n") == 25


def test_a_store_that_is_absent_is_told_without_its_secret(place: Place) -> None:
    there = on(place, S3Store("http://127.0.0.1:9"))
    there.add("gone", to="s3://open-data/vigie")
    there.run(MIDNIGHT + 26 * HOUR)
    schedule = there.schedule()
    assert schedule.failures == 1
    assert "s3://open-data/vigie/gone" in schedule.failure
    assert SECRET not in schedule.failure


def test_the_worker_looks_for_what_is_due(place: Place) -> None:
    yesterday = (later(place) - 2 * DAY).astimezone(PARIS).date()
    place.add(since=yesterday)
    with open_pool(place.settings.dsn, 2) as pool:
        worker_app(place.settings, pool).tasks["export"](timestamp=0)
    assert f"air-{yesterday}.csv" in place.files()


def bucket(s3: S3Store, root: str) -> Bucket:
    return Bucket(s3.opened(), f"{s3.bucket}/{root}")


def test_a_large_file_goes_to_the_store_in_parts(s3: S3Store) -> None:
    pieces = [bytes([number]) * 6_000_000 for number in range(5)]
    put = bucket(s3, "large").put("a.csv", pieces)
    whole = b"".join(pieces)
    assert s3.files()["large/a.csv"] == whole
    assert (put.bytes, put.sha256) == (len(whole), hashlib.sha256(whole).hexdigest())


def test_what_came_through_in_part_does_not_take_the_place_of_the_whole(
    s3: S3Store,
) -> None:
    place = bucket(s3, "part")
    place.put("a.csv", [b"whole"])
    # An upload that lost its end looks like this to whoever only hears that it was closed.
    store = Losing(s3.opened())
    with pytest.raises(DestinationAbsent, match="3 of 6 bytes came through"):
        Bucket(store, place.root).put("a.csv", [b"newest"])
    assert s3.files()["part/a.csv"] == b"whole"


class Losing:
    """A store that loses the second half of what is written."""

    def __init__(self, store: fs.S3FileSystem) -> None:
        self.get_file_info, self.move, self._store = store.get_file_info, store.move, store

    @contextmanager
    def open_output_stream(self, key: str) -> Iterator[Any]:
        """Open an object for writing."""
        with self._store.open_output_stream(key) as stream:
            yield SimpleNamespace(write=lambda piece: stream.write(piece[: len(piece) // 2]))


def test_local_days_are_local() -> None:
    assert local_day(date(2026, 3, 29)).length == 23 * HOUR
    assert local_day(date(2026, 10, 25)).length == 25 * HOUR
    assert first_open_day(datetime(2026, 3, 2, 23, 59, tzinfo=UTC)) == date(2026, 3, 2)
    assert first_open_day(datetime(2026, 3, 3, 0, 0, tzinfo=UTC)) == date(2026, 3, 3)
