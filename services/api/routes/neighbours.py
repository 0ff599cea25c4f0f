"""Sensors around a sensor, with what they measure now: whether it is the room, or the sensor."""

from __future__ import annotations

from datetime import datetime
from typing import Annotated

from fastapi import Query
from pydantic import Field

from core.clock import now
from core.metrics import Family, metric_named
from core.places import Origin, SensorKind
from core.store.latest import read_latest
from core.store.neighbours import Neighbour, read_neighbours
from core.store.pool import Connection
from core.store.sensors import read_sensors_of
from services.api.answers import Answer, Items, Store, api_router, documented
from services.api.parameters import SensorId
from services.api.routes.uplink import whole_sensor
from services.api.sensor_answers import SiteAnswer, id_of, site_answer
from services.states import State, states_of

router = api_router("sensors")

RADIUS_M_MAX = 5_000
NEIGHBOURS_MAX = 20
_VALUE = {
    "series_id": 43,
    "metric": "co2_ppm",
    "unit": "ppm",
    "value": 640.0,
    "observed_at": "2026-03-02T08:10:00Z",
    "state": "normal",
}
_SITE = {
    "site_id": 3,
    "code": "tilleuls",
    "name": "École des Tilleuls",
    "commune_insee": "93051",
    "longitude": 2.5486,
    "latitude": 48.8484,
}
_NEIGHBOUR = {
    "sensor_id": 13,
    "external_id": "0018b20000001235",
    "name": "Salle 9",
    "kind": "indoor_air",
    "origin": "field",
    "site": _SITE,
    "distance_m": 0.0,
    "values": [_VALUE],
}


class NeighbourValue(Answer):
    """The newest reading of a neighbour, of a metric that the sensor measures, too."""

    series_id: int
    metric: str
    unit: str
    value: float
    observed_at: datetime
    state: State


class NeighbourAnswer(Answer):
    """A sensor near another one."""

    sensor_id: int
    external_id: str
    name: str
    kind: SensorKind
    origin: Origin
    site: SiteAnswer
    distance_m: float = Field(description="Between their sites; 0 on the same one.")
    values: list[NeighbourValue]


class Neighbours(Items[NeighbourAnswer]):
    """Sensors around a sensor, the nearest first, 20 at most."""

    model_config = documented({"items": [_NEIGHBOUR], "next": None})


@router.get("/sensors/{sensor_id}/neighbours", operation_id="read_neighbours")
def read_sensor_neighbours(
    sensor_id: SensorId,
    store: Store,
    radius_m: Annotated[int, Query(ge=1, le=RADIUS_M_MAX, description="How far around, metres.")] = 500,
) -> Neighbours:
    """Return the sensors in service around a sensor, of its kind or of a metric of its own, with what they say now."""
    _, series = whole_sensor(store, sensor_id)
    near = read_neighbours(store, sensor_id, radius_m, limit=NEIGHBOURS_MAX)
    metrics = {one.metric for one in series if metric_named(one.metric).family is not Family.HEALTH}
    sensors = {id_of(one): one for one in read_sensors_of(store, [one.sensor_id for one in near])}
    items = []
    for one in near:
        sensor = sensors[one.sensor_id]
        items.append(
            NeighbourAnswer(
                sensor_id=one.sensor_id,
                external_id=sensor.external_id,
                name=sensor.name,
                kind=sensor.kind,
                origin=sensor.origin,
                site=site_answer(sensor.site),
                distance_m=round(one.distance_m, 1),
                values=_values(store, one, metrics),
            )
        )
    return Neighbours(items=items)


def _values(store: Connection, one: Neighbour, metrics: set[str]) -> list[NeighbourValue]:
    latest = read_latest(store, sensor_id=one.sensor_id)
    return [
        NeighbourValue(
            series_id=newest.series_id,
            metric=newest.metric,
            unit=metric_named(newest.metric).unit,
            value=newest.value,
            observed_at=newest.observed_at,
            state=state,
        )
        for newest, state in zip(latest, states_of(latest, now()), strict=True)
        if newest.metric in metrics
    ]
