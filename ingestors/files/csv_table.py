"""CSV: ``,`` or ``;`` or a tab between the columns of `ingestors.files.tables`, whose names are on the first line."""

from __future__ import annotations

import csv
from collections.abc import Iterator, Mapping
from itertools import islice
from pathlib import Path
from typing import Any, TextIO

from ingestors.files.chunk import CHUNK_LINES, LINE_CHARACTERS_MAX, Chunk, Context, FileUnfit
from ingestors.files.tables import check_columns, pack_rows


def read_csv(path: Path, cursor: Mapping[str, Any], context: Context) -> Iterator[Chunk]:
    """Yield the pieces of a table behind a cursor, a few thousand rows in memory at once.

    Raises
    ------
    FileUnfit
        If it is no such table.
    """
    # A byte that is no UTF-8 becomes a replacement character, which no name, number or unit of ours holds.
    with path.open(encoding="utf-8-sig", errors="replace", newline="") as file:
        lines = _bounded(file)
        heading = next(lines, "")
        delimiter = max(";\t,", key=heading.count)
        names = [name.strip().lower() for name in next(csv.reader([heading], delimiter=delimiter), [])]
        check_columns(names)
        reader = csv.reader(lines, delimiter=delimiter)
        rows = ((reader.line_num + 1, dict(zip(names, row, strict=False))) for row in _parsed(reader) if row)
        done = int(cursor.get("rows", 0))
        skipped = sum(1 for _ in islice(rows, done))
        if skipped < done:
            raise FileUnfit(f"the file has {skipped} rows, and {done} were read of it before")
        while piece := list(islice(rows, CHUNK_LINES)):
            done += len(piece)
            entries, faults = pack_rows(piece, context)
            yield Chunk(entries, faults, len(piece), {"rows": done})


def _parsed(reader: Iterator[list[str]]) -> Iterator[list[str]]:
    try:
        yield from reader
    except csv.Error as error:
        raise FileUnfit(f"no CSV: {error}") from None


def _bounded(file: TextIO) -> Iterator[str]:
    while line := file.readline(LINE_CHARACTERS_MAX):
        if len(line) == LINE_CHARACTERS_MAX:
            raise FileUnfit(f"a line is longer than {LINE_CHARACTERS_MAX} characters")
        yield line
