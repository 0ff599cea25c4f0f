"""How entities were: /temporal/entities and /temporal/entities/{entityId} (clauses 6.18 and 6.19)."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Annotated, Final

from fastapi import APIRouter, Depends, Request, Response

from core.clock import EPOCH, Window
from core.store.entities import SeriesHour, read_hours_of, read_instances
from core.store.pool import Connection
from services.api.answers import History
from services.api.ngsi_ld import temporal
from services.api.ngsi_ld.answering import answer, asked_as, media_type, page_headers, teller_of
from services.api.ngsi_ld.asking import FormAsked, HistoryAsked, TemporalAsked, TemporalOneAsked
from services.api.ngsi_ld.entity_types import ENTITY_TYPES, EntityType
from services.api.ngsi_ld.faults import Fault, Refused
from services.api.ngsi_ld.forms import projected
from services.api.ngsi_ld.gathering import Choice, Chosen, choose, read_page
from services.api.ngsi_ld.said import Json, Measured, Subject, Teller, label
from services.api.ngsi_ld.urns import format_urn, parse_urn

router = APIRouter()

INSTANCES_MAX: Final = 20_000
"""Instances in an answer at most; what is over is told by 206 and its range."""
HOURS_MAX: Final = 200_000
"""Hours that an answer sums up at most."""
_ENDED: Final = frozenset({"before", "between"})
_SIMPLIFIED: Final = frozenset({"temporalValues", "simplified", "keyValues"})
_FORMS: Final = _SIMPLIFIED | {"aggregatedValues", "normalized", "count"}


@dataclass(frozen=True, slots=True)
class Track:
    """The history of one attribute of one entity: where it is found in the store."""

    entity_type: EntityType
    subject: Subject
    what: Measured
    series_id: int


@router.get("/temporal/entities")
@router.get("/temporal/entities/")
def query_temporal(
    request: Request, store: History, asked: Annotated[TemporalAsked, Depends(asked_as(TemporalAsked))]
) -> Response:
    """Return the history of the entities that a question selects, a page of them."""
    asked.check()
    media, teller = media_type(request), teller_of(request)
    window = _window(asked, teller)
    choice = Choice(
        asked.entity_types, asked.numbers, asked.attributes, place=asked.geo_query, past=window.start, named=asked.named
    )
    chosen = choose(store, choice, teller)
    page = chosen[asked.offset : asked.offset + asked.limit]
    told, status, ranged = _told(store, page, asked, window)
    headers = page_headers(request, asked.offset, asked.limit, len(chosen), counted=asked.counted)
    sent = answer(request, told, media, headers | ranged)
    sent.status_code = status
    return sent


@router.get("/temporal/entities/{entity_id}")
def retrieve_temporal(
    request: Request,
    entity_id: str,
    store: History,
    asked: Annotated[TemporalOneAsked, Depends(asked_as(TemporalOneAsked))],
) -> Response:
    """Return the history of one entity."""
    media, teller = media_type(request), teller_of(request)
    window = _window(asked, teller)
    named = parse_urn(entity_id)
    entity_type = ENTITY_TYPES.get(named[0]) if named else None
    if named is None or entity_type is None or entity_type not in asked.entity_types:
        raise _unknown(entity_id)
    choice = Choice([entity_type], {entity_type.name: [named[1]]}, past=EPOCH)
    chosen = choose(store, choice, teller)
    if not chosen:
        raise _unknown(entity_id)
    told, status, ranged = _told(store, chosen, asked, window)
    # It is known, and nothing of it lies in the window: it has no attribute there.
    one = told[0] if told else {"id": format_urn(*_name(chosen[0])), "type": entity_type.name}
    sent = answer(request, one, media, ranged)
    sent.status_code = status
    return sent


def _name(chosen: Chosen) -> tuple[str, int]:
    return chosen[0].name, chosen[1]


def _unknown(entity_id: str) -> Refused:
    return Refused(Fault.RESOURCE_NOT_FOUND, f"there is no history of an entity {entity_id[:200]}")


def _window(asked: HistoryAsked, teller: Teller) -> Window:
    if asked.timeproperty != "observedAt":
        raise Refused(Fault.OPERATION_NOT_SUPPORTED, "timeproperty: history is kept by observedAt alone")
    return temporal.window_asked(asked.timerel, asked.time_at, asked.end_time_at, teller.now)


def _told(
    store: Connection, page: Sequence[Chosen], asked: TemporalAsked | TemporalOneAsked, window: Window
) -> tuple[list[Json], int, dict[str, str]]:
    """Return the entities of a page with their history, the status, and the header that says what part it is."""
    forms = asked.said(_FORMS)
    tracks = list(_tracks(store, page, asked))
    if "aggregatedValues" in forms:
        told = _aggregated(store, tracks, asked, window)
        return _entities(told, asked), 200, {}
    each = max(INSTANCES_MAX // max(len(tracks), 1), 1)
    wanted = each + 1 if asked.last_n is None else min(asked.last_n, each + 1)
    newest_first = asked.last_n is not None
    ids = [track.series_id for track in tracks]
    rows = read_instances(store, ids, window, wanted, newest_first=newest_first) if ids else []
    found = temporal.cut(rows, each, newest_first=newest_first)
    entities = _entities(_instances(tracks, found, simplified=bool(forms & _SIMPLIFIED)), asked)
    if found.at is None:
        return entities, 200, {}
    return (
        entities,
        206,
        {"Content-Range": temporal.content_range(window, found, asked.last_n, ends=asked.timerel in _ENDED)},
    )


def _tracks(store: Connection, page: Sequence[Chosen], asked: FormAsked) -> Iterator[Track]:
    """Yield the histories that are asked for, in the order of the page and of the attributes."""
    for entity_type, subject in read_page(store, page, [name for kind, _ in page for name in kind.attributes]):
        for what in entity_type.measured:
            value = subject.values.get(what.metric)
            if value is not None and (asked.attributes is None or what.attribute in asked.attributes):
                yield Track(entity_type, subject, what, value.series_id)


Told = Iterator[tuple[Track, list[Json] | Json | None]]


def _instances(tracks: Sequence[Track], found: temporal.Cut, *, simplified: bool) -> Told:
    for track in tracks:
        rows = found.instances.get(track.series_id, [])
        if simplified:
            yield track, temporal.values_form(track.what, rows, track.subject.origin)
        else:
            yield track, [temporal.instance_form(track.what, one, track.subject.origin) for one in rows]


def _aggregated(store: Connection, tracks: Sequence[Track], asked: HistoryAsked, window: Window) -> Told:
    methods, period = temporal.methods_asked(asked.aggr_methods), temporal.period_asked(asked.aggr_period, window)
    ids = [track.series_id for track in tracks]
    rows = read_hours_of(store, ids, window, HOURS_MAX + 1) if ids else []
    if len(rows) > HOURS_MAX:
        raise Refused(Fault.TOO_MANY_RESULTS, f"more than {HOURS_MAX} hours are to be summed up: narrow the query")
    hours: dict[int, list[SeriesHour]] = {}
    for row in rows:
        hours.setdefault(row.series_id, []).append(row)
    for track in tracks:
        told = temporal.aggregated_form(track.what, hours.get(track.series_id, []), methods, period)
        yield track, told and told | label(track.subject.origin)


def _entities(told: Told, asked: FormAsked) -> list[Json]:
    """Return entities from their attributes; one without any is no result."""
    entities: dict[tuple[str, int], Json] = {}
    for track, attribute in told:
        if attribute:
            key = (track.entity_type.name, track.subject.number)
            entity = entities.setdefault(key, {"id": format_urn(*key), "type": key[0]})
            entity[track.what.attribute] = attribute
    return [projected(entity, asked.picked, asked.omitted) for entity in entities.values()]
