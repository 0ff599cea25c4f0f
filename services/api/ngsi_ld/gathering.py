"""Entities gathered from the store: which ones a question selects, then a page of them, told whole.

Selecting reads ids alone where the store can tell; a query or a place that it cannot is asked of all that are left, a
portion at a time, with nothing read but what the query looks at.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from itertools import groupby
from typing import Final

from core.clock import format_instant
from core.places import Origin, Sensor
from core.store import entities as store
from core.store.entities import NewestValue, Wanted
from core.store.pool import Connection
from core.store.sensors import read_sensors_of
from services.api.ngsi_ld.entity_types import EntityType, Grain
from services.api.ngsi_ld.geo import GeoQuery
from services.api.ngsi_ld.queries import Query
from services.api.ngsi_ld.said import Json, Subject, Teller
from services.api.ngsi_ld.urns import format_urn

PORTION: Final = 2_000
"""Entities in memory at once while a query is asked of all."""
_ALWAYS_SAID: Final = frozenset({"name", "address", "dataProvider", "source", "origin", "areaServed"})


@dataclass(frozen=True, slots=True)
class Choice:
    """Which entities are asked for; what is None asks nothing.

    Parameters
    ----------
    numbers
        Their numbers by type.
    attributes
        They have at least one of these.
    named
        Their names pass this test.
    past
        Their history is asked for, of no reading before: retired sensors count, and only what readings feed.
    """

    types: Sequence[EntityType]
    numbers: Mapping[str, Sequence[int]] | None = None
    attributes: frozenset[str] | None = None
    query: Query | None = None
    place: GeoQuery | None = None
    past: datetime | None = None
    named: Callable[[str], bool] | None = None


Chosen = tuple[EntityType, int]


def choose(connection: Connection, choice: Choice, teller: Teller) -> list[Chosen]:
    """Return the entities that are asked for, in the order of their types and numbers."""
    return [
        (entity_type, number)
        for entity_type in choice.types
        for number in _numbers(connection, entity_type, choice, teller)
    ]


def _numbers(connection: Connection, entity_type: EntityType, choice: Choice, teller: Teller) -> list[int]:
    numbers = None if choice.numbers is None else choice.numbers.get(entity_type.name, [])
    known = frozenset(entity_type.attributes)
    asked = None if choice.attributes is None else choice.attributes & known
    if choice.past is not None:
        asked = frozenset(one.attribute for one in entity_type.measured) & (known if asked is None else asked)
    looked_at = None if choice.query is None else choice.query.attributes & known
    if numbers == [] or asked == frozenset() or looked_at == frozenset():
        return []
    fed = asked is not None and asked.isdisjoint(entity_type.said)
    metrics = _spoken(entity_type, asked if fed else None, past=choice.past is not None)
    box = None if choice.place is None else choice.place.box
    wanted = Wanted(entity_type.kinds, metrics, numbers, box, choice.past is not None, choice.past)
    found = _READ_NUMBERS[entity_type.grain](connection, wanted)
    if choice.named is not None:
        found = [number for number in found if choice.named(format_urn(entity_type.name, number))]
    tests = list(_tests(entity_type, choice, None if fed else asked, teller))
    needed = {name for names, _ in tests for name in names}
    for _, test in tests if found else ():
        found = [subject.number for subject in read_all(connection, entity_type, found, needed) if test(subject)]
    return found


def _spoken(entity_type: EntityType, asked: Collection[str] | None, *, past: bool) -> Sequence[str] | None:
    """Return the metrics of which an entity must have a reading; None where it need have none."""
    if asked is not None:
        return entity_type.metrics_for(asked)
    return tuple(entity_type.feeds) if entity_type.spoken or past else None


def _tests(
    entity_type: EntityType, choice: Choice, asked: Collection[str] | None, teller: Teller
) -> Iterator[tuple[Collection[str], Callable[[Subject], bool]]]:
    """Yield what the store could not tell: the attributes to look at, and the test of a subject."""
    query, place = choice.query, choice.place
    if asked is not None and not any(name in _ALWAYS_SAID for name in asked):
        yield asked, lambda subject: any(entity_type.tell(name, subject, teller) is not None for name in asked)
    if place is not None:
        yield (), lambda subject: (point := _point(subject)) is not None and place.test(point)
    if query is not None:
        names = sorted(query.attributes & set(entity_type.attributes))
        yield names, lambda subject: query.test(tell(entity_type, subject, teller, names))


def _point(subject: Subject) -> tuple[float, float] | None:
    if subject.site.longitude is None or subject.site.latitude is None:
        return None
    return subject.site.longitude, subject.site.latitude


def tell(entity_type: EntityType, subject: Subject, teller: Teller, attributes: Collection[str] | None = None) -> Json:
    """Return an entity in the normalized form, with these attributes or all; what has nothing to say is absent.

    Whatever is asked for, what is replayed or simulated says so.
    """
    named = attributes if attributes is None or subject.origin is Origin.FIELD else {*attributes, "origin"}
    entity: Json = {"id": format_urn(entity_type.name, subject.number), "type": entity_type.name}
    for name in entity_type.attributes:
        if named is None or name in named:
            said = entity_type.tell(name, subject, teller)
            if said is not None:
                entity[name] = said
    return entity


def kept(picked: frozenset[str] | None, subject: Subject) -> frozenset[str] | None:
    """Return the members that are picked, with what must stand beside replayed or simulated values; None for all."""
    return picked if picked is None or subject.origin is Origin.FIELD else picked | {"origin"}


def read_page(
    connection: Connection, page: Sequence[Chosen], attributes: Collection[str] | None = None
) -> Iterator[tuple[EntityType, Subject]]:
    """Yield what a page of entities is about, in its order."""
    for entity_type, chosen in groupby(page, key=lambda one: one[0]):
        named = entity_type.attributes if attributes is None else attributes
        for subject in read_all(connection, entity_type, [number for _, number in chosen], named):
            yield entity_type, subject


def read_all(
    connection: Connection, entity_type: EntityType, numbers: Sequence[int], attributes: Collection[str]
) -> Iterator[Subject]:
    """Yield what entities of one type are about, in order of their numbers, with the values that attributes need."""
    metrics = entity_type.metrics_for(attributes)
    for start in range(0, len(numbers), PORTION):
        yield from _READ_SUBJECTS[entity_type.grain](connection, entity_type, numbers[start : start + PORTION], metrics)


def created(subject: Subject) -> Json:
    """Return when the entity came to be: when its sensor was adopted; of a site nobody knows."""
    adopted = subject.sensor and subject.sensor.adopted_at
    return {"createdAt": format_instant(adopted)} if adopted else {}


Metrics = Sequence[str] | None


def _values(connection: Connection, sensor_ids: Sequence[int], metrics: Metrics) -> dict[int, dict[str, NewestValue]]:
    values: dict[int, dict[str, NewestValue]] = {}
    if metrics is None or metrics:
        for value in store.read_newest_values(connection, sensor_ids, metrics):
            values.setdefault(value.sensor_id, {})[value.metric] = value
    return values


def _sensor_subjects(connection: Connection, _: EntityType, numbers: Sequence[int], metrics: Metrics) -> list[Subject]:
    values = _values(connection, numbers, metrics)
    return [
        Subject(number, sensor.site, sensor, values.get(number, {}))
        for sensor in read_sensors_of(connection, numbers)
        if (number := sensor.sensor_id) is not None
    ]


def _series_subjects(connection: Connection, _: EntityType, numbers: Sequence[int], __: Metrics) -> list[Subject]:
    owners = store.read_series_owners(connection, numbers)
    sensor_ids = sorted({sensor_id for _series, sensor_id, _metric in owners})
    sensors: dict[int | None, Sensor] = {one.sensor_id: one for one in read_sensors_of(connection, sensor_ids)}
    metrics = sorted({metric for _series, _sensor, metric in owners})
    values = {one.series_id: one for one in store.read_newest_values(connection, sensor_ids, metrics)}
    return [
        Subject(
            series_id,
            sensors[sensor_id].site,
            sensors[sensor_id],
            {metric: values[series_id]} if series_id in values else {},
        )
        for series_id, sensor_id, metric in owners
    ]


def _site_subjects(
    connection: Connection, entity_type: EntityType, numbers: Sequence[int], metrics: Metrics
) -> list[Subject]:
    standing = store.read_sensors_on_sites(connection, numbers, entity_type.kinds)
    members: dict[int | None, list[Subject]] = {}
    for member in _sensor_subjects(connection, entity_type, standing, metrics):
        members.setdefault(member.site.site_id, []).append(member)
    return [
        Subject(number, site, members=tuple(members.get(number, ())))
        for site in store.read_sites_of(connection, numbers)
        if (number := site.site_id) is not None
    ]


_READ_NUMBERS: Final = {
    Grain.SENSOR: store.read_sensor_numbers,
    Grain.SERIES: store.read_series_numbers,
    Grain.SITE: store.read_site_numbers,
}
_READ_SUBJECTS: Final = {
    Grain.SENSOR: _sensor_subjects,
    Grain.SERIES: _series_subjects,
    Grain.SITE: _site_subjects,
}
