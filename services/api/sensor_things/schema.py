"""The entity sets of SensorThings 1.1, their properties and how they lead to each other, each with its column.

| SensorThings | here |
|---|---|
| Thing | a site: a school, a bay, a bin, a station (not the device) |
| Location, FeatureOfInterest | the site's point; of an Observation, where its sensor stood then |
| Sensor | a device model |
| ObservedProperty | a metric |
| Datastream | a series: one metric of one device |
| Observation | a reading |
"""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum

from core.store.criteria import Link


class Kind(StrEnum):
    """What values of an expression are."""

    TEXT = "text"
    NUMBER = "number"
    TRUTH = "truth"
    INSTANT = "instant"
    DATE = "date"
    TIME = "time"
    DURATION = "duration"
    POINT = "point"
    POLYGON = "polygon"
    JSON = "json"
    NULL = "null"


@dataclass(frozen=True, slots=True)
class Property:
    """A property of an entity.

    Parameters
    ----------
    kind
        Of its column in a condition; None: no condition can be put on it.
    column
        In which it is compared; what is shown may be made of others (`services.api.sensor_things.entities`).
    """

    name: str
    column: str
    kind: Kind | None


@dataclass(frozen=True, slots=True)
class EntitySet:
    """A set of entities.

    Parameters
    ----------
    relation
        Its name in the store; ``observation`` is the one that is read apart.
    entity
        What one is called, where a link leads to one.
    identity
        What the id is: number or text.
    shown
        The columns that its entities are written from, beside those of `links`.
    """

    name: str
    entity: str
    relation: str
    identity: Kind
    properties: tuple[Property, ...]
    shown: tuple[str, ...]
    links: dict[str, Link]

    def property_named(self, name: str) -> Property | None:
        """Return a property, None where there is none of this name."""
        return next((one for one in self.properties if one.name == name), None)

    @property
    def is_observations(self) -> bool:
        """Whether it is the set that is read by series and time only."""
        return self.relation == "observation"


_NAME = Property("name", "name", Kind.TEXT)
_DESCRIPTION = Property("description", "description", Kind.TEXT)
_ENCODING = Property("encodingType", "encoding_type", Kind.TEXT)
_PROPERTIES = Property("properties", "properties", Kind.JSON)
_LABELLED = ("id", "name", "description", "properties")
_DATASTREAMS_OF = {
    target: Link("datastream", "id", column, many=True)
    for target, column in (("Thing", "thing_id"), ("Sensor", "sensor_id"), ("Property", "observed_property_id"))
}

_SETS = (
    EntitySet(
        "Things",
        "Thing",
        "thing",
        Kind.NUMBER,
        (_NAME, _DESCRIPTION, _PROPERTIES),
        _LABELLED,
        {
            "Locations": Link("location", "id", "id", many=True),
            "HistoricalLocations": Link("historical_location", "id", "site_id", many=True),
            "Datastreams": _DATASTREAMS_OF["Thing"],
        },
    ),
    EntitySet(
        "Locations",
        "Location",
        "location",
        Kind.NUMBER,
        (_NAME, _DESCRIPTION, _ENCODING, Property("location", "point", Kind.POINT), _PROPERTIES),
        (*_LABELLED, "encoding_type", "location"),
        {
            "Things": Link("thing", "id", "id", many=True),
            "HistoricalLocations": Link("historical_location", "id", "site_id", many=True),
        },
    ),
    EntitySet(
        "HistoricalLocations",
        "HistoricalLocation",
        "historical_location",
        Kind.TEXT,
        (Property("time", "time", Kind.INSTANT),),
        ("id", "time"),
        {
            "Thing": Link("thing", "site_id", "id", many=False),
            "Locations": Link("location", "site_id", "id", many=True),
        },
    ),
    EntitySet(
        "Datastreams",
        "Datastream",
        "datastream",
        Kind.NUMBER,
        (
            _NAME,
            _DESCRIPTION,
            Property("observationType", "observation_type", Kind.TEXT),
            Property("unitOfMeasurement", "unit_of_measurement", Kind.JSON),
            Property("phenomenonTime", "newest_at", None),
            _PROPERTIES,
        ),
        (*_LABELLED, "observation_type", "unit_of_measurement", "oldest_at", "newest_at"),
        {
            "Thing": Link("thing", "thing_id", "id", many=False),
            "Sensor": Link("sensor", "sensor_id", "id", many=False),
            "ObservedProperty": Link("observed_property", "observed_property_id", "id", many=False),
            "Observations": Link("observation", "id", "datastream_id", many=True),
        },
    ),
    EntitySet(
        "Sensors",
        "Sensor",
        "sensor",
        Kind.TEXT,
        (_NAME, _DESCRIPTION, _ENCODING, Property("metadata", "metadata", Kind.TEXT), _PROPERTIES),
        (*_LABELLED, "encoding_type", "metadata"),
        {"Datastreams": _DATASTREAMS_OF["Sensor"]},
    ),
    EntitySet(
        "ObservedProperties",
        "ObservedProperty",
        "observed_property",
        Kind.TEXT,
        (_NAME, Property("definition", "definition", Kind.TEXT), _DESCRIPTION, _PROPERTIES),
        (*_LABELLED, "definition"),
        {"Datastreams": _DATASTREAMS_OF["Property"]},
    ),
    EntitySet(
        "Observations",
        "Observation",
        "observation",
        Kind.TEXT,
        (
            Property("phenomenonTime", "phenomenon_time", Kind.INSTANT),
            Property("resultTime", "result_time", Kind.INSTANT),
            Property("result", "result", Kind.NUMBER),
            Property("resultQuality", "quality", None),
            Property("parameters", "raw", None),
        ),
        (),
        {
            "Datastream": Link("datastream", "datastream_id", "id", many=False),
            "FeatureOfInterest": Link("feature_of_interest", "feature_id", "id", many=False),
        },
    ),
    EntitySet(
        "FeaturesOfInterest",
        "FeatureOfInterest",
        "feature_of_interest",
        Kind.NUMBER,
        (_NAME, _DESCRIPTION, _ENCODING, Property("feature", "point", Kind.POINT), _PROPERTIES),
        (*_LABELLED, "encoding_type", "feature"),
        {"Observations": Link("observation", "id", "feature_id", many=True)},
    ),
)

ENTITY_SETS: dict[str, EntitySet] = {one.name: one for one in _SETS}
"""The entity sets, by the names of the standard."""
BY_RELATION: dict[str, EntitySet] = {one.relation: one for one in _SETS}
OBSERVATIONS = ENTITY_SETS["Observations"]


def target_of(link: Link) -> EntitySet:
    """Return the set that a link leads to."""
    return BY_RELATION[link.target]
