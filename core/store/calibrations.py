"""Calibrations in the store: dated, never overwritten, each a change of its sensor."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime

from core.clock import format_instant
from core.quality.calibrations import Calibration, Span
from core.sensor_life import SensorChange, Signature
from core.store.pool import Connection
from core.store.sensors import write_change
from core.store.touched import touch_series

CALIBRATED = "calibrated"
"""What a calibration is called in its sensor's history."""


def write_calibration(connection: Connection, calibration: Calibration) -> int:
    """Keep a calibration, tell it in its sensor's history, and mark the hours that it moves; return how many rows.

    It holds from ``valid_from`` on, for readings of the past too, until the next one of its series.

    Raises
    ------
    KeyError
        If there is no series of this id.
    """
    with connection.transaction():
        row = connection.execute(
            "SELECT sensor_id, metric FROM series WHERE series_id = %s", (calibration.series_id,)
        ).fetchone()
        if row is None:
            raise KeyError(calibration.series_id)
        sensor_id, metric = row
        spans = read_spans_of(connection, [calibration.series_id])
        former = [span for span in spans if span.valid_from <= calibration.valid_from]
        connection.execute(
            """
            INSERT INTO calibration (series_id, valid_from, set_at, gain, shift, author, note)
            VALUES (%s, %s, %s, %s, %s, %s, %s)
            """,
            (
                calibration.series_id,
                calibration.valid_from,
                calibration.set_at,
                calibration.gain,
                calibration.shift,
                calibration.author,
                calibration.note,
            ),
        )
        before = {"metric": metric, "gain": former[-1].gain, "shift": former[-1].shift} if former else {}
        after = {
            "metric": metric,
            "gain": calibration.gain,
            "shift": calibration.shift,
            "valid_from": format_instant(calibration.valid_from),
        }
        signed = Signature(calibration.author, calibration.set_at)
        write_change(connection, SensorChange(sensor_id, CALIBRATED, before, after, signed))
        return touch_series(connection, [calibration.series_id], calibration.valid_from)


def read_calibrations(connection: Connection, series_id: int, *, as_of: datetime | None = None) -> list[Calibration]:
    """Return all that were set for a series by ``as_of``; the newest ``valid_from``, then ``set_at``, first."""
    rows = connection.execute(
        """
        SELECT series_id, valid_from, set_at, gain, shift, author, note FROM calibration
         WHERE series_id = %(series_id)s AND (%(as_of)s::timestamptz IS NULL OR set_at <= %(as_of)s)
         ORDER BY valid_from DESC, set_at DESC
        """,
        {"series_id": series_id, "as_of": as_of},
    )
    return [Calibration(*row) for row in rows]


def read_spans_of(connection: Connection, series_ids: Sequence[int], *, as_of: datetime | None = None) -> list[Span]:
    """Return the calibrations that hold for series as was known ``as_of``, in order of series and start."""
    rows = connection.execute(
        """
        SELECT series_id, valid_from, gain, shift FROM calibration_as_of(%(as_of)s)
         WHERE series_id = ANY(%(series_ids)s) ORDER BY series_id, valid_from
        """,
        {"series_ids": list(series_ids), "as_of": as_of},
    )
    return [Span(*row) for row in rows]
