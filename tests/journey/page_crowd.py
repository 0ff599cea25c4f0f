"""A commune of thousands of sensors behind the stubbed API, with a live feed of hundreds of readings a second."""

from __future__ import annotations

import random
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta

import msgspec
from fastapi import APIRouter, FastAPI, Response
from page_alarms import StubAlarms, alarm_row
from page_metropole import place_of
from page_stub import stub_app
from page_town import COMMUNE, Row, StubTown, iso, level

from core.metrics import METRICS

SENSORS_A_SITE = 20
BURST_S = 0.05
_KINDS = (
    ("indoor_air", ("co2_ppm", "temperature_c")),
    ("bin", ("fill_ratio",)),
    ("bay", ("occupied",)),
    ("meter", ("power_kw",)),
    ("outdoor_air", ("no2_ugm3", "pm25_ugm3")),
)
_TROUBLES = {17: "watch", 41: "silent", 83: "suspect"}
_ALARMS = 12


def crowd(sensors: int) -> StubTown:
    """Return a commune of so many sensors; a few are not well, and twelve are in alarm."""
    town, now = StubTown(), datetime.now(UTC)
    sites = -(-sensors // SENSORS_A_SITE)
    for sensor_id in range(1, sensors + 1):
        kind, metrics = _KINDS[sensor_id % len(_KINDS)]
        site_id = 1 + sensor_id // SENSORS_A_SITE
        longitude, latitude = place_of(site_id, sites + 1)
        series = []
        for metric in metrics:
            series_id = len(town.metrics) + 1
            series.append({"series_id": series_id, "metric": metric, "unit": METRICS[metric].unit})
            town.metrics[series_id] = metric
            town.latest[series_id] = _latest(sensor_id, series_id, metric, now)
        town.sensors.append(
            {
                "sensor_id": sensor_id,
                "external_id": f"sim-{kind}-{sensor_id:05}",
                "kind": kind,
                "name": f"Capteur {sensor_id}",
                "origin": "simulated",
                "adopted_at": iso(now),
                "model": None,
                "interval_s": 600,
                "retired_at": None,
                "site": {
                    "site_id": site_id,
                    "code": f"site-{site_id}",
                    "name": f"Site {site_id}",
                    "commune_insee": COMMUNE,
                    "longitude": longitude,
                    "latitude": latitude,
                },
                "series": series,
            }
        )
    town.alarms = _alarms(town, now)
    return town


def _latest(sensor_id: int, series_id: int, metric: str, now: datetime) -> Row:
    at = now - timedelta(seconds=sensor_id % 600)
    value = level(metric, at, series_id)
    state = next((state for every, state in _TROUBLES.items() if sensor_id % every == 0), "normal")
    expected = {"p05": value - 40, "p50": value, "p95": value + 40} if METRICS[metric].plan else None
    return {
        "series_id": series_id,
        "sensor_id": sensor_id,
        "metric": metric,
        "unit": METRICS[metric].unit,
        "observed_at": iso(at),
        "received_at": iso(at),
        "value": value,
        "quality": int(state == "suspect"),
        "flags": [],
        "expected": expected,
        "state": state,
    }


def _alarms(town: StubTown, now: datetime) -> StubAlarms:
    every = len(town.sensors) // _ALARMS
    items = []
    for number, sensor in enumerate(town.sensors[::every][:_ALARMS]):
        series = sensor["series"][0]
        said = {"title": f"Valeur élevée, capteur {sensor['sensor_id']}", "detail": sensor["site"]["name"], "why": "…"}
        about = {"series_id": series["series_id"], "metric": series["metric"], "unit": series["unit"]}
        since = now - timedelta(minutes=5 * number)
        items.append(alarm_row(1000 + number, "threshold", since, sensor, figures={"value": 1.0}, **said, **about))
    return StubAlarms(items)


def crowd_router(town: StubTown) -> APIRouter:
    """Return the long lists by pages, as the API does, written quickly."""
    router = APIRouter()
    latest = [town.latest[key] for key in sorted(town.latest)]

    @router.get("/sensors")
    def sensors(limit: int = 100, after: int = 0) -> Response:
        return _page(town.sensors[after : after + limit], limit, "sensor_id")

    @router.get("/latest")
    def read_latest(limit: int = 20_000, after: int = 0) -> Response:
        return _page(latest[after : after + limit], limit, "series_id")

    return router


def _page(items: list[Row], limit: int, key: str) -> Response:
    following = items[-1][key] if len(items) == limit else None
    return Response(msgspec.json.encode({"items": items, "next": following}), media_type="application/json")


def crowd_app(town: StubTown) -> FastAPI:
    """Return the pages over the crowd."""
    app = stub_app(town)
    town_routes = len(app.router.routes)
    app.include_router(crowd_router(town), prefix="/api/v1")
    # The first that fits answers: these before the town's own, which are slow for thousands.
    routes = app.router.routes
    routes[:] = [*routes[town_routes:], *routes[:town_routes]]
    return app


@contextmanager
def speaking(town: StubTown, readings_a_second: int) -> Iterator[threading.Event]:
    """Let so many readings a second come while in the block; set what is yielded to stop them before."""
    stop = threading.Event()
    ids, turn = list(town.metrics), random.Random(8)  # noqa: S311 - a made-up feed
    sensor_of = {one["series_id"]: sensor["sensor_id"] for sensor in town.sensors for one in sensor["series"]}

    def speak() -> None:
        while not stop.wait(BURST_S):
            now = datetime.now(UTC)
            burst = turn.sample(ids, k=max(1, round(readings_a_second * BURST_S)))
            town.publish([_reading(town, sensor_of[one], one, now, turn) for one in burst])

    thread = threading.Thread(target=speak, daemon=True)
    thread.start()
    try:
        yield stop
    finally:
        stop.set()
        thread.join(timeout=5)


def _reading(town: StubTown, sensor_id: int, series_id: int, at: datetime, turn: random.Random) -> Row:
    metric = town.metrics[series_id]
    # One in a hundred lies outside of what was expected.
    value = round(level(metric, at, series_id) + (60.0 if turn.random() < 0.01 else turn.uniform(-0.01, 0.01)), 3)
    text = at.isoformat(timespec="milliseconds").replace("+00:00", "Z")
    return {
        "series_id": series_id,
        "sensor_id": sensor_id,
        "metric": metric,
        "observed_at": text,
        "value": value,
        "quality": 0,
    }
