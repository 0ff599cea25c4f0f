"""Replay: long files of real readings, published again with their times shifted to now.

A file has the columns ``time`` (UTC), ``sensor_id``, ``metric`` (unit in the name) and ``value``, in Parquet or CSV.
Times move by whole weeks, by a multiple of 52 where the file is long enough: weekday and hour stay, and so does the
season. What lies after now is delivered live when its shifted time comes.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from pathlib import Path

import polars as pl
import structlog

from core.clock import EPOCH, Window
from core.errors import VigieError
from core.metrics import METRICS, Family
from core.places import Origin, Sensor, SensorKind, Site, current_commune
from core.readings import Delivery
from ingestors.units import CONVERSIONS

WEEK = timedelta(weeks=1)
YEAR = timedelta(weeks=52)
SLICE_ROWS = 200_000
"""How many rows of the files are held in memory at once, about."""
SUFFIXES = {".parquet", ".csv"}
_COLUMNS = {"time", "sensor_id", "metric", "value"}
_HOUR = timedelta(hours=1)

_log: structlog.stdlib.BoundLogger = structlog.get_logger(__name__)


class FilesUnfit(VigieError):
    """The files cannot be replayed: none is there, columns are missing, or no metric is known."""


@dataclass(frozen=True, slots=True)
class FileMetric:
    """What a metric of the files is to us.

    Parameters
    ----------
    metric
        Name of the stored metric.
    factor, offset
        stored = value x factor + offset.
    over
        The interval that the value sums up and that starts at its time: it is delivered when that has passed.
    zero_is_missing
        Whether the source wrote 0 for missing.
    """

    metric: str
    factor: float = 1.0
    offset: float = 0.0
    over: timedelta = timedelta(0)
    zero_is_missing: bool = False


# Energy of an hour in kWh is its mean power in kW. ``voc_ppb`` and gases of which we store none stay out: a mass per
# volume would need the mixture's molar mass.
FILE_METRICS: dict[str, FileMetric] = {
    "electricity_kwh": FileMetric("power_kw", over=_HOUR, zero_is_missing=True),
    "gas_kwh": FileMetric("gas_power_kw", over=_HOUR),
    "humidity_pct": FileMetric("humidity_ratio", *CONVERSIONS["humidity_ratio"]["%RH"]),
    "no2_ppb": FileMetric("no2_ugm3", *CONVERSIONS["no2_ugm3"]["ppb"]),
    "o3_ppb": FileMetric("o3_ugm3", *CONVERSIONS["o3_ugm3"]["ppb"]),
    "bikes_per_hour": FileMetric("bikes_count", over=_HOUR),
    "fill_before_pct": FileMetric("fill_ratio", *CONVERSIONS["fill_ratio"]["%"]),
} | {
    name: FileMetric(name)
    for name in (
        "co2_ppm",
        "pm1_ugm3",
        "pm25_ugm3",
        "pm10_ugm3",
        "no2_ugm3",
        "o3_ugm3",
        "tvoc_ugm3",
        "temperature_c",
        "pressure_hpa",
        "noise_dba",
        "weight_kg",
    )
}

_KINDS: dict[Family, SensorKind] = {
    Family.BIN: SensorKind.BIN,
    Family.BAY: SensorKind.BAY,
    Family.ENERGY: SensorKind.METER,
    Family.MOBILITY: SensorKind.COUNTER,
}


class ReplayFiles:
    """A source made of files of real readings.

    Parameters
    ----------
    paths
        Files, or folders of files.
    commune
        INSEE code of the commune in which the sensors are shown.
    now
        The present instant; the shift is fixed with it.
    history
        How much of the files should lie before ``now``.

    Raises
    ------
    FilesUnfit
        If there is nothing in them to replay.
    """

    def __init__(self, paths: Sequence[Path], *, commune: str, now: datetime, history: timedelta) -> None:
        files = list(_files(paths))
        if not files:
            raise FilesUnfit(f"no Parquet or CSV file in {', '.join(str(path) for path in paths)}")
        frame = pl.concat([_scan(path) for path in files])
        known = frame.filter(pl.col("metric").is_in(list(FILE_METRICS)))
        index = frame.group_by("external_id", "folder", "sensor_id", "metric").agg(pl.len().alias("readings")).collect()
        bounds = known.select(pl.col("time").min().alias("first"), pl.col("time").max().alias("last")).collect()
        first, last = bounds["first"][0], bounds["last"][0]
        if first is None:
            raise FilesUnfit(f"no metric of the files is known: {', '.join(sorted(index['metric'].unique()))}")
        self.left_out: tuple[str, ...] = tuple(sorted(set(index["metric"].unique()) - set(FILE_METRICS)))
        """Metrics of the files that are not published."""
        self.shift: timedelta = shift_between(Window(first, last + timedelta(microseconds=1)), now, history)
        """How far times are moved: a whole number of weeks."""
        self._frame = known
        rows = index.filter(pl.col("metric").is_in(list(FILE_METRICS)))["readings"].sum()
        self._slice = max((last - first) * min(1.0, SLICE_ROWS / rows), timedelta(hours=1))
        self._loaded: tuple[int, pl.DataFrame] | None = None
        self._sensors = _sensors(index.filter(pl.col("metric").is_in(list(FILE_METRICS))), commune)
        _log.info(
            "replay_opened",
            files=len(files),
            sensors=len(self._sensors),
            metrics_left_out=self.left_out,
            shift_days=self.shift.days,
            first=(first + self.shift).isoformat(),
            last=(last + self.shift).isoformat(),
        )

    @property
    def sensors(self) -> Sequence[Sensor]:
        """The files' sensors, labelled replayed."""
        return self._sensors

    def deliveries(self, window: Window) -> Iterator[Delivery]:
        """Yield what is delivered in ``window``, in order; one slice of the files at a time is in memory."""
        source = Window(window.start - self.shift, window.end - self.shift)
        number = (source.start - EPOCH) // self._slice
        while EPOCH + number * self._slice < source.end:
            rows = self._rows(number)
            between = rows.filter(pl.col("delivered").is_between(source.start, source.end, closed="left"))
            for delivered_at, external_id, name, time, value in between.iter_rows():
                row = FILE_METRICS[name]
                stored = value * row.factor + row.offset
                yield Delivery(delivered_at + self.shift, external_id, row.metric, time + self.shift, stored)
            number += 1

    def _rows(self, number: int) -> pl.DataFrame:
        """Return a slice of the files by time of delivery; the last one stays, as live windows are much shorter."""
        if self._loaded is not None and self._loaded[0] == number:
            return self._loaded[1]
        start, end = EPOCH + number * self._slice, EPOCH + (number + 1) * self._slice
        names = list(FILE_METRICS)
        over = [FILE_METRICS[name].over // timedelta(microseconds=1) for name in names]
        missing = [name for name in names if FILE_METRICS[name].zero_is_missing]
        interval = pl.duration(microseconds=pl.col("metric").replace_strict(names, over, return_dtype=pl.Int64))
        rows = (
            # The first comparison alone lets Parquet skip row groups.
            self._frame.filter(pl.col("time").is_between(start - _HOUR, end, closed="left"))
            .filter((pl.col("value") != 0) | ~pl.col("metric").is_in(missing))
            .with_columns((pl.col("time") + interval).alias("delivered"))
            .filter(pl.col("delivered").is_between(start, end, closed="left"))
            .sort("delivered", "external_id", "metric", "time")
            .select("delivered", "external_id", "metric", "time", "value")
            .collect()
        )
        self._loaded = (number, rows)
        return rows


def shift_between(covered: Window, now: datetime, history: timedelta) -> timedelta:
    """Return by how many weeks to move times so that ``now`` falls in the files with ``history`` before it.

    A multiple of 52 weeks when one leaves that much history; else whole weeks; of those that do, the one that
    leaves the most to come. Files shorter than the history are moved so that they end at most a week after now.
    """
    least, most = now - covered.end, now - covered.start - history
    for unit in (YEAR, WEEK):
        shift = unit * (most // unit)
        if shift >= least:
            return shift
    return -WEEK * (-least // WEEK)


def slug(text: str) -> str:
    """Return ``text`` as an external id may hold it."""
    return re.sub(r"[^a-z0-9]+", "-", text.lower()).strip("-")


def _files(paths: Sequence[Path]) -> Iterator[Path]:
    for path in paths:
        if path.is_dir():
            yield from (file for file in sorted(path.rglob("*")) if file.suffix in SUFFIXES and _is_long(file))
        elif path.is_file() and path.suffix in SUFFIXES and _is_long(path):
            yield path
        else:
            raise FilesUnfit(f"{path} is no long Parquet or CSV file (time, sensor_id, metric, value)")


def _lazy(path: Path) -> pl.LazyFrame:
    return pl.scan_parquet(path) if path.suffix == ".parquet" else pl.scan_csv(path, try_parse_dates=True)


def _is_long(path: Path) -> bool:
    return set(_lazy(path).collect_schema().names()) >= _COLUMNS


def _scan(path: Path) -> pl.LazyFrame:
    folder = path.resolve().parent.name
    frame = _lazy(path)
    kept_zone = getattr(frame.collect_schema()["time"], "time_zone", None)
    time = pl.col("time").dt.convert_time_zone("UTC") if kept_zone else pl.col("time").dt.replace_time_zone("UTC")
    ids = pl.col("sensor_id").cast(pl.String)
    return frame.select(
        time.cast(pl.Datetime("us", "UTC")),
        ids,
        pl.col("metric").cast(pl.String),
        pl.col("value").cast(pl.Float64),
        pl.lit(folder).alias("folder"),
        pl.concat_str(pl.lit(slug(folder) + "-"), ids.str.to_lowercase().str.replace_all(r"[^a-z0-9]+", "-"))
        .str.strip_chars("-")
        .alias("external_id"),
    ).drop_nulls()


def _sensors(index: pl.DataFrame, commune: str) -> list[Sensor]:
    insee = current_commune(commune).insee
    sensors = []
    for (external_id,), rows in index.sort("external_id", "metric").group_by("external_id", maintain_order=True):
        folder, sensor_id = rows["folder"][0], rows["sensor_id"][0]
        metrics = {FILE_METRICS[name].metric for name in rows["metric"]}
        site = Site(insee, slug(folder), folder.replace("_", " "))
        sensors.append(Sensor(str(external_id), _kind(metrics), sensor_id, site, Origin.REPLAYED))
    return sensors


def _kind(metrics: set[str]) -> SensorKind:
    for family, kind in _KINDS.items():
        if any(METRICS[name].family is family for name in metrics):
            return kind
    return SensorKind.INDOOR_AIR if "co2_ppm" in metrics else SensorKind.OUTDOOR_AIR
