"""What a kilowatt-hour costs and when: dated tariffs in local hours, with peak and off-peak hours and Tempo colours.

A Tempo day runs from 06:00 to 06:00 local time (RTE): before six, the colour is that of the day before.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import date, datetime, timedelta
from enum import StrEnum
from typing import Any

from core.clock import PARIS
from services.decisions.load_shifting.fields import DAY_MINUTES, Fields, clock_text, parse_day, parse_minute

_TEMPO_DAY_STARTS = timedelta(hours=6)
_PRICE_MAX_EUR = 10.0


class Colour(StrEnum):
    """The colour of a Tempo day; every day of any other tariff is blue."""

    BLUE = "blue"
    WHITE = "white"
    RED = "red"


@dataclass(frozen=True, slots=True)
class Price:
    """What a kilowatt-hour costs during one step.

    Parameters
    ----------
    eur_per_kwh
        May be negative.
    hours
        ``peak`` (heures pleines) or ``off_peak`` (heures creuses).
    published
        Whether the day's colour was known; where it was not, blue stands in, the colour of 300 days of 365.
    """

    eur_per_kwh: float
    hours: str
    colour: Colour
    published: bool = True


@dataclass(frozen=True, slots=True)
class Tariff:
    """One version of a contract, in force from a day on until the next version.

    Parameters
    ----------
    off_peak_minutes
        Local spans ``[start, end)`` in minutes since midnight; one that ends before it starts runs over midnight.
    prices
        By colour, EUR/kWh in peak and in off-peak hours.
    days
        The Tempo days that are not blue.
    published_until
        Last day whose colour is known; None for a tariff without colours.
    """

    starts_on: date
    off_peak_minutes: tuple[tuple[int, int], ...]
    prices: Mapping[Colour, tuple[float, float]]
    days: Mapping[date, Colour] = field(default_factory=dict)
    published_until: date | None = None

    def price_at(self, instant: datetime) -> Price:
        """Return the price of the step that starts at this instant."""
        local = instant.astimezone(PARIS)
        # On the wall clock, so that the colour changes at 06:00 on days of 23 and 25 hours too.
        day = (local.replace(tzinfo=None) - _TEMPO_DAY_STARTS).date()
        colour = self.days.get(day, Colour.BLUE)
        minute = local.hour * 60 + local.minute
        off_peak = any(_within(minute, *span) for span in self.off_peak_minutes)
        known = self.published_until is None or day <= self.published_until
        return Price(self.prices[colour][off_peak], "off_peak" if off_peak else "peak", colour, known)


def _within(minute: int, start: int, end: int) -> bool:
    return start <= minute < end if start <= end else minute >= start or minute < end


def price_at(versions: tuple[Tariff, ...], instant: datetime) -> Price:
    """Return the price under the version in force on the local day; before the first, the first holds."""
    today = instant.astimezone(PARIS).date()
    in_force = [version for version in versions if version.starts_on <= today]
    return (in_force[-1] if in_force else versions[0]).price_at(instant)


def parse_tariffs(policy: Fields) -> tuple[Tariff, ...]:
    """Read the versions of a contract, oldest first.

    Raises
    ------
    ValueError
        That names the field.
    """
    versions = [_parse(Fields.of(f"tariff.{place}", item)) for place, item in enumerate(policy.items("tariff", 20))]
    if not versions:
        raise ValueError("tariff: at least one version is expected")
    starts = [version.starts_on for version in versions]
    if starts != sorted(set(starts)):
        raise ValueError("tariff: versions are expected oldest first, each with a day of its own")
    return tuple(versions)


def _parse(fields: Fields) -> Tariff:
    spans = []
    for place, span in enumerate(fields.items("off_peak", 6)):
        name = fields.name(f"off_peak.{place}")
        if not isinstance(span, list | tuple) or len(span) != 2:
            raise ValueError(f"{name}: a start and an end are expected")
        spans.append((parse_minute(span[0], name) % DAY_MINUTES, parse_minute(span[1], name)))
    prices = _parse_prices(fields)
    days = {
        parse_day(day, fields.name(colour)): colour
        for colour in (Colour.WHITE, Colour.RED)
        for day in fields.items(colour, 400)
    }
    missing = set(days.values()) - set(prices)
    if missing:
        raise ValueError(f"{fields.name('prices')}: {', '.join(sorted(missing))} is missing")
    until = fields.day("published_until") if fields.values.get("published_until") else None
    return Tariff(fields.day("starts_on"), tuple(spans), prices, days, until)


def _parse_prices(fields: Fields) -> dict[Colour, tuple[float, float]]:
    prices: dict[Colour, tuple[float, float]] = {}
    for colour, both in Fields.of(fields.name("prices"), fields.values.get("prices")).values.items():
        if colour not in set(Colour):
            raise ValueError(f"{fields.name('prices')}: {colour} is no colour")
        pair = Fields.of(fields.name(f"prices.{colour}"), both)
        peak, off_peak = (pair.number(name, -_PRICE_MAX_EUR, _PRICE_MAX_EUR) for name in ("peak", "off_peak"))
        prices[Colour(colour)] = peak, off_peak
    if Colour.BLUE not in prices:
        raise ValueError(f"{fields.name('prices')}: blue is missing; a tariff without colours has that one")
    return prices


def tariffs_json(versions: tuple[Tariff, ...]) -> list[dict[str, Any]]:
    """Return the versions as `parse_tariffs` reads them."""
    return [
        {
            "starts_on": version.starts_on.isoformat(),
            "off_peak": [[clock_text(start), clock_text(end)] for start, end in version.off_peak_minutes],
            "prices": {colour: {"peak": peak, "off_peak": off} for colour, (peak, off) in version.prices.items()},
            "white": [day.isoformat() for day, colour in version.days.items() if colour is Colour.WHITE],
            "red": [day.isoformat() for day, colour in version.days.items() if colour is Colour.RED],
            "published_until": version.published_until.isoformat() if version.published_until else None,
        }
        for version in versions
    ]
