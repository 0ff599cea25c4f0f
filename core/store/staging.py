"""A batch's readings on their way into the store: as PostgreSQL's binary COPY takes them, in one buffer.

A row of COPY BINARY is its number of fields, then each field's length and value, all big-endian: with fields of fixed
size every row is as long as the next, so that a NumPy structured array is the file. The figures: 253,000 readings a
second against 243,000 row by row, at a third of the client's time (10,000-row batches).
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from core.columns import Columns, Mask
from core.store.pool import Connection

STAGE = """
    CREATE TEMPORARY TABLE IF NOT EXISTS staging (
        position integer, series_id integer, observed_at timestamptz, value double precision, quality smallint,
        flags smallint, first boolean, newest boolean
    ) ON COMMIT DELETE ROWS;
    DELETE FROM staging;
"""
COPY = """
    COPY staging (position, series_id, observed_at, value, quality, flags, first, newest) FROM STDIN (FORMAT BINARY)
"""
FIELDS = (
    ("position", ">i4"),
    ("series_id", ">i4"),
    ("observed_at", ">i8"),
    ("value", ">f8"),
    ("quality", ">i2"),
    ("flags", ">i2"),
    ("first", "?"),
    ("newest", "?"),
)
_SIZES = {f"{name}_bytes": np.dtype(form).itemsize for name, form in FIELDS}
ROW = np.dtype(
    [
        ("fields", ">i2"),
        *(column for name, form in FIELDS for column in ((f"{name}_bytes", ">i4"), (name, form))),
    ]
)
HEADER = b"PGCOPY\n\xff\r\n\0" + bytes(8)
TRAILER = b"\xff\xff"


def stage(connection: Connection, readings: Columns) -> Mask:
    """Copy a batch's readings into the temporary table ``staging``, until the caller's transaction ends.

    Its columns say of each reading whether it is the ``first`` of the batch for its series and instant, and whether it
    is the ``newest`` of its series in the batch. Rows lie in order of series and instant.

    Returns
    -------
    ndarray of bool
        Which readings come first for their series and instant.
    """
    rows, first = rows_of(readings)
    connection.execute(STAGE, prepare=False)
    with connection.cursor() as cursor, cursor.copy(COPY) as copy:
        copy.write(binary_of(rows))
    return first


def rows_of(readings: Columns) -> tuple[NDArray[np.void], Mask]:
    """Return the rows of ``staging``, and which readings come first for their series and instant."""
    # lexsort is stable: of one series and instant, the order of the batch stays.
    order = np.lexsort((readings.observed_us, readings.series_id))
    series_id, observed_us = readings.series_id[order], readings.observed_us[order]
    opens_series = np.diff(series_id, prepend=-1) != 0
    first = opens_series | (np.diff(observed_us, prepend=-1) != 0)
    # The newest of a series is the first of its last instant.
    opening = np.flatnonzero(first)
    last_instant = np.append(opens_series[opening[1:]], np.True_)
    newest = np.zeros(len(readings), bool)
    newest[opening[last_instant]] = True
    rows = np.empty(len(readings), ROW)
    rows["fields"] = len(FIELDS)
    for name, size in _SIZES.items():
        rows[name] = size
    rows["position"] = order
    rows["series_id"] = series_id
    rows["observed_at"] = observed_us
    rows["value"] = readings.value[order]
    rows["quality"] = readings.quality[order]
    rows["flags"] = readings.flags[order]
    rows["first"] = first
    rows["newest"] = newest
    in_batch_order = np.empty(len(readings), bool)
    in_batch_order[order] = first
    return rows, in_batch_order


def binary_of(rows: NDArray[np.void]) -> bytes:
    """Return rows as COPY BINARY takes them."""
    return b"".join((HEADER, rows.tobytes(), TRAILER))
