"""What is known of a building at an instant: the forecast of its load, and the temperatures in and outdoors."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from core.clock import PARIS, Window, floor_to_step, format_instant, parse_instant
from core.decisions import Input, Subject
from core.forecasts import QUANTILE_NAMES, Forecast
from core.store.forecasts import read_forecast
from core.store.places import read_commune_series
from core.store.pool import Connection
from core.store.readings import StepValue, read_steps
from core.store.sensors import read_sensors
from services.decisions.load_shifting.assets import STEP, STEPS, Zone
from services.decisions.load_shifting.policy import Policy
from services.decisions.weather import read_temperature_ahead, weather_name

FORECAST_AGE_MAX = timedelta(hours=3)
INDOOR_AGE_MAX = timedelta(hours=1)
HORIZON = STEPS * STEP
_LEVELS = ("p10", "p50", "p90")
_LOAD_MOVED_RATIO = 0.15
_LOAD_MOVED_KW = 2.0
_TEMPERATURE_MOVED_K = 2.0


@dataclass(frozen=True, slots=True)
class Situation:
    """The next 24 hours of a building, in 96 steps of 15 minutes.

    Parameters
    ----------
    subject, commune_insee
        Which building, and where.
    start
        Start of the first step: the first quarter of an hour after the decision.
    load_kw
        Base load per step at p10, p50 and p90, in order; empty where no forecast covers the day.
    outdoor_c
        Outdoor temperature per step; empty where none is known.
    indoor_c
        The zone's newest temperature, None where there is none or it is too old.
    inputs
        What this comes from, each with when it was known.
    """

    subject: str
    commune_insee: str
    start: datetime
    load_kw: tuple[tuple[float, float, float], ...]
    outdoor_c: tuple[float, ...] = ()
    indoor_c: float | None = None
    inputs: tuple[Input, ...] = ()

    def __post_init__(self) -> None:
        if floor_to_step(self.start, STEP) != self.start:
            raise ValueError(f"start: {self.start.isoformat()} is not on a quarter of an hour")
        if len(self.load_kw) not in {0, STEPS} or len(self.outdoor_c) not in {0, STEPS}:
            raise ValueError(f"load_kw and outdoor_c: {STEPS} steps, or none, are expected")
        if any(not p10 <= p50 <= p90 for p10, p50, p90 in self.load_kw):
            raise ValueError("load_kw: quantiles cross")

    @property
    def window(self) -> Window:
        """The day that is planned."""
        return Window(self.start, self.start + HORIZON)

    def at(self, place: int) -> datetime:
        """Return the start of a step."""
        return self.start + place * STEP


def next_quarter(now: datetime) -> datetime:
    """Return the first quarter of an hour that starts after ``now``."""
    return floor_to_step(now, STEP) + STEP


def read_situation(connection: Connection, subject: Subject, policy: Policy, now: datetime) -> Situation:
    """Read what was known of a building at ``now``."""
    start = next_quarter(now)
    series = _series_by_sensor(connection, subject.commune_insee)
    meter = series.get((policy.meter, "power_kw"))
    forecast = read_forecast(connection, meter, as_of=now) if meter is not None else None
    load = spread(forecast, start) if forecast is not None else ()
    inputs = [load_input(meter, forecast, load, now)]
    if policy.zone is None:
        return Situation(subject.code, subject.commune_insee, start, load, inputs=tuple(inputs))
    ahead = read_temperature_ahead(connection, subject.commune_insee, Window(start, start + HORIZON), now)
    if ahead is not None:
        outdoor, outdoor_input = ahead.quarters_c, Input(weather_name(ahead.provider), ahead.issued_at)
    else:
        outdoor, outdoor_input = _outdoor(connection, series, policy.zone, now)
    indoor, indoor_input = _indoor(connection, series, policy.zone, now)
    known = (*inputs, outdoor_input, indoor_input)
    return Situation(subject.code, subject.commune_insee, start, load, outdoor, indoor, known)


def _series_by_sensor(connection: Connection, commune: str) -> dict[tuple[str, str], int]:
    names = {sensor.sensor_id: sensor.external_id for sensor in read_sensors(connection, commune=commune)}
    rows = read_commune_series(connection, commune)
    return {(names[row.sensor_id], row.metric): row.series_id for row in rows if row.sensor_id in names}


def spread(forecast: Forecast, start: datetime) -> tuple[tuple[float, float, float], ...]:
    """Return the forecast's p10, p50 and p90 per quarter of an hour; empty where it does not cover the day.

    A step's mean power holds in each of its quarters, so that energy is kept.
    """
    columns = [QUANTILE_NAMES.index(level) for level in _LEVELS]
    by_start = {step.valid_at: tuple(step.quantiles[column] for column in columns) for step in forecast.steps}
    found = [by_start.get(floor_to_step(start + place * STEP, forecast.step)) for place in range(STEPS)]
    return tuple((low, middle, high) for low, middle, high in filter(None, found)) if all(found) else ()


def load_input(
    series_id: int | None, forecast: Forecast | None, load: tuple[tuple[float, float, float], ...], now: datetime
) -> Input:
    """Return how good the load forecast is: absent, short, stale, naive, or what it should be."""
    if forecast is None:
        return Input("load_forecast", None, series_id, "no_forecast")
    fallback = forecast.fallback
    if now - forecast.issued_at > FORECAST_AGE_MAX:
        fallback = "stale"
    if not load:
        fallback = "short"
    return Input("load_forecast", forecast.issued_at, series_id, fallback)


def _outdoor(
    connection: Connection, series: dict[tuple[str, str], int], zone: Zone, now: datetime
) -> tuple[tuple[float, ...], Input]:
    """Without a forecast of the weather: yesterday's temperature at the same hour, the month's usual one, or none."""
    start = next_quarter(now)
    series_id = series.get((zone.outdoor_sensor or "", "temperature_c"))
    if series_id is not None:
        day = Window(floor_to_step(now, timedelta(hours=1)) - HORIZON - timedelta(hours=1), now)
        hourly = read_steps(connection, [series_id], day, timedelta(hours=1), as_of=now)[series_id]
        repeated = _repeated(hourly, start)
        if repeated:
            return repeated, Input("outdoor_temperature", hourly[-1].start, series_id, "yesterday")
    if zone.outdoor_c_by_month:
        usual = zone.outdoor_c_by_month[start.astimezone(PARIS).month - 1]
        return (usual,) * STEPS, Input("outdoor_temperature", None, series_id, "usual_of_month")
    return (), Input("outdoor_temperature", None, series_id, "missing")


def _repeated(hourly: list[StepValue], start: datetime) -> tuple[float, ...]:
    by_hour = {step.start.hour: step.mean for step in hourly}
    found = [by_hour.get((start + place * STEP).hour) for place in range(STEPS)]
    return tuple(value for value in found if value is not None) if None not in found else ()


def _indoor(
    connection: Connection, series: dict[tuple[str, str], int], zone: Zone, now: datetime
) -> tuple[float | None, Input]:
    series_id = series.get((zone.indoor_sensor or "", "temperature_c"))
    if series_id is None:
        return None, Input("indoor_temperature", None, None, "missing")
    steps = read_steps(connection, [series_id], Window.ending(now, INDOOR_AGE_MAX), STEP, as_of=now)[series_id]
    if not steps:
        return None, Input("indoor_temperature", None, series_id, "stale")
    return steps[-1].mean, Input("indoor_temperature", steps[-1].start, series_id)


def changed(before: Situation, after: Situation) -> bool:
    """Whether load or temperatures moved so far, over the hours both know, that deciding anew is worth it."""
    if bool(before.load_kw) != bool(after.load_kw):
        return True
    shift = (after.start - before.start) // STEP
    if not 0 <= shift < STEPS:
        return True
    pairs = list(zip(before.load_kw[shift:], after.load_kw, strict=False))
    if pairs:
        moved = sum(abs(new[1] - old[1]) for old, new in pairs) / len(pairs)
        level = sum(abs(old[1]) for old, _ in pairs) / len(pairs)
        if moved > max(_LOAD_MOVED_KW, _LOAD_MOVED_RATIO * level):
            return True
    outdoor = zip(before.outdoor_c[shift:], after.outdoor_c, strict=False)
    return any(abs(new - old) > _TEMPERATURE_MOVED_K for old, new in outdoor)


def situation_json(situation: Situation) -> dict[str, Any]:
    """Return a situation as JSON."""
    return {
        "subject": situation.subject,
        "commune_insee": situation.commune_insee,
        "start": format_instant(situation.start),
        "load_kw": [list(step) for step in situation.load_kw],
        "outdoor_c": list(situation.outdoor_c),
        "indoor_c": situation.indoor_c,
        "inputs": [
            {
                "name": row.name,
                "known_at": format_instant(row.known_at) if row.known_at else None,
                "series_id": row.series_id,
                "fallback": row.fallback,
            }
            for row in situation.inputs
        ],
    }


def parse_situation(raw: dict[str, Any]) -> Situation:
    """Read a situation from its JSON."""
    inputs = tuple(
        Input(
            row["name"],
            parse_instant(row["known_at"]) if row["known_at"] else None,
            row["series_id"],
            row["fallback"],
        )
        for row in raw["inputs"]
    )
    load = tuple((float(low), float(middle), float(high)) for low, middle, high in raw["load_kw"])
    outdoor = tuple(float(value) for value in raw["outdoor_c"])
    where = raw["subject"], raw["commune_insee"]
    return Situation(*where, parse_instant(raw["start"]), load, outdoor, raw["indoor_c"], inputs)
