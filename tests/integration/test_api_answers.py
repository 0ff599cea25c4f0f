"""The API on a real PostgreSQL: what it answers to good questions, and to bad ones."""

from __future__ import annotations

import time
import uuid
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any

import httpx
import pytest
from api_process import api_running
from prometheus_client import generate_latest
from structlog.testing import capture_logs

from core.clock import format_instant, now
from core.forecasts import Forecast, ForecastStep
from core.places import Sensor, SensorKind, Site
from core.readings import Aside, Batch, Message, Quality, Reading, Reason, Rejection
from core.store import batches, forecasts, places, sensors
from core.store.pool import connected
from vigie.embedded import DatabaseServer

pytestmark = pytest.mark.integration
COMMUNE = "93051"
MINUTE = timedelta(minutes=1)


@dataclass
class Town:
    """An API whose database holds a little: a room with CO2, a meter, a forecast, a rejection."""

    api: httpx.Client
    present: datetime
    co2: int
    power: int
    room: int

    def get(self, path: str, **parameters: Any) -> Any:
        """Return the JSON of a good answer."""
        answer = self.api.get(path, params=parameters)
        assert answer.status_code == 200, answer.text
        return answer.json()


@pytest.fixture(scope="module")
def town(database_server: DatabaseServer, template: str) -> Iterator[Town]:
    name = f"town_{uuid.uuid4().hex}"
    url = database_server.create(name, template=template)
    present = now().replace(microsecond=0)
    with connected(url) as connection:
        site = Site(COMMUNE, "ecole", "École Jaurès", 2.55, 48.85)
        room = sensors.adopt_sensor(connection, Sensor("salle-2", SensorKind.INDOOR_AIR, "Salle 2", site), present)
        meter = sensors.adopt_sensor(connection, Sensor("m1", SensorKind.METER, "Compteur", site), present)
        co2 = places.write_series(connection, room, "co2_ppm")
        power = places.write_series(connection, meter, "power_kw")
        message = Message("vigie/v1/93051/indoor_air/salle-2/up", b"\xff caf\xc3\xa9", present, 8, {"a": "b"})
        rows = [Reading(co2, present - k * 10 * MINUTE, 800.0 + k) for k in range(10)]
        rows += [Reading(power, present - 5 * timedelta(hours=1), 12.5, Quality.SUSPECT)]
        refused = Rejection(message, Reason.UNKNOWN_UNIT, "co2 has no unit 'mg'", "salle-2", COMMUNE)
        batch = Batch(present, rows, [message] * len(rows), [refused])
        step = ForecastStep(present - 10 * MINUTE, (600.0, 620.0, 650.0, 700.0, 720.0, 740.0, 750.0), 690.0)
        quarter, early = timedelta(minutes=15), present - 10 * MINUTE
        batches.write_batch(connection, batch)
        forecasts.write_forecasts(
            connection, [Forecast(co2, early, quarter, early - MINUTE, [step], fallback="no_model")]
        )
    with api_running(url) as api:
        yield Town(api, present, co2, power, room)
    database_server.drop(name)


def test_the_process_is_alive_ready_and_counted(town: Town) -> None:
    assert town.get("/health") == {"status": "alive"}
    assert town.get("/ready") == {"status": "ready", "replica": "none", "replica_lag_s": None}
    counters = generate_latest().decode()
    assert "vigie_api_request_duration_seconds_bucket" in counters
    assert 'route="/api/v1/health"' in counters
    # What counts requests is for operators, and listens apart.
    assert town.api.get(str(town.api.base_url.copy_with(path="/metrics"))).status_code == 404


def test_each_request_is_one_line_with_its_route(town: Town) -> None:
    with capture_logs() as lines:
        town.api.get("/series/999999", params={"secret": "x"})
        town.api.get("/no/such/path")
        deadline = time.monotonic() + 5
        # The line follows the answer, and that of a test before may come meanwhile.
        while "unmatched" not in [line["route"] for line in lines] and time.monotonic() < deadline:
            time.sleep(0.01)
    said = [(line["event"], line["method"], line["route"], line["status"]) for line in lines]
    assert said[-2:] == [
        ("request_answered", "GET", "/api/v1/series/{series_id}", 404),
        ("request_answered", "GET", "unmatched", 404),
    ]
    assert all(line["duration_ms"] > 0 for line in lines)
    assert "secret" not in str(lines)


def test_answers_carry_security_headers_and_are_kept_by_nobody_else(town: Town) -> None:
    for path, kept in (("/health", "private, no-cache"), ("/nowhere", "no-store")):
        headers = town.api.get(path).headers
        assert headers["x-content-type-options"] == "nosniff"
        assert headers["referrer-policy"] == "same-origin"
        assert headers["cache-control"] == kept


def test_the_communes_are_130_and_a_merged_one_leads_to_the_present_one(town: Town) -> None:
    items = town.get("/communes")["items"]
    assert len(items) == 130
    assert town.api.get("/communes").headers["content-encoding"] == "zstd"
    assert next(item["sensors"] for item in items if item["insee"] == COMMUNE) == 2
    moved = town.api.get("/communes/93059")
    assert (moved.status_code, moved.headers["location"]) == (308, "/api/v1/communes/93066")
    assert town.get("/communes/93066")["merged_from"] == ["93059"]


def test_quantities_say_their_unit_and_plan(town: Town) -> None:
    by_name = {item["metric"]: item for item in town.get("/quantities")["items"]}
    assert by_name["co2_ppm"]["unit"] == "ppm"
    assert by_name["co2_ppm"]["forecast_step_s"] == 300
    assert by_name["battery_v"]["forecast_step_s"] is None


def test_sensors_come_by_pages_with_their_site_and_series(town: Town) -> None:
    first = town.get("/sensors", commune=COMMUNE, limit=1)
    second = town.get("/sensors", commune=COMMUNE, limit=1, after=first["next"])
    assert [item["external_id"] for page in (first, second) for item in page["items"]] == ["salle-2", "m1"]
    assert second["next"] is None
    sensor = first["items"][0]
    assert sensor["series"] == [{"series_id": town.co2, "metric": "co2_ppm", "unit": "ppm"}]
    assert sensor["site"]["commune_insee"] == COMMUNE
    assert sensor["adopted_at"] == format_instant(town.present)
    assert town.get(f"/sensors/{town.room}") == sensor
    assert [item["kind"] for item in town.get("/sensors", kind="meter")["items"]] == ["meter"]
    assert [item["code"] for item in town.get("/sites", commune=COMMUNE)["items"]] == ["ecole"]


def test_series_are_found_by_sensor_metric_and_id(town: Town) -> None:
    expected = {"series_id": town.power, "metric": "power_kw", "unit": "kW"}
    (found,) = town.get("/series", metric="power_kw")["items"]
    assert found.items() >= expected.items()
    assert town.get(f"/series/{town.power}") == found
    assert [item["metric"] for item in town.get("/series", sensor_id=town.room)["items"]] == ["co2_ppm"]


def test_latest_says_what_was_expected_and_the_state(town: Town) -> None:
    items = {item["metric"]: item for item in town.get("/latest", commune=COMMUNE)["items"]}
    # The newest CO2 lies in the forecast's first step, above its p95.
    assert items["co2_ppm"]["value"] == 800.0
    assert items["co2_ppm"]["expected"] == {"p05": 600.0, "p50": 700.0, "p95": 750.0}
    assert items["co2_ppm"]["state"] == "watch"
    assert items["power_kw"]["expected"] is None
    assert items["power_kw"]["state"] == "silent"
    assert town.get("/latest", commune="75056")["items"] == []
    assert [item["metric"] for item in town.get("/latest", sensor_id=town.room)["items"]] == ["co2_ppm"]


def test_a_chart_has_columns_of_one_length(town: Town) -> None:
    chart = town.get(f"/series/{town.co2}/chart", points=10)
    assert (chart["metric"], chart["unit"], chart["source"]) == ("co2_ppm", "ppm", "raw")
    assert {len(chart[column]) for column in ("t", "mean", "low", "high", "last")} == {10}
    assert chart["mean"][-1] == 800.0
    assert (chart["doubtful"], chart["doubtful_count"]) == ([], 0)


def test_latest_of_all_communes_comes_by_pages(town: Town) -> None:
    whole = town.get("/latest")
    assert whole["next"] is None
    first = town.get("/latest", limit=1)
    rest = town.get("/latest", limit=1, after=first["next"])
    assert first["items"] + rest["items"] == whole["items"]
    assert town.get("/latest", limit=1, after=rest["next"]) == {"items": [], "next": None}


def test_trends_hold_one_mean_per_step_and_null_where_nothing_was_read(town: Town) -> None:
    trends = town.get("/trends", commune=COMMUNE, hours=6, step="PT30M")
    values = {item["series_id"]: item["values"] for item in trends["items"]}
    assert trends["step_s"] == 1800
    assert {len(row) for row in values.values()} == {12}
    assert values[town.co2][0] is None
    assert sum(value is not None for value in values[town.power]) == 1


def test_raw_readings_by_pages_are_the_whole_window_once(town: Town) -> None:
    seen: list[dict[str, Any]] = []
    after: dict[str, str] = {}
    while True:
        page = town.get(f"/series/{town.co2}/readings", limit=3, **after)
        assert page["unit"] == "ppm"
        seen += page["items"]
        if page["next"] is None:
            break
        after = {"after": page["next"]}
    # The window ends now, which is after the newest reading.
    assert [item["value"] for item in seen] == [800.0 + k for k in reversed(range(10))]
    assert seen[-1] == {"observed_at": format_instant(town.present), "value": 800.0, "quality": 0, "flags": []}


def test_a_window_is_half_open_and_history_is_read_as_of(town: Town) -> None:
    path = f"/series/{town.co2}/readings"
    window = {"from": format_instant(town.present - 20 * MINUTE), "until": format_instant(town.present)}
    assert [item["value"] for item in town.get(path, **window)["items"]] == [802.0, 801.0]
    assert town.get(path, **window, as_of=format_instant(town.present - MINUTE))["items"] == []


def test_stepped_readings_leave_empty_steps_out(town: Town) -> None:
    stepped = town.get(f"/series/{town.co2}/readings", step="PT1H")
    assert stepped["step_s"] == 3600
    assert sum(item["count"] for item in stepped["items"]) == 10
    assert all(item["low"] <= item["mean"] <= item["high"] for item in stepped["items"])
    assert len(stepped["items"]) <= 3


def test_a_forecast_shows_its_quantiles_and_its_fallback(town: Town) -> None:
    forecast = town.get(f"/series/{town.co2}/forecast")
    assert forecast["fallback"] == "no_model"
    assert forecast["model_id"] is None
    assert forecast["step_s"] == 900
    assert forecast["steps"][0]["p95"] == 750.0
    early = town.api.get(f"/series/{town.co2}/forecast", params={"as_of": "2026-01-01T00:00:00Z"})
    assert early.status_code == 404
    assert town.api.get(f"/series/{town.power}/forecast").json()["code"] == "not_found"
    assert {one["metric"]: one["champion"] for one in town.get("/models")["items"]} == {
        "co2_ppm": None,
        "power_kw": None,
    }


def test_rejections_are_shown_whole_and_counted(town: Town) -> None:
    (item,) = town.get("/rejections", commune=COMMUNE)["items"]
    assert item["payload_text"] == "\ufffd café"
    assert item["payload_base64"] == "/yBjYWbDqQ=="
    assert item["reason"] == "unknown_unit"
    assert town.get("/rejections", reason="malformed")["items"] == []
    assert town.get("/rejections", before=item["rejection_id"])["items"] == []
    assert town.get("/rejections/counts")["items"] == [{"reason": "unknown_unit", "count": 1}]


def test_reception_counts_what_was_stored_by_kind(town: Town) -> None:
    stored = {item["kind"]: item["stored"] for item in town.get("/reception", commune=COMMUNE)["items"]}
    assert stored == {"indoor_air": 10, "meter": 1}


def adoption(**changes: Any) -> dict[str, Any]:
    site = {"commune_insee": COMMUNE, "code": "ecole", "name": "École Jaurès"}
    return {"external_id": "neuf-1", "kind": "bin", "name": "Borne", "site": site} | changes


def test_an_unknown_sensor_is_adopted_once(database_url: str) -> None:
    with connected(database_url) as connection:
        places.write_site(connection, Site(COMMUNE, "ecole", "École", 2.55, 48.85))
        message = Message("vigie/v1/93051/bin/inconnu-1/up", b"[]", now(), 2)
        batches.write_batch(connection, Batch(now(), asides=[Aside(message, "inconnu-1", "native")]))
    with api_running(database_url) as api:
        (unknown,) = api.get("/unknown-sensors").json()["items"]
        assert (unknown["external_id"], unknown["messages"]) == ("inconnu-1", 1)
        answer = api.post("/sensors", json=adoption(external_id="Inconnu-1"))
        assert answer.status_code == 201, answer.text
        sensor = answer.json()
        assert sensor["external_id"] == "inconnu-1"
        assert api.get(answer.headers["location"].removeprefix("/api/v1")).json() == sensor
        # Adopted on a known site without its point: the point stays.
        assert sensor["site"]["longitude"] == 2.55
        again = api.post("/sensors", json=adoption(external_id="inconnu-1"))
        assert assert_problem(again, 409)["code"] == "already_adopted"


NAIVE, AWARE = "2026-03-02T08:00:00", "2026-03-02T08:00:00Z"
BAD_QUESTIONS = [
    ("/series/{co2}/readings", {"from": NAIVE}, 422, "from"),
    ("/series/{co2}/readings", {"until": "yesterday"}, 422, "until"),
    ("/series/{co2}/readings", {"from": "1772438400"}, 422, "from"),
    ("/series/{co2}/readings", {"from": "0001-01-01T00:00:00+23:00"}, 422, "from"),
    ("/series/{co2}/readings", {"from": "2026-03-02T09:00:00Z", "until": AWARE}, 422, "from"),
    ("/series/{co2}/readings", {"from": "2020-01-01T00:00:00Z", "until": AWARE}, 422, "from"),
    ("/series/{co2}/readings", {"from": "2025-03-02T08:00:00Z", "until": AWARE, "step": "PT1M"}, 422, "step"),
    ("/series/{co2}/readings", {"step": "15m"}, 422, "step"),
    ("/series/{co2}/readings", {"step": "PT30S"}, 422, "step"),
    ("/series/{co2}/readings", {"step": "P2D"}, 422, "step"),
    ("/series/{co2}/readings", {"step": "PT"}, 422, "step"),
    ("/series/{co2}/readings", {"limit": "-1"}, 422, "limit"),
    ("/series/{co2}/readings", {"limit": "20001"}, 422, "limit"),
    ("/series/{co2}/readings", {"limit": "many"}, 422, "limit"),
    ("/series/{co2}/readings", {"as_of": NAIVE}, 422, "as_of"),
    ("/series/{co2}/readings", {"form": AWARE}, 422, "form"),
    ("/series/{co2}/forecast", {"as_of": NAIVE}, 422, "as_of"),
    ("/series/999999/readings", {}, 404, None),
    ("/series/999999", {}, 404, None),
    ("/series/99999999999999999999", {}, 422, "series_id"),
    ("/series/zero", {}, 422, "series_id"),
    ("/series/0", {}, 422, "series_id"),
    ("/series", {"metric": "co2"}, 422, "metric"),
    ("/series", {"metric": "\x00"}, 422, "metric"),
    ("/series", {"after": "-1"}, 422, "after"),
    ("/sensors", {"kind": "toaster"}, 422, "kind"),
    ("/sensors", {"commune": "13055"}, 422, "commune"),
    ("/sensors", {"limit": "1001"}, 422, "limit"),
    ("/sensors/999999", {}, 404, None),
    ("/communes/13055", {}, 404, None),
    ("/latest", {"limit": 100_001}, 422, "limit"),
    ("/series/1/chart", {"points": 9}, 422, "points"),
    ("/series/1/chart", {"from": "2001-01-01T00:00:00Z", "until": "2026-01-01T00:00:00Z"}, 422, "from"),
    ("/series/999/chart", {}, 404, None),
    ("/latest", {"commune": "' OR 1=1"}, 422, "commune"),
    ("/trends", {"commune": COMMUNE, "hours": "100", "step": "PT1M"}, 422, "step"),
    ("/trends", {"commune": COMMUNE, "hours": "0"}, 422, "hours"),
    ("/reception", {"minutes": "2881"}, 422, "minutes"),
    ("/rejections", {"reason": "bored"}, 422, "reason"),
    ("/rejections", {"before": "0"}, 422, "before"),
    ("/rejections/counts", {"from": NAIVE}, 422, "from"),
    ("/live", {"commune": "00000"}, 422, "commune"),
    ("/live", {"last_event_id": "first"}, 422, "last_event_id"),
    ("/nowhere", {}, 404, None),
]


def assert_problem(answer: httpx.Response, status: int) -> dict[str, Any]:
    assert answer.status_code == status, answer.text
    assert answer.headers["content-type"] == "application/problem+json"
    problem: dict[str, Any] = answer.json()
    assert problem["status"] == status
    assert problem["type"] == f"urn:vigie:problem:{problem['code']}"
    assert problem["title"]
    return problem


@pytest.mark.parametrize(("path", "parameters", "status", "named"), BAD_QUESTIONS)
def test_a_bad_question_is_a_problem_that_names_the_parameter(
    town: Town, path: str, parameters: dict[str, str], status: int, named: str | None
) -> None:
    problem = assert_problem(town.api.get(path.format(co2=town.co2), params=parameters), status)
    assert [error["parameter"] for error in problem.get("errors", [])] == ([named] if named else [])


SITE = adoption()["site"]
BAD_ADOPTIONS = [
    (adoption(external_id=""), "external_id"),
    (adoption(external_id="a\x00b"), "external_id"),
    (adoption(name="x" * 201), "name"),
    (adoption(kind="toaster"), "kind"),
    (adoption(site=SITE | {"commune_insee": "13055"}), "site.commune_insee"),
    (adoption(site=SITE | {"code": "a/b"}), "site.code"),
    (adoption(site=SITE | {"longitude": 2.5}), "site"),
    (adoption(site=SITE | {"longitude": 999, "latitude": 48.8}), "site.longitude"),
    (adoption(more=1), "more"),
]


@pytest.mark.parametrize(("body", "named"), BAD_ADOPTIONS)
def test_a_bad_adoption_is_a_problem_that_names_the_field(town: Town, body: dict[str, Any], named: str) -> None:
    problem = assert_problem(town.api.post("/sensors", json=body), 422)
    assert problem["code"] == "invalid_body"
    assert [error["parameter"] for error in problem["errors"]] == [named]


def test_bodies_that_are_no_adoption_are_refused(town: Town) -> None:
    json_type = {"content-type": "application/json"}
    assert_problem(town.api.post("/sensors", content=b"{", headers=json_type), 422)
    assert_problem(town.api.post("/sensors", content=b'{"name": "\\ud800"}', headers=json_type), 422)
    assert_problem(town.api.post("/sensors", content=b" " * 70_000, headers=json_type), 413)
    assert_problem(town.api.post("/sensors", content=(b" " for _ in range(3)), headers=json_type), 411)
    assert_problem(town.api.delete("/sensors"), 405)


def test_a_problem_is_titled_in_the_language_of_the_reader(town: Town) -> None:
    titles = {
        asked: town.api.get("/nowhere", headers={"accept-language": asked}).json()["title"]
        for asked in ("", "de", "en-GB,fr;q=0.5", "en;q=0.2, fr-FR", "*;q=x")
    }
    assert titles["en-GB,fr;q=0.5"] == "Not found"
    assert {titles[asked] for asked in ("", "de", "en;q=0.2, fr-FR", "*;q=x")} == {"Introuvable"}


def test_without_a_database_the_process_lives_and_says_so() -> None:
    with api_running("postgresql://nobody@127.0.0.1:1/none?connect_timeout=1") as api:
        assert api.get("/health").status_code == 200
        problem = assert_problem(api.get("/ready"), 503)
        assert problem["code"] == "store_absent"
        assert "nobody" not in problem["detail"]
        assert_problem(api.get("/live"), 503)


def test_a_database_that_is_not_migrated_is_not_ready(database_server: DatabaseServer) -> None:
    name = f"empty_{uuid.uuid4().hex}"
    with api_running(database_server.create(name)) as api:
        assert assert_problem(api.get("/ready"), 503)["code"] == "not_migrated"
        assert assert_problem(api.get("/communes"), 503)["code"] == "store_absent"
    database_server.drop(name)


def test_instants_of_the_far_future_stay_in_bounds(town: Town) -> None:
    end = datetime(2099, 12, 31, tzinfo=UTC)
    page = town.get(f"/series/{town.co2}/readings", **{"from": format_instant(end), "until": format_instant(end)})
    assert page["items"] == []
