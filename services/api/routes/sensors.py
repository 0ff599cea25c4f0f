"""Sites, sensors and their series; adopting a sensor that publishes and is not known yet."""

from __future__ import annotations

from datetime import datetime
from typing import Annotated

from fastapi import Query, Response
from pydantic import Field, StringConstraints, model_validator

from core.clock import now
from core.metrics import metric_named
from core.places import Origin, Sensor, SensorKind, Series, Site
from core.store import places, rejections
from services.api.answers import PREFIX, Answer, Items, Store, api_router, documented, problem_responses
from services.api.parameters import ID_MAX, After, CommuneFilter, InseeCode, Limit, MetricName, SensorId, SeriesId
from services.api.problems import Code, Problem

router = api_router("sensors")

_SITE = {
    "site_id": 3,
    "code": "mairie",
    "name": "Mairie",
    "commune_insee": "93051",
    "longitude": 2.5486,
    "latitude": 48.8484,
}
_SERIES = {"series_id": 41, "sensor_id": 12, "metric": "power_kw", "unit": "kW"}
_SENSOR = {
    "sensor_id": 12,
    "external_id": "0018b20000001234",
    "kind": "meter",
    "name": "Compteur général",
    "origin": "field",
    "adopted_at": "2026-03-02T08:00:00Z",
    "site": _SITE,
    "series": [{"series_id": 41, "metric": "power_kw", "unit": "kW"}],
}
_ADOPTION = {
    "external_id": "0018b20000001234",
    "kind": "meter",
    "name": "Compteur général",
    "site": {"commune_insee": "93051", "code": "mairie", "name": "Mairie", "longitude": 2.5486, "latitude": 48.8484},
}
_UNKNOWN = {
    "external_id": "0018b20000001234",
    "network": "chirpstack",
    "topic": "application/1/device/0018b20000001234/event/up",
    "messages": 7,
    "first_received_at": "2026-03-02T08:00:00Z",
    "last_received_at": "2026-03-02T09:00:00Z",
}


class SiteAnswer(Answer):
    """A school, a street, a building: where sensors stand."""

    model_config = documented(_SITE)

    site_id: int
    code: str = Field(description="Unique within the commune.")
    name: str
    commune_insee: str
    longitude: float | None = Field(description="Degrees, WGS 84.")
    latitude: float | None = Field(description="Degrees, WGS 84.")


class Sites(Items[SiteAnswer]):
    """Sites, by id."""

    model_config = documented({"items": [_SITE], "next": None})


class SensorSeries(Answer):
    """A series as its sensor lists it."""

    series_id: int
    metric: str
    unit: str = Field(description="Unit of every value of the series.")


class SensorAnswer(Answer):
    """A device on a site, with its series."""

    model_config = documented(_SENSOR)

    sensor_id: int
    external_id: str = Field(description="Its name on the network, lower case.")
    kind: SensorKind
    name: str
    origin: Origin = Field(description="Whatever shows replayed or simulated readings says so.")
    adopted_at: datetime
    site: SiteAnswer
    series: list[SensorSeries]


class Sensors(Items[SensorAnswer]):
    """Sensors, by id."""

    model_config = documented({"items": [_SENSOR], "next": None})


class SeriesAnswer(SensorSeries):
    """One metric of one sensor."""

    model_config = documented(_SERIES)

    sensor_id: int


class SeriesItems(Items[SeriesAnswer]):
    """Series, by id."""

    model_config = documented({"items": [_SERIES], "next": None})


class UnknownSensorAnswer(Answer):
    """A sensor that publishes and that nobody adopted; its messages are kept aside."""

    model_config = documented(_UNKNOWN)

    external_id: str
    network: str
    topic: str = Field(description="A topic it published on.")
    messages: int = Field(description="Messages kept aside.")
    first_received_at: datetime
    last_received_at: datetime


class UnknownSensors(Items[UnknownSensorAnswer]):
    """Unknown sensors, the most recent first."""

    model_config = documented({"items": [_UNKNOWN], "next": None})


# No control characters: none is printable, and PostgreSQL refuses the first of them.
Name = Annotated[
    str, StringConstraints(strip_whitespace=True, min_length=1, max_length=200, pattern=r"^[^\x00-\x1f\x7f]+$")
]


class SitePlace(Answer):
    """Where a sensor is put: a site of the commune with this code, written if it is new."""

    commune_insee: InseeCode
    code: Annotated[str, StringConstraints(max_length=64, pattern=r"^[A-Za-z0-9][A-Za-z0-9._-]*$")]
    name: Name
    longitude: float | None = Field(default=None, ge=-180, le=180, allow_inf_nan=False)
    latitude: float | None = Field(default=None, ge=-90, le=90, allow_inf_nan=False)

    @model_validator(mode="after")
    def _both_or_none(self) -> SitePlace:
        if (self.longitude is None) != (self.latitude is None):
            raise ValueError("longitude and latitude are given together or not at all")
        return self


class Adoption(Answer):
    """A sensor to adopt."""

    model_config = documented(_ADOPTION)

    external_id: Annotated[Name, StringConstraints(to_lower=True)]
    kind: SensorKind
    name: Name
    site: SitePlace


@router.get("/sites", operation_id="read_sites")
def read_sites(store: Store, commune: CommuneFilter = None, after: After = 0, limit: Limit = 100) -> Sites:
    """List sites, by id."""
    page = places.read_sites(store, commune=commune, after=after, limit=limit + 1)
    items = [_site(site) for site in page[:limit]]
    return Sites(items=items, next=items[-1].site_id if len(page) > limit else None)


@router.get("/sensors", operation_id="read_sensors")
def read_sensors(
    store: Store,
    commune: CommuneFilter = None,
    kind: SensorKind | None = None,
    after: After = 0,
    limit: Limit = 100,
) -> Sensors:
    """List sensors with their series, by id."""
    page = places.read_sensors(store, commune=commune, kind=kind, after=after, limit=limit + 1)
    series = places.read_series_of(store, [_id(sensor) for sensor in page[:limit]])
    items = [_sensor(sensor, series[_id(sensor)]) for sensor in page[:limit]]
    return Sensors(items=items, next=items[-1].sensor_id if len(page) > limit else None)


@router.get("/sensors/{sensor_id}", operation_id="read_sensor")
def read_sensor(sensor_id: SensorId, store: Store) -> SensorAnswer:
    """One sensor with its series."""
    sensor = places.read_sensor(store, sensor_id)
    if sensor is None:
        raise Problem(Code.NOT_FOUND, f"there is no sensor {sensor_id}")
    return _sensor(sensor, places.read_series_of(store, [sensor_id])[sensor_id])


@router.post(
    "/sensors",
    operation_id="adopt_sensor",
    status_code=201,
    responses=problem_responses(409, 413),
)
def adopt_sensor(adoption: Adoption, store: Store, response: Response) -> SensorAnswer:
    """Adopt a sensor: the messages kept aside for it are taken in, and what it publishes from now on is stored.

    The sensor need not have published yet. One that is adopted already is refused with 409.
    """
    if places.is_adopted(store, adoption.external_id):
        raise Problem(Code.ALREADY_ADOPTED, f"the sensor {adoption.external_id!r} is adopted already")
    place = adoption.site
    site = Site(place.commune_insee, place.code, place.name, place.longitude, place.latitude)
    sensor_id = places.adopt_sensor(store, Sensor(adoption.external_id, adoption.kind, adoption.name, site), now())
    response.headers["Location"] = f"{PREFIX}/sensors/{sensor_id}"
    return read_sensor(sensor_id, store)


@router.get("/unknown-sensors", operation_id="read_unknown_sensors")
def read_unknown_sensors(store: Store, limit: Limit = 1_000) -> UnknownSensors:
    """List the sensors that messages are kept aside for, the most recent first."""
    return UnknownSensors(
        items=[
            UnknownSensorAnswer(
                external_id=unknown.external_id,
                network=unknown.network,
                topic=unknown.topic,
                messages=unknown.messages,
                first_received_at=unknown.first_received_at,
                last_received_at=unknown.last_received_at,
            )
            for unknown in rejections.read_unknown_sensors(store, limit=limit)
        ]
    )


@router.get("/series", operation_id="read_series_page")
def read_series_page(
    store: Store,
    sensor_id: Annotated[int | None, Query(ge=1, le=ID_MAX)] = None,
    metric: MetricName | None = None,
    after: After = 0,
    limit: Limit = 100,
) -> SeriesItems:
    """List series, by id."""
    page = places.read_series_page(store, sensor_id=sensor_id, metric=metric, after=after, limit=limit + 1)
    items = [_series(series) for series in page[:limit]]
    return SeriesItems(items=items, next=items[-1].series_id if len(page) > limit else None)


@router.get("/series/{series_id}", operation_id="read_series")
def read_series(series_id: SeriesId, store: Store) -> SeriesAnswer:
    """One series."""
    return _series(series_named(store, series_id))


def series_named(store: Store, series_id: int) -> Series:
    """Return the series of this id.

    Raises
    ------
    Problem
        404 if there is none.
    """
    found = places.read_series(store, series_id=series_id)
    if not found:
        raise Problem(Code.NOT_FOUND, f"there is no series {series_id}")
    return found[0]


def _series(series: Series) -> SeriesAnswer:
    unit = metric_named(series.metric).unit
    return SeriesAnswer(series_id=series.series_id, sensor_id=series.sensor_id, metric=series.metric, unit=unit)


def _id(sensor: Sensor) -> int:
    assert sensor.sensor_id is not None, "a sensor of the store has its id"
    return sensor.sensor_id


def _site(site: Site) -> SiteAnswer:
    assert site.site_id is not None, "a site of the store has its id"
    return SiteAnswer(
        site_id=site.site_id,
        code=site.code,
        name=site.name,
        commune_insee=site.commune_insee,
        longitude=site.longitude,
        latitude=site.latitude,
    )


def _sensor(sensor: Sensor, series: list[Series]) -> SensorAnswer:
    assert sensor.adopted_at is not None, "a sensor of the store was adopted"
    return SensorAnswer(
        sensor_id=_id(sensor),
        external_id=sensor.external_id,
        kind=sensor.kind,
        name=sensor.name,
        origin=sensor.origin,
        adopted_at=sensor.adopted_at,
        site=_site(sensor.site),
        series=[
            SensorSeries(series_id=one.series_id, metric=one.metric, unit=metric_named(one.metric).unit)
            for one in series
        ],
    )
