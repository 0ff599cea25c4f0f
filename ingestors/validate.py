"""Validation: what a message must satisfy to be taken, and from when to when its sensor's readings count. Pure."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

from core.clock import EPOCH
from core.readings import Reason
from core.settings import IngestSettings
from ingestors.adopted import Known
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
        How much of a payload refused for its size is kept; all others are kept whole.
    future_max
        How far ahead of its reception a reading may be observed.
    skew_max
        A reading observed further ahead than this is flagged (``CLOCK``): its sensor's clock is wrong.
    past_max
        A live reading observed longer than this before its reception is refused: no sensor keeps them so long, a
        clock was never set. What is imported, back-filled or replayed may be as old as `OLDEST`.
    stale_max
        A live reading observed longer than this before its reception is flagged (``STALE``).
    raw_frames_kept
        How many of a sensor's last messages are kept as they came, the first ``kept_bytes_max`` bytes of each; 0: none.
    """

    payload_bytes_max: int
    kept_bytes_max: int
    future_max: timedelta
    skew_max: timedelta = timedelta(seconds=60)
    past_max: timedelta = timedelta(days=400)
    stale_max: timedelta = timedelta(hours=6)
    raw_frames_kept: int = 10

    @classmethod
    def of(cls, settings: IngestSettings) -> Limits:
        """Return the bounds that the settings of an ingest process say."""
        return cls(
            settings.payload_bytes_max,
            settings.kept_bytes_max,
            timedelta(seconds=settings.future_s_max),
            timedelta(seconds=settings.skew_s_max),
            timedelta(days=settings.past_days_max),
            timedelta(seconds=settings.stale_s_max),
            settings.raw_frames_kept,
        )


def refuse_sender(address: Address, decoded: Decoded) -> Refusal | None:
    """Return why a payload does not belong to its topic, or None."""
    if decoded.sender is not None and decoded.sender != address.external_id:
        return Refusal(Reason.WRONG_TOPIC, f"the payload is of {decoded.sender}, the topic of {address.external_id}")
    return None


def refuse_place(address: Address, known: Known) -> Refusal | None:
    """Return how a native topic contradicts the adopted sensor, or None."""
    if address.commune_insee is not None and address.commune_insee not in known.communes:
        allowed = " or ".join(sorted(known.communes))
        return Refusal(Reason.WRONG_TOPIC, f"the topic says commune {address.commune_insee}, not {allowed}")
    if address.kind is not None and address.kind is not known.sensor.kind:
        return Refusal(Reason.WRONG_TOPIC, f"the topic says kind {address.kind}, not {known.sensor.kind}")
    return None


def split_by_span(
    address: Address, known: Known, observations: Sequence[Observation]
) -> tuple[Sequence[Observation], list[Refusal]]:
    """Return the observations within the time that this device, in this place, counts; and why the others do not."""
    left_at = known.communes.get(address.commune_insee) if address.commune_insee else None
    if known.until is None and known.since is None and left_at is None:
        return observations, []
    judged = [(one, _out_of_span(one, known, left_at)) for one in observations]
    return [one for one, refusal in judged if refusal is None], _given(refusal for _, refusal in judged)


def _out_of_span(one: Observation, known: Known, left_at: datetime | None) -> Refusal | None:
    said = f"{one.metric.name} observed at {one.observed_at.isoformat()}"
    if known.until is not None and one.observed_at >= known.until:
        return Refusal(Reason.RETIRED, f"{said}, of a device that counts until {known.until.isoformat()}")
    if known.since is not None and one.observed_at < known.since:
        return Refusal(Reason.RETIRED, f"{said}, of a device that counts from {known.since.isoformat()}")
    if left_at is not None and one.observed_at >= left_at:
        return Refusal(Reason.WRONG_TOPIC, f"{said}, in a commune that the sensor left at {left_at.isoformat()}")
    return None


def _given(refusals: Iterable[Refusal | None]) -> list[Refusal]:
    return [refusal for refusal in refusals if refusal is not None]
