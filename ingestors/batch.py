"""Batches: many messages, one transaction, one account of what became of each."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import datetime
from enum import StrEnum

from core.errors import StoreRefused
from core.readings import Batch, BatchOutcome, Message, Reading, Reason
from core.store.batches import write_batch
from core.store.pool import Connection, store_refusal_told
from core.store.rejections import take_adopted_asides
from ingestors.adopted import AdoptedSensors
from ingestors.pipeline import Examined, examine, refuse_whole
from ingestors.validate import Limits


class Outcome(StrEnum):
    """What became of a message."""

    STORED = "stored"
    DUPLICATE = "duplicate"
    REJECTED = "rejected"
    ASIDE = "aside"


@dataclass(slots=True)
class Account:
    """What became of a batch's messages and readings.

    Parameters
    ----------
    messages
        By outcome; their sum is the number of messages.
    readings
        ``stored``, ``duplicate`` and ``rejected``.
    reasons
        Refusals by reason.
    newest_observed_at
        Of the readings taken, None when there was none.
    """

    messages: Counter[Outcome] = field(default_factory=Counter)
    readings: Counter[Outcome] = field(default_factory=Counter)
    reasons: Counter[Reason] = field(default_factory=Counter)
    newest_observed_at: datetime | None = None

    def add(self, other: Account) -> None:
        """Count another account in."""
        self.messages += other.messages
        self.readings += other.readings
        self.reasons += other.reasons
        instants = [at for at in (self.newest_observed_at, other.newest_observed_at) if at is not None]
        self.newest_observed_at = max(instants, default=None)


@dataclass(slots=True)
class BatchWriter:
    """Writes messages on one connection in autocommit; each call is committed when it returns."""

    connection: Connection
    adopted: AdoptedSensors
    limits: Limits

    def write(self, messages: Sequence[Message], at: datetime) -> Account:
        """Write messages in one transaction, received ``at`` our clock.

        When the database refuses a value, they are written one by one, and the one that it refuses becomes a
        rejection: it does not hold back the others.
        """
        try:
            with store_refusal_told():
                return self._write([examine(one, self.adopted, self.limits) for one in messages], at)
        except StoreRefused as refused:
            self.adopted.refresh(self.connection)
            if len(messages) == 1:
                return self._write([refuse_whole(messages[0], str(refused), self.limits)], at)
        account = Account()
        for one in messages:
            account.add(self.write([one], at))
        return account

    def take_in(self, at: datetime, limit: int) -> Account:
        """Write up to ``limit`` messages kept aside for sensors that are adopted by now, in one transaction."""
        with self.connection.transaction():
            messages = take_adopted_asides(self.connection, limit)
            return self.write(messages, at) if messages else Account()

    def _write(self, examined: Sequence[Examined], at: datetime) -> Account:
        with self.connection.transaction():
            batch, owners = self._assemble(examined, at)
            outcome = write_batch(self.connection, batch)
        return account_of(examined, batch, owners, outcome)

    def _assemble(self, examined: Sequence[Examined], at: datetime) -> tuple[Batch, list[int]]:
        batch = Batch(at)
        owners: list[int] = []
        for number, one in enumerate(examined):
            batch.rejections += one.rejections
            if one.aside is not None:
                batch.asides.append(one.aside)
            for observation in one.observations:
                assert one.sensor is not None, "only an adopted sensor's readings are taken"
                series_id = self.adopted.series_id(self.connection, one.sensor, observation.metric.name)
                batch.readings.append(Reading(series_id, observation.observed_at, observation.value))
                batch.origins.append(one.kept)
                owners.append(number)
        return batch, owners


def account_of(examined: Sequence[Examined], batch: Batch, owners: Sequence[int], outcome: BatchOutcome) -> Account:
    """Count what became of each message and reading; ``owners[i]`` is the message of ``batch.readings[i]``."""
    account = Account(newest_observed_at=max((one.observed_at for one in batch.readings), default=None))
    refused = {number for number, one in enumerate(examined) if one.rejections}
    stored: set[int] = set()
    for position, owner in enumerate(owners):
        if position in outcome.conflicts:
            refused.add(owner)
            account.readings[Outcome.REJECTED] += 1
            account.reasons[Reason.CONFLICT] += 1
        elif position in outcome.duplicates:
            account.readings[Outcome.DUPLICATE] += 1
        else:
            stored.add(owner)
            account.readings[Outcome.STORED] += 1
    for number, one in enumerate(examined):
        account.readings[Outcome.REJECTED] += one.refused_readings
        account.reasons.update(rejection.reason for rejection in one.rejections)
        account.messages[_outcome(one, stored=number in stored, refused=number in refused)] += 1
    return account


def _outcome(examined: Examined, *, stored: bool, refused: bool) -> Outcome:
    if examined.aside is not None:
        return Outcome.ASIDE
    if stored:
        return Outcome.STORED
    return Outcome.REJECTED if refused else Outcome.DUPLICATE
