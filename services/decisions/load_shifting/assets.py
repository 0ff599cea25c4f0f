"""What a building can shift: a battery, hot water, cars that charge, and one heated zone."""

from __future__ import annotations

import math
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta
from typing import Any

from core.clock import PARIS, Window
from services.decisions.load_shifting.fields import DAY_MINUTES, Fields, clock_text

STEP = timedelta(minutes=15)
STEP_H = 0.25
STEPS = 96


@dataclass(frozen=True, slots=True)
class Battery:
    """A battery; what goes in comes out less ``1 - efficiency_ratio``, all of it lost while charging.

    Parameters
    ----------
    start_ratio
        How full it is at the start, as the policy assumes: this version reads no battery.
    wear_eur_per_kwh
        What a discharged kilowatt-hour costs in wear: never zero, so that it does not cycle for nothing.
    """

    code: str
    name: str
    energy_kwh: float
    power_kw: float
    efficiency_ratio: float
    start_ratio: float
    wear_eur_per_kwh: float


@dataclass(frozen=True, slots=True)
class HotWater:
    """A hot-water tank, in kWh of heat above its coldest useful state.

    Parameters
    ----------
    loss_per_h
        Share of the stored heat that is lost in an hour.
    low_kwh
        What it must always hold.
    demand_kwh
        Heat drawn in each local hour, 24 values.
    """

    code: str
    name: str
    energy_kwh: float
    power_kw: float
    loss_per_h: float
    low_kwh: float
    start_ratio: float
    demand_kwh: tuple[float, ...]

    @property
    def keeps_ratio(self) -> float:
        """Share of the heat that is left after a step."""
        return math.pow(1.0 - self.loss_per_h, STEP_H)

    def demand_at(self, instant: datetime) -> float:
        """Return the heat drawn during the step that starts at this instant, kWh."""
        return self.demand_kwh[instant.astimezone(PARIS).hour] * STEP_H


@dataclass(frozen=True, slots=True)
class WeeklySpan:
    """Hours on the local clock that come back every week.

    Parameters
    ----------
    weekdays
        Days of the start, 0 for Monday.
    start_minute, end_minute
        Local minutes since midnight; an end that is not after the start is on the next day.
    """

    weekdays: frozenset[int]
    start_minute: int
    end_minute: int

    def windows(self, start: datetime) -> list[Window]:
        """Return, in time order, the windows that touch the 24 hours from ``start``."""
        end = start + STEPS * STEP
        today = start.astimezone(PARIS).date()
        days = (today + timedelta(days=shift) for shift in (-1, 0, 1))
        found = [self._window(day) for day in days if day.weekday() in self.weekdays]
        return [window for window in found if window.start < end and window.end > start]

    def _window(self, day: date) -> Window:
        ends = day + timedelta(days=int(self.end_minute <= self.start_minute))
        return Window(_local(day, self.start_minute), _local(ends, self.end_minute))


@dataclass(frozen=True, slots=True)
class CarSession:
    """A car, or a fleet, at its charging point from its arrival to its departure.

    Parameters
    ----------
    energy_kwh
        What must be in the battery by the departure, at the plug.
    """

    code: str
    name: str
    span: WeeklySpan
    energy_kwh: float
    power_kw: float


@dataclass(frozen=True, slots=True)
class Band:
    """Temperatures that people want during local hours."""

    weekdays: frozenset[int]
    start_minute: int
    end_minute: int
    low_c: float
    high_c: float


@dataclass(frozen=True, slots=True)
class Zone:
    """Rooms heated by one heat pump, as one resistance and one capacity: ``C dT/dt = UA (Tout - T) + COP P + gains``.

    Parameters
    ----------
    loss_kw_per_k
        UA.
    capacity_kwh_per_k
        C.
    gains_kw
        Heat from people and sun while a band holds.
    cop, cop_per_k
        Heat out per electricity in at 7 °C outdoors, and what each degree more adds.
    bands
        What is wanted; outside of them nothing is but the hard limits.
    floor_c, ceiling_c
        Hard limits.
    preheat_minutes
        How long before a band today's thermostat starts: the baseline.
    """

    code: str
    name: str
    loss_kw_per_k: float
    capacity_kwh_per_k: float
    gains_kw: float
    power_kw: float
    cop: float
    cop_per_k: float
    bands: tuple[Band, ...]
    floor_c: float
    ceiling_c: float
    preheat_minutes: int
    comfort_eur_per_kh: float
    indoor_sensor: str | None
    outdoor_sensor: str | None
    outdoor_c_by_month: tuple[float, ...]

    @property
    def keeps_ratio(self) -> float:
        """Share of the distance to equilibrium that is left after a step: the equation's exact solution."""
        return math.exp(-self.loss_kw_per_k * STEP_H / self.capacity_kwh_per_k)

    def cop_at(self, outdoor_c: float) -> float:
        """Return heat out per electricity in, within 1 and 8."""
        return min(8.0, max(1.0, self.cop + self.cop_per_k * (outdoor_c - 7.0)))

    def band_at(self, instant: datetime) -> Band | None:
        """Return the band that holds at this instant."""
        local = instant.astimezone(PARIS)
        minute = local.hour * 60 + local.minute
        for band in self.bands:
            if local.weekday() in band.weekdays and band.start_minute <= minute < band.end_minute:
                return band
        return None


def _local(day: date, minute: int) -> datetime:
    """Return the instant of a local wall clock; one that spring skips is the instant an hour later."""
    whole, minute = day + timedelta(days=minute // DAY_MINUTES), minute % DAY_MINUTES
    wall = datetime(whole.year, whole.month, whole.day, minute // 60, minute % 60, tzinfo=PARIS)
    return datetime.fromtimestamp(wall.timestamp(), tz=UTC)


def parse_battery(fields: Fields) -> Battery:
    """Read a battery."""
    return Battery(
        fields.text("code"),
        fields.text("name"),
        fields.number("energy_kwh", 0.1, 100_000),
        fields.number("power_kw", 0.1, 50_000),
        fields.number("efficiency_ratio", 0.5, 0.999),
        fields.number("start_ratio", 0, 1),
        fields.number("wear_eur_per_kwh", 0.001, 1),
    )


def parse_hot_water(fields: Fields) -> HotWater:
    """Read a hot-water tank."""
    energy = fields.number("energy_kwh", 0.1, 100_000)
    demand = [Fields(fields.name("demand_kwh"), {"hour": kwh}) for kwh in fields.items("demand_kwh", 24)]
    if len(demand) != 24:  # hours of a day
        raise ValueError(f"{fields.name('demand_kwh')}: 24 values are expected")
    return HotWater(
        fields.text("code"),
        fields.text("name"),
        energy,
        fields.number("power_kw", 0.1, 50_000),
        fields.number("loss_per_h", 0, 0.5),
        fields.number("low_kwh", 0, energy),
        fields.number("start_ratio", 0, 1),
        tuple(hour.number("hour", 0, 50_000) for hour in demand),
    )


def parse_session(fields: Fields) -> CarSession:
    """Read a weekly stay."""
    return CarSession(
        fields.text("code"),
        fields.text("name"),
        WeeklySpan(fields.weekdays("weekdays"), fields.minute("arrival"), fields.minute("departure")),
        fields.number("energy_kwh", 0.1, 10_000),
        fields.number("power_kw", 0.1, 5_000),
    )


def parse_zone(fields: Fields) -> Zone:
    """Read a heated zone."""
    floor = fields.number("floor_c", 0, 30)
    ceiling = fields.number("ceiling_c", floor + 1, 45)
    bands = tuple(
        _parse_band(Fields.of(fields.name(f"bands.{place}"), band), (floor, ceiling))
        for place, band in enumerate(fields.items("bands", 14))
    )
    months = [Fields(fields.name("outdoor_c_by_month"), {"c": c}) for c in fields.items("outdoor_c_by_month", 12)]
    if len(months) not in {0, 12}:
        raise ValueError(f"{fields.name('outdoor_c_by_month')}: 12 values are expected")
    return Zone(
        fields.text("code"),
        fields.text("name"),
        fields.number("loss_kw_per_k", 0.01, 1_000),
        fields.number("capacity_kwh_per_k", 0.01, 100_000),
        fields.number("gains_kw", 0, 10_000, 0),
        fields.number("power_kw", 0.1, 50_000),
        fields.number("cop", 1, 8),
        fields.number("cop_per_k", 0, 0.5, 0),
        bands,
        floor,
        ceiling,
        int(fields.number("preheat_minutes", 0, 720, 120)),
        fields.number("comfort_eur_per_kh", 0, 1_000),
        fields.optional_text("indoor_sensor"),
        fields.optional_text("outdoor_sensor"),
        tuple(month.number("c", -40, 50) for month in months),
    )


def _parse_band(fields: Fields, hard: tuple[float, float]) -> Band:
    low = fields.number("low_c", *hard)
    high = fields.number("high_c", low, hard[1])
    start = fields.minute("start")
    end = fields.minute("end")
    if end <= start:
        raise ValueError(f"{fields.name('end')}: it must be after the start, on the same day")
    return Band(fields.weekdays("weekdays"), start, end, low, high)


def asset_json(asset: Battery | HotWater | CarSession | Zone) -> dict[str, Any]:
    """Return an asset as its reader takes it."""
    found = {name: getattr(asset, name) for name in asset.__dataclass_fields__}
    if isinstance(asset, CarSession):
        span: WeeklySpan = found.pop("span")
        found["weekdays"] = sorted(span.weekdays)
        found["arrival"], found["departure"] = clock_text(span.start_minute), clock_text(span.end_minute)
    if isinstance(asset, Zone):
        found["bands"] = [
            {
                "weekdays": sorted(band.weekdays),
                "start": clock_text(band.start_minute),
                "end": clock_text(band.end_minute),
                "low_c": band.low_c,
                "high_c": band.high_c,
            }
            for band in asset.bands
        ]
    return {name: list(value) if isinstance(value, tuple) else value for name, value in found.items()}
