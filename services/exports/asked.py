"""What is asked of an export: of which series, what a line is, over which window, as known when, in which format."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, fields
from datetime import datetime, timedelta
from enum import StrEnum
from typing import Any

from core.clock import PARIS, Window, format_instant
from core.errors import UnknownMetric, VigieError
from core.metrics import Family, metric_named
from core.places import Origin, communes
from core.store.history import Selection, SeriesLabel, read_labels
from core.store.pool import Connection
from services.exports.columns import By
from services.exports.labels import Labels

ROWS_MAX = 100_000_000
"""Rows that an export may be expected to come to: seven weeks of 14,000 series, raw; a file of some gigabytes."""
HOUR = timedelta(hours=1)
LICENCE = "https://www.etalab.gouv.fr/licence-ouverte-open-licence/"


class NothingFits(VigieError):
    """No series fits what was asked."""


class ExportTooLarge(VigieError):
    """The export would come to more rows than are allowed."""


class WantedInvalid(VigieError, ValueError):
    """A word that should say which series are wanted says nothing."""


class Format(StrEnum):
    """How the file is written."""

    FRENCH_CSV = "csv-fr"
    CSV = "csv"
    PARQUET = "parquet"


@dataclass(frozen=True, slots=True)
class Wanted:
    """Of which series: those that every given word fits; without any, all.

    Parameters
    ----------
    communes
        INSEE codes.
    sites
        Commune and code of a site: ``93051/ecole-a``.
    sensors
        External ids.
    """

    communes: tuple[str, ...] = ()
    sites: tuple[str, ...] = ()
    sensors: tuple[str, ...] = ()
    families: tuple[Family, ...] = ()
    metrics: tuple[str, ...] = ()
    series: tuple[int, ...] = ()
    origins: tuple[Origin, ...] = ()

    @classmethod
    def of(cls, told: Mapping[str, Any]) -> Wanted:
        """Return what was kept with `told`.

        Raises
        ------
        WantedInvalid
            If a word of it is none of ours.
        """
        unknown = set(told) - {one.name for one in fields(cls)}
        strangers = set(told.get("communes", ())) - set(communes())
        if unknown or strangers:
            raise WantedInvalid(f"{', '.join(sorted(unknown | strangers))}: unknown")
        words: dict[str, Any] = {name: tuple(given) for name, given in told.items()}
        try:
            words["families"] = tuple(Family(name) for name in words.get("families", ()))
            words["origins"] = tuple(Origin(name) for name in words.get("origins", ()))
            words["metrics"] = tuple(metric_named(name).name for name in words.get("metrics", ()))
        except (ValueError, UnknownMetric) as error:
            raise WantedInvalid(str(error)) from None
        return cls(**words)

    def told(self) -> dict[str, list[Any]]:
        """Return it as it is kept: the words that were given."""
        return {one.name: list(given) for one in fields(self) if (given := getattr(self, one.name))}

    def labels(self, connection: Connection) -> Labels:
        """Return the series that fit, with what is said of each.

        Raises
        ------
        NothingFits
            If there is none.
        """
        selection = Selection(
            communes=self.communes,
            families=self.families,
            metrics=self.metrics,
            series_ids=self.series,
            origins=self.origins,
        )
        labels = [one for one in read_labels(connection, selection) if self._fits(one)]
        if not labels:
            raise NothingFits
        return Labels(labels)

    def _fits(self, label: SeriesLabel) -> bool:
        return (not self.sensors or label.external_id in self.sensors) and (
            not self.sites or f"{label.commune_insee}/{label.site_code}" in self.sites
        )


@dataclass(frozen=True, slots=True)
class Asked:
    """An export.

    Parameters
    ----------
    window
        Readings observed, hours that start, local days that begin in it.
    as_of
        Only what was known then; None: all that is known.
    """

    wanted: Wanted
    by: By
    format: Format
    window: Window
    as_of: datetime | None = None

    def told(self, labels: Labels) -> dict[str, Any]:
        """Return what the file says of itself; the same whenever it is made of the same."""
        return {
            "by": self.by,
            "from": format_instant(self.window.start),
            "until": format_instant(self.window.end),
            "as_of": self.as_of and format_instant(self.as_of),
            "values": "calibrated",
            "wanted": self.wanted.told(),
            "origins": labels.origins,
            "licence": LICENCE,
        }


def expected_rows(labels: Labels, by: By, window: Window) -> int:
    """Return how many rows are expected when each series speaks as often as it should."""
    if by is By.RAW:
        return sum(window.length // interval_of(one) for one in labels.told)
    return len(labels.told) * -(-window.length // (HOUR if by is By.HOUR else 24 * HOUR))


def interval_of(label: SeriesLabel) -> timedelta:
    """Return how often a series should speak: as its sensor is set, or as its metric says."""
    if label.interval_s is None:
        return metric_named(label.metric).step
    return timedelta(seconds=label.interval_s)


def check_size(asked: Asked, labels: Labels) -> None:
    """Refuse what would come to too much.

    Raises
    ------
    ExportTooLarge
        If more than `ROWS_MAX` rows are expected.
    """
    # Roll-ups as of an instant are made of all that had been read.
    rows = expected_rows(labels, By.RAW if asked.as_of else asked.by, asked.window)
    if rows > ROWS_MAX:
        raise ExportTooLarge(f"about {rows:,} rows are expected, {ROWS_MAX:,} are allowed: ask for less at a time")


def export_name(asked: Asked) -> str:
    """Return a plain name for the file, without its suffix: ``vigie-raw-20260301-20260401``."""
    start, end = (instant.astimezone(PARIS).strftime("%Y%m%d") for instant in (asked.window.start, asked.window.end))
    return f"vigie-{asked.by}-{start}-{end}"
