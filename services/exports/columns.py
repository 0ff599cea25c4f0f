"""The columns of an export: which there are, what they are called, and how a cell of each is written.

One row per column: the name that programs read (ISO CSV, Parquet), then the heading of a French spreadsheet. Cells of
a column keep the order of the file whatever is exported: when, of what, how much, how far to trust it.
"""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum

from core.readings import Flag, Quality


class By(StrEnum):
    """What a line of an export is."""

    RAW = "raw"
    """One reading."""
    HOUR = "hour"
    """The roll-up of an hour, in UTC."""
    DAY = "day"
    """The roll-up of a local day of Europe/Paris."""


class Kind(StrEnum):
    """How the cells of a column are written."""

    INSTANT = "instant"
    DAY = "day"
    COUNT = "count"
    SECONDS = "seconds"
    FIGURE = "figure"
    """In the series' unit."""
    QUALITY = "quality"
    FLAGS = "flags"


@dataclass(frozen=True, slots=True)
class Column:
    """A column: its name in the store and for programs, its French heading, and how its cells are written."""

    name: str
    french: str
    kind: Kind


# In the names of `core.store.history.SeriesLabel`.
LABELS = {
    "commune": "Commune",
    "commune_insee": "Code INSEE",
    "site_code": "Code du site",
    "site": "Site",
    "sensor": "Capteur",
    "external_id": "Identifiant du capteur",
    "metric": "Grandeur",
    "unit": "Unité",
    "origin": "Origine",
}
"""What is said of the series in each line."""

TIMES = {
    By.RAW: Column("observed_at", "Date et heure (Paris)", Kind.INSTANT),
    By.HOUR: Column("hour", "Début de l’heure (Paris)", Kind.INSTANT),
    By.DAY: Column("day", "Jour (Paris)", Kind.DAY),
}
PARIS_OFFSET = "Décalage"
"""French heading of the offset of Paris, beside every instant: on the night of October two hours have one name."""

_OF_ROLL_UPS = (
    Column("mean", "Moyenne", Kind.FIGURE),
    Column("low", "Minimum", Kind.FIGURE),
    Column("high", "Maximum", Kind.FIGURE),
    Column("last", "Dernière mesure", Kind.FIGURE),
    Column("increment", "Consommation ou total", Kind.FIGURE),
    Column("known_s", "Secondes connues", Kind.SECONDS),
    Column("count", "Mesures", Kind.COUNT),
    Column("good", "Bonnes mesures", Kind.COUNT),
    Column("slots", "Créneaux remplis", Kind.COUNT),
)
FIGURES = {
    By.RAW: (
        Column("value", "Mesure étalonnée", Kind.FIGURE),
        Column("quality", "Qualité", Kind.QUALITY),
        Column("flags", "Drapeaux", Kind.FLAGS),
        Column("received_at", "Reçue le (UTC)", Kind.INSTANT),
    ),
    By.HOUR: _OF_ROLL_UPS,
    By.DAY: (
        *_OF_ROLL_UPS,
        Column("hours", "Heures mesurées", Kind.COUNT),
        Column("hours_valid", "Heures valides", Kind.COUNT),
    ),
}

QUALITY_NAMES = {quality: quality.name.lower() for quality in Quality}
FLAG_NAMES = {flag: str(flag.name).lower() for flag in Flag}
QUALITY_WORDS = {Quality.GOOD: "bonne", Quality.SUSPECT: "suspecte", Quality.BAD: "mauvaise"}
FLAG_WORDS = {
    Flag.BOUNDS: "hors de l’usage",
    Flag.STEP: "saut",
    Flag.STUCK: "figée",
    Flag.SPIKE: "pic",
    Flag.STALE: "tardive",
    Flag.UNCALIBRATED: "étalonnage ancien",
    Flag.DUPLICATE_TIME: "deux valeurs au même instant",
    Flag.CLOCK: "horloge en avance",
    Flag.RESET: "remise à zéro",
    Flag.ROLL_OVER: "passage par zéro",
    Flag.BACK_STEP: "recul",
}
ORIGIN_WORDS = {"field": "terrain", "replayed": "rejouée", "simulated": "simulée"}
