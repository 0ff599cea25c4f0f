"""Validation: what a decoded reading must satisfy to be stored. Pure."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta

from core.clock import EPOCH
from core.places import Sensor
from core.readings import Reason
from ingestors.decoders.frame import Decoded, Observation, Refusal
from ingestors.topics import Address

OLDEST = EPOCH
"""Readings observed before 2000 are clocks that were never set."""


@dataclass(frozen=True, slots=True)
class Limits:
    """Bounds on what comes in.

    Parameters
    ----------
    payload_bytes_max
        Larger payloads are refused.
    kept_bytes_max
        How much of a refused payload is kept.
    future_max
        How far ahead of the reception a reading may be observed.
    """

    payload_bytes_max: int
    kept_bytes_max: int
    future_max: timedelta


def refuse_reading(observation: Observation, received_at: datetime, limits: Limits) -> Refusal | None:
    """Return why this one reading cannot be stored, or None."""
    metric = observation.metric
    if not metric.admits(observation.value):
        return Refusal(
            Reason.OUT_OF_BOUNDS,
            f"{metric.name} {observation.value:g} is outside {metric.low:g} to {metric.high:g} {metric.unit}".rstrip(),
        )
    if observation.observed_at < OLDEST:
        return Refusal(Reason.TOO_OLD, f"{metric.name} observed at {observation.observed_at.isoformat()}")
    if observation.observed_at > received_at + limits.future_max:
        return Refusal(Reason.IN_FUTURE, f"{metric.name} observed at {observation.observed_at.isoformat()}")
    return None


def refuse_sender(address: Address, decoded: Decoded) -> Refusal | None:
    """Return why a payload does not belong to its topic, or None."""
    if decoded.sender is not None and decoded.sender != address.external_id:
        return Refusal(Reason.WRONG_TOPIC, f"the payload is of {decoded.sender}, the topic of {address.external_id}")
    return None


def refuse_place(address: Address, sensor: Sensor) -> Refusal | None:
    """Return how a native topic contradicts the adopted sensor, or None."""
    if address.commune_insee is not None and address.commune_insee != sensor.site.commune_insee:
        return Refusal(
            Reason.WRONG_TOPIC, f"the topic says commune {address.commune_insee}, not {sensor.site.commune_insee}"
        )
    if address.kind is not None and address.kind is not sensor.kind:
        return Refusal(Reason.WRONG_TOPIC, f"the topic says kind {address.kind}, not {sensor.kind}")
    return None
