"""Rhythms, learnt nightly: how each series spoke over the last four weeks."""

from __future__ import annotations

from datetime import datetime, timedelta

import structlog

from core.columns import MICROSECOND
from core.metrics import expected_interval
from core.store.pool import Connection
from core.store.rhythms import LearntRhythm, read_heard_times, read_to_learn, write_rhythms
from services.alarms.rhythm import LEARN_US, learn

log = structlog.get_logger(__name__)

SERIES_AT_ONCE = 200
"""Series whose four weeks are in memory at once: some hundreds of thousand readings."""
MOVED_SHARE = 0.1
"""A rhythm that is so close to the one before says nothing new, and is not kept again."""


def learn_rhythms(connection: Connection, at: datetime) -> int:
    """Learn the rhythms of all series in service, each few in a transaction of their own; return how many moved."""
    after, written = 0, 0
    while True:
        with connection.transaction():
            asked = read_to_learn(connection, after, SERIES_AT_ONCE)
            if not asked:
                break
            after = asked[-1].series_id
            heard = read_heard_times(
                connection, [one.series_id for one in asked], at - timedelta(microseconds=LEARN_US), at
            )
            moved = []
            for one in asked:
                learnt = None
                if one.series_id in heard:
                    interval_us = expected_interval(one.metric, one.interval_s) // MICROSECOND
                    learnt = learn(heard[one.series_id], interval_us)
                if learnt is None:
                    continue
                silent_after_s = learnt.silent_after_us / 1e6
                if one.silent_after_s is None or abs(silent_after_s / one.silent_after_s - 1) > MOVED_SHARE:
                    interval_s = learnt.interval_us / 1e6
                    moved.append(LearntRhythm(one.series_id, at, interval_s, silent_after_s, learnt.gaps))
            write_rhythms(connection, moved)
            written += len(moved)
    log.info("rhythms_learnt", series_moved=written)
    return written
