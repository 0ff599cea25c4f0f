"""What a building manager sets: the meter, the contract, the limits, what can be shifted, one shed event."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from typing import Any

from core.clock import Window, format_instant
from services.decisions.load_shifting.assets import (
    Battery,
    CarSession,
    HotWater,
    WeeklySpan,
    Zone,
    asset_json,
    parse_battery,
    parse_hot_water,
    parse_session,
    parse_zone,
)
from services.decisions.load_shifting.fields import Fields, clock_text
from services.decisions.load_shifting.tariff import Tariff, parse_tariffs, tariffs_json

_SESSIONS_MAX = 20
_SHED_HOURS_MAX = 12


@dataclass(frozen=True, slots=True)
class ShedEvent:
    """A demand to draw ``power_kw`` less than the baseline throughout an event; answered with the plan.

    Parameters
    ----------
    when
        One window, or hours that come back every week: a standing demand.
    """

    when: Window | WeeklySpan
    power_kw: float

    def next_window(self, start: datetime) -> Window | None:
        """Return the first event that is not over at ``start``; None where none is known."""
        if isinstance(self.when, Window):
            return self.when if self.when.end > start else None
        return next(iter(self.when.windows(start)), None)


@dataclass(frozen=True, slots=True)
class Policy:
    """A building's policy.

    Parameters
    ----------
    meter
        External id of the meter whose ``power_kw`` forecast is the base load: all that the building draws but the
        assets below.
    subscribed_kw
        Hard limit of the power drawn, base load at its p90.
    export_kw, sell_eur_per_kwh
        What may be fed in, and what it earns, at most the price of the same step.
    peak_eur_per_kw
        What the highest power of the day costs above ``peak_free_kw``, the peak already incurred.
    switch_eur_per_kw
        Keeps schedules steady: a change of power must bring at least so much. No money is paid for it.
    battery, hot_water, sessions, zone
        What can be shifted; each may be absent.
    shed
        One event, or None.
    answer_hours
        How long a person has to answer.
    """

    meter: str
    tariffs: tuple[Tariff, ...]
    subscribed_kw: float
    export_kw: float = 0.0
    sell_eur_per_kwh: float = 0.0
    peak_eur_per_kw: float = 0.0
    peak_free_kw: float = 0.0
    switch_eur_per_kw: float = 0.0005
    battery: Battery | None = None
    hot_water: HotWater | None = None
    sessions: tuple[CarSession, ...] = ()
    zone: Zone | None = None
    shed: ShedEvent | None = None
    answer_hours: float = 1.0

    def __post_init__(self) -> None:
        codes = [asset.code for asset in self.assets]
        if len(set(codes)) != len(codes):
            raise ValueError("assets: two have the same code")

    @property
    def assets(self) -> tuple[Battery | HotWater | CarSession | Zone, ...]:
        """All that can be shifted, in one order."""
        some = (self.battery, self.hot_water, *self.sessions, self.zone)
        return tuple(asset for asset in some if asset is not None)


def parse_policy(raw: dict[str, Any]) -> Policy:
    """Read a policy from its JSON.

    Raises
    ------
    ValueError
        That names the field.
    """
    fields = Fields.of("", raw)
    return Policy(
        meter=fields.text("meter"),
        tariffs=parse_tariffs(fields),
        subscribed_kw=fields.number("subscribed_kw", 0.1, 50_000),
        export_kw=fields.number("export_kw", 0, 50_000, 0),
        sell_eur_per_kwh=fields.number("sell_eur_per_kwh", 0, 10, 0),
        peak_eur_per_kw=fields.number("peak_eur_per_kw", 0, 100, 0),
        peak_free_kw=fields.number("peak_free_kw", 0, 50_000, 0),
        switch_eur_per_kw=fields.number("switch_eur_per_kw", 0, 1, 0.0005),
        battery=parse_battery(Fields.of("battery", raw["battery"])) if raw.get("battery") else None,
        hot_water=parse_hot_water(Fields.of("hot_water", raw["hot_water"])) if raw.get("hot_water") else None,
        sessions=tuple(
            parse_session(Fields.of(f"sessions.{place}", session))
            for place, session in enumerate(fields.items("sessions", _SESSIONS_MAX))
        ),
        zone=parse_zone(Fields.of("zone", raw["zone"])) if raw.get("zone") else None,
        shed=_parse_shed(Fields.of("shed", raw["shed"])) if raw.get("shed") else None,
        answer_hours=fields.number("answer_hours", 0.25, 24, 1),
    )


def _parse_shed(fields: Fields) -> ShedEvent:
    power_kw = fields.number("power_kw", 0.1, 50_000)
    if "weekdays" in fields.values:
        span = WeeklySpan(fields.weekdays("weekdays"), fields.minute("start"), fields.minute("end"))
        if not 0 < span.end_minute - span.start_minute <= _SHED_HOURS_MAX * 60:
            raise ValueError(f"shed.end: an event lasts up to {_SHED_HOURS_MAX} hours, on one day")
        return ShedEvent(span, power_kw)
    start, end = fields.instant("start"), fields.instant("end")
    hours = (end - start).total_seconds() / 3600
    if not 0 < hours <= _SHED_HOURS_MAX:
        raise ValueError(f"shed.end: an event lasts up to {_SHED_HOURS_MAX} hours")
    return ShedEvent(Window(start, end), power_kw)


def policy_json(policy: Policy) -> dict[str, Any]:
    """Return a policy as `parse_policy` reads it."""
    return {
        "meter": policy.meter,
        "tariff": tariffs_json(policy.tariffs),
        **{
            name: getattr(policy, name)
            for name in (
                "subscribed_kw",
                "export_kw",
                "sell_eur_per_kwh",
                "peak_eur_per_kw",
                "peak_free_kw",
                "switch_eur_per_kw",
                "answer_hours",
            )
        },
        "battery": asset_json(policy.battery) if policy.battery else None,
        "hot_water": asset_json(policy.hot_water) if policy.hot_water else None,
        "sessions": [asset_json(session) for session in policy.sessions],
        "zone": asset_json(policy.zone) if policy.zone else None,
        "shed": _shed_json(policy.shed) if policy.shed else None,
    }


def _shed_json(shed: ShedEvent) -> dict[str, Any]:
    when = shed.when
    if isinstance(when, Window):
        return {
            "start": format_instant(when.start),
            "end": format_instant(when.end),
            "power_kw": shed.power_kw,
        }
    start, end = clock_text(when.start_minute), clock_text(when.end_minute)
    return {"weekdays": sorted(when.weekdays), "start": start, "end": end, "power_kw": shed.power_kw}
