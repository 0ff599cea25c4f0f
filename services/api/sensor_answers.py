"""The form of sites, sensors and series in requests and answers."""

from __future__ import annotations

from datetime import datetime
from typing import Annotated

from pydantic import Field, StringConstraints, model_validator

from core.metrics import metric_named
from core.places import INTERVAL_S_MAX, Origin, Sensor, SensorKind, Series, Site
from services.api.answers import Answer, Items, documented
from services.api.decision_answers import FormerPerson
from services.api.parameters import InseeCode, WholeNumber

_SITE = {
    "site_id": 3,
    "code": "mairie",
    "name": "Mairie",
    "commune_insee": "93051",
    "longitude": 2.5486,
    "latitude": 48.8484,
}
_SERIES = {"series_id": 41, "sensor_id": 12, "metric": "power_kw", "unit": "kW"}
SENSOR_EXAMPLE = {
    "sensor_id": 12,
    "external_id": "0018b20000001234",
    "kind": "meter",
    "name": "Compteur général",
    "origin": "field",
    "adopted_at": "2026-03-02T08:00:00Z",
    "model": "adeunis-pulse",
    "interval_s": 600,
    "retired_at": None,
    "site": _SITE,
    "series": [{"series_id": 41, "metric": "power_kw", "unit": "kW"}],
}
_ADOPTION = {
    "external_id": "0018b20000001234",
    "kind": "meter",
    "name": "Compteur général",
    "model": None,
    "interval_s": 600,
    "site": {"commune_insee": "93051", "code": "mairie", "name": "Mairie", "longitude": 2.5486, "latitude": 48.8484},
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

    model_config = documented(SENSOR_EXAMPLE)

    sensor_id: int
    external_id: str = Field(description="Its name on the network, lower case.")
    kind: SensorKind
    name: str
    origin: Origin = Field(description="Whatever shows replayed or simulated readings says so.")
    adopted_at: datetime
    model: str | None = Field(description="Its device model, null where the network decodes its frames.")
    interval_s: int | None = Field(description="How often it speaks, null for what its metrics expect.")
    retired_at: datetime | None = Field(description="From then on it takes no reading.")
    site: SiteAnswer
    series: list[SensorSeries]


class Sensors(Items[SensorAnswer]):
    """Sensors, by id."""

    model_config = documented({"items": [SENSOR_EXAMPLE], "next": None})


class SeriesAnswer(SensorSeries):
    """One metric of one sensor."""

    model_config = documented(_SERIES)

    sensor_id: int


class SeriesItems(Items[SeriesAnswer]):
    """Series, by id."""

    model_config = documented({"items": [_SERIES], "next": None})


# No control characters: none is printable, and PostgreSQL refuses the first of them.
Name = Annotated[
    str, StringConstraints(strip_whitespace=True, min_length=1, max_length=200, pattern=r"^[^\x00-\x1f\x7f]+$")
]


ExternalId = Annotated[
    str, StringConstraints(strip_whitespace=True, to_lower=True, pattern=r"^[A-Za-z0-9][A-Za-z0-9._-]{0,63}$")
]
ModelName = Annotated[str, StringConstraints(min_length=1, max_length=64, pattern=r"^[^\x00-\x1f\x7f]+$")]
IntervalS = Annotated[int, WholeNumber, Field(ge=1, le=INTERVAL_S_MAX, description="How often it speaks, in seconds.")]


class SitePlace(Answer):
    """Where a sensor is put: a site of the commune with this code, written if it is new."""

    commune_insee: InseeCode
    code: Annotated[str, StringConstraints(max_length=64, pattern=r"^[A-Za-z0-9][A-Za-z0-9._-]*$")]
    name: Name
    longitude: float | None = Field(default=None, strict=True, ge=-180, le=180, allow_inf_nan=False)
    latitude: float | None = Field(default=None, strict=True, ge=-90, le=90, allow_inf_nan=False)

    @model_validator(mode="after")
    def _both_or_none(self) -> SitePlace:
        if (self.longitude is None) != (self.latitude is None):
            raise ValueError("longitude and latitude are given together or not at all")
        return self

    def as_site(self) -> Site:
        """Return the site that is named."""
        return Site(self.commune_insee, self.code, self.name, self.longitude, self.latitude)


class Adoption(Answer):
    """A sensor to adopt."""

    model_config = documented(_ADOPTION)

    external_id: ExternalId
    kind: SensorKind
    name: Name
    site: SitePlace
    model: ModelName | None = Field(default=None, description="Its device model, where its network does not decode.")
    interval_s: IntervalS | None = None
    by: FormerPerson = None


def series_answer(series: Series) -> SeriesAnswer:
    """Return a series as the API tells it, with its unit."""
    unit = metric_named(series.metric).unit
    return SeriesAnswer(series_id=series.series_id, sensor_id=series.sensor_id, metric=series.metric, unit=unit)


def id_of(sensor: Sensor) -> int:
    """Return the id of a sensor of the store."""
    assert sensor.sensor_id is not None, "a sensor of the store has its id"
    return sensor.sensor_id


def site_answer(site: Site) -> SiteAnswer:
    """Return a site as the API tells it."""
    assert site.site_id is not None, "a site of the store has its id"
    return SiteAnswer(
        site_id=site.site_id,
        code=site.code,
        name=site.name,
        commune_insee=site.commune_insee,
        longitude=site.longitude,
        latitude=site.latitude,
    )


def sensor_answer(sensor: Sensor, series: list[Series]) -> SensorAnswer:
    """Return a sensor with its series as the API tells it."""
    assert sensor.adopted_at is not None, "a sensor of the store was adopted"
    return SensorAnswer(
        sensor_id=id_of(sensor),
        external_id=sensor.external_id,
        kind=sensor.kind,
        name=sensor.name,
        origin=sensor.origin,
        adopted_at=sensor.adopted_at,
        model=sensor.model,
        interval_s=sensor.interval_s,
        retired_at=sensor.retired_at,
        site=site_answer(sensor.site),
        series=[
            SensorSeries(series_id=one.series_id, metric=one.metric, unit=metric_named(one.metric).unit)
            for one in series
        ],
    )
