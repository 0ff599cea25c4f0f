"""Weather in files: forecasts as they were issued, which another program keeps up to date, and realised weather.

One line an hour, CSV or Parquet: ``commune_insee`` (left out where all places have the same), ``issued_at``,
``received_at`` (left out where it is the same), ``valid_at`` (the start of the hour) and any of
`core.weather.VARIABLES`. Instants carry an offset. A hole is NaN, never filled in.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from datetime import UTC, datetime, timedelta
from pathlib import Path

import numpy as np
import polars as pl

from core.clock import floor_to_step
from core.commune_points import CommunePoint
from core.weather import HOUR, HOURS_MAX, VARIABLES, WeatherIssue, WeatherRefused
from core.weather_settings import WeatherSource
from services.weather.provider import WeatherAbsent, check_bounds

REALISED = "realised"
"""The provider of weather as it came: no forecast ever was that good."""
FILE_BYTES_MAX = 2**28
_REALISED_HOURS = 72
"""An issue a day, so that whoever looks two days ahead from its last hour finds them told."""
_DAY = timedelta(days=1)


class FileWeather:
    """Reads a file that another program writes anew, or replaces, whenever it has a newer forecast."""

    def __init__(self, path: Path) -> None:
        self._path = path

    @property
    def name(self) -> str:
        """Its word."""
        return WeatherSource.FILE

    def ask(self, places: Sequence[CommunePoint], now: datetime) -> list[WeatherIssue]:
        """Return the newest issue of each place that is known by now.

        Raises
        ------
        WeatherAbsent
            If the file is not there, or cannot be opened.
        WeatherRefused
            If it is no such file.
        """
        newest: dict[str, WeatherIssue] = {}
        for issue in read_forecasts(self._path, places):
            if issue.received_at <= now:
                newest[issue.commune_insee] = issue
        return list(newest.values())


def read_forecasts(path: Path, places: Sequence[CommunePoint]) -> list[WeatherIssue]:
    """Return what a file tells of some places, by place and issue, the oldest first.

    Raises
    ------
    WeatherAbsent, WeatherRefused
        As of `FileWeather.ask`.
    """
    told = _table(path, ("issued_at", "valid_at"))
    if "received_at" not in told.columns:
        told = told.with_columns(received_at=pl.col("issued_at"))
    issues: list[WeatherIssue] = []
    for commune, hours in _by_commune(told, places):
        for _, own in hours.sort("issued_at", "valid_at").group_by("issued_at", maintain_order=True):
            issued_at, received_at = own.item(0, "issued_at"), own.item(0, "received_at")
            start, values = _grid(own)
            issues.append(WeatherIssue(commune, WeatherSource.FILE, issued_at, received_at, start, values))
    return issues


def read_realised(path: Path, places: Sequence[CommunePoint]) -> list[WeatherIssue]:
    """Return realised weather as an issue a day (UTC), each of 72 hours as they came.

    Models that learn from it believe that the weather is known: forecasts as issued are better wherever they exist.

    Raises
    ------
    WeatherAbsent, WeatherRefused
        As of `FileWeather.ask`.
    """
    issues: list[WeatherIssue] = []
    for commune, hours in _by_commune(_table(path, ("valid_at",)), places):
        at = hours["valid_at"]
        days = sorted({floor_to_step(one, _DAY) for one in at.to_list()})
        for day in days:
            own = hours.filter((at >= day) & (at < day + _REALISED_HOURS * HOUR)).sort("valid_at")
            start, values = _grid(own)
            lead = (start - day) // HOUR
            padded = np.full((lead + len(values), len(VARIABLES)), np.nan)
            padded[lead:] = values
            issues.append(WeatherIssue(commune, REALISED, day, day, day, padded))
    return issues


def _table(path: Path, needed: Iterable[str]) -> pl.DataFrame:
    """Return a file's lines: text, instants in UTC, and all variables as numbers."""
    try:
        if path.stat().st_size > FILE_BYTES_MAX:
            raise WeatherRefused(f"{path.name} is over {FILE_BYTES_MAX} bytes")
        if path.suffix == ".parquet":
            told = pl.read_parquet(path)
        else:
            told = pl.read_csv(path, infer_schema=False, null_values="")
    except OSError as error:
        raise WeatherAbsent(f"{path.name} cannot be read: {error.strerror}") from None
    except pl.exceptions.PolarsError as error:
        raise WeatherRefused(f"{path.name} is no table: {error}") from None
    missing = [name for name in needed if name not in told.columns]
    if missing or not set(VARIABLES) & set(told.columns):
        raise WeatherRefused(f"{path.name} lacks {', '.join(missing) or 'all of ' + ', '.join(VARIABLES)}")
    try:
        hours = told.select(*_columns(told))
    except pl.exceptions.PolarsError as error:
        raise WeatherRefused(f"{path.name}: {error}") from None
    if not len(hours) or any(hours[name].null_count() for name in hours.columns if name.endswith("_at")):
        raise WeatherRefused(f"{path.name}: it has no line, or a line has no instant")
    return hours


def _columns(told: pl.DataFrame) -> Iterator[pl.Expr]:
    if "commune_insee" in told.columns:
        yield pl.col("commune_insee").cast(pl.String)
    for name in ("issued_at", "received_at", "valid_at"):
        if name in told.columns:
            yield _instant(name, told.schema[name])
    for name in VARIABLES:
        yield (pl.col(name).cast(pl.Float64) if name in told.columns else pl.lit(None, pl.Float64)).alias(name)


def _instant(name: str, kind: pl.DataType) -> pl.Expr:
    if isinstance(kind, pl.Datetime):
        if kind.time_zone is None:
            raise WeatherRefused(f"{name} has no time zone")
        return pl.col(name).dt.convert_time_zone("UTC").dt.cast_time_unit("us")
    # RFC 3339: without an offset it is none.
    return pl.col(name).cast(pl.String).str.to_datetime("%+", time_unit="us", time_zone="UTC")


def _by_commune(told: pl.DataFrame, places: Sequence[CommunePoint]) -> Iterator[tuple[str, pl.DataFrame]]:
    """Yield the lines of each place; lines without a commune are of all of them."""
    for place in places:
        if "commune_insee" not in told.columns:
            yield place.commune_insee, told
            continue
        own = told.filter(pl.col("commune_insee") == place.commune_insee)
        if len(own):
            yield place.commune_insee, own


def _grid(hours: pl.DataFrame) -> tuple[datetime, np.ndarray[tuple[int, int], np.dtype[np.float64]]]:
    """Return the first hour of lines in order of ``valid_at``, and all hours from it on, NaN where there is no line."""
    at = hours["valid_at"].to_list()
    start = at[0].astimezone(UTC)
    index = [(one - start) // HOUR for one in at]
    if any(floor_to_step(one, HOUR) != one for one in at) or len(set(index)) < len(index):
        raise WeatherRefused(f"the hours from {start.isoformat()} on are no whole hours, or one is told of twice")
    if index[-1] >= HOURS_MAX:
        raise WeatherRefused(f"the issue from {start.isoformat()} on goes further than {HOURS_MAX} hours")
    values = np.full((index[-1] + 1, len(VARIABLES)), np.nan)
    values[index] = hours.select(VARIABLES).to_numpy()
    check_bounds(values)
    return start, values
