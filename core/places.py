"""Places: communes, sites, sensors and series.

The communes are those of the Métropole du Grand Paris: 130 since 2025-01-01, when Pierrefitte-sur-Seine
joined Saint-Denis; 131 before. Source of ``communes.csv``: @etalab/decoupage-administratif 6.0.0 (MIT),
Code officiel géographique 2026 and municipal populations of INSEE.
"""

from __future__ import annotations

import csv
import re
import unicodedata
from dataclasses import dataclass
from datetime import date, datetime
from enum import StrEnum
from functools import cache
from importlib.resources import files

EXTERNAL_ID = re.compile(r"[a-z0-9][a-z0-9._-]{0,63}")
"""What a sensor may be called on its network, after lower-casing."""

INTERVAL_S_MAX = 604_800
"""A sensor speaks at least once a week."""


class SensorKind(StrEnum):
    """What a sensor is; chooses its decoder and the page's filter."""

    INDOOR_AIR = "indoor_air"
    OUTDOOR_AIR = "outdoor_air"
    BIN = "bin"
    BAY = "bay"
    METER = "meter"
    COUNTER = "counter"


class Origin(StrEnum):
    """Where a sensor's readings come from."""

    FIELD = "field"
    REPLAYED = "replayed"
    """Real readings of another time and place, published again with their times shifted."""
    SIMULATED = "simulated"


@dataclass(frozen=True, slots=True)
class Commune:
    """A commune of the Métropole.

    Parameters
    ----------
    insee
        INSEE code, five characters of text.
    territory_code, territory_name
        Its établissement public territorial; empty for Paris.
    population
        Municipal population, None where the commune is no more.
    member_until
        First day on which it was no longer a commune of its own, else None.
    merged_into
        INSEE code of the commune it joined.
    """

    insee: str
    name: str
    department: str
    territory_code: str
    territory_name: str
    population: int | None
    member_until: date | None = None
    merged_into: str | None = None


@dataclass(frozen=True, slots=True)
class Site:
    """A school, a street, a building: where sensors stand. ``code`` is unique within its commune."""

    commune_insee: str
    code: str
    name: str
    longitude: float | None = None
    latitude: float | None = None
    site_id: int | None = None


@dataclass(frozen=True, slots=True)
class Sensor:
    """A device on a site.

    Parameters
    ----------
    external_id
        Its name on the network, lower case: a DevEUI, a The Things Stack ``device_id``, or the sensor's
        segment of a native topic. Unique over the whole platform.
    origin
        Where its readings come from; whatever shows replayed or simulated ones says so.
    model
        Its device model (``device_model``), which decodes the bytes of its frames; None: the network's codec does.
    interval_s
        How often it speaks, in seconds; None: as its metrics expect.
    retired_at
        From then on it takes no reading.
    """

    external_id: str
    kind: SensorKind
    name: str
    site: Site
    origin: Origin = Origin.FIELD
    sensor_id: int | None = None
    adopted_at: datetime | None = None
    model: str | None = None
    interval_s: int | None = None
    retired_at: datetime | None = None


@dataclass(frozen=True, slots=True)
class Series:
    """One metric of one sensor."""

    series_id: int
    sensor_id: int
    metric: str


def site_code(name: str) -> str:
    """Return the code that a site of this name gets: lower case, without accents, ``-`` between the words."""
    plain = "".join(letter for letter in unicodedata.normalize("NFD", name) if not unicodedata.combining(letter))
    return re.sub(r"[^a-z0-9]+", "-", plain.lower()).strip("-")[:64]


@cache
def communes() -> dict[str, Commune]:
    """Return all 131 communes that were ever of the Métropole, by INSEE code."""
    text = files("core").joinpath("communes.csv").read_text(encoding="utf-8")
    return {row["insee"]: _commune(row) for row in csv.DictReader(text.splitlines())}


def current_commune(insee: str) -> Commune:
    """Return the commune that this code means today, following mergers.

    Raises
    ------
    KeyError
        If the code is of no commune of the Métropole.
    """
    commune = communes()[insee]
    return current_commune(commune.merged_into) if commune.merged_into else commune


def _commune(row: dict[str, str]) -> Commune:
    return Commune(
        insee=row["insee"],
        name=row["name"],
        department=row["department"],
        territory_code=row["territory_code"],
        territory_name=row["territory_name"],
        population=int(row["population"]) if row["population"] else None,
        member_until=date.fromisoformat(row["member_until"]) if row["member_until"] else None,
        merged_into=row["merged_into"] or None,
    )
