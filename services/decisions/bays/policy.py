"""What a person sets for a commune's delivery bays: their places, their rules, and when to say free or full."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, dataclass, fields
from typing import Any, TypeVar

BAYS_MAX = 2_000
PLACES_MAX = 12

T = TypeVar("T", "Bay", "BayPolicy")


@dataclass(frozen=True, slots=True)
class Bay:
    """A delivery bay and its rule.

    Parameters
    ----------
    code
        Unique among the commune's bays.
    sensors
        External ids of its sensors, one for each place.
    max_stay_min
        Longest stay that the rule allows, in minutes, [5, 240].
    regulated_from_hour, regulated_until_hour
        Local hours between which the rule holds, ``0 <= from < until <= 24``.
    regulated_days, market_days
        ISO weekdays, 1 for Monday: on which the rule holds; on which a market stands there, so that it does not.
    """

    code: str
    name: str
    sensors: tuple[str, ...]
    max_stay_min: int = 30
    regulated_from_hour: float = 7.0
    regulated_until_hour: float = 20.0
    regulated_days: tuple[int, ...] = (1, 2, 3, 4, 5, 6)
    market_days: tuple[int, ...] = ()

    def __post_init__(self) -> None:
        _hold(bool(self.code), "code", "is empty")
        _hold(bool(self.name), "name", "is empty")
        _hold(1 <= len(self.sensors) <= PLACES_MAX, "sensors", f"must name 1 to {PLACES_MAX} sensors, one a place")
        _hold(5 <= self.max_stay_min <= 240, "max_stay_min", "must be 5 to 240")
        _hold(
            0 <= self.regulated_from_hour < self.regulated_until_hour <= 24,
            "regulated_from_hour",
            "must come before regulated_until_hour, both in 0 to 24",
        )
        for field in ("regulated_days", "market_days"):
            days: tuple[int, ...] = getattr(self, field)
            _hold(all(1 <= day <= 7 for day in days) and len(set(days)) == len(days), field, "must be days of 1 to 7")

    @property
    def places(self) -> int:
        """How many vehicles it takes."""
        return len(self.sensors)


@dataclass(frozen=True, slots=True)
class BayPolicy:
    """A commune's bays, and how sure Vigie must be before it says something of them.

    Parameters
    ----------
    history_days
        Days of stays to learn from, [8, 120].
    heartbeat_s
        How often a sensor repeats its state, [30, 3600]; after three without news the bay is unknown.
    say_free_ratio, say_full_ratio
        A bay is said free from this probability of a place on, full up to that one; between them nothing is said.
    look_ratio
        Share of overstays from which on a bay's rule deserves a look.
    followers_ratio
        Share of drivers who are assumed to follow a shorter rule, of those who kept the present one.
    """

    bays: tuple[Bay, ...]
    history_days: int = 56
    heartbeat_s: int = 300
    say_free_ratio: float = 0.7
    say_full_ratio: float = 0.3
    look_ratio: float = 0.2
    followers_ratio: float = 0.5

    def __post_init__(self) -> None:
        _hold(len(self.bays) <= BAYS_MAX, "bays", f"must be {BAYS_MAX} at most")
        _hold(len({bay.code for bay in self.bays}) == len(self.bays), "bays", "must have a code each")
        named = [sensor for bay in self.bays for sensor in bay.sensors]
        _hold(len(set(named)) == len(named), "bays", "must not share a sensor")
        _hold(8 <= self.history_days <= 120, "history_days", "must be 8 to 120")
        _hold(30 <= self.heartbeat_s <= 3600, "heartbeat_s", "must be 30 to 3600")
        _hold(0.5 <= self.say_free_ratio < 1, "say_free_ratio", "must be in [0.5, 1)")
        _hold(0 < self.say_full_ratio <= 0.5, "say_full_ratio", "must be in (0, 0.5]")
        _hold(self.say_full_ratio < self.say_free_ratio, "say_full_ratio", "must be under say_free_ratio")
        _hold(0 < self.look_ratio < 1, "look_ratio", "must be in (0, 1)")
        _hold(0 <= self.followers_ratio <= 1, "followers_ratio", "must be in [0, 1]")

    @property
    def silence_s(self) -> int:
        """After so long without a reading, a place's state is no longer known."""
        return 3 * self.heartbeat_s


def parse_policy(given: Mapping[str, Any]) -> BayPolicy:
    """Turn a subject's JSON into the policy.

    Raises
    ------
    ValueError
        If a field is unknown, missing or out of its bounds; the message names it.
    """
    rows = given.get("bays")
    if not isinstance(rows, list):
        raise ValueError("bays: must be a list")  # noqa: TRY004 # one error for every wrong policy
    bays = tuple(_parse_bay(row, f"bays[{place}]") for place, row in enumerate(rows))
    return _parsed(BayPolicy, {**given, "bays": bays}, "policy")


def policy_json(policy: BayPolicy) -> dict[str, Any]:
    """Return the policy as JSON: what `parse_policy` takes."""
    return asdict(policy)


def _parse_bay(row: Any, where: str) -> Bay:
    if not isinstance(row, Mapping):
        raise ValueError(f"{where}: must be an object")  # noqa: TRY004 # one error for every wrong policy
    lists = {name: tuple(value) for name, value in row.items() if isinstance(value, list | tuple)}
    return _parsed(Bay, {**row, **lists}, where)


def _parsed(kind: type[T], given: Mapping[str, Any], where: str) -> T:
    unknown = sorted(set(given) - {one.name for one in fields(kind)})
    if unknown:
        raise ValueError(f"{where}.{unknown[0]}: is not a field")
    try:
        return kind(**given)
    except (TypeError, ValueError) as error:
        raise ValueError(f"{where}.{error}") from None


def _hold(holds: bool, field: str, must: str) -> None:  # noqa: FBT001 # a condition and what it says
    if not holds:
        raise ValueError(f"{field}: {must}")
