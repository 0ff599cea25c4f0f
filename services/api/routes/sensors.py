"""Sites, sensors and their series; adopting a sensor that publishes and is not known yet."""

from __future__ import annotations

from datetime import datetime
from typing import Annotated

from fastapi import Query, Response
from pydantic import Field

from core.clock import now
from core.places import Sensor, SensorKind, Series
from core.roles import Right
from core.sensor_life import check_model
from core.store import asides, places
from core.store import sensors as registry
from core.store.devices import read_device_models
from services.api.acting import Acting, demand
from services.api.answers import PREFIX, Answer, Items, Store, api_router, documented, problem_responses
from services.api.doors.visiting import Visiting
from services.api.parameters import ID_MAX, After, CommuneFilter, Limit, MetricName, SensorId, SeriesId
from services.api.problems import Code, Problem
from services.api.sensor_answers import (
    Adoption,
    SensorAnswer,
    Sensors,
    SeriesAnswer,
    SeriesItems,
    Sites,
    id_of,
    sensor_answer,
    series_answer,
    site_answer,
)
from services.guessing import guess

router = api_router("sensors")

_UNKNOWN = {
    "external_id": "0018b20000001234",
    "network": "chirpstack",
    "topic": "application/1/device/0018b20000001234/event/up",
    "messages": 7,
    "first_received_at": "2026-03-02T08:00:00Z",
    "last_received_at": "2026-03-02T09:00:00Z",
    "guess": {
        "kind": "indoor_air",
        "model": "milesight-am307",
        "name": "Salle 12",
        "commune_insee": None,
        "told_by": "AM307",
    },
}


class GuessAnswer(Answer):
    """What an unknown sensor may be, for whoever adopts it to check; null where nothing tells."""

    kind: SensorKind | None
    model: str | None
    name: str | None = Field(description="What its network calls it.")
    commune_insee: str | None
    told_by: str | None = Field(description="What its network says that led to the model or the kind.")


class UnknownSensorAnswer(Answer):
    """A sensor that publishes and that nobody adopted; its messages are kept aside."""

    model_config = documented(_UNKNOWN)

    external_id: str
    network: str
    topic: str = Field(description="A topic it published on.")
    messages: int = Field(description="Messages kept aside.")
    first_received_at: datetime
    last_received_at: datetime
    guess: GuessAnswer


class UnknownSensors(Items[UnknownSensorAnswer]):
    """Unknown sensors, the most recent first."""

    model_config = documented({"items": [_UNKNOWN], "next": None})


@router.get("/sites", operation_id="read_sites")
def read_sites(store: Store, commune: CommuneFilter = None, after: After = 0, limit: Limit = 100) -> Sites:
    """List sites, by id."""
    page = places.read_sites(store, commune=commune, after=after, limit=limit + 1)
    items = [site_answer(site) for site in page[:limit]]
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
    page = registry.read_sensors(store, commune=commune, kind=kind, after=after, limit=limit + 1)
    series = places.read_series_of(store, [id_of(sensor) for sensor in page[:limit]])
    items = [sensor_answer(sensor, series[id_of(sensor)]) for sensor in page[:limit]]
    return Sensors(items=items, next=items[-1].sensor_id if len(page) > limit else None)


@router.get("/sensors/{sensor_id:int}", operation_id="read_sensor")
def read_sensor(sensor_id: SensorId, store: Store) -> SensorAnswer:
    """One sensor with its series."""
    return sensor_named(store, sensor_id)


@router.post(
    "/sensors",
    operation_id="adopt_sensor",
    status_code=201,
    responses=problem_responses(409, 413),
)
def adopt_sensor(adoption: Adoption, store: Acting, visitor: Visiting, response: Response) -> SensorAnswer:
    """Adopt a sensor: the messages kept aside for it are taken in, and what it publishes from now on is stored.

    The sensor need not have published yet. One that is adopted already is refused with 409.
    """
    site = adoption.site.as_site()
    demand(visitor, Right.TEND, site.commune_insee, places.read_site_id(store, site))
    check_model(adoption.model, adoption.kind, read_device_models(store))
    sensor = Sensor(
        adoption.external_id,
        adoption.kind,
        adoption.name,
        site,
        model=adoption.model,
        interval_s=adoption.interval_s,
    )
    sensor_id = registry.adopt_sensor(store, sensor, now(), visitor.name)
    response.headers["Location"] = f"{PREFIX}/sensors/{sensor_id}"
    return sensor_named(store, sensor_id)


@router.get("/unknown-sensors", operation_id="read_unknown_sensors")
def read_unknown_sensors(store: Store, limit: Limit = 1_000) -> UnknownSensors:
    """List the sensors that messages are kept aside for, the most recent first, each with what it may be."""
    models = read_device_models(store).values()
    return UnknownSensors(
        items=[
            UnknownSensorAnswer(
                external_id=unknown.external_id,
                network=unknown.network,
                topic=unknown.topic,
                messages=unknown.messages,
                first_received_at=unknown.first_received_at,
                last_received_at=unknown.last_received_at,
                guess=GuessAnswer.model_validate(guess(unknown.topic, unknown.payload, models), from_attributes=True),
            )
            for unknown in asides.read_unknown_sensors(store, limit=limit)
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
    items = [series_answer(series) for series in page[:limit]]
    return SeriesItems(items=items, next=items[-1].series_id if len(page) > limit else None)


@router.get("/series/{series_id}", operation_id="read_series")
def read_series(series_id: SeriesId, store: Store) -> SeriesAnswer:
    """One series."""
    return series_answer(series_named(store, series_id))


def sensor_named(store: Store, sensor_id: int) -> SensorAnswer:
    """Return the sensor of this id with its series.

    Raises
    ------
    Problem
        404 if there is none.
    """
    sensor = registry.read_sensor(store, sensor_id)
    if sensor is None:
        raise Problem(Code.NOT_FOUND, f"there is no sensor {sensor_id}")
    return sensor_answer(sensor, places.read_series_of(store, [sensor_id])[sensor_id])


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
