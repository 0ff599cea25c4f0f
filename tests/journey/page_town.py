"""The small commune behind the stubbed API: what it answers, which a test can change while it runs."""

from __future__ import annotations

import base64
import math
from collections.abc import Iterator
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import Any

from page_alarm_rules import StubRules, town_rules
from page_alarms import StubAlarms, town_alarms
from page_intakes import StubIntakes, past_intakes
from page_metropole import place_of
from page_models import StubModels, stub_models
from page_sensor import StubSensorFacts, sensor_facts

from core.metrics import METRICS, Metric

COMMUNE = "93051"
EMPTY_COMMUNE = "94079"
_BEHIND_GATEWAY = (13, 14, 21)
"""Series of the sensors that the silent gateway of the alarms heard."""
LOOPING = "eui-a84041ffff1b2c3d"

Row = dict[str, Any]

# sensor kind, site, name, metrics
_TOWN: tuple[tuple[str, str, str, tuple[str, ...]], ...] = (
    ("indoor_air", "École des Tilleuls", "Salle 12", ("co2_ppm", "temperature_c", "humidity_ratio", "battery_v")),
    ("indoor_air", "École des Tilleuls", "Salle 3", ("co2_ppm", "temperature_c", "humidity_ratio")),
    ("indoor_air", "École des Tilleuls", "Salle des maîtres", ("co2_ppm", "temperature_c")),
    ("bin", "Rue des Charmes", "Colonne verre 41", ("fill_ratio", "battery_v")),
    ("bin", "Rue des Charmes", "Bac papier 42", ("fill_ratio",)),
    ("bay", "Avenue des Saules", "Aire de livraison 3", ("occupied",)),
    ("bay", "Avenue des Saules", "Aire de livraison 7", ("occupied", "battery_ratio")),
    ("meter", "Gymnase des Peupliers", "Sous-station B", ("power_kw", "electricity_kwh")),
    ("meter", "Mairie", "Tableau général", ("power_kw",)),
    ("outdoor_air", "Station du parc", "Station du parc", ("pm25_ugm3", "no2_ugm3")),
    ("counter", "Pont de Bry", "Compteur vélos", ("bikes_count",)),
)
_SITES = len({site for _, site, _, _ in _TOWN})
_LEVELS: dict[str, tuple[float, float]] = {
    "co2_ppm": (440, 900),
    "temperature_c": (18, 4),
    "humidity_ratio": (0.42, 0.1),
    "fill_ratio": (0.3, 0.5),
    "power_kw": (24, 70),
    "electricity_kwh": (120_000, 400),
    "pm25_ugm3": (6, 9),
    "no2_ugm3": (18, 25),
    "bikes_count": (4, 120),
    "battery_v": (3.45, 0.02),
    "battery_ratio": (0.81, 0.01),
}


def iso(instant: datetime) -> str:
    return instant.astimezone(UTC).isoformat(timespec="seconds").replace("+00:00", "Z")


def level(metric: str, at: datetime, series_id: int) -> float:
    """Return what this series has at this instant: a day's shape, the same at every call."""
    hour = (at.timestamp() / 3600 + series_id % 3) % 24
    day = max(0.0, math.sin((hour - 6) / 12 * math.pi)) * (0.8 + 0.2 * math.sin(at.timestamp() / 86_400 * 2))
    if metric == "occupied":
        return float(math.sin(at.timestamp() / 2700 + series_id) > 0.4 - day)
    low, width = _LEVELS[metric]
    ripple = 0.02 * math.sin(at.timestamp() / 1300 + series_id)
    return round(low + width * max(0.0, day + ripple), 3)


@dataclass
class StubTown:
    """What the stubbed API answers; tests change it."""

    sensors: list[Row] = field(default_factory=list)
    latest: dict[int, Row] = field(default_factory=dict)
    metrics: dict[int, str] = field(default_factory=dict)
    rejections: list[Row] = field(default_factory=list)
    unknown: list[Row] = field(default_factory=list)
    adopted: list[Row] = field(default_factory=list)
    resumed_after: list[str] = field(default_factory=list)
    refuse_live: bool = False
    fallback: str | None = None
    lane_state: str = "ok"
    pruned: list[Row] = field(default_factory=list)
    acts: list[tuple[str, Row]] = field(default_factory=list)
    alarms: StubAlarms = field(default_factory=StubAlarms)
    rules: StubRules = field(default_factory=StubRules)
    others: list[Row] = field(default_factory=list)
    trends_asked: list[list[int]] = field(default_factory=list)
    facts: StubSensorFacts = field(default_factory=StubSensorFacts)
    intakes: StubIntakes = field(default_factory=StubIntakes)
    models: StubModels = field(default_factory=stub_models)
    doubts: list[str] = field(default_factory=list)
    events: list[tuple[int, str, list[Row]]] = field(default_factory=list)

    def publish(self, items: list[Row], kind: str = "readings") -> None:
        """Send one live event."""
        self.events.append((len(self.events) + 1, kind, items))

    def reading(self, series_id: int, value: float, at: datetime | None = None) -> Row:
        """Return a live reading of a series, observed now unless told otherwise."""
        sensor = next(s for s in self.sensors if any(r["series_id"] == series_id for r in s["series"]))
        return {
            "series_id": series_id,
            "sensor_id": sensor["sensor_id"],
            "metric": self.metrics[series_id],
            "observed_at": iso(at or datetime.now(UTC)),
            "value": value,
            "quality": 0,
        }


def stub_town() -> StubTown:
    """Return the small commune: eleven sensors, one silent, one outside the expected, one suspect."""
    town = StubTown()
    now = datetime.now(UTC)
    sites: dict[str, int] = {}
    series_id = 0
    for sensor_id, (kind, site, name, metrics) in enumerate(_TOWN, start=1):
        site_id = sites.setdefault(site, len(sites) + 1)
        rows = []
        for metric in metrics:
            series_id += 1
            rows.append({"series_id": series_id, "metric": metric, "unit": METRICS[metric].unit})
            town.metrics[series_id] = metric
            town.latest[series_id] = _latest(sensor_id, series_id, METRICS[metric], now)
        town.sensors.append(
            {
                "sensor_id": sensor_id,
                "external_id": f"sim-{kind}-{sensor_id:03}",
                "kind": kind,
                "name": name,
                "origin": "simulated",
                "adopted_at": iso(now - timedelta(days=40)),
                "model": "milesight-am307" if sensor_id == 1 else None,
                "interval_s": 600 if sensor_id < 6 else None,
                "retired_at": None,
                "site": {
                    "site_id": site_id,
                    "code": f"site-{site_id}",
                    "name": site,
                    "commune_insee": COMMUNE,
                    "longitude": place_of(site_id, _SITES)[0],
                    "latitude": place_of(site_id, _SITES)[1],
                },
                "series": rows,
            }
        )
    _trouble(town, now)
    town.rejections = [_rejection(number, now) for number in range(1, 8)]
    town.pruned = [
        _pruned("malformed", "age", None, 400),
        _pruned("unknown_unit", "age", None, 12),
        _pruned("flooded", "messages", LOOPING, 166_000),
    ]
    town.alarms = town_alarms(town.sensors, now)
    town.rules = town_rules(now)
    town.facts = sensor_facts(now)
    town.intakes.items = past_intakes(now)
    town.unknown = [_stranger(now)]
    return town


def _stranger(now: datetime) -> Row:
    """Return a sensor that publishes and that nobody adopted."""
    return {
        "external_id": "eui-24e124707c481005",
        "network": "chirpstack",
        "topic": "application/1/device/24e124707c481005/event/up",
        "messages": 14,
        "first_received_at": iso(now - timedelta(hours=3)),
        "last_received_at": iso(now - timedelta(minutes=4)),
        "guess": {
            "kind": "indoor_air",
            "model": "elsys-ers-co2",
            "name": "Salle 14",
            "commune_insee": None,
            "told_by": "ERS CO2",
        },
    }


def _pruned(reason: str, bound: str, external_id: str | None, messages: int) -> Row:
    """Return what was let go of on one day to keep one bound."""
    row = {"day": "2026-11-03", "what": "rejection", "reason": reason, "bound": bound, "external_id": external_id}
    return {**row, "messages": messages, "bytes": 200 * messages}


def _latest(sensor_id: int, series_id: int, metric: Metric, now: datetime) -> Row:
    at = now - timedelta(seconds=40 * series_id % 500)
    value = level(metric.name, at, series_id)
    spread = 0.12 * (_LEVELS.get(metric.name, (0, 1))[1])
    expected = {"p05": value - spread, "p50": value, "p95": value + spread} if metric.plan else None
    return {
        "series_id": series_id,
        "sensor_id": sensor_id,
        "metric": metric.name,
        "unit": metric.unit,
        "observed_at": iso(at),
        "received_at": iso(at + timedelta(seconds=1)),
        "value": value,
        "quality": 0,
        "expected": expected,
        "state": "normal",
    }


def _trouble(town: StubTown, now: datetime) -> None:
    town.latest[1] |= {"value": 1840.0, "expected": {"p05": 900.0, "p50": 1060.0, "p95": 1250.0}, "state": "watch"}
    town.latest[10] |= {"value": 0.97}
    town.latest[16] |= {"value": 91.2, "expected": {"p05": 40.0, "p50": 49.0, "p95": 58.0}, "state": "watch"}
    silent = now - timedelta(hours=5)
    for series_id in (12, *_BEHIND_GATEWAY):
        town.latest[series_id] |= {"observed_at": iso(silent), "received_at": iso(silent), "state": "silent"}
    town.latest[6] |= {"quality": 1, "state": "suspect"}


def _rejection(number: int, now: datetime) -> Row:
    reason, detail, text = (
        ("out_of_bounds", "co2_ppm 91000 is over 40000", '[{"n":"co2","u":"ppm","v":91000}]'),
        ("malformed", "not JSON: line 1 column 1", "\ufffd\ufffd<xml>"),
        ("unknown_unit", "temperature has no unit °F", '[{"n":"temperature","u":"Far","v":70}]'),
    )[number % 3]
    return {
        "rejection_id": number,
        "received_at": iso(now - timedelta(minutes=7 * (8 - number))),
        "reason": reason,
        "detail": detail,
        "topic": f"vigie/v1/{COMMUNE}/indoor_air/salle-{number}",
        "payload_text": text,
        "payload_base64": base64.b64encode(text.encode()).decode(),
        "size_bytes": len(text),
        "properties": {},
        "external_id": f"salle-{number}" if number % 3 else None,
        "commune_insee": COMMUNE,
        "decoder": "" if number % 3 == 1 else "senml/2",
        "times": 1 + 11 * (number == 3),
        "last_received_at": iso(now - timedelta(minutes=6 * (8 - number))),
        "replayable": True,
        "replayed_at": None,
        "settled_as": None,
    }


def forecast_steps(now: datetime, metric: Metric, series_id: int) -> Iterator[Row]:
    assert metric.plan is not None, "only forecast metrics have steps"
    origin = now.replace(minute=0, second=0, microsecond=0)
    width = _LEVELS.get(metric.name, (0, 1))[1]
    for place in range(metric.plan.steps):
        at = origin + place * metric.plan.step
        middle = 0.5 if metric.name == "occupied" else level(metric.name, at, series_id)
        spread = width * min(0.18, 0.03 + 0.01 * place**0.5)
        bounds = {"p05": -1.6, "p10": -1.25, "p25": -0.6, "p50": 0.0, "p75": 0.6, "p90": 1.25, "p95": 1.6}
        quantiles = {name: max(metric.low, min(metric.high, middle + way * spread)) for name, way in bounds.items()}
        yield {"valid_at": iso(at), **quantiles, "naive": middle * 0.94}


def quantity(metric: Metric) -> Row:
    plan = metric.plan
    return {
        "metric": metric.name,
        "quantity": metric.quantity,
        "family": metric.family,
        "unit": metric.unit,
        "nature": metric.nature,
        "low": metric.low,
        "high": metric.high,
        "step_s": metric.step.total_seconds(),
        "forecast_step_s": plan.step.total_seconds() if plan else None,
        "forecast_horizon_s": plan.horizon.total_seconds() if plan else None,
    }
