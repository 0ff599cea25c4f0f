"""Parquet: the columns of `ingestors.files.tables`. The only reader of files that needs polars (extra ``replay``)."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import polars as pl

from ingestors.files.chunk import CHUNK_LINES, Chunk, Context, FileUnfit
from ingestors.files.tables import COLUMNS, check_columns, pack_rows

SLICE_ROWS = 10 * CHUNK_LINES
"""Read at once: a slice costs more to find than to read."""


def read_parquet(path: Path, cursor: Mapping[str, Any], context: Context) -> Iterator[Chunk]:
    """Yield the pieces of a table behind a cursor; its rows are numbered from 1.

    Raises
    ------
    FileUnfit
        If it is no such table.
    """
    try:
        table = pl.scan_parquet(path)
        names = table.collect_schema().names()
    except (pl.exceptions.PolarsError, OSError) as error:
        raise FileUnfit(f"no Parquet: {error}") from None
    check_columns(names)
    table = table.select([name for name in COLUMNS if name in names])
    done = int(cursor.get("rows", 0))
    while (slice_rows := table.slice(done, SLICE_ROWS).collect()).height:
        for piece in slice_rows.iter_slices(CHUNK_LINES):
            entries, faults = pack_rows(enumerate(piece.iter_rows(named=True), start=done + 1), context)
            done += piece.height
            yield Chunk(entries, faults, piece.height, {"rows": done})
