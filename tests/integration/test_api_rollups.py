"""Roll-ups as the API answers them: by hour, local day, week and month, over both changes of clocks, and as of."""

from __future__ import annotations

import uuid
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any

import httpx
import pytest
from api_process import api_running
from judging import HOUR, MINUTE, adopt, judge_all, write

from core.clock import format_instant
from core.quality.calibrations import Calibration
from core.store.calibrations import write_calibration
from core.store.pool import connected
from vigie.embedded import DatabaseServer

pytestmark = pytest.mark.integration
# Mondays 00:00 in Paris, before the weeks of both changes; a kWh each hour for three weeks from each.
AUTUMN = datetime(2025, 10, 19, 22, tzinfo=UTC)
SPRING = datetime(2026, 3, 22, 23, tzinfo=UTC)
WEEKS = 3 * 168
KNOWN = SPRING + timedelta(days=40)


@dataclass
class Town:
    """An API whose database holds a meter, a bay, a counter and a room."""

    api: httpx.Client
    series: dict[str, int]

    def ask(self, metric: str, **parameters: Any) -> httpx.Response:
        """Return the answer for the series of a metric; ``start`` stands for ``from``."""
        named = {"from" if name == "start" else name: value for name, value in parameters.items()}
        told = {k: format_instant(v) if isinstance(v, datetime) else v for k, v in named.items()}
        return self.api.get(f"/series/{self.series[metric]}/rollups", params=told)

    def items(self, metric: str, **parameters: Any) -> list[dict[str, Any]]:
        """Return the items of a good answer."""
        answer = self.ask(metric, **parameters)
        assert answer.status_code == 200, answer.text
        found: list[dict[str, Any]] = answer.json()["items"]
        return found


@pytest.fixture(scope="module")
def town(database_server: DatabaseServer, template: str) -> Iterator[Town]:
    name = f"rollups_{uuid.uuid4().hex}"
    url = database_server.create(name, template=template)
    with connected(url) as connection:
        connection.autocommit = True
        metrics = ("electricity_kwh", "occupied", "bikes_count", "co2_ppm")
        series = {metric: adopt(connection, metric.replace("_", "-"), metric, at=AUTUMN)[0] for metric in metrics}
        for start, shown in ((AUTUMN, 1_000), (SPRING, 5_000)):
            hours = range(WEEKS + 1)
            write(connection, [(series["electricity_kwh"], start + n * HOUR, shown + n) for n in hours], at=KNOWN)
        # A bay that is taken for ten minutes of each hour, for two hours; then nothing.
        stays = [(at, taken) for n in range(2) for at, taken in ((n * HOUR, 1.0), (n * HOUR + 10 * MINUTE, 0.0))]
        stays += [(n * HOUR + 40 * MINUTE, 0.0) for n in range(2)]
        write(connection, [(series["occupied"], SPRING + at, taken) for at, taken in stays], at=KNOWN)
        write(connection, [(series["bikes_count"], SPRING + n * HOUR, 10.0 + n % 3) for n in range(48)], at=KNOWN)
        # A room whose afternoon came late, and whose probe was then found to show 40 ppm too much.
        room = [(series["co2_ppm"], SPRING + n * 10 * MINUTE, 600.0 + n % 2) for n in range(144)]
        write(connection, [one for one in room if one[1] < SPRING + 12 * HOUR], at=KNOWN)
        write(connection, [one for one in room if one[1] >= SPRING + 12 * HOUR], at=KNOWN + HOUR)
        found = Calibration(series["co2_ppm"], SPRING, KNOWN + 2 * HOUR, 1.0, -40.0, "Nadia")
        write_calibration(connection, found)
        judge_all(connection)
    with api_running(url) as api:
        yield Town(api, series)
    database_server.drop(name)


@pytest.mark.parametrize(
    ("start", "lengths"),
    [(SPRING + 5 * 24 * HOUR, [24, 23, 24]), (AUTUMN + 5 * 24 * HOUR, [24, 25, 24])],
)
def test_energy_of_a_day_is_whole_on_both_changes_of_clocks(town: Town, start: datetime, lengths: list[int]) -> None:
    days = town.items("electricity_kwh", by="day", start=start, until=start + 71 * HOUR)
    assert [day["increment"] for day in days] == lengths
    assert [(day["hours"], day["hours_due"]) for day in days] == [(length, length) for length in lengths]
    assert days[0]["start"] == format_instant(start)
    assert [day["end"] for day in days[:2]] == [day["start"] for day in days[1:]]
    assert days[1]["day"] in {"2026-03-29", "2025-10-26"}


@pytest.mark.parametrize(("start", "hours"), [(SPRING, 167), (AUTUMN, 169)])
def test_energy_of_a_week_is_whole_on_both_changes_of_clocks(town: Town, start: datetime, hours: int) -> None:
    [first, second] = town.items("electricity_kwh", by="week", start=start + HOUR, until=start + 9 * 24 * HOUR)
    assert (first["increment"], first["hours_due"], second["increment"]) == (hours, hours, 168)
    assert first["day"] in {"2026-03-23", "2025-10-20"}


def test_a_month_that_is_half_known_says_so(town: Town) -> None:
    months = town.items("electricity_kwh", by="month", start=AUTUMN, until=SPRING + 30 * 24 * HOUR)
    told = {month["day"]: (month["increment"], month["hours"], month["hours_due"]) for month in months}
    # From 20 October; until 9 November and from 23 March on, to 12 April; nothing between, and never a zero.
    assert told["2025-10-01"] == (12 * 24 + 1, 12 * 24 + 1, 12 * 24 + 1)
    assert told["2025-11-01"] == (9 * 24 - 1, 9 * 24 - 1, 720)
    assert told["2026-03-01"] == (9 * 24 - 1, 9 * 24 - 1, 743)
    assert told["2026-04-01"][0] == WEEKS - (9 * 24 - 1)
    assert "2025-12-01" not in told


def test_the_hours_of_an_index_start_in_the_window(town: Town) -> None:
    hours = town.items("electricity_kwh", by="hour", start=SPRING + 10 * MINUTE, until=SPRING + 2 * HOUR + MINUTE)
    assert [hour["start"] for hour in hours] == [format_instant(SPRING + HOUR), format_instant(SPRING + 2 * HOUR)]
    assert [(hour["increment"], hour["day"], hour["hours"], hour["hours_due"]) for hour in hours] == [
        (1, None, 1, 1)
    ] * 2


def test_a_state_is_its_share_of_the_known_time(town: Town) -> None:
    hours = town.items("occupied", by="hour", start=SPRING, until=SPRING + 4 * HOUR)
    assert [hour["mean"] for hour in hours] == [pytest.approx(1 / 6), pytest.approx(1 / 6), 0]
    assert [(hour["count"], hour["known_s"]) for hour in hours] == [(3, 3_600), (3, 3_600), (0, 1_500)]
    [day] = town.items("occupied", by="day", start=SPRING, until=SPRING + HOUR)
    assert day["mean"] == pytest.approx(1_200 / 8_700)
    assert (day["known_s"], day["hours"], day["increment"]) == (8_700, 3, None)


def test_a_count_is_summed(town: Town) -> None:
    days = town.items("bikes_count", by="day", start=SPRING, until=SPRING + 48 * HOUR)
    assert [(day["increment"], day["hours_valid"], day["known_s"]) for day in days] == [(264, 24, None)] * 2


def test_as_of_an_instant_tells_what_was_known_then(town: Town) -> None:
    asked = {"by": "day", "start": SPRING, "until": SPRING + HOUR}
    [half] = town.items("co2_ppm", as_of=KNOWN, **asked)
    assert (half["count"], half["hours"], half["mean"]) == (72, 12, 600.5)
    [whole] = town.items("co2_ppm", as_of=KNOWN + HOUR, **asked)
    assert (whole["count"], whole["hours"], whole["mean"]) == (144, 24, 600.5)
    present = town.items("co2_ppm", **asked)
    assert (present[0]["mean"], present[0]["last"]) == (560.5, 561)
    for by in ("hour", "day", "week", "month"):
        window = {"by": by, "start": SPRING, "until": SPRING + 30 * HOUR}
        assert town.items("co2_ppm", as_of=KNOWN + 2 * HOUR, **window) == town.items("co2_ppm", **window)
    assert town.items("co2_ppm", as_of=KNOWN - HOUR, **asked) == []


def test_what_nothing_came_of_is_absent(town: Town) -> None:
    assert town.items("co2_ppm", by="day", start=AUTUMN, until=AUTUMN + 48 * HOUR) == []
    assert town.items("co2_ppm", by="month", start=SPRING - 300 * 24 * HOUR, until=SPRING - 99 * 24 * HOUR) == []


def test_the_answer_says_what_it_is_of(town: Town) -> None:
    answer = town.ask("electricity_kwh", by="week", start=SPRING, until=SPRING + HOUR).json()
    head = {key: value for key, value in answer.items() if key != "items"}
    series_id = town.series["electricity_kwh"]
    told = {"metric": "electricity_kwh", "unit": "kWh", "nature": "index", "by": "week", "next": None}
    assert head == {"series_id": series_id, **told}


BAD: list[tuple[dict[str, Any], str]] = [
    ({}, "by"),
    ({"by": "year"}, "by"),
    ({"by": "hour", "start": SPRING - timedelta(days=401), "until": SPRING}, "from"),
    ({"by": "day", "start": SPRING - timedelta(days=401), "until": SPRING, "as_of": KNOWN}, "from"),
    ({"by": "day", "start": datetime(2000, 1, 2, tzinfo=UTC), "until": SPRING}, "from"),
    ({"by": "day", "start": SPRING, "until": AUTUMN}, "from"),
]


@pytest.mark.parametrize(("asked", "named"), BAD)
def test_a_bad_question_about_roll_ups_names_its_parameter(town: Town, asked: dict[str, Any], named: str) -> None:
    answer = town.ask("co2_ppm", **asked)
    assert answer.status_code == 422
    assert [error["parameter"] for error in answer.json()["errors"]] == [named]


def test_days_may_be_asked_for_over_twenty_years(town: Town) -> None:
    start = datetime(2006, 4, 1, tzinfo=UTC)
    assert len(town.items("co2_ppm", by="day", start=start, until=SPRING + 24 * HOUR)) == 1
    assert town.api.get("/series/999999/rollups", params={"by": "day"}).status_code == 404
