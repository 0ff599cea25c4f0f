"""Forecasts as they are issued, looked at by rules that ask what will be."""

from __future__ import annotations

from datetime import datetime, timedelta

import numpy as np
import structlog

from core.columns import MICROSECOND, to_microseconds
from core.forecasts import QUANTILES
from core.metrics import metric_named
from core.store.alarm_rules import read_rules
from core.store.alarm_turns import read_reached, write_reached
from core.store.episodes import read_known, read_watched
from core.store.foreseen import read_forecast_series, read_issues, read_newest_issue
from core.store.maintenance import read_maintenance
from core.store.pool import Connection
from core.store.touched import hold_series
from services.alarms.conditions.expected import chance_of_passing
from services.alarms.difference import Knowing, difference
from services.alarms.evaluating import KNOWN_BEFORE, episodes_of
from services.alarms.life import Moves, write_moves
from services.alarms.maintenance import Muting
from services.alarms.track import State, Track
from services.alarms.watching import Watch, watches_of

log = structlog.get_logger(__name__)

FIRST_LOOK = timedelta(days=1)
_LEVELS = np.array(QUANTILES)


def evaluate_issues(connection: Connection, at: datetime) -> int:
    """Look at what was forecast since the last turn of each rule that asks what will be; return how many moved."""
    moved = 0
    # Over before the first rule's: what would begin here would hold the live feed until the caller's last statement.
    with connection.transaction():
        watches = watches_of(read_rules(connection, enabled_only=True))
    for watch in watches:
        metric = watch.rule.scope.metric
        if not watch.asks_issues or metric is None or metric_named(metric).plan is None:
            continue
        turn = f"issues:{watch.rule.rule_id}"
        with connection.transaction():
            reached = read_reached(connection, turn) or at - FIRST_LOOK
            newest = read_newest_issue(connection, metric)
            if newest is None or newest <= reached:
                continue
            moved += _evaluate(connection, watch, reached, at)
            write_reached(connection, turn, newest)
    return moved


def _evaluate(connection: Connection, watch: Watch, reached: datetime, at: datetime) -> int:
    metric = watch.rule.scope.metric
    assert metric is not None, "a rule that asks what will be names its metric"
    plan = metric_named(metric).plan
    assert plan is not None, "and that is forecast"
    ids = read_forecast_series(connection, metric, reached)
    watched = [one for one in read_watched(connection, ids) if watch.looks_at(one) and one.retired_at is None]
    hold_series(connection, [one.series_id for one in watched])
    every_us = plan.every // MICROSECOND
    # Issues of communes are made one after the other: one that came late is looked at with the next.
    from_us = to_microseconds(reached - plan.every)
    back = timedelta(microseconds=watch.lookback_us(metric, every_us))
    issues = read_issues(
        connection,
        [one.series_id for one in watched],
        reached - plan.every - back,
        watch.parameters.within_hours * 3_600,
    )
    known = read_known(connection, watched, reached - KNOWN_BEFORE)
    moves, knowing = Moves(), Knowing(at)
    for one in watched:
        told = issues.get(one.series_id, [])
        times = np.array([to_microseconds(issued_at) for issued_at, _ in told], dtype=np.int64)
        chances = np.array([chance_of_passing(_LEVELS, steps, watch.parameters.will_exceed) for _, steps in told])
        own = [alarm for alarm in known if (alarm.rule_id, alarm.series_id) == (watch.rule.rule_id, one.series_id)]
        track = Track.plain(metric, times, chances, every_us)
        found = watch.episodes(one, track, State(from_us, episodes_of(own)))
        if found is not None:
            moves.add(watch, one, difference(own, found, knowing), knowing)
    write_moves(connection, moves, Muting.at(read_maintenance(connection, ending_after=at), at), at)
    if len(moves):
        log.info("forecast_alarms_moved", metric=metric, series=len(watched), moved=len(moves))
    return len(moves)
