"""Exports on a real PostgreSQL, by the API and the command line: the same file, whole, or visibly broken off."""

from __future__ import annotations

import csv
import io
import os
import subprocess
import sys
import time
import uuid
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import httpx
import psycopg
import pyarrow.parquet as pq
import pytest
from api_process import api_running
from judging import COMMUNE, HOUR, MINUTE, adopt, judge_all, write
from typer.testing import CliRunner, Result

from core.clock import format_instant
from core.errors import SettingInvalid, VigieError
from core.store.pool import connected
from services.exports.asked import NothingFits
from vigie.__main__ import app
from vigie.embedded import DatabaseServer

pytestmark = pytest.mark.integration
# The local day of the change of clocks: 25 hours, from 22:00 UTC on.
FIRST = datetime(2026, 10, 24, 22, tzinfo=UTC)
AS_RECEIVED = FIRST + timedelta(days=2)
MANY = 400_000
"""Readings of one series, a second apart: some 60 MB of CSV, more than a connection holds by itself."""
PLAIN = {"Accept-Encoding": "identity"}


@dataclass
class Town:
    """An API whose database holds a room over the night of October, and a meter that speaks each second."""

    api: httpx.Client
    url: str
    co2: int
    power: int

    def csv(self, **asked: Any) -> list[dict[str, str]]:
        """Return the lines of an exported CSV."""
        answer = self.api.get("/exports/readings", params=self.window() | asked)
        assert answer.status_code == 200, answer.text
        separator = ";" if asked.get("format") == "csv-fr" else ","
        return list(csv.DictReader(io.StringIO(answer.text.removeprefix("\ufeff")), delimiter=separator))

    def refused(self, **asked: Any) -> tuple[int, str]:
        """Return status and code of a refused export."""
        answer = self.api.get("/exports/readings", params=asked)
        return answer.status_code, answer.json()["code"]

    def window(self) -> dict[str, str]:
        """Return the window of the local day."""
        return {"from": format_instant(FIRST), "until": format_instant(FIRST + 25 * HOUR)}

    def long(self) -> dict[str, str | int]:
        """Return what asks for all readings of the meter."""
        end = format_instant(FIRST + timedelta(seconds=MANY))
        return {"series": self.power, "from": format_instant(FIRST), "until": end}

    def copying(self) -> int:
        """Return how many exports the database is at."""
        with psycopg.connect(self.url) as connection:
            row = connection.execute(
                "SELECT count(*) FROM pg_stat_activity WHERE datname = current_database() AND query LIKE 'COPY (%'"
                " AND state = 'active'"
            ).fetchone()
        return int(row[0]) if row else 0


@pytest.fixture(scope="module")
def town(database_server: DatabaseServer, template: str) -> Iterator[Town]:
    name = f"town_{uuid.uuid4().hex}"
    url = database_server.create(name, template=template)
    with connected(url) as connection:
        connection.autocommit = True
        [co2] = adopt(connection, "salle-2", "co2_ppm", at=FIRST)
        [power] = adopt(connection, "compteur", "power_kw", at=FIRST)
        write(connection, [(co2, FIRST + n * 10 * MINUTE, 600.5 + n) for n in range(150)], at=AS_RECEIVED)
        write(connection, [(co2, FIRST + 5 * MINUTE, 500.0)], at=AS_RECEIVED + HOUR)
        connection.execute(
            "INSERT INTO reading (series_id, observed_at, value, quality, received_at, flags)"
            " SELECT %s, %s::timestamptz + n * interval '1 second', n %% 50, 0, %s, 0 FROM generate_series(0, %s) AS n",
            (power, FIRST, AS_RECEIVED, MANY - 1),
        )
        judge_all(connection)
    with api_running(url) as api:
        yield Town(api, url, co2, power)
    database_server.drop(name)


def test_the_file_holds_what_the_api_tells(town: Town) -> None:
    told = town.api.get(f"/series/{town.co2}/readings", params=town.window()).json()["items"]
    lines = town.csv(series=town.co2)
    assert len(lines) == 151
    assert [(line["observed_at"], float(line["value"])) for line in lines] == [
        (item["observed_at"], item["value"]) for item in told
    ]
    assert {line["quality"] for line in lines} == {"good"}


def test_a_french_spreadsheet_tells_the_two_hours_of_one_name_apart(town: Town) -> None:
    lines = town.csv(series=town.co2, format="csv-fr")
    twice = [line for line in lines if line["Date et heure (Paris)"] == "25/10/2026 02:30:00"]
    assert [line["Décalage"] for line in twice] == ["UTC+02:00", "UTC+01:00"]
    assert twice[0]["Mesure étalonnée (ppm)"] == "615,5"
    assert len({(line["Date et heure (Paris)"], line["Décalage"]) for line in lines}) == len(lines)


def test_parquet_flows_whole_and_is_not_packed_twice(town: Town) -> None:
    answer = town.api.get("/exports/readings", params=town.long() | {"format": "parquet"})
    assert "content-encoding" not in answer.headers
    assert answer.headers["content-disposition"] == 'attachment; filename="vigie-raw-20261025-20261029.parquet"'
    table = pq.read_table(io.BytesIO(answer.content))
    assert table.num_rows == MANY
    assert table["value"].to_numpy().sum() == MANY / 50 * sum(range(50))


@pytest.mark.parametrize(
    ("asked", "series"),
    [
        ({"commune": COMMUNE, "family": "air"}, {"co2_ppm"}),
        ({"site": "93051/ecole", "metric": "co2_ppm"}, {"co2_ppm"}),
        ({"sensor": "SALLE-2"}, {"co2_ppm"}),
        ({"origin": "field", "family": ["air", "energy"], "until": "2026-10-24T22:10:00Z"}, {"co2_ppm", "power_kw"}),
    ],
)
def test_words_narrow_and_their_values_widen(town: Town, asked: dict[str, Any], series: set[str]) -> None:
    assert {line["metric"] for line in town.csv(**asked)} == series


def test_roll_ups_by_hour_and_by_local_day(town: Town) -> None:
    hours, [day] = (town.csv(series=town.co2, by=by) for by in ("hour", "day"))
    assert (len(hours), day["day"], day["hours"], day["count"]) == (25, "2026-10-25", "25", "151")
    assert sum(int(hour["count"]) for hour in hours) == 151
    assert float(day["mean"]) == pytest.approx(sum(float(hour["mean"]) for hour in hours) / 25)


@pytest.mark.parametrize(("by", "count"), [("raw", None), ("hour", "count"), ("day", "count")])
def test_as_it_was_known_then(town: Town, by: str, count: str | None) -> None:
    known = {"series": town.co2, "by": by, "as_of": format_instant(AS_RECEIVED)}
    rows = [sum(int(one[count]) if count else 1 for one in town.csv(**asked)) for asked in (known, known | {"as_of": "2027-01-01T00:00:00Z"})]  # fmt: skip # noqa: E501
    assert rows == [150, 151]
    assert town.csv(**known | {"as_of": format_instant(FIRST)}) == []


@pytest.mark.parametrize("by", ["hour", "day"])
def test_all_that_is_known_is_what_was_known_last(town: Town, by: str) -> None:
    asked = {"series": town.co2, "by": by}
    assert town.csv(**asked) == town.csv(**asked, as_of="2027-01-01T00:00:00Z")


@pytest.mark.parametrize(
    ("asked", "refusal"),
    [
        ({"sensor": "nobody"}, (404, "not_found")),
        ({"commune": "13055"}, (422, "invalid_parameter")),
        ({"metric": "co2"}, (422, "invalid_parameter")),
        ({"format": "xlsx"}, (422, "invalid_parameter")),
        ({"from": "2026-03-02T08:00:00Z", "until": "2026-03-02T08:00:00Z"}, (422, "invalid_parameter")),
        ({"from": "2010-03-02T08:00:00Z"}, (422, "invalid_parameter")),
        ({"rooms": "1"}, (422, "invalid_parameter")),
    ],
)
def test_what_cannot_be_exported_is_refused_before_it_begins(
    town: Town, asked: dict[str, str], refusal: tuple[int, str]
) -> None:
    assert town.refused(**asked) == refusal


def test_a_reader_that_goes_away_ends_the_query_and_frees_its_turn(town: Town) -> None:
    for _ in range(3):
        with town.api.stream("GET", "/exports/readings", params=town.long(), headers=PLAIN) as answer:
            pieces = answer.iter_bytes()  # thrown away, it would end the answer
            next(pieces)
            assert town.copying() == 1
        wait_until(lambda: town.copying() == 0)
    assert len(town.csv(series=town.co2)) == 151


def test_no_more_flow_at_once_than_are_allowed(town: Town) -> None:
    with (
        town.api.stream("GET", "/exports/readings", params=town.long(), headers=PLAIN) as first,
        town.api.stream("GET", "/exports/readings", params=town.long(), headers=PLAIN) as second,
    ):
        flowing = [first.iter_bytes(), second.iter_bytes()]
        for pieces in flowing:
            next(pieces)
        assert town.refused(series=town.co2) == (503, "too_many_exports")
    wait_until(lambda: town.api.get("/exports/readings", params=town.window()).status_code == 200)


def test_a_file_that_breaks_off_is_seen_to_be_broken(town: Town) -> None:
    with town.api.stream("GET", "/exports/readings", params=town.long(), headers=PLAIN) as answer:
        pieces = answer.iter_bytes()
        next(pieces)
        with psycopg.connect(town.url) as connection:
            connection.execute(
                "SELECT pg_terminate_backend(pid) FROM pg_stat_activity"
                " WHERE datname = current_database() AND query LIKE 'COPY (%' AND state = 'active'"
            )
        with pytest.raises(httpx.RemoteProtocolError, match="incomplete chunked read"):
            list(pieces)
    assert len(town.csv(series=town.co2)) == 151


def wait_until(come: Any) -> None:
    deadline = time.monotonic() + 10
    while not come():
        assert time.monotonic() < deadline, "it did not come within 10 s"
        time.sleep(0.02)


@pytest.fixture
def vigie(town: Town, monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Any:
    monkeypatch.setenv("VIGIE_DATABASE_URL", town.url)
    monkeypatch.setenv("VIGIE_EXPORTS_DIR", str(tmp_path / "exports"))
    # The runner's streams end with the command; the API's log goes on.
    monkeypatch.setattr("vigie.commands.export.start_log", lambda *_, **__: None)

    def run(*arguments: str | Path) -> Result:
        done = CliRunner().invoke(app, [*map(str, arguments)])
        if isinstance(done.exception, VigieError):
            raise done.exception
        assert done.exit_code == 0, done.output
        return done

    return run


DAY_ASKED = ("--from", "2026-10-25", "--until", "2026-10-26", "--of", "metric=co2_ppm")


def test_the_command_line_gives_the_same_file(town: Town, vigie: Any, tmp_path: Path) -> None:
    asked = town.window() | {"metric": "co2_ppm", "format": "csv-fr"}
    whole = town.api.get("/exports/readings", params=asked).content
    assert vigie("export", *DAY_ASKED).stdout_bytes == whole
    file = tmp_path / "air.csv"
    assert vigie("export", file, *DAY_ASKED).stdout.startswith(f"{file}: 151 rows, {len(whole)} bytes")
    assert file.read_bytes() == whole


def test_a_reader_of_the_command_may_have_had_enough(town: Town) -> None:
    command = [sys.executable, "-m", "vigie", "export", "--from", "2026-10-25", "--of", f"series={town.power}"]
    environment = os.environ | {"VIGIE_DATABASE_URL": town.url}
    with subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, env=environment) as running:
        assert running.stdout is not None
        assert running.stderr is not None
        assert running.stdout.readline().startswith(b"\xef\xbb\xbfDate et heure (Paris);")
        running.stdout.close()
        assert running.wait(60) == 1
        assert running.stderr.read() == b""


@pytest.mark.parametrize(
    ("arguments", "error"),
    [
        (("--of", "room=1"), SettingInvalid),
        (("--of", "series=x"), SettingInvalid),
        (("--of", "sensor=nobody"), NothingFits),
        (("--of", "commune=13055"), VigieError),
        (("--lines", "week"), SettingInvalid),
        (("--format", "xlsx"), SettingInvalid),
        (("--as-of", "2026-10-25T00:00:00"), SettingInvalid),
    ],
)
def test_the_command_line_refuses_what_says_nothing(vigie: Any, arguments: tuple[str, ...], error: type) -> None:
    with pytest.raises(error):
        vigie("export", "--from", "2026-10-25", *arguments)


def test_schedules_from_the_command_line_and_as_the_api_shows_them(town: Town, vigie: Any, tmp_path: Path) -> None:
    told = ("--to", "air", "--by", "Nadia", "--since", "2026-10-25", "--of", "metric=co2_ppm", "--lines", "day")
    assert "1 series now" in vigie("exports", "add", "co2-days", *told).stdout
    for name, place in (("co2-days", "air"), ("Air !", "air"), ("other", "/etc")):
        with pytest.raises(VigieError):
            vigie("exports", "add", name, *told[2:], "--to", place)
    assert "files written" in vigie("exports", "run", "co2-days").stdout
    assert "Nadia" in vigie("exports", "list").stdout
    [schedule] = town.api.get("/exports/schedules").json()["items"]
    assert (schedule["name"], schedule["author"], schedule["failures"]) == ("co2-days", "Nadia", 0)
    page = town.api.get(f"/exports/schedules/{schedule['schedule_id']}/runs", params={"limit": 1}).json()
    assert len(page["items"]) == 1
    written = tmp_path / "exports/air" / page["items"][0]["file"]
    assert written.stat().st_size == page["items"][0]["bytes"]
    assert town.api.get("/exports/schedules/99/runs").status_code == 404
    vigie("exports", "remove", "co2-days", "--by", "Ali")
    assert vigie("exports", "list").stdout == "nothing is scheduled\n"
    with pytest.raises(VigieError):
        vigie("exports", "run", "co2-days")
