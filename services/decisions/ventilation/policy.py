"""What a person sets for the rooms of a site: limits, hours, equipment."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, dataclass
from itertools import pairwise
from typing import Any, TypeVar

from services.decisions.ventilation.zone import Zone

T = TypeVar("T", "Room", "VentilationPolicy")

ROOMS_MAX = 400
LEVELS_MAX = 8
LIMIT_PRESETS_PPM = (800.0, 1000.0, 1500.0)
"""800 calls for action and 1500 for prompt action (arrêté of 27 December 2022, article 4); 1000 is the default."""


@dataclass(frozen=True, slots=True)
class Room:
    """A room, its CO2 sensor and what can bring it air.

    Parameters
    ----------
    code
        Names it in actions, unique in its site.
    sensor
        ``external_id`` of its CO2 sensor.
    people_max
        How many it is declared for: the design flow follows from it.
    breath_ml_s
        CO2 that each of them breathes out, mL/s: 3.35 for a child of 6-11 years, 5.3 for an adult, both at 1.4 met
        (Persily & de Jonge 2017, doi 10.1111/ina.12383).
    leak_m3_h
        Flow through leaks, always there.
    levels_m3_h
        Levels of its fan, rising from 0; ``(0,)`` without one.
    usual_m3_h
        The level at which the fan runs in open hours when nobody plans: never less is proposed then.
    airing_m3_h
        Flow through its open windows; 0 where they do not open.
    heat_recovery_ratio
        Share of the heat of the fan's air that is kept, 0 to 0.95.
    limit_ppm
        CO2 that must not be passed while people are in it.
    """

    code: str
    name: str
    sensor: str
    volume_m3: float
    people_max: int
    leak_m3_h: float
    breath_ml_s: float = 3.35
    levels_m3_h: tuple[float, ...] = (0.0,)
    usual_m3_h: float = 0.0
    airing_m3_h: float = 0.0
    heat_recovery_ratio: float = 0.0
    limit_ppm: float = 1000.0

    def __post_init__(self) -> None:
        _named(self, "code", "name", "sensor")
        _bounded(self, "volume_m3", 5, 100_000)
        _bounded(self, "people_max", 1, 5_000)
        _bounded(self, "leak_m3_h", 0.1, 100_000)
        _bounded(self, "breath_ml_s", 1, 20)
        _bounded(self, "airing_m3_h", 0, 500_000)
        _bounded(self, "heat_recovery_ratio", 0, 0.95)
        _bounded(self, "limit_ppm", 600, 5_000)
        rising = all(low < high for low, high in pairwise(self.levels_m3_h))
        if not 1 <= len(self.levels_m3_h) <= LEVELS_MAX or self.levels_m3_h[0] != 0 or not rising:
            raise ValueError(f"levels_m3_h of {self.code}: 1 to {LEVELS_MAX} levels that rise from 0")
        if self.usual_m3_h not in self.levels_m3_h:
            raise ValueError(f"usual_m3_h of {self.code}: {self.usual_m3_h:g} is none of its levels")

    @property
    def full_source_m3_s(self) -> float:
        """What the declared number of people breathes out, m3/s of CO2."""
        return self.people_max * self.breath_ml_s * 1e-6

    def zone(self, outdoor_ppm: float) -> Zone:
        """Return its air."""
        return Zone(self.volume_m3, outdoor_ppm)

    def design_m3_h(self, outdoor_ppm: float) -> float:
        """Return the flow that holds the limit for ever with everybody in: ``1e6 G / (limit - C_out)``, m3/h."""
        return 1e6 * self.full_source_m3_s / (self.limit_ppm - outdoor_ppm) * 3600


@dataclass(frozen=True, slots=True)
class VentilationPolicy:
    """What a person sets for a site.

    Parameters
    ----------
    opens_h, closes_h
        Local hours between which people may be in and the usual ventilation runs.
    open_weekdays
        0 for Monday.
    keeps_school_holidays
        Whether it closes in the school holidays of zone C; on public holidays all close.
    station
        ``external_id`` of the outdoor station whose air counts, "" for none.
    """

    rooms: tuple[Room, ...]
    opens_h: float
    closes_h: float
    open_weekdays: tuple[int, ...]
    keeps_school_holidays: bool = False
    outdoor_ppm: float = 425.0
    indoor_c: float = 20.0
    station: str = ""

    def __post_init__(self) -> None:
        _bounded(self, "opens_h", 0, 24)
        _bounded(self, "closes_h", 0, 24)
        _bounded(self, "outdoor_ppm", 350, 550)
        _bounded(self, "indoor_c", 10, 30)
        if self.opens_h >= self.closes_h:
            raise ValueError("closes_h: not after opens_h")
        if not set(self.open_weekdays) <= set(range(7)):
            raise ValueError("open_weekdays: 0 for Monday to 6 for Sunday")
        if not 1 <= len(self.rooms) <= ROOMS_MAX:
            raise ValueError(f"rooms: {len(self.rooms)}, 1 to {ROOMS_MAX} are allowed")
        if len({room.code for room in self.rooms}) != len(self.rooms):
            raise ValueError("rooms: two have the same code")


def parse_policy(body: Mapping[str, Any]) -> VentilationPolicy:
    """Turn a subject's JSON policy into a policy; fields that are absent take their defaults.

    Raises
    ------
    ValueError
        That names the field that is missing, unknown or out of its bounds.
    """
    rows = body.get("rooms")
    if not isinstance(rows, list | tuple):
        raise ValueError("rooms: a list is expected")  # noqa: TRY004 # the promise of parse_policy is one error
    rooms = tuple(_built(Room, {**row, "levels_m3_h": tuple(row.get("levels_m3_h", (0.0,)))}) for row in rows)
    weekdays = tuple(body.get("open_weekdays", range(7)))
    return _built(VentilationPolicy, {**body, "rooms": rooms, "open_weekdays": weekdays})


def policy_json(policy: VentilationPolicy) -> dict[str, Any]:
    """Return the policy as JSON: `parse_policy` gives it back."""
    return asdict(policy)


def _built(kind: type[T], values: Mapping[str, Any]) -> T:
    known = set(kind.__dataclass_fields__)
    if unknown := sorted(set(values) - known):
        raise ValueError(f"{unknown[0]}: no such field")
    try:
        return kind(**values)
    except TypeError as error:
        raise ValueError(str(error).removeprefix(f"{kind.__name__}.__init__() ")) from None


def _bounded(holder: object, name: str, low: float, high: float) -> None:
    value = getattr(holder, name)
    if isinstance(value, bool) or not isinstance(value, int | float) or not low <= value <= high:
        raise ValueError(f"{name}: {value!r} is not between {low:g} and {high:g}")


def _named(holder: object, *names: str) -> None:
    for name in names:
        value = getattr(holder, name)
        if not isinstance(value, str) or not 1 <= len(value) <= 200:
            raise ValueError(f"{name}: {value!r} is no name")
