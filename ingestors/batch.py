"""Batches: many messages, one transaction, one account of what became of each."""

from __future__ import annotations

import hashlib
from collections import Counter
from collections.abc import Callable, Sequence
from contextlib import AbstractContextManager, nullcontext
from dataclasses import dataclass, field
from datetime import datetime
from enum import StrEnum
from functools import partial

import numpy as np

from core.columns import Columns, Ints, from_microseconds
from core.errors import StoreRefused
from core.metrics import METRICS, Family
from core.readings import Arrival, AsCame, Batch, BatchOutcome, Frame, Message, Quality, Reason
from core.store.asides import take_adopted_asides
from core.store.batches import write_batch
from core.store.events import raise_alarms
from core.store.frames import write_frames
from core.store.pool import Connection, is_in_transaction, store_refusal_told
from core.store.timeless import Packet, forget_timeless, write_timeless
from ingestors.adopted import AdoptedSensors
from ingestors.as_came import Rings, as_they_came, heard_by_gateways
from ingestors.flooding import flood_alarms
from ingestors.pipeline import Examined, examine, refuse_whole
from ingestors.series import METRIC_NAMES
from ingestors.sift import Sifted, sift
from ingestors.validate import Limits


class Outcome(StrEnum):
    """What became of a message."""

    STORED = "stored"
    DUPLICATE = "duplicate"
    REJECTED = "rejected"
    QUARANTINED = "quarantined"
    ASIDE = "aside"


Place = tuple[str | None, Family]
"""Where a reading belongs in the counters: INSEE code of its sensor's commune, family of its metric."""
_OUTCOMES = tuple(Outcome)
_NUMBERS = {outcome: number for number, outcome in enumerate(_OUTCOMES)}
_FAMILIES = tuple(Family)
_HEARD = {Arrival.LIVE, Arrival.BACKFILLED}
"""What is replayed was heard before, and what is imported is long ago."""
_FAMILY_OF_METRIC = np.array([_FAMILIES.index(METRICS[name].family) for name in METRIC_NAMES])


@dataclass(slots=True)
class Account:
    """What became of a batch's messages and readings.

    Parameters
    ----------
    messages
        By outcome; their sum is the number of messages.
    outcomes
        Of each message, in the order given.
    readings
        ``stored``, ``duplicate`` and ``rejected``.
    places
        The same by place, of those readings whose metric is known and whose value could be true.
    reasons
        Refusals by reason.
    newest_observed_at
        Of the readings taken, None when there was none.
    """

    messages: Counter[Outcome] = field(default_factory=Counter)
    outcomes: list[Outcome] = field(default_factory=list)
    readings: Counter[Outcome] = field(default_factory=Counter)
    places: Counter[tuple[Outcome, Place]] = field(default_factory=Counter)
    reasons: Counter[Reason] = field(default_factory=Counter)
    newest_observed_at: datetime | None = None

    def add(self, other: Account) -> None:
        """Count another account in."""
        self.messages += other.messages
        self.outcomes += other.outcomes
        self.readings += other.readings
        self.places += other.places
        self.reasons += other.reasons
        instants = [at for at in (self.newest_observed_at, other.newest_observed_at) if at is not None]
        self.newest_observed_at = max(instants, default=None)


@dataclass(slots=True)
class BatchWriter:
    """Writes messages on one connection: each call is one transaction, or part of the caller's.

    Parameters
    ----------
    lane
        Whose MQTT packets the messages came in; empty when they came in none.
    packets_kept
        How many packet ids back a message without a time is remembered: more than twice the most unacknowledged.
    computing
        Entered around what needs the interpreter and not the store.
    """

    connection: Connection
    adopted: AdoptedSensors
    limits: Limits
    lane: str = ""
    packets_kept: int = 32_000
    computing: Callable[[], AbstractContextManager[None]] = nullcontext
    rings: Rings = field(default_factory=Rings)
    _remembers: bool = True
    _series_in_doubt: bool = False

    def write(self, messages: Sequence[Message], at: datetime, arrival: Arrival = Arrival.LIVE) -> Account:
        """Write messages in one transaction, received ``at`` our clock.

        When the database refuses a value, they are written half by half, and the one that it refuses becomes a
        rejection: it does not hold back the others.
        """
        if self._series_in_doubt:
            # Series written first in a caller's transaction may have been taken back with it.
            self.adopted.refresh(self.connection)
            self._series_in_doubt = False
        try:
            with store_refusal_told():
                with self.computing():
                    examined = [examine(one, self.adopted, self.limits) for one in messages]
                return self._write(examined, at, arrival)
        except StoreRefused as refused:
            self.adopted.refresh(self.connection)
            if len(messages) == 1:
                return self._write([refuse_whole(messages[0], str(refused), self.limits)], at, arrival)
        account = Account()
        for half in (messages[: len(messages) // 2], messages[len(messages) // 2 :]):
            account.add(self.write(half, at, arrival))
        return account

    def take_in(self, at: datetime, limit: int) -> Account:
        """Write up to ``limit`` messages kept aside for sensors that are adopted by now, in one transaction."""
        with self.connection.transaction():
            messages = take_adopted_asides(self.connection, limit)
            return self.write(messages, at, Arrival.REPLAYED) if messages else Account()

    def _write(self, examined: Sequence[Examined], at: datetime, arrival: Arrival) -> Account:
        with self.computing():
            sifted = sift(examined, self.limits, arrival)
        in_callers = is_in_transaction(self.connection)
        known_series = len(self.adopted.series)
        with self.connection.transaction():
            again = self._known_frames(examined, at, arrival) | self._known_packets(examined, at)
            if again:
                sifted = sifted.where(~np.isin(sifted.message, list(again)))
            batch = self._batch(examined, sifted, again, Batch(at, arrival=arrival))
            if arrival is Arrival.LIVE:
                batch.raw_frames_kept = self.limits.raw_frames_kept
                batch.as_came = partial(self._as_came, examined, sifted, again)
            if arrival in _HEARD:
                batch.heard = heard_by_gateways(examined, again, at)
            outcome = write_batch(self.connection, batch)
            if arrival is Arrival.LIVE and (alarms := flood_alarms(batch.rejections, at)):
                raise_alarms(self.connection, alarms, at)
        self._series_in_doubt = in_callers and len(self.adopted.series) > known_series
        with self.computing():
            return account_of(examined, sifted, outcome, again)

    def _known_frames(self, examined: Sequence[Examined], at: datetime, arrival: Arrival) -> set[int]:
        """Enter the frames in the ledger; return the numbers of the messages that are copies of one heard before."""
        frames: list[Frame] = []
        numbers: list[int] = []
        for number, one in enumerate(examined):
            if one.uplink is not None and one.sensor is not None:
                assert one.sensor.sensor_id is not None, "an adopted sensor was read from the store"
                uplink = one.uplink
                frames.append(Frame(one.sensor.sensor_id, uplink.session, uplink.f_cnt, uplink.observed_at))
                numbers.append(number)
        return {numbers[position] for position in write_frames(self.connection, frames, at, arrival)}

    def _known_packets(self, examined: Sequence[Examined], at: datetime) -> set[int]:
        """Remember the packets of messages without a time; return the numbers of those delivered a second time."""
        if not self.lane or not examined:
            return set()
        numbers = [number for number, one in enumerate(examined) if one.timeless and one.kept.packet_id]
        packets = [_packet(examined[number].kept) for number in numbers]
        known = write_timeless(self.connection, self.lane, packets, at)
        newest = next((one.kept.packet_id for one in reversed(examined) if not one.kept.redelivered), 0)
        if newest and (self._remembers or packets):
            self._remembers = forget_timeless(self.connection, self.lane, newest, self.packets_kept)
        return {numbers[position] for position in known}

    def _batch(self, examined: Sequence[Examined], sifted: Sifted, again: set[int], batch: Batch) -> Batch:
        """Fill a batch with what was not delivered before: readings, rejections and asides."""
        for number, one in enumerate(examined):
            if number in again:
                continue
            if one.refusals:
                batch.rejections += one.rejections()
            if one.aside is not None:
                batch.asides.append(one.aside)
        count = len(sifted.message)
        batch.readings = Columns(
            self._series(examined, sifted),
            sifted.observed_us,
            sifted.value,
            np.full(count, int(Quality.GOOD)),
            sifted.flags,
            sifted.message,
        )
        batch.origins = [one.kept for one in examined]
        batch.senders = [one.sender for one in examined]
        return batch

    def _as_came(self, examined: Sequence[Examined], sifted: Sifted, again: set[int], outcome: BatchOutcome) -> AsCame:
        """Return the messages as they came, each numbered on from the newest that is kept of its sensor."""
        outcomes = _outcomes_of(examined, sifted, _fate_of(sifted, outcome), again)
        second = {number for number, one in enumerate(outcomes) if one is Outcome.DUPLICATE}
        came = as_they_came(examined, outcomes, second, self.limits)
        self.rings.number(self.connection, came.frames)
        return came

    def _series(self, examined: Sequence[Examined], sifted: Sifted) -> Ints:
        """Return the series of each reading; those of a sensor's first reading of a metric are written."""
        sensors = np.array([one.sensor.sensor_id if one.sensor else 0 for one in examined], np.int64)
        return self.adopted.series.ids_of(self.connection, sensors[sifted.message], sifted.metric)


def _packet(message: Message) -> Packet:
    digest = hashlib.sha256(message.topic.encode() + b"\0" + message.payload).digest()
    return Packet(message.packet_id, digest, message.redelivered)


def account_of(examined: Sequence[Examined], sifted: Sifted, outcome: BatchOutcome, again: set[int]) -> Account:
    """Count what became of each message and reading.

    Parameters
    ----------
    sifted
        The readings that were written, in the order of ``outcome``.
    again
        Numbers of the messages that were delivered before.
    """
    fate = _fate_of(sifted, outcome)
    outcomes = _outcomes_of(examined, sifted, fate, again)
    account = Account(Counter(outcomes), outcomes, places=_places_of(examined, sifted, fate))
    for number, count in enumerate(np.bincount(fate, minlength=len(_OUTCOMES)).tolist()):
        if count:
            account.readings[_OUTCOMES[number]] = count
    if len(outcome.conflicts):
        account.reasons[Reason.CONFLICT] = len(outcome.conflicts)
    for number, one in enumerate(examined):
        if number in again:
            account.readings[Outcome.DUPLICATE] += len(one.observations)
        elif one.refusals:
            account.readings[Outcome.REJECTED] += one.refused_readings
            account.reasons.update({refusal.reason for refusal in one.refusals})
    if len(sifted.observed_us):
        account.newest_observed_at = from_microseconds(int(sifted.observed_us.max()))
    return account


def _fate_of(sifted: Sifted, outcome: BatchOutcome) -> Ints:
    """Return what became of each reading, by number of the outcome."""
    fate = np.full(len(sifted.message), _NUMBERS[Outcome.STORED])
    fate[outcome.duplicates] = _NUMBERS[Outcome.DUPLICATE]
    fate[outcome.conflicts] = _NUMBERS[Outcome.REJECTED]
    return fate


def _outcomes_of(examined: Sequence[Examined], sifted: Sifted, fate: Ints, again: set[int]) -> list[Outcome]:
    """Return what became of each message: stored when anything new of it was."""
    found = np.full(len(examined), _NUMBERS[Outcome.DUPLICATE])
    found[sifted.message[fate == _NUMBERS[Outcome.REJECTED]]] = _NUMBERS[Outcome.REJECTED]
    for number, one in enumerate(examined):
        if one.refusals and number not in again:
            flooded = one.refusals[0].reason is Reason.FLOODED
            found[number] = _NUMBERS[Outcome.QUARANTINED if flooded else Outcome.REJECTED]
        elif one.aside is not None and number not in again:
            found[number] = _NUMBERS[Outcome.ASIDE]
        elif one.is_heard_only and number not in again:
            found[number] = _NUMBERS[Outcome.STORED]
    found[sifted.message[fate == _NUMBERS[Outcome.STORED]]] = _NUMBERS[Outcome.STORED]
    return [_OUTCOMES[number] for number in found.tolist()]


def _places_of(examined: Sequence[Examined], sifted: Sifted, fate: Ints) -> Counter[tuple[Outcome, Place]]:
    """Count readings by outcome, commune and family."""
    numbers: dict[str | None, int] = {}
    commune = np.array([numbers.setdefault(one.sender.commune_insee, len(numbers)) for one in examined], np.int64)
    family = _FAMILY_OF_METRIC[sifted.metric]
    code = (commune[sifted.message] * len(_FAMILIES) + family) * len(_OUTCOMES) + fate
    communes = list(numbers)
    places: Counter[tuple[Outcome, Place]] = Counter()
    for found, count in zip(*(each.tolist() for each in np.unique(code, return_counts=True)), strict=True):
        place, outcome = divmod(found, len(_OUTCOMES))
        of_commune, of_family = divmod(place, len(_FAMILIES))
        places[_OUTCOMES[outcome], (communes[of_commune], _FAMILIES[of_family])] = count
    return places
