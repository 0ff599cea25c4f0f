"""An intake under way: the connection that holds it, the one way in, and how far it is."""

from __future__ import annotations

import threading
from collections.abc import Callable, Sequence
from contextlib import AbstractContextManager
from dataclasses import dataclass, field, replace
from datetime import datetime
from typing import Any

from core.errors import VigieError
from core.instruments import INTAKE_MESSAGES
from core.intakes import Counts, Intake, IntakeKind
from core.readings import Arrival, Message
from core.settings import IngestSettings
from core.store.intakes import move_intake, write_total
from core.store.pool import Connection
from core.store.sensors import hear_sensors
from ingestors.batch import Account, BatchWriter, Outcome

ARRIVALS = {
    IntakeKind.REPLAY: Arrival.REPLAYED,
    IntakeKind.BACKFILL: Arrival.BACKFILLED,
    IntakeKind.IMPORT: Arrival.IMPORTED,
}


class IntakeFailed(VigieError):
    """The intake cannot be carried out; the message, in words for a person, is kept with it."""


def _silent(_intake: Intake) -> None:
    """Tell nobody."""


@dataclass(slots=True)
class IntakeRun:
    """An intake that this process carries out.

    Parameters
    ----------
    intake
        As of the last batch.
    writer
        The one way in, on the connection that holds the intake.
    stop
        Set when the process shall end: the run returns after its batch, another one goes on.
    told
        Called after each batch.
    dry_run
        Whether every batch is taken back: then counts are of each batch by itself.
    """

    intake: Intake
    writer: BatchWriter
    settings: IngestSettings
    stop: threading.Event
    told: Callable[[Intake], None] = field(default=_silent)
    dry_run: bool = False

    @property
    def connection(self) -> Connection:
        """The connection that holds the intake, in autocommit."""
        return self.writer.connection

    def transaction(self) -> AbstractContextManager[Any]:
        """Begin what is committed, or in a dry run taken back, as one."""
        return self.connection.transaction(force_rollback=self.dry_run)

    def expect(self, total: int) -> None:
        """Say how many messages there will be, once that is known."""
        if self.dry_run:
            self.intake = replace(self.intake, total=total)
        else:
            self.intake = write_total(self.connection, self.intake, total)

    def move(self, cursor: dict[str, Any], counts: Counts, at: datetime) -> None:
        """Move the intake in the caller's transaction; in a dry run, in memory only.

        Raises
        ------
        IntakeGone
            If it was cancelled meanwhile.
        """
        if self.dry_run:
            self.intake = replace(self.intake, cursor=cursor, counts=self.intake.counts + counts)
        else:
            self.intake = move_intake(self.connection, self.intake, cursor, counts, at)

    def take(self, messages: Sequence[Message], cursor: dict[str, Any], at: datetime) -> Account:
        """Write messages, received ``at`` our clock, and move the intake behind them, in one transaction.

        Raises
        ------
        IntakeGone
            If it was cancelled meanwhile: nothing of it is written.
        """
        self.hear()
        with self.transaction():
            account = self.write(messages, cursor, at)
        self.tell(account)
        return account

    def hear(self) -> None:
        """Between two batches: learn of sensors that were adopted or changed meanwhile."""
        if hear_sensors(self.connection):
            self.writer.adopted.refresh(self.connection)

    def tell(self, account: Account) -> None:
        """After a batch: count it, and tell how far the intake is."""
        if not self.dry_run:
            for outcome, count in account.messages.items():
                INTAKE_MESSAGES.labels(self.intake.kind, outcome).inc(count)
        self.told(self.intake)

    def write(self, messages: Sequence[Message], cursor: dict[str, Any], at: datetime) -> Account:
        """Write messages and move the intake behind them, in the caller's transaction."""
        account = self.writer.write(messages, at, ARRIVALS[self.intake.kind]) if messages else Account()
        self.move(cursor, counts_of(account), at)
        return account


def counts_of(account: Account) -> Counts:
    """Return an account as an intake counts it."""
    return Counts(
        account.messages.total(),
        account.messages[Outcome.STORED],
        account.messages[Outcome.DUPLICATE],
        account.messages[Outcome.REJECTED],
        account.messages[Outcome.ASIDE],
    )
