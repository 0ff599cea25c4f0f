"""The day to plan, step by step: what the policy and the situation come to in numbers per quarter of an hour."""

from __future__ import annotations

import math
from dataclasses import dataclass
from datetime import datetime

from core.clock import Window
from services.decisions.load_shifting.assets import STEP, STEP_H, STEPS, CarSession
from services.decisions.load_shifting.policy import Policy
from services.decisions.load_shifting.situation import Situation
from services.decisions.load_shifting.tariff import Price, price_at

Steps = tuple[float, ...]


@dataclass(frozen=True, slots=True)
class Stay:
    """One stay of a car, cut to the day.

    Parameters
    ----------
    first, last
        Its steps, ``[first, last)``; whole quarters only.
    energy_kwh
        What is to be charged; of a car that is already there, no more than the time left allows.
    due_kwh
        What must be charged within the day: all of it, less what can still be charged after the day's end.
    """

    session: CarSession
    arrival: datetime
    departure: datetime
    first: int
    last: int
    energy_kwh: float
    due_kwh: float


@dataclass(frozen=True, slots=True)
class Day:
    """The 96 steps of a building's day.

    Parameters
    ----------
    cap_kw
        Hard limit per step of base load at p90 and assets: the subscribed power or, where the base load's p90 is
        above it already, that p90: assets then add nothing.
    export_cap_kw, sell_eur_per_kwh
        Per step; selling never pays more than buying costs, so that nothing is bought to be sold at once.
    stock_eur_per_kwh
        What is missing at the day's end in a battery, a tank, a zone or a car is paid at this price: a little more
        than the day's dearest, so that emptying them is no saving.
    zone_start_c
        Temperature of the zone at the start; None where the zone is not planned.
    bands
        Low and high wanted at the end of each step, None where nothing is.
    shed_steps
        Steps of the shed event.
    """

    start: datetime
    base_p10_kw: Steps
    base_kw: Steps
    base_p90_kw: Steps
    prices: tuple[Price, ...]
    cap_kw: Steps
    export_cap_kw: Steps
    sell_eur_per_kwh: Steps
    stock_eur_per_kwh: float
    stays: tuple[Stay, ...]
    outdoor_c: Steps
    zone_start_c: float | None
    bands: tuple[tuple[float, float] | None, ...]
    shed_steps: tuple[int, ...]

    def at(self, place: int) -> datetime:
        """Return the start of a step."""
        return self.start + place * STEP

    @property
    def price_eur_per_kwh(self) -> Steps:
        """What a kilowatt-hour costs in each step."""
        return tuple(price.eur_per_kwh for price in self.prices)


def day_of(situation: Situation, policy: Policy) -> Day:
    """Return the day to plan. The situation must have a load forecast."""
    low, middle, high = zip(*situation.load_kw, strict=True)
    prices = tuple(price_at(policy.tariffs, situation.at(place)) for place in range(STEPS))
    zone_start, bands = _zone(situation, policy)
    return Day(
        start=situation.start,
        base_p10_kw=low,
        base_kw=middle,
        base_p90_kw=high,
        prices=prices,
        cap_kw=tuple(max(policy.subscribed_kw, load) for load in high),
        export_cap_kw=tuple(max(policy.export_kw, -load) for load in middle),
        sell_eur_per_kwh=tuple(min(policy.sell_eur_per_kwh, price.eur_per_kwh) for price in prices),
        stock_eur_per_kwh=max(0.0, *(price.eur_per_kwh for price in prices)) + 0.001,
        stays=tuple(
            stay
            for session in policy.sessions
            for times in session.span.windows(situation.start)
            if (stay := _stay(session, times, situation)).first < stay.last
        ),
        outdoor_c=situation.outdoor_c,
        zone_start_c=zone_start,
        bands=bands,
        shed_steps=_shed_steps(situation, policy),
    )


def _stay(session: CarSession, times: Window, situation: Situation) -> Stay:
    arrival, departure = times.start, times.end
    first = max(0, math.ceil((arrival - situation.start) / STEP))
    steps_until = math.floor((departure - situation.start) / STEP)
    last = min(STEPS, steps_until)
    energy = session.energy_kwh
    if arrival < situation.start:
        # How much it has charged is not read: all of it is still needed, as far as the time left allows.
        energy = min(energy, session.power_kw * STEP_H * steps_until)
    later = session.power_kw * STEP_H * (steps_until - last)
    return Stay(session, arrival, departure, first, last, energy, max(0.0, energy - later))


def _zone(situation: Situation, policy: Policy) -> tuple[float | None, tuple[tuple[float, float] | None, ...]]:
    nothing: tuple[tuple[float, float] | None, ...] = (None,) * STEPS
    zone = policy.zone
    if zone is None or not situation.outdoor_c:
        return None, nothing
    bands = [zone.band_at(situation.at(place + 1)) for place in range(STEPS)]
    now = zone.band_at(situation.start)
    start = situation.indoor_c if situation.indoor_c is not None else (now.low_c if now else zone.floor_c)
    return start, tuple((band.low_c, band.high_c) if band else None for band in bands)


def _shed_steps(situation: Situation, policy: Policy) -> tuple[int, ...]:
    event = policy.shed.next_window(situation.start) if policy.shed else None
    if event is None or event.end > situation.window.end:
        return ()
    return tuple(
        place for place in range(STEPS) if situation.at(place) < event.end and situation.at(place + 1) > event.start
    )
