"""Reads Observations as they were planned: a page of them, or those of several Datastreams or places at once."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import datetime

from core.store.criteria import Call, Field, Node, Value, all_of
from core.store.observations import (
    ObservationAsk,
    Sequenced,
    Stretch,
    count_observations,
    read_observations,
    read_observed_series,
    read_observed_spans,
    read_stays,
)
from core.store.pool import Connection
from core.store.things import Key, Row
from services.api.sensor_things.observation_plans import (
    STRETCHES_MAX,
    Plan,
    check_reach,
    following,
    observation_id,
    parse_observation_id,
    plan_of,
)
from services.api.sensor_things.queries import Query
from services.api.sensor_things.refusals import Malformed

Owned = list[tuple[Key, Stretch]]
"""Stretches, each with the key of the entity that it belongs to."""


@dataclass(frozen=True, slots=True)
class ObservationPage:
    """A page of observations.

    Parameters
    ----------
    more
        Whether there are more.
    token
        Where the next page starts; None: after this one, by ``$skip``.
    """

    rows: list[Row]
    count: int | None
    more: bool
    token: str | None = None


def read_page(connection: Connection, query: Query) -> ObservationPage:
    """Return a page of the observations that are asked for.

    Raises
    ------
    Malformed
        If it would read too much, or the token is none.
    """
    plan, options = plan_of(query), query.options
    count = _count(connection, plan) if options.count else None
    if options.top == 0:
        return ObservationPage([], count, more=False)
    ask = ObservationAsk(plan.sequence, plan.left, None, options.top + 1, options.skip, plan.order)
    if plan.is_served_by_key:
        ask = replace(ask, each=options.skip + options.top + 1)
        rows = _rows_by_key(connection, plan, ask, options.token)
    else:
        rows = _rows_looked_up(connection, plan, ask, options.token)
    shown = rows[: options.top]
    more = len(rows) > options.top
    token = None if plan.order or not shown else str(shown[-1]["id"])
    return ObservationPage(shown, count, more, token)


def read_of_each(
    connection: Connection, query: Query, column: str, keys: Sequence[Key], limit: int
) -> dict[Key, ObservationPage]:
    """Return the first observations of each Datastream or place, all in one statement, ``limit`` in all at most.

    Raises
    ------
    Malformed
        If that would read too much.
    """
    plan, options = plan_of(query), query.options
    owned = _owned(connection, plan, column, keys)
    stretches = [stretch for _, stretch in owned]
    counts: dict[Key, int] = {}
    if options.count:
        _check_reach(connection, stretches, "$count")
        for rank, count in count_observations(connection, stretches, plan.left).items():
            counts[owned[rank][0]] = counts.get(owned[rank][0], 0) + count
    each = options.skip + options.top + 1
    if not plan.is_served_by_key:
        _check_reach(connection, stretches, "this $filter or $orderby")
    ask = ObservationAsk(plan.sequence, plan.left, None if plan.order else each, limit, 0, plan.order)
    rows: dict[Key, list[Row]] = {}
    for row in _identified(read_observations(connection, stretches, ask)):
        rows.setdefault(owned[row["rank"]][0], []).append(row)
    pages = {}
    for key in keys:
        found = rows.get(key, [])
        shown = found[options.skip : options.skip + options.top]
        total = counts.get(key, 0) if options.count else None
        pages[key] = ObservationPage(shown, total, len(found) >= each)
    return pages


def _rows_by_key(connection: Connection, plan: Plan, ask: ObservationAsk, token: str | None) -> list[Row]:
    last = _last(token)
    if plan.features is not None or plan.sequence is not Sequenced.BY_SERIES:
        stretches = [stretch for _, stretch in _all_owned(connection, plan, "this order")]
        left = [part for one in stretches if (part := following(one, last, plan.sequence) if last else one)]
        return _identified(read_observations(connection, left, ask))
    after = last[0] if last else 0
    rows: list[Row] = []
    # Series after series, until there are enough: those of the window may come late.
    while True:
        series = read_observed_series(connection, plan.datastreams, after=after, limit=STRETCHES_MAX)
        parts = [plan.cut(Stretch(one, plan.since, plan.until)) for one in series]
        left = [one for part in parts if part and (one := following(part, last, plan.sequence) if last else part)]
        rows += _identified(read_observations(connection, left, replace(ask, limit=ask.limit - len(rows))))
        if len(series) < STRETCHES_MAX or len(rows) >= ask.limit:
            return rows
        if ask.skip:
            raise Malformed("$skip over that many Datastreams is not served: follow @iot.nextLink")
        after, last = series[-1] + 1, None


def _rows_looked_up(connection: Connection, plan: Plan, ask: ObservationAsk, token: str | None) -> list[Row]:
    stretches = [stretch for _, stretch in _all_owned(connection, plan, "this $filter or $orderby")]
    _check_reach(connection, stretches, "this $filter or $orderby")
    last = _last(token)
    if last:
        stretches = [part for one in stretches if (part := following(one, last, plan.sequence))]
    return _identified(read_observations(connection, stretches, ask))


def _count(connection: Connection, plan: Plan) -> int:
    stretches = [stretch for _, stretch in _all_owned(connection, plan, "$count")]
    _check_reach(connection, stretches, "$count")
    return sum(count_observations(connection, stretches, plan.left).values())


def _check_reach(connection: Connection, stretches: Sequence[Stretch], what: str) -> None:
    check_reach(stretches, read_observed_spans(connection, [one.series_id for one in stretches]), what)


def _all_owned(connection: Connection, plan: Plan, what: str) -> Owned:
    """Return all stretches that a plan reads.

    Raises
    ------
    Malformed
        If they are more than 200.
    """
    if plan.features is not None:
        owned = _stays(connection, plan)
    else:
        series = read_observed_series(connection, plan.datastreams, limit=STRETCHES_MAX + 1)
        owned = _cut(plan, [(one, Stretch(one, plan.since, plan.until)) for one in series])
    if len(owned) > STRETCHES_MAX:
        raise Malformed(
            f"{what} would read every observation of more than {STRETCHES_MAX} Datastreams: "
            "name fewer of them (Datastream/…), or one (Datastreams(id)/Observations)"
        )
    return owned


def _owned(connection: Connection, plan: Plan, column: str, keys: Sequence[Key]) -> Owned:
    if column == "feature_id":
        plan.features = all_of(plan.features, _among(keys))
        return _stays(connection, plan)
    if plan.features is not None:
        raise Malformed("expanded Observations are not filtered by FeatureOfInterest: ask for them themselves")
    condition = all_of(plan.datastreams, _among(keys))
    series = read_observed_series(connection, condition, limit=len(keys))
    return _cut(plan, [(one, Stretch(one, plan.since, plan.until)) for one in series])


def _stays(connection: Connection, plan: Plan) -> Owned:
    stays: Owned = list(read_stays(connection, plan.features, limit=10 * STRETCHES_MAX))
    if plan.datastreams is not None:
        condition = all_of(_among([stretch.series_id for _, stretch in stays]), plan.datastreams)
        wanted = set(read_observed_series(connection, condition, limit=max(1, len(stays))))
        stays = [(key, stretch) for key, stretch in stays if stretch.series_id in wanted]
    return _cut(plan, stays)


def _cut(plan: Plan, owned: Owned) -> Owned:
    return [(key, part) for key, stretch in owned if (part := plan.cut(stretch))]


def _among(keys: Sequence[Key]) -> Node:
    return Call("among", (Field("id"), Value(list(keys), "integers")), truth=True)


def _identified(rows: list[Row]) -> list[Row]:
    for row in rows:
        row["id"] = observation_id(row["datastream_id"], row["phenomenon_time"])
    return rows


def _last(token: str | None) -> tuple[int, datetime] | None:
    if token is None:
        return None
    found = parse_observation_id(token)
    if found is None:
        raise Malformed("$skiptoken is none that was given: follow @iot.nextLink as it is")
    return found
