"""Completeness, increments, flags and calibrations as the API answers them, on a real PostgreSQL."""

from __future__ import annotations

import uuid
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any

import httpx
import pytest
from api_process import api_running
from judging import COMMUNE, HOUR, MINUTE, adopt, judge_all, write

from core.clock import format_instant, now
from core.store.pool import connected
from vigie.embedded import DatabaseServer

pytestmark = pytest.mark.integration
# Three local days around a change of clocks: 24 hours, 23 hours, 24 hours; all long past.
FIRST = datetime(2026, 3, 27, 23, tzinfo=UTC)
LAST = datetime(2026, 3, 30, 22, tzinfo=UTC)


@dataclass
class Town:
    """An API whose database holds a room and a meter over a change of clocks."""

    api: httpx.Client
    url: str
    co2: int
    index: int
    other_index: int

    def get(self, path: str, **parameters: Any) -> Any:
        """Return the JSON of a good answer."""
        answer = self.api.get(path, params=parameters)
        assert answer.status_code == 200, answer.text
        return answer.json()


@pytest.fixture(scope="module")
def town(database_server: DatabaseServer, template: str) -> Iterator[Town]:
    name = f"town_{uuid.uuid4().hex}"
    url = database_server.create(name, template=template)
    with connected(url) as connection:
        connection.autocommit = True
        [co2, battery] = adopt(connection, "salle-2", "co2_ppm", "battery_v", at=FIRST)
        [index] = adopt(connection, "compteur", "electricity_kwh", at=FIRST)
        [other] = adopt(connection, "compteur-2", "electricity_kwh", at=FIRST)
        write(connection, [(battery, FIRST, 3.6)])
        write(connection, [(other, FIRST + n * 15 * MINUTE, 9_000.0 + 2 * n) for n in range(9)])
        # The room: the first day whole, the second until 16 h of its hours, nothing on the third, one reading after.
        room = [FIRST + n * 10 * MINUTE for n in range(24 * 6 + 16 * 6)]
        write(connection, [(co2, at, 600.0 + n % 7) for n, at in enumerate(room)])
        write(connection, [(co2, FIRST + 5 * MINUTE + 30 * HOUR, 4_900.0)])
        write(connection, [(co2, LAST, 600.0)])
        # The meter: 2 kWh each quarter of an hour, a silence of three hours, and a reset.
        quarters = [n for n in range(96) if not 40 <= n < 52]
        write(connection, [(index, FIRST + n * 15 * MINUTE, 9_000.0 + 2 * n) for n in quarters if n < 80])
        write(connection, [(index, FIRST + n * 15 * MINUTE, 2.0 * (n - 79)) for n in quarters if n >= 80])
        judge_all(connection)
    with api_running(url) as api:
        yield Town(api, url, co2, index, other)
    database_server.drop(name)


def test_local_days_are_complete_by_their_own_hours(town: Town) -> None:
    found = town.get("/completeness", commune=COMMUNE, **{"from": format_instant(FIRST)}, until=format_instant(LAST))
    by_name = {item["external_id"]: item for item in found["items"]}
    days = by_name["salle-2"]["days"]
    assert [day["day"] for day in days] == ["2026-03-28", "2026-03-29", "2026-03-30"]
    assert days[0] == {"day": "2026-03-28", "ratio": 1.0, "valid": True, "hours_valid": 24}
    assert days[1] == {"day": "2026-03-29", "ratio": pytest.approx(16 / 23), "valid": False, "hours_valid": 16}
    assert days[2] == {"day": "2026-03-30", "ratio": None, "valid": False, "hours_valid": 0}


def test_only_whole_local_days_since_the_first_reading_are_told(town: Town) -> None:
    before = format_instant(FIRST - timedelta(days=5))
    found = town.get("/completeness", commune=COMMUNE, **{"from": before}, until=format_instant(FIRST + HOUR))
    assert {len(item["days"]) for item in found["items"]} == {1}
    assert town.get("/completeness", commune="75056", **{"from": before}, until=format_instant(LAST))["items"] == []


def test_the_hours_of_a_series_tell_what_came(town: Town) -> None:
    start = FIRST + 38 * HOUR
    hours = town.get(
        f"/series/{town.co2}/completeness", **{"from": format_instant(start)}, until=format_instant(start + 3 * HOUR)
    )["items"]
    assert hours[0] == {
        "hour": format_instant(start),
        "readings": 6,
        "good": 6,
        "expected": 6,
        "ratio": 1.0,
        "valid": True,
    }
    assert [(hour["ratio"], hour["valid"]) for hour in hours] == [(1.0, True), (1.0, True), (None, False)]


def test_no_hour_is_due_before_the_first_reading_nor_while_it_runs(town: Town) -> None:
    early = town.get(
        f"/series/{town.co2}/completeness",
        **{"from": format_instant(FIRST - 2 * HOUR)},
        until=format_instant(FIRST + HOUR),
    )
    assert [hour["hour"] for hour in early["items"]] == [format_instant(FIRST)]
    present = now().replace(minute=0, second=0, microsecond=0)
    late = town.get(f"/series/{town.co2}/completeness", **{"from": format_instant(present - HOUR)})
    assert [hour["hour"] for hour in late["items"]] == [format_instant(present - HOUR)]


def test_an_index_tells_energy_and_power_and_what_is_unknown(town: Town) -> None:
    path = f"/series/{town.index}/increments"
    found = town.get(path, **{"from": format_instant(FIRST)}, until=format_instant(FIRST + 24 * HOUR))
    assert (found["unit"], found["step_s"]) == ("kWh", 3600)
    amounts = [item["increment"] for item in found["items"]]
    assert amounts[:9] == [pytest.approx(8)] * 9
    assert amounts[9:13] == [None] * 4
    assert amounts[13:19] == [pytest.approx(8)] * 6
    # The reset falls on the bound: what the index shows since is counted.
    assert amounts[19:23] == [pytest.approx(8)] * 4
    assert amounts[23] is None
    quarter = town.get(path, **{"from": format_instant(FIRST)}, until=format_instant(FIRST + HOUR), step="PT15M")[
        "items"
    ]
    assert quarter[0] == {"start": format_instant(FIRST), "increment": pytest.approx(2), "mean_kw": pytest.approx(8)}


def test_a_series_that_is_no_index_has_no_increments(town: Town) -> None:
    answer = town.api.get(f"/series/{town.co2}/increments")
    assert answer.status_code == 404
    assert "no index" in answer.json()["detail"]


def test_readings_carry_the_names_of_their_flags(town: Town) -> None:
    spike = FIRST + 5 * MINUTE + 30 * HOUR
    page = town.get(
        f"/series/{town.co2}/readings",
        **{"from": format_instant(spike), "until": format_instant(spike + 20 * MINUTE)},
    )["items"]
    assert (page[0]["flags"], page[0]["quality"]) == (["spike"], 2)
    assert [item["flags"] for item in page[1:]] == [[], []]


BAD = [
    ("/completeness", {}, "commune"),
    ("/completeness", {"commune": COMMUNE, "from": "2025-01-01T00:00:00Z"}, "from"),
    ("/series/1/increments", {"step": "PT10S"}, "step"),
    ("/series/1/completeness", {"from": "yesterday"}, "from"),
]


@pytest.mark.parametrize(("path", "parameters", "named"), BAD)
def test_a_bad_question_names_its_parameter(town: Town, path: str, parameters: dict[str, str], named: str) -> None:
    answer = town.api.get(path, params=parameters)
    assert answer.status_code == 422
    assert [error["parameter"] for error in answer.json()["errors"]] == [named]


def test_a_calibration_is_set_listed_and_read_as_of(town: Town) -> None:
    path = f"/series/{town.other_index}/calibrations"
    body = {"valid_from": format_instant(FIRST), "gain": 0.5, "by": "Nadia", "note": "rapport de transformation"}
    answer = town.api.post(path, json=body)
    assert answer.status_code == 201
    [kept] = town.get(path)["items"]
    assert kept == answer.json()
    assert (kept["gain"], kept["shift"], kept["by"]) == (0.5, 0.0, "an administrator")
    assert town.get(path, as_of="2026-01-01T00:00:00Z")["items"] == []
    window = {"from": format_instant(FIRST), "until": format_instant(FIRST + HOUR)}
    [hour] = town.get(f"/series/{town.other_index}/increments", **window)["items"]
    assert hour["increment"] == pytest.approx(4)
    with connected(town.url) as connection:
        connection.autocommit = True
        judge_all(connection)
        row = connection.execute(
            "SELECT increment FROM rollup_hour WHERE series_id = %s ORDER BY hour LIMIT 1", (town.other_index,)
        ).fetchone()
    assert row == (pytest.approx(4),)


@pytest.mark.parametrize(
    ("change", "named"),
    [({"gain": 0}, "gain"), ({"gain": 1e9}, "gain"), ({"by": ""}, "by"), ({"valid_from": "soon"}, "valid_from")],
)
def test_a_bad_calibration_is_refused(town: Town, change: dict[str, Any], named: str) -> None:
    body = {"valid_from": format_instant(FIRST)} | change
    answer = town.api.post(f"/series/{town.co2}/calibrations", json=body)
    assert answer.status_code == 422
    assert [error["parameter"] for error in answer.json()["errors"]] == [named]
    assert town.api.post("/series/999999/calibrations", json={**body, "gain": 1}).status_code in {404, 422}
