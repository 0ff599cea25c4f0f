"""How a question to Observations is read: by stretches of series along the history's key, or not at all.

A condition on the Datastream or the FeatureOfInterest chooses series, one on phenomenonTime a window; both cost what
they find. What is left (on the result, on resultTime) is looked up reading by reading, as are counts and other orders:
that is done over a bounded number of Datastream-days only, and refused beyond, with the way out.
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

from core.clock import EPOCH, in_utc
from core.store.criteria import Call, Field, Node, Value, all_of, beyond_link, conjuncts, fields_of, shared_link
from core.store.observations import EARLIEST, LATEST, Sequenced, Stretch
from services.api.parameters import ID_MAX
from services.api.sensor_things.queries import Query
from services.api.sensor_things.refusals import Malformed
from services.api.sensor_things.schema import OBSERVATIONS

STRETCHES_MAX = 200
DATASTREAM_DAYS_MAX = 4_000
"""About 600,000 readings at one every ten minutes."""
SKIP_MAX = 10_000
_MICROSECOND = timedelta(microseconds=1)
_ID = re.compile(r"(\d{1,10})-(\d{1,16})", re.ASCII)
_MIRRORED = {"eq": "eq", "gt": "lt", "ge": "le", "lt": "gt", "le": "ge"}
_BY_TIME = Field("phenomenon_time")
_BY_ID = Field("id")


@dataclass(slots=True)
class Plan:
    """How observations are read.

    Parameters
    ----------
    datastreams, features
        Conditions that choose the series.
    since, until
        The window of phenomenon times, half open.
    left
        What has to be looked up reading by reading.
    series_id
        The only one, where an Observation's id says so.
    order
        Terms that the history's key does not serve, empty where it does.
    """

    sequence: Sequenced
    order: tuple[tuple[Node, bool], ...] = ()
    datastreams: Node | None = None
    features: Node | None = None
    since: datetime = EARLIEST
    until: datetime = LATEST
    left: Node | None = None

    @property
    def is_served_by_key(self) -> bool:
        """Whether reading stops as soon as there is enough."""
        return self.left is None and not self.order

    def cut(self, stretch: Stretch) -> Stretch | None:
        """Return the part of a stretch that lies in the window, None where none does."""
        return _between(stretch.series_id, max(self.since, stretch.since), min(self.until, stretch.until))


def plan_of(query: Query) -> Plan:
    """Return how a question to Observations is read.

    Raises
    ------
    Malformed
        If it would read all of them.
    """
    plan = _ordered(query)
    for part in conjuncts(query.condition):
        _take(plan, part)
    for terms in (plan.left, *(term for term, _ in plan.order)):
        if terms is not None and _BY_ID in set(fields_of(terms)):
            raise Malformed("the id of Observations is compared with eq only, beside and, and ordered alone")
    if query.options.skip > SKIP_MAX:
        raise Malformed(f"$skip is at most {SKIP_MAX} here: follow @iot.nextLink, or start at a phenomenonTime")
    return plan


def check_reach(stretches: Sequence[Stretch], spans: Mapping[int, Stretch], what: str) -> None:
    """Refuse to look up reading by reading what is too long; one Datastream may be as long as it is.

    Parameters
    ----------
    spans
        From when to when each series has readings.

    Raises
    ------
    Malformed
        With the way out.
    """
    if len({stretch.series_id for stretch in stretches}) <= 1:
        return
    days = sum(_overlap(stretch, spans.get(stretch.series_id)) / timedelta(days=1) for stretch in stretches)
    if days > DATASTREAM_DAYS_MAX:
        raise Malformed(
            f"{what} would read {days:.0f} days of observations of {len(stretches)} Datastreams one by one: "
            f"ask one Datastream (Datastreams(id)/Observations), or {DATASTREAM_DAYS_MAX} Datastream-days at most "
            "(phenomenonTime ge … and phenomenonTime lt …)"
        )


def _overlap(one: Stretch, other: Stretch | None) -> timedelta:
    if other is None:
        return timedelta(0)
    return max(timedelta(0), min(one.until, other.until) - max(one.since, other.since))


def observation_id(series_id: int, phenomenon_time: datetime) -> str:
    """Return the id of an observation: its series and its microseconds since the year 2000."""
    return f"{series_id}-{(in_utc(phenomenon_time) - EPOCH) // _MICROSECOND}"


def parse_observation_id(text: str) -> tuple[int, datetime] | None:
    """Return the series and the instant that an id says, None where it is none of ours."""
    found = _ID.fullmatch(text)
    if found is None or int(found[1]) > ID_MAX:
        return None
    at = EPOCH + int(found[2]) * _MICROSECOND
    return None if at >= LATEST else (int(found[1]), at)


def following(stretch: Stretch, last: tuple[int, datetime], sequence: Sequenced) -> Stretch | None:
    """Return the part of a stretch that comes after an observation, None where none does."""
    series_id, at = last
    since, until = stretch.since, stretch.until
    if sequence is Sequenced.BY_SERIES:
        if stretch.series_id < series_id:
            return None
        since = max(since, at + _MICROSECOND) if stretch.series_id == series_id else since
    elif sequence is Sequenced.BY_TIME:
        since = max(since, at if stretch.series_id > series_id else at + _MICROSECOND)
    else:
        until = min(until, at + _MICROSECOND if stretch.series_id > series_id else at)
    return _between(stretch.series_id, since, until)


def _between(series_id: int, since: datetime, until: datetime) -> Stretch | None:
    return Stretch(series_id, since, until) if since < until else None


def _ordered(query: Query) -> Plan:
    terms = list(query.order)
    # Ids are in the order of series and time: behind a time they decide what the series does.
    if len(terms) > 1 and terms[-1] == (_BY_ID, False):
        terms.pop()
    if not terms or terms == [(_BY_ID, False)]:
        return Plan(Sequenced.BY_SERIES)
    if len(terms) == 1 and terms[0][0] == _BY_TIME:
        return Plan(Sequenced.BY_TIME_DESCENDING if terms[0][1] else Sequenced.BY_TIME)
    return Plan(Sequenced.BY_SERIES, tuple(terms))


def _take(plan: Plan, part: Node) -> None:
    link = shared_link(part)
    if link == OBSERVATIONS.links["Datastream"]:
        plan.datastreams = all_of(plan.datastreams, beyond_link(part))
    elif link == OBSERVATIONS.links["FeatureOfInterest"]:
        plan.features = all_of(plan.features, beyond_link(part))
    elif not (isinstance(part, Call) and len(part.arguments) == 2 and _narrow(plan, part)):
        plan.left = all_of(plan.left, part)


def _narrow(plan: Plan, part: Call) -> bool:
    """Narrow the plan by a comparison with a value; return whether it says no more than that."""
    function, (left, right) = part.function, part.arguments
    if isinstance(left, Value):
        function, left, right = _MIRRORED.get(function, ""), right, left
    if not isinstance(right, Value) or function not in _MIRRORED:
        return False
    if left == _BY_ID and function == "eq":
        found = parse_observation_id(right.value)
        # An id that is none of ours is that of no observation.
        series_id, at = found or (0, EARLIEST)
        own = Call("eq", (Field("id"), Value(series_id, "integer")), truth=True)
        plan.datastreams = all_of(plan.datastreams, own)
        _window(plan, "eq", at)
        return True
    if left == _BY_TIME:
        _window(plan, function, min(max(right.value, EARLIEST), LATEST))
        return True
    return False


def _window(plan: Plan, function: str, at: datetime) -> None:
    if function in {"gt", "ge", "eq"}:
        plan.since = max(plan.since, at + _MICROSECOND if function == "gt" else at)
    if function in {"lt", "le", "eq"}:
        plan.until = min(plan.until, at if function == "lt" else at + _MICROSECOND)
