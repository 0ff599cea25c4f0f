"""History of many series at once, as Arrow: for models and exports. Calibrated as of an instant; raw values stay."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta
from itertools import groupby

import numpy as np
import pyarrow as pa
from psycopg import sql

from core.clock import Window
from core.columns import Floats, Ints, from_microseconds, to_microseconds
from core.metrics import METRICS, Family, metric_named
from core.places import Origin
from core.quality.calibrations import Span, lay_over
from core.quality.steps import Rhythms, Samples, Steps
from core.readings import Quality
from core.store.arrow import ArrowConnection, read_batches
from core.store.pool import Connection

READINGS_MAX = 20_000_000
"""About how many readings one statement returns, so that none sorts more, nor holds back the vacuum for long."""
_READING_EVERY = timedelta(minutes=10)
_INSTANT = pa.timestamp("us", tz="UTC")
_EPOCH_US = to_microseconds(datetime(1970, 1, 1, tzinfo=UTC))
"""Arrow's own epoch as we count."""
_FIGURES = [
    ("mean", pa.float64()),
    ("low", pa.float64()),
    ("high", pa.float64()),
    ("last", pa.float64()),
    ("increment", pa.float64()),
    ("known_s", pa.int32()),
]
READINGS = pa.schema(
    [
        ("series_id", pa.int32()),
        ("observed_at", _INSTANT),
        ("value", pa.float64()),
        ("quality", pa.int16()),
        ("flags", pa.int16()),
        ("received_at", _INSTANT),
    ]
)
"""The columns of `read_history`."""
HOURS = pa.schema(
    [
        ("series_id", pa.int32()),
        ("hour", _INSTANT),
        ("count", pa.int32()),
        ("good", pa.int32()),
        ("slots", pa.int16()),
        *_FIGURES,
    ]
)
"""The columns of `read_hour_history`."""
DAYS = pa.schema(
    [
        ("series_id", pa.int32()),
        ("day", pa.date32()),
        ("count", pa.int32()),
        ("good", pa.int32()),
        ("slots", pa.int32()),
        ("hours", pa.int16()),
        ("hours_valid", pa.int16()),
        *_FIGURES,
        ("rolled_at", _INSTANT),
    ]
)
"""The columns of `read_day_history`."""


@dataclass(frozen=True, slots=True)
class Selection:
    """Which series: those that each field names, of all fields together; an empty field leaves nothing out.

    ``in_service_at`` leaves out those of sensors that were retired by then.
    """

    communes: tuple[str, ...] = ()
    families: tuple[Family, ...] = ()
    metrics: tuple[str, ...] = ()
    series_ids: tuple[int, ...] = ()
    origins: tuple[Origin, ...] = ()
    in_service_at: datetime | None = None


@dataclass(frozen=True, slots=True)
class SeriesLabel:
    """What a series is, as a person reads it beside its figures.

    ``interval_s``, how often its sensor should speak, is None where the metric says so.
    """

    series_id: int
    metric: str
    external_id: str
    sensor: str
    site_code: str
    site: str
    commune_insee: str
    commune: str
    origin: Origin
    longitude: float | None
    latitude: float | None
    interval_s: int | None

    @property
    def unit(self) -> str:
        """The stored unit of its metric, empty where it has none."""
        return metric_named(self.metric).unit


_LABELS = sql.SQL(
    """
    SELECT series.series_id, series.metric, sensor.external_id, sensor.name AS sensor, site.code AS site_code,
           site.name AS site, commune.insee::text AS commune_insee, commune.name AS commune, sensor.origin,
           site.longitude, site.latitude, sensor.interval_s
      FROM series JOIN sensor USING (sensor_id) JOIN site USING (site_id)
      JOIN commune ON commune.insee = site.commune_insee
     WHERE ({communes}::text[] = '{{}}' OR commune.insee = ANY({communes}::text[]))
       AND ({families}::text[] = '{{}}' OR series.metric = ANY({family_metrics}::text[]))
       AND ({metrics}::text[] = '{{}}' OR series.metric = ANY({metrics}::text[]))
       AND ({series_ids}::integer[] = '{{}}' OR series.series_id = ANY({series_ids}::integer[]))
       AND ({origins}::text[] = '{{}}' OR sensor.origin = ANY({origins}::text[]))
       AND ({in_service_at}::timestamptz IS NULL OR sensor.retired_at IS NULL OR sensor.retired_at > {in_service_at})
     ORDER BY series.series_id
    """
)
_SPANS = sql.SQL(
    """
    SELECT series_id, valid_from, gain, shift FROM calibration_as_of({as_of}::timestamptz)
     WHERE series_id = ANY({series_ids}::integer[]) ORDER BY series_id, valid_from
    """
)
_READINGS = sql.SQL(
    """
    SELECT series_id, observed_at, value, quality, flags, received_at FROM reading
     WHERE series_id = ANY({series_ids}::integer[]) AND observed_at >= {start} AND observed_at < {end}
       AND ({as_of}::timestamptz IS NULL OR received_at <= {as_of}::timestamptz)
     ORDER BY series_id, observed_at
    """
)
_SAMPLES = sql.SQL(
    """
    SELECT series_id, observed_at, value FROM reading
     WHERE series_id = ANY({series_ids}::integer[]) AND observed_at >= {start} AND observed_at < {end}
       AND quality <> {bad} AND ({as_of}::timestamptz IS NULL OR received_at <= {as_of}::timestamptz)
     ORDER BY series_id, observed_at
    """
)
_HOURS = sql.SQL(
    """
    SELECT series_id, hour, count, good, slots, mean, low, high, last, increment, known_s FROM rollup_hour
     WHERE series_id = ANY({series_ids}::integer[]) AND hour >= {start} AND hour < {end}
     ORDER BY series_id, hour
    """
)
_DAYS = sql.SQL(
    """
    SELECT series_id, day, count, good, slots, hours, hours_valid, mean, low, high, last, increment, known_s, rolled_at
      FROM rollup_day
     WHERE series_id = ANY({series_ids}::integer[])
       AND day >= ({start} AT TIME ZONE 'Europe/Paris')::date
       AND day < ({end} AT TIME ZONE 'Europe/Paris' + interval '1 day - 1 microsecond')::date
     ORDER BY series_id, day
    """
)


def read_labels(connection: Connection, selection: Selection) -> list[SeriesLabel]:
    """Return what the selected series are, in order of their ids."""
    rows = connection.execute(_labels(selection))
    return [replace(label, origin=Origin(label.origin)) for label in (SeriesLabel(*row) for row in rows)]


def read_series_ids(arrow: ArrowConnection, selection: Selection) -> list[int]:
    """Return the ids of the selected series, ascending."""
    return [series_id for batch in read_batches(arrow, _labels(selection)) for series_id in batch.column(0).to_pylist()]


def read_history(
    arrow: ArrowConnection, selection: Selection, window: Window, *, as_of: datetime | None = None
) -> Iterator[pa.RecordBatch]:
    """Yield the readings observed in ``window``, as known ``as_of``, in order of series and time, as `READINGS`.

    Values are calibrated as was known then; flags and quality are those of now. Large selections take several
    statements, each with what is committed when it begins.
    """
    for labels in _portions(arrow, selection, window, _READING_EVERY):
        series_ids = [one.series_id for one in labels]
        spans = _read_spans(arrow, series_ids, as_of)
        statement = _READINGS.format(series_ids=series_ids, start=window.start, end=window.end, as_of=as_of)
        for batch in read_batches(arrow, statement):
            yield _calibrated(batch.cast(READINGS), spans)


def read_step_history(
    arrow: ArrowConnection, selection: Selection, window: Window, step: timedelta, *, as_of: datetime | None = None
) -> Iterator[Steps]:
    """Yield the stepped readings of the selected series, some whole series at a time, as they were known ``as_of``.

    The same steps as `core.store.readings.read_step_columns` reads of fewer.
    """
    for labels in _portions(arrow, selection, window, _READING_EVERY):
        rhythms = Rhythms.of(labels)
        for samples in read_samples(arrow, rhythms, window, as_of=as_of):
            yield rhythms.steps_of(samples, window, step)


def read_samples(
    arrow: ArrowConnection, rhythms: Rhythms, window: Window, *, as_of: datetime | None = None
) -> Iterator[Samples]:
    """Yield what the steps of a window rest on, some whole series at a time: readings that are not bad, calibrated."""
    ids = rhythms.ids.tolist()
    spans = _read_spans(arrow, ids, as_of)
    start = from_microseconds(to_microseconds(window.start) - int(rhythms.lead.max()))
    asked = {"series_ids": ids, "start": start, "end": window.end, "bad": int(Quality.BAD), "as_of": as_of}
    for samples in _whole_series(read_batches(arrow, _SAMPLES.format(**asked))):
        gain, shift = _calibration(spans, samples)
        yield replace(samples, values=samples.values * gain + shift)


def read_hour_history(arrow: ArrowConnection, selection: Selection, window: Window) -> Iterator[pa.RecordBatch]:
    """Yield the roll-ups of the hours that start in ``window``, in order of series and hour, as `HOURS`."""
    for labels in _portions(arrow, selection, window, timedelta(hours=1)):
        series_ids = [one.series_id for one in labels]
        statement = _HOURS.format(series_ids=series_ids, start=window.start, end=window.end)
        yield from (batch.cast(HOURS) for batch in read_batches(arrow, statement))


def read_day_history(arrow: ArrowConnection, selection: Selection, window: Window) -> Iterator[pa.RecordBatch]:
    """Yield the roll-ups of the local days that ``window`` touches, in order of series and day, as `DAYS`."""
    for labels in _portions(arrow, selection, window, timedelta(days=1)):
        series_ids = [one.series_id for one in labels]
        statement = _DAYS.format(series_ids=series_ids, start=window.start, end=window.end)
        yield from (batch.cast(DAYS) for batch in read_batches(arrow, statement))


def _labels(selection: Selection) -> sql.Composed:
    families = set(selection.families)
    return _LABELS.format(
        communes=list(selection.communes),
        families=list(selection.families),
        family_metrics=[metric.name for metric in METRICS.values() if metric.family in families],
        metrics=list(selection.metrics),
        series_ids=list(selection.series_ids),
        origins=list(selection.origins),
        in_service_at=selection.in_service_at,
    )


def _portions(
    arrow: ArrowConnection, selection: Selection, window: Window, every: timedelta
) -> Iterator[list[SeriesLabel]]:
    """Yield the selected series, so many at once as have about `READINGS_MAX` rows in the window."""
    batches = read_batches(arrow, _labels(selection))
    labels = [SeriesLabel(**row) for batch in batches for row in batch.to_pylist()]
    size = max(1, READINGS_MAX // max(1, window.length // every))
    yield from (labels[first : first + size] for first in range(0, len(labels), size))


def _read_spans(arrow: ArrowConnection, series_ids: Sequence[int], as_of: datetime | None) -> dict[int, list[Span]]:
    statement = _SPANS.format(series_ids=list(series_ids), as_of=as_of)
    rows = [Span(**row) for batch in read_batches(arrow, statement) for row in batch.to_pylist()]
    return {series_id: list(own) for series_id, own in groupby(rows, key=lambda span: span.series_id)}


def _calibrated(batch: pa.RecordBatch, spans: dict[int, list[Span]]) -> pa.RecordBatch:
    if not spans:
        return batch
    samples = _samples(batch)
    gain, shift = _calibration(spans, samples)
    return batch.set_column(2, "value", pa.array(samples.values * gain + shift))


def _calibration(spans: dict[int, list[Span]], samples: Samples) -> tuple[Floats, Floats]:
    """Return gain and shift of each sample."""
    heads = np.flatnonzero(np.diff(samples.series, prepend=-1))
    own = [span for series_id in samples.series[heads].tolist() for span in spans.get(series_id, ())]
    gain, shift, _ = lay_over(own, samples.series, samples.times)
    return gain, shift


def _whole_series(batches: Iterable[pa.RecordBatch]) -> Iterator[Samples]:
    """Yield samples in order of series and time so that none of a series stays behind: the last one waits for more."""
    waiting = Samples.none()
    for batch in batches:
        found = waiting.followed_by(_samples(batch))
        last = int(np.searchsorted(found.series, found.series[-1]))
        if last:
            yield found.cut(0, last)
        waiting = found.cut(last, len(found.series))
    if len(waiting.series):
        yield waiting


def instants_in(batch: pa.RecordBatch, column: str) -> Ints:
    """Return the instants of a column in microseconds since `core.clock.EPOCH`."""
    instants: Ints = batch.column(column).cast(pa.int64()).to_numpy() + _EPOCH_US
    return instants


def _samples(batch: pa.RecordBatch) -> Samples:
    return Samples(
        batch.column("series_id").to_numpy().astype(np.int64),
        instants_in(batch, "observed_at"),
        batch.column("value").to_numpy(),
    )
