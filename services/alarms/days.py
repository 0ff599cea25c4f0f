"""Local days that are over, looked at once a night: batteries and completeness, from the roll-ups of days."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace
from datetime import date, datetime, timedelta

import numpy as np
import structlog

from core.alarms import Condition
from core.clock import PARIS
from core.columns import Ints, from_microseconds, to_microseconds
from core.quality.completeness import expected_slots
from core.quality.days import Days, day_number, day_numbered, day_start, days_of
from core.quality.traces import DAY_US, HOUR_US
from core.store.alarm_rules import read_rules
from core.store.alarm_turns import read_first_hours, read_reached, read_rolled, write_reached
from core.store.episodes import Watched, read_known, read_watched
from core.store.maintenance import read_maintenance
from core.store.pool import Connection
from core.store.rollups import read_days
from core.store.touched import hold_series
from services.alarms.clock import settle
from services.alarms.difference import Knowing, difference
from services.alarms.evaluating import KNOWN_BEFORE, episodes_of
from services.alarms.life import Moves, write_moves
from services.alarms.maintenance import Muting
from services.alarms.track import State, Track
from services.alarms.tracks import interval_us_of
from services.alarms.watching import DAILY, Watch, watches_of

log = structlog.get_logger(__name__)

TURN = "days"
FIRST_LOOK = timedelta(days=8)
"""So far back the first turn looks, and one after a long pause at most."""
OVERLAP = timedelta(minutes=15)
"""A roll-up carries the instant at which its transaction began: it may have been seen only later."""
SERIES_AT_ONCE = 500


def evaluate_days(connection: Connection, at: datetime) -> int:
    """Look at the local days that are over and were rolled up since the last turn; return how many alarms moved.

    Some series at a time, each in a transaction of its own: a worker that is killed looks at them again.
    """
    # Over before the first few series: what would begin here would hold the live feed until the last of them.
    with connection.transaction():
        watches = [one for one in watches_of(read_rules(connection, enabled_only=True)) if one.rule.condition in DAILY]
        rolled = _rolled(connection, watches, at)
    moved = 0
    ids = sorted(rolled)
    for start in range(0, len(ids), SERIES_AT_ONCE):
        with connection.transaction():
            firsts = {one: rolled[one] for one in ids[start : start + SERIES_AT_ONCE]}
            moved += _evaluate(connection, firsts, watches, at)
    with connection.transaction():
        settle(connection, at)
        write_reached(connection, TURN, at)
    log.info("alarm_days_evaluated", series=len(rolled), moved=moved)
    return moved


def _rolled(connection: Connection, watches: Sequence[Watch], at: datetime) -> dict[int, date]:
    """Return the first day of each series that was rolled up since the last turn, of what these rules look at."""
    reached = read_reached(connection, TURN) or at - FIRST_LOOK
    metrics = {one.rule.scope.metric for one in watches}
    wanted = None if None in metrics else sorted(name for name in metrics if name)
    today = at.astimezone(PARIS).date()
    return read_rolled(connection, reached - OVERLAP, today, wanted) if watches else {}


def _evaluate(connection: Connection, firsts: Mapping[int, date], watches: Sequence[Watch], at: datetime) -> int:
    hold_series(connection, list(firsts))
    watched = read_watched(connection, list(firsts))
    today = at.astimezone(PARIS).date()
    moves = Moves()
    knowing = Knowing(at)
    since = from_microseconds(min(day_start(day_number(day)) for day in firsts.values())) - KNOWN_BEFORE
    known = read_known(connection, watched, since)
    for watch in watches:
        looked = [one for one in watched if watch.looks_at(one)]
        for one, track in _tracks(connection, watch, looked, firsts, today):
            own = [a for a in known if (a.rule_id, a.series_id) == (watch.rule.rule_id, one.series_id)]
            state = State(_judged_from(track, firsts[one.series_id]), episodes_of(own))
            found = watch.episodes(one, track, state)
            if found is not None:
                moves.add(watch, one, difference(own, found, knowing), knowing)
    write_moves(connection, moves, Muting.at(read_maintenance(connection, ending_after=at), at), at)
    return len(moves)


def _tracks(
    connection: Connection, watch: Watch, looked: Sequence[Watched], firsts: Mapping[int, date], today: date
) -> Iterator[tuple[Watched, Track]]:
    """Yield series with a track of one element a day: its mean, or the share of due readings that came."""
    if not looked:
        return
    first = min(firsts[one.series_id] for one in looked)
    back = max(watch.lookback_us(one.metric, interval_us_of(one)) for one in looked)
    ids = [one.series_id for one in looked]
    days = read_days(connection, ids, first - timedelta(days=back // DAY_US + 2), today - timedelta(days=1))
    begun = read_first_hours(connection, ids)
    for one in looked:
        own = days.taken(days.series == one.series_id)
        if watch.rule.condition is Condition.COMPLETENESS:
            # What was due on the day of the first reading nobody knows.
            began = int(days_of(np.array([to_microseconds(begun[one.series_id])]))[0])
            track = _shares(one, own.taken(own.days > began))
        else:
            told = own.taken(np.isfinite(own.mean))
            noons = np.array([day_start(day) + 12 * HOUR_US for day in told.days.tolist()], dtype=np.int64)
            track = Track.plain(one.metric, noons, told.mean, interval_us_of(one))
        yield one, replace(track, end_us=day_start(day_number(today)))


def _shares(one: Watched, days: Days) -> Track:
    """Return days by the share of due readings that came; a day in which none did is none of them."""
    came = days.taken(days.slots > 0)
    starts: Ints = np.array([day_start(day) for day in came.days.tolist()], dtype=np.int64)
    ends: Ints = np.array([day_start(day + 1) for day in came.days.tolist()], dtype=np.int64)
    interval_us = interval_us_of(one)
    if interval_us > HOUR_US:
        due = np.maximum(np.rint((ends - starts) / interval_us), 1)
    else:
        due = (ends - starts) // HOUR_US * expected_slots(np.full(len(starts), interval_us))
    return Track.plain(one.metric, starts, np.minimum(came.slots / due, 1.0), DAY_US)


def _judged_from(track: Track, first: date) -> int:
    """Return from when on a day's end may be news: its element stands before, the day before it may just be over."""
    day = day_start(day_number(first))
    before = track.observed[track.observed < day]
    if not len(before):
        return day
    last = int(days_of(before[-1:])[0])
    return min(day, day_start(day_number(day_numbered(last)) + 1))
