"""Back-fill by itself: the gaps that the store of The Things Stack may close are asked for, once each."""

from __future__ import annotations

import threading
from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager
from datetime import datetime, timedelta

import structlog

from core.clock import Window, now
from core.errors import StoreAbsent
from core.intakes import BackfillAsked, IntakeKind, IntakeState
from core.settings import IngestSettings
from core.store.gaps import Gap, lock_gaps, read_all_gaps
from core.store.intakes import ask_intake, read_intakes
from core.store.pool import Connection, connected, store_absence_told

LOOK_S = 600.0
SETTLED = timedelta(minutes=10)
"""A gap is asked for once it is this old: by then a late frame has come, and the store, which writes with some delay,
has what it will have."""
STORED = timedelta(days=30)
"""The store of The Things Stack Cloud keeps uplinks so long (24 hours on Sandbox)."""
FIRST_LOOK = timedelta(days=2)
"""How far back a process looks for gaps at its start; an older one is for a person to ask."""
LOOK = timedelta(hours=6)
"""How far back it looks from then on."""
DEV_ADDR_CHARACTERS = 8
"""A session with so short a name has that of a device address, as ChirpStack gives it: its frames are not in the store
of The Things Stack, which names sessions by their keys."""
CLOCKS_APART = timedelta(minutes=6)
"""The store counts by its server's clock, gaps by the gateways', which are trusted within five minutes of it."""
INTAKES_MAX = 1_000
AUTHOR = "vigie"

_log: structlog.stdlib.BoundLogger = structlog.get_logger(__name__)


def windows_worth_asking(gaps: Iterable[Gap], asked: Sequence[Window], at: datetime) -> list[Window]:
    """Return the windows to ask a store for, at an instant: in order, apart from each other.

    A gap is worth it when both its ends are settled, when the store still has all of it, and when no window that was
    asked covers it. All devices of an application are asked at once: what makes gaps that a store can close, our own
    absence, makes them for all, and a page of a thousand uplinks costs no more than a page of one.
    """
    wanted = sorted(
        (
            (gap.after_at - CLOCKS_APART, gap.before_at + CLOCKS_APART)
            for gap in gaps
            if gap.before_at <= at - SETTLED
            and gap.after_at >= at - STORED
            and not any(one.start <= gap.after_at and gap.before_at <= one.end for one in asked)
        ),
    )
    windows: list[Window] = []
    for start, end in wanted:
        if windows and start <= windows[-1].end:
            windows[-1] = Window(windows[-1].start, max(windows[-1].end, end))
        else:
            windows.append(Window(start, end))
    return windows


@contextmanager
def asking_backfills(settings: IngestSettings) -> Iterator[None]:
    """Ask for what is worth it from a thread of its own while in the block; no thread without an application."""
    end = threading.Event()
    thread = threading.Thread(target=_ask_until, args=(settings, end), name="backfill-asking")
    if settings.tts_application and settings.tts_url:
        thread.start()
    try:
        yield
    finally:
        end.set()
        if thread.ident is not None:
            thread.join()


def _ask_until(settings: IngestSettings, end: threading.Event) -> None:
    look = FIRST_LOOK
    while not end.is_set():
        try:
            with store_absence_told(), connected(settings.dsn) as connection:
                at = now()
                ask_backfills(connection, settings.tts_application, Window.ending(at, look), at)
                look = LOOK
        except StoreAbsent as absent:
            _log.warning("backfill_asking_held_back", reason=str(absent), retry_s=LOOK_S)
        except Exception:  # noqa: BLE001 - a thread has no caller: what is not told here is never seen
            _log.exception("backfill_asking_failed", retry_s=LOOK_S)
        end.wait(LOOK_S)


def ask_backfills(connection: Connection, application: str, window: Window, at: datetime) -> list[BackfillAsked]:
    """Ask, in one transaction, for the gaps ending in a window that are worth it; return what was asked.

    Nothing is asked while a back-fill of the application is open: it may close them.
    """
    with connection.transaction():
        lock_gaps(connection)
        intakes = read_intakes(connection, kind=IntakeKind.BACKFILL, limit=INTAKES_MAX)
        about = [
            (one.state, BackfillAsked.parse(one.arguments))
            for one in intakes
            if one.arguments["application"] == application and "external_id" not in one.arguments
        ]
        if any(state in {IntakeState.ASKED, IntakeState.RUNNING} for state, _ in about):
            return []
        done = [Window(one.since, one.until) for state, one in about if state is IntakeState.DONE]
        gaps = [gap for gap in read_all_gaps(connection, window) if len(gap.session) > DEV_ADDR_CHARACTERS]
        windows = windows_worth_asking(gaps, done, at)
        wanted = [BackfillAsked(application, window.start, window.end) for window in windows]
        for one in wanted:
            ask_intake(connection, IntakeKind.BACKFILL, AUTHOR, one.arguments(), at)
    if wanted:
        _log.info("backfills_asked", application=application, windows=len(wanted))
    return wanted
