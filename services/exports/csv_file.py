"""CSV: for a French spreadsheet, and as ISO CSV for programs. Pure: batches in, bytes out.

The French file has semicolons, decimal commas, the local time of Paris with its offset beside it, headings in French,
a byte order mark and CRLF: it opens with a double click where Windows and the spreadsheet speak French. The ISO file
(RFC 4180) has commas, decimal points, RFC 3339 in UTC, and the names of the API.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, ClassVar

import pyarrow as pa
import pyarrow.compute as pc

from core.store.history import SeriesLabel
from services.exports.columns import (
    FIGURES,
    FLAG_NAMES,
    FLAG_WORDS,
    LABELS,
    ORIGIN_WORDS,
    PARIS_OFFSET,
    QUALITY_NAMES,
    QUALITY_WORDS,
    TIMES,
    By,
    Column,
    Kind,
)
from services.exports.labels import Labels
from services.exports.texts import (
    cell,
    day_texts,
    figure_texts,
    flags_texts,
    paris_texts,
    quality_texts,
    spreadsheet_utc_texts,
    utc_texts,
)

BYTE_ORDER_MARK = "\ufeff"
_END = pa.scalar("\r\n")


@dataclass(frozen=True, slots=True)
class Writing:
    """How the two kinds of CSV differ.

    Parameters
    ----------
    times
        The cells of a line's instant: one, or the local time and its offset.
    cells
        How the cells of each kind of column are written.
    """

    separator: str
    mark: str
    heading: Callable[[By, str], list[str]]
    label: Callable[[SeriesLabel], list[str]]
    times: Callable[[Any], Sequence[Any]]
    cells: Mapping[Kind, Callable[[Any], Any]]


def _french_heading(by: By, unit: str) -> list[str]:
    times = [TIMES[by].french] if by is By.DAY else [TIMES[by].french, PARIS_OFFSET]
    return [*times, *LABELS.values(), *(_with_unit(column, unit) for column in FIGURES[by])]


def _with_unit(column: Column, unit: str) -> str:
    return f"{column.french} ({unit})" if unit and column.kind is Kind.FIGURE else column.french


def _french_label(label: SeriesLabel) -> list[str]:
    return [ORIGIN_WORDS[str(label.origin)] if name == "origin" else str(getattr(label, name)) for name in LABELS]


def _iso_heading(by: By, _: str) -> list[str]:
    return [TIMES[by].name, "series_id", *LABELS, "longitude", "latitude", *(one.name for one in FIGURES[by])]


def _iso_label(label: SeriesLabel) -> list[str]:
    place = ["" if one is None else str(one) for one in (label.longitude, label.latitude)]
    return [str(label.series_id), *(str(getattr(label, name)) for name in LABELS), *place]


FRENCH = Writing(
    ";",
    BYTE_ORDER_MARK,
    _french_heading,
    _french_label,
    paris_texts,
    {
        Kind.DAY: lambda days: day_texts(days, "%d/%m/%Y"),
        Kind.INSTANT: spreadsheet_utc_texts,
        Kind.COUNT: lambda counts: figure_texts(counts, comma=True),
        Kind.SECONDS: lambda seconds: figure_texts(seconds, comma=True),
        Kind.FIGURE: lambda figures: figure_texts(figures, comma=True),
        Kind.QUALITY: lambda codes: quality_texts(codes, QUALITY_WORDS),
        Kind.FLAGS: lambda codes: flags_texts(codes, FLAG_WORDS, ", "),
    },
)
ISO = Writing(
    ",",
    "",
    _iso_heading,
    _iso_label,
    lambda instants: [utc_texts(instants)],
    {
        Kind.DAY: lambda days: day_texts(days, "%Y-%m-%d"),
        Kind.INSTANT: utc_texts,
        Kind.COUNT: lambda counts: figure_texts(counts, comma=False),
        Kind.SECONDS: lambda seconds: figure_texts(seconds, comma=False),
        Kind.FIGURE: lambda figures: figure_texts(figures, comma=False),
        Kind.QUALITY: lambda codes: quality_texts(codes, QUALITY_NAMES),
        Kind.FLAGS: lambda codes: flags_texts(codes, FLAG_NAMES, " "),
    },
)


class CsvFile:
    """A CSV file as it is written: first its heading, then the lines of each batch.

    Parameters
    ----------
    by
        What a line is.
    writing
        For whom it is written.
    """

    rows_max: ClassVar[int] = 32_768
    """Lines made at once: some five megabytes."""

    def __init__(self, labels: Labels, by: By, writing: Writing) -> None:
        self._labels, self._by, self._writing = labels, by, writing
        self._told = labels.texts(self._cells_of)

    def heading(self) -> bytes:
        """Return the first line, with the byte order mark where there is one."""
        separator = self._writing.separator
        names = self._writing.heading(self._by, self._labels.unit)
        return (self._writing.mark + separator.join(cell(name, separator) for name in names) + "\r\n").encode()

    def lines(self, batch: pa.RecordBatch) -> bytes:
        """Return the lines of a batch of at most ``rows_max``."""
        writing, time = self._writing, TIMES[self._by]
        when = batch[time.name]
        cells = [writing.cells[Kind.DAY](when)] if time.kind is Kind.DAY else list(writing.times(when))
        cells.append(self._told.take(self._labels.places(batch["series_id"])))
        cells += [writing.cells[column.kind](batch[column.name]) for column in FIGURES[self._by]]
        line = pc.binary_join_element_wise(*cells, writing.separator, null_handling="replace", null_replacement="")
        return _bytes_of(pc.binary_join_element_wise(line, _END, ""))

    def ending(self) -> bytes:
        """Return what stands at the end: nothing."""
        return b""

    def _cells_of(self, label: SeriesLabel) -> str:
        separator = self._writing.separator
        return separator.join(cell(text, separator) for text in self._writing.label(label))


def _bytes_of(texts: Any) -> bytes:
    """Return the texts of an array one after the other, as they lie in its buffer."""
    if not len(texts):
        return b""
    written: bytes = texts.buffers()[2].to_pybytes()
    return written
