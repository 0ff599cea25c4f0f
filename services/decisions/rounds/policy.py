"""What a commune sets for its collection rounds: bins, trucks, garage, unloading site, calendar, and their bounds."""

from __future__ import annotations

import re
from dataclasses import asdict, dataclass
from datetime import date, datetime, timedelta
from typing import Any

from core.clock import PARIS, Window, in_utc

BINS_MAX = 2_000
TRUCKS_MAX = 12
_CLOCK = re.compile(r"(\d{2}):(\d{2})")


@dataclass(frozen=True, slots=True)
class LocalHours:
    """Hours of a local day, ``"HH:MM"`` in Europe/Paris; an end at or before the start is of the next day.

    ``00:00`` to ``24:00`` is the whole day.
    """

    start: str
    end: str

    def __post_init__(self) -> None:
        if _minutes(self.start) >= 1440:
            raise ValueError(f"hours start at {self.start}: the last minute of a day is 23:59")
        _minutes(self.end)

    def on(self, day: date) -> Window:
        """Return these hours of a local date, in UTC."""
        start, end = _minutes(self.start), _minutes(self.end)
        return Window(_instant(day, start), _instant(day, end if end > start else end + 1440))


@dataclass(frozen=True, slots=True)
class Container:
    """A bin that may be collected.

    Parameters
    ----------
    sensor
        External id of its level sensor; the bin stands where the sensor's site is.
    litres
        Its volume, 10 to 10,000 L.
    kg_per_litre
        Density of what is in it, as it lies there, 0.005 to 1.5.
    service_s
        Time at the stop, 0 to 3,600 s.
    overflow_cost_eur
        What one overflow costs the commune (cleaning, nuisance), 0 to 10,000 EUR: the weight against kilometres.
    """

    sensor: str
    litres: float
    kg_per_litre: float
    service_s: int
    overflow_cost_eur: float

    def __post_init__(self) -> None:
        _within(f"bin {self.sensor}: litres", self.litres, 10, 10_000)
        _within(f"bin {self.sensor}: kg_per_litre", self.kg_per_litre, 0.005, 1.5)
        _within(f"bin {self.sensor}: service_s", self.service_s, 0, 3_600)
        _within(f"bin {self.sensor}: overflow_cost_eur", self.overflow_cost_eur, 0, 10_000)


@dataclass(frozen=True, slots=True)
class Truck:
    """A truck that may go out.

    Parameters
    ----------
    capacity_l, capacity_kg
        Volume of its body and payload.
    compaction
        Litres of bin content that fit into one litre of its body, 1 to 8.
    shift
        When it may be out, from leaving the garage to being back.
    cost_per_km_eur, cost_per_h_eur, fixed_cost_eur
        Driving, crew, and going out at all.
    """

    code: str
    name: str
    capacity_l: float
    capacity_kg: float
    compaction: float
    shift: LocalHours
    cost_per_km_eur: float
    cost_per_h_eur: float
    fixed_cost_eur: float = 0.0

    def __post_init__(self) -> None:
        _within(f"truck {self.code}: capacity_l", self.capacity_l, 50, 60_000)
        _within(f"truck {self.code}: capacity_kg", self.capacity_kg, 20, 26_000)
        _within(f"truck {self.code}: compaction", self.compaction, 1, 8)
        _within(f"truck {self.code}: cost_per_km_eur", self.cost_per_km_eur, 0, 50)
        _within(f"truck {self.code}: cost_per_h_eur", self.cost_per_h_eur, 0, 500)
        _within(f"truck {self.code}: fixed_cost_eur", self.fixed_cost_eur, 0, 5_000)


@dataclass(frozen=True, slots=True)
class Spot:
    """A named point: the garage, the unloading site. Degrees, WGS 84."""

    name: str
    longitude: float
    latitude: float

    def __post_init__(self) -> None:
        _within(f"{self.name}: longitude", self.longitude, -180, 180)
        _within(f"{self.name}: latitude", self.latitude, -90, 90)


@dataclass(frozen=True, slots=True)
class UnloadingSite:
    """Where trucks are emptied, in its opening hours; each emptying takes ``service_s``."""

    spot: Spot
    opening: LocalHours
    service_s: int

    def __post_init__(self) -> None:
        _within("unloading service_s", self.service_s, 0, 7_200)


@dataclass(frozen=True, slots=True)
class FixedDay:
    """What the calendar collects: these bins on these weekdays (0 for Monday)."""

    weekdays: tuple[int, ...]
    sensors: tuple[str, ...]

    def __post_init__(self) -> None:
        if not all(0 <= weekday <= 6 for weekday in self.weekdays):
            raise ValueError(f"fixed_days: weekdays {self.weekdays} must be 0 (Monday) to 6")


@dataclass(frozen=True, slots=True)
class RoundPolicy:
    """What a commune sets for one fleet.

    Parameters
    ----------
    full_ratio
        Level from which a bin counts as full, 0.5 to 1.
    opportunity_h
        Hours from one round to the next that could collect a bin left out, 6 to 168.
    notice_min
        Minutes that a person gets at least to answer before the round starts, 0 to 1,440.
    threshold_ratio
        The rule of thumb it is compared with: collect all bins at this level.
    fixed_days
        The commune's calendar, which it is compared with and which stands in for bins nothing is known of.
    """

    bins: tuple[Container, ...]
    trucks: tuple[Truck, ...]
    garage: Spot
    unloading: UnloadingSite
    full_ratio: float = 0.95
    opportunity_h: float = 24.0
    notice_min: float = 30.0
    threshold_ratio: float = 0.7
    fixed_days: tuple[FixedDay, ...] = ()

    def __post_init__(self) -> None:
        _within("number of bins", len(self.bins), 0, BINS_MAX)
        _within("number of trucks", len(self.trucks), 0, TRUCKS_MAX)
        _within("full_ratio", self.full_ratio, 0.5, 1)
        _within("opportunity_h", self.opportunity_h, 6, 168)
        _within("notice_min", self.notice_min, 0, 1_440)
        _within("threshold_ratio", self.threshold_ratio, 0, 1)
        sensors = [container.sensor for container in self.bins]
        for what, names in (("bins", sensors), ("trucks", [truck.code for truck in self.trucks])):
            if twice := {name for name in names if names.count(name) > 1} if len(set(names)) < len(names) else set():
                raise ValueError(f"{what}: {', '.join(sorted(twice))} given twice")
        if strangers := {sensor for fixed in self.fixed_days for sensor in fixed.sensors} - set(sensors):
            raise ValueError(f"fixed_days: {', '.join(sorted(strangers))} is no bin of this policy")

    def fixed_sensors(self, day: date) -> frozenset[str]:
        """Return the bins that the calendar collects on a local date."""
        return frozenset(
            sensor for fixed in self.fixed_days if day.weekday() in fixed.weekdays for sensor in fixed.sensors
        )


def parse_policy(policy: dict[str, Any]) -> RoundPolicy:
    """Turn a subject's JSON into a policy.

    Raises
    ------
    ValueError
        If a field is missing, unknown or out of its bounds; the message names it.
    """
    fields = dict(policy)
    try:
        return RoundPolicy(
            bins=tuple(Container(**container) for container in fields.pop("bins")),
            trucks=tuple(_truck(truck) for truck in fields.pop("trucks")),
            garage=Spot(**fields.pop("garage")),
            unloading=_unloading(fields.pop("unloading")),
            fixed_days=tuple(
                FixedDay(tuple(fixed["weekdays"]), tuple(fixed["sensors"])) for fixed in fields.pop("fixed_days", ())
            ),
            **fields,
        )
    except KeyError as error:
        raise ValueError(f"the policy of a round has no {error}") from error
    except TypeError as error:
        raise ValueError(f"the policy of a round: {error}") from error


def policy_json(policy: RoundPolicy) -> dict[str, Any]:
    """Turn a policy into the JSON that `parse_policy` reads."""
    return asdict(policy, dict_factory=_plain)


def _plain(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    return {name: list(value) if isinstance(value, tuple) else value for name, value in pairs}


def _truck(truck: dict[str, Any]) -> Truck:
    return Truck(**{**truck, "shift": LocalHours(**truck["shift"])})


def _unloading(site: dict[str, Any]) -> UnloadingSite:
    return UnloadingSite(Spot(**site["spot"]), LocalHours(**site["opening"]), site["service_s"])


def _minutes(clock: str) -> int:
    found = _CLOCK.fullmatch(clock)
    minutes = int(found[1]) * 60 + int(found[2]) if found and int(found[2]) < 60 else 1441
    if minutes > 1440:
        raise ValueError(f"{clock!r} is no hour from 00:00 to 24:00")
    return minutes


def _instant(day: date, minutes: int) -> datetime:
    days, rest = divmod(minutes, 1440)
    local = datetime(day.year, day.month, day.day, rest // 60, rest % 60, tzinfo=PARIS) + timedelta(days=days)
    return in_utc(local)


def _within(name: str, value: float, low: float, high: float) -> None:
    if not low <= value <= high:
        raise ValueError(f"{name} is {value:g}, it must be {low:g} to {high:g}")
