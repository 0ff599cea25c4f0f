"""What is known of a fleet's bins at an instant: last level, fan of the forecast, recent inflow."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from core.clock import format_instant, parse_instant

MOVED_UP = 0.15
MOVED_DOWN = 0.30


@dataclass(frozen=True, slots=True)
class Fan:
    """The forecast of a bin's level by a model.

    Parameters
    ----------
    valid_at
        Start of each step, in order.
    quantiles
        Per step, one value per level of `core.forecasts.QUANTILES`.
    """

    issued_at: datetime
    step: timedelta
    valid_at: tuple[datetime, ...]
    quantiles: tuple[tuple[float, ...], ...]


@dataclass(frozen=True, slots=True)
class Inflow:
    """What recent weeks threw in: mean (ratio of the bin per hour) and variance that grows with the hours."""

    ratio_per_h: float
    variance_per_h: float


@dataclass(frozen=True, slots=True)
class BinState:
    """What is known of one bin.

    Parameters
    ----------
    sensor
        External id of its sensor.
    longitude, latitude
        Of its site, None where nobody said.
    level, observed_at
        The newest reading known, None when there is none in recent weeks.
    fan
        A forecast by a model, None when there is none.
    fallback
        Why there is no fan to be used: the word of the naive forecast that stands in, or ``no_forecast``.
    inflow
        None when too little is known of recent weeks.
    """

    sensor: str
    name: str
    longitude: float | None = None
    latitude: float | None = None
    series_id: int | None = None
    level: float | None = None
    observed_at: datetime | None = None
    fan: Fan | None = None
    fallback: str | None = None
    inflow: Inflow | None = None


@dataclass(frozen=True, slots=True)
class RoundSituation:
    """What was known at ``at`` of every bin of the policy, in the policy's order; nothing known later is in it.

    Parameters
    ----------
    subject, commune_insee
        Whose bins.
    """

    subject: str
    commune_insee: str
    at: datetime
    bins: tuple[BinState, ...]

    def __post_init__(self) -> None:
        for state in self.bins:
            if state.observed_at is not None and state.observed_at > self.at:
                raise ValueError(f"{state.sensor} was read after the situation's instant")
            if state.fan is not None and state.fan.issued_at > self.at:
                raise ValueError(f"the forecast of {state.sensor} was issued after the situation's instant")


def changed(before: RoundSituation, after: RoundSituation) -> bool:
    """Whether a bin was emptied, rose by more than expected within the hour, or fell silent or came back."""
    known = {state.sensor: state for state in before.bins}
    return any(_moved(known.get(state.sensor), state) for state in after.bins)


def _moved(before: BinState | None, after: BinState) -> bool:
    if before is None or before.level is None or after.level is None:
        return before is None or (before.level is None) != (after.level is None)
    return after.level - before.level > MOVED_UP or before.level - after.level > MOVED_DOWN


def situation_json(situation: RoundSituation) -> dict[str, Any]:
    """Turn a situation into JSON."""
    return {
        "subject": situation.subject,
        "commune_insee": situation.commune_insee,
        "at": format_instant(situation.at),
        "bins": [_bin_json(state) for state in situation.bins],
    }


def parse_situation(body: dict[str, Any]) -> RoundSituation:
    """Turn the JSON of `situation_json` back into a situation."""
    bins = tuple(_bin(state) for state in body["bins"])
    return RoundSituation(body["subject"], body["commune_insee"], parse_instant(body["at"]), bins)


def _bin_json(state: BinState) -> dict[str, Any]:
    return {
        "sensor": state.sensor,
        "name": state.name,
        "longitude": state.longitude,
        "latitude": state.latitude,
        "series_id": state.series_id,
        "level": state.level,
        "observed_at": format_instant(state.observed_at) if state.observed_at else None,
        "fan": _fan_json(state.fan) if state.fan else None,
        "fallback": state.fallback,
        "inflow": [state.inflow.ratio_per_h, state.inflow.variance_per_h] if state.inflow else None,
    }


def _bin(body: dict[str, Any]) -> BinState:
    return BinState(
        **{
            **body,
            "observed_at": parse_instant(body["observed_at"]) if body["observed_at"] else None,
            "fan": _fan(body["fan"]) if body["fan"] else None,
            "inflow": Inflow(*body["inflow"]) if body["inflow"] else None,
        }
    )


def _fan_json(fan: Fan) -> dict[str, Any]:
    return {
        "issued_at": format_instant(fan.issued_at),
        "step_s": int(fan.step.total_seconds()),
        "start": format_instant(fan.valid_at[0]),
        "quantiles": [list(step) for step in fan.quantiles],
    }


def _fan(body: dict[str, Any]) -> Fan:
    step, start = timedelta(seconds=body["step_s"]), parse_instant(body["start"])
    return Fan(
        parse_instant(body["issued_at"]),
        step,
        tuple(start + number * step for number in range(len(body["quantiles"]))),
        tuple(tuple(quantiles) for quantiles in body["quantiles"]),
    )
