"""The months of readings: where ``reading`` is no hypertable, its parts by UTC month, made when they are needed.

The worker makes them ahead; a batch that meets none makes its own and is written again (`core.store.batches`). What was
there before the months were (`infra/migrations/0007.c-months-attached.sql`) is the part of all before.
"""

from __future__ import annotations

from collections.abc import Sequence
from datetime import UTC, datetime, timedelta

import numpy as np
import structlog
from psycopg import errors

from core.clock import EPOCH, Window, in_utc
from core.columns import Ints
from core.store.pool import Connection

log = structlog.get_logger(__name__)

AHEAD = timedelta(days=63)
"""Meets two more months, whichever month it begins in."""


def month_of(instant: datetime) -> datetime:
    """Return the start of the UTC month that holds ``instant``."""
    return in_utc(instant).replace(day=1, hour=0, minute=0, second=0, microsecond=0)


def month_after(month: datetime) -> datetime:
    """Return the start of the UTC month that follows the one which starts at ``month``."""
    return datetime(month.year + month.month // 12, month.month % 12 + 1, 1, tzinfo=UTC)


def months_of(window: Window) -> list[datetime]:
    """Return the starts of the UTC months that a window meets."""
    months = [month_of(window.start)]
    while month_after(months[-1]) < window.end:
        months.append(month_after(months[-1]))
    return months


def months_met(observed_us: Ints) -> list[datetime]:
    """Return the starts of the UTC months of these instants, in microseconds since `core.clock.EPOCH`."""
    instants = np.datetime64(EPOCH.replace(tzinfo=None), "us") + observed_us.astype("timedelta64[us]")
    months = np.unique(instants.astype("datetime64[M]")).astype("datetime64[us]")
    return [month.replace(tzinfo=UTC) for month in months.tolist()]


def make_months(connection: Connection, months: Sequence[datetime]) -> list[datetime]:
    """Make those months that are not there, in one transaction or the caller's; return their starts.

    Nothing happens for a month that is there, or lies in the part of all before, or on a hypertable. Two processes may
    ask for the same month at once: the second waits until the first has committed, and finds it. The owner makes them,
    whoever asks (``infra/migrations/0015.least-rights.sql``): from 2000 until ten years ahead.
    """
    with connection.transaction():
        rows = connection.execute("SELECT make_months(%s::timestamptz[])", (list(months),))
        made = [month for (month,) in rows]
    if made:
        log.info("months_made", months=len(made), first=f"{made[0]:%Y-%m}", last=f"{made[-1]:%Y-%m}")
    return made


def make_months_ahead(connection: Connection, now: datetime) -> list[datetime]:
    """Make the present month and those that begin within `AHEAD`, where they are not there; return their starts."""
    return make_months(connection, months_of(Window(now, now + AHEAD)))


def lacks_month(error: errors.CheckViolation) -> bool:
    """Whether it says that a reading's month is not there: the server names the table, and no constraint."""
    return error.diag.table_name == "reading" and error.diag.constraint_name is None
