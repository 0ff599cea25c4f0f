"""What entities say: attributes in the normalized form, from a sensor, a series or a site and its newest values."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any, TypeAlias

from core.clock import format_instant
from core.metrics import metric_named
from core.places import Origin, Sensor, Site, communes
from core.readings import Flag, Quality
from core.store.entities import NewestValue
from services.api.flags import flag_names
from services.api.ngsi_ld.urns import format_urn
from services.states import SILENT_AFTER_MAX, SILENT_AFTER_STEPS

Json: TypeAlias = dict[str, Any]


@dataclass(frozen=True, slots=True)
class Subject:
    """What an entity is about.

    Parameters
    ----------
    number
        Id of the sensor, the series or the site.
    sensor
        None where it is about a site.
    values
        Newest readings by metric.
    members
        Of a site: the sensors that stand there.
    """

    number: int
    site: Site
    sensor: Sensor | None = None
    values: Mapping[str, NewestValue] = field(default_factory=dict)
    members: tuple[Subject, ...] = ()

    def newest_at(self, metrics: tuple[str, ...] | None = None) -> datetime | None:
        """Return when the newest of its values was observed, of these metrics or of all."""
        times = [value.observed_at for value in self.values.values() if metrics is None or value.metric in metrics]
        return max(times, default=None)

    @property
    def origin(self) -> Origin:
        """Where its values come from; of a site, what its sensors have in common, or the field."""
        if self.sensor is not None:
            return self.sensor.origin
        origins = {member.origin for member in self.members}
        return origins.pop() if len(origins) == 1 else Origin.FIELD


@dataclass(frozen=True, slots=True)
class Teller:
    """Who tells it: the present instant, and the address of the server, without a slash at its end."""

    now: datetime
    root: str


Saying: TypeAlias = Callable[[Subject, Teller], Json | None]
"""What an entity says in one attribute; None where there is nothing to say."""


@dataclass(frozen=True, slots=True)
class Measured:
    """A metric as an attribute.

    Parameters
    ----------
    unit_code
        UN/CEFACT Recommendation 20; its unit is the metric's stored unit times ``factor``.
    """

    attribute: str
    metric: str
    unit_code: str
    factor: float = 1.0

    def converted(self, value: float) -> float:
        """Return a stored value in the unit of the code; what the conversion adds beyond a millionth is cut off."""
        return value if self.factor == 1 else round(value * self.factor, 6)


def told(value: Any, observed_at: datetime | None = None) -> Json:
    """Return a Property."""
    when = {} if observed_at is None else {"observedAt": format_instant(observed_at)}
    return {"type": "Property", "value": value, **when}


def related(target: str | list[str]) -> Json:
    """Return a Relationship to one entity, or to several."""
    return {"type": "Relationship", "object": target}


def worth(quality: int, flags: int) -> Json:
    """Return the quality of a reading as a Property of the Property, and its flags where it has any."""
    names = flag_names(Flag(flags))
    said = {"quality": told(Quality(quality).name.lower())}
    return {**said, "flags": told(names)} if names else said


def label(origin: Origin) -> Json:
    """Return what must stand beside values that are replayed or simulated, whichever attribute is asked for."""
    return {} if origin is Origin.FIELD else {"origin": told(origin.value)}


def measured(what: Measured, subject: Subject) -> Json | None:
    """Return the newest value of a metric, with its unit, when it was observed and what it is worth."""
    value = subject.values.get(what.metric)
    if value is None:
        return None
    return {
        "type": "Property",
        "value": what.converted(value.value),
        "unitCode": what.unit_code,
        "observedAt": format_instant(value.observed_at),
        **worth(value.quality, value.flags),
        **label(subject.origin),
    }


def is_silent(subject: Subject, teller: Teller, metric: str) -> bool:
    """Whether the newest value of a metric is too old to say anything of now, or was never read, or is bad.

    Too old is what pages and alarms call silent: by the series' own rhythm, where it was learnt.
    """
    value = subject.values.get(metric)
    if value is None or value.quality == Quality.BAD:
        return True
    if value.silent_after_s is not None:
        after = timedelta(seconds=value.silent_after_s)
    else:
        interval_s = subject.sensor.interval_s if subject.sensor else None
        step = metric_named(metric).step if interval_s is None else timedelta(seconds=interval_s)
        after = SILENT_AFTER_STEPS * step
    return teller.now - value.observed_at > min(after, SILENT_AFTER_MAX)


def location(subject: Subject, _: Teller) -> Json | None:
    """Return where the site is: GeoJSON, longitude first."""
    if subject.site.longitude is None or subject.site.latitude is None:
        return None
    point = {"type": "Point", "coordinates": [subject.site.longitude, subject.site.latitude]}
    return {"type": "GeoProperty", "value": point}


def address(subject: Subject, _: Teller) -> Json:
    """Return the commune, as an address."""
    commune = communes()[subject.site.commune_insee].name
    return told({"addressLocality": commune, "addressRegion": "Île-de-France", "addressCountry": "FR"})


def area_served(subject: Subject, _: Teller) -> Json:
    """Return the name of the commune."""
    return told(communes()[subject.site.commune_insee].name)


def name(subject: Subject, _: Teller) -> Json:
    """Return the name of the sensor, or of the site."""
    return told(subject.sensor.name if subject.sensor else subject.site.name)


def provider(subject: Subject, _: Teller) -> Json:
    """Return who gives it, and that it is replayed or simulated where it is."""
    return told("Vigie" if subject.origin is Origin.FIELD else f"Vigie ({subject.origin.value})")


def origin(subject: Subject, _: Teller) -> Json:
    """Return where the values come from."""
    return told(subject.origin.value)


def source(subject: Subject, teller: Teller) -> Json:
    """Return where Vigie's own interface tells of the sensor or the site."""
    sensor = subject.sensor
    path = f"sensors/{sensor.sensor_id}" if sensor else f"sites?commune={subject.site.commune_insee}"
    return told(f"{teller.root}/api/v1/{path}")


def ref_device(subject: Subject, _: Teller) -> Json:
    """Return the device that measures."""
    return related(_device(subject))


def ref_devices(subject: Subject, _: Teller) -> Json:
    """Return the devices that measure, as a list of one."""
    return related([_device(subject)])


def date_observed(subject: Subject, _: Teller) -> Json | None:
    """Return when the newest value was observed."""
    newest = subject.newest_at()
    return None if newest is None else told(format_instant(newest))


def _device(subject: Subject) -> str:
    assert subject.sensor is not None, "only entities about a sensor name its device"
    assert subject.sensor.sensor_id is not None, "a sensor of the store has its id"
    return format_urn("Device", subject.sensor.sensor_id)
