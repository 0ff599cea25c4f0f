"""An export as it flows: batches from the store in, pieces of the file out, a few megabytes in memory at any time."""

from __future__ import annotations

from collections.abc import Callable, Generator, Iterable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any, ClassVar, Protocol

import pyarrow as pa

from core.errors import StoreAbsent
from core.store.arrow import ArrowConnection, opened_arrow
from core.store.history import Selection, read_day_history, read_history, read_hour_history
from core.store.pool import connected, is_let_in, store_absence_told
from services.exports.asked import Asked, Format
from services.exports.columns import By
from services.exports.csv_file import FRENCH, ISO, CsvFile
from services.exports.labels import Labels
from services.exports.parquet_file import ParquetFile
from services.exports.rolled import read_rolled_as_of


class File(Protocol):
    """A file as it is written."""

    rows_max: ClassVar[int]

    def heading(self) -> bytes: ...  # noqa: D102 # what comes first
    def lines(self, batch: pa.RecordBatch) -> bytes: ...  # noqa: D102 # of a batch of at most rows_max
    def ending(self) -> bytes: ...  # noqa: D102 # what comes last


@dataclass(frozen=True, slots=True)
class FileKind:
    """How files of a format are named, served and opened."""

    suffix: str
    media_type: str
    opened: Callable[[Labels, By, Mapping[str, Any]], File]


FILES = {
    Format.FRENCH_CSV: FileKind("csv", "text/csv; charset=utf-8", lambda labels, by, _: CsvFile(labels, by, FRENCH)),
    Format.CSV: FileKind("csv", "text/csv; charset=utf-8", lambda labels, by, _: CsvFile(labels, by, ISO)),
    Format.PARQUET: FileKind("parquet", "application/vnd.apache.parquet", ParquetFile),
}


def read_batches_asked(arrow: ArrowConnection, asked: Asked, labels: Labels) -> Iterator[pa.RecordBatch]:
    """Yield what is exported, in order of series and time; roll-ups as they are now."""
    selection = Selection(series_ids=labels.series_ids)
    if asked.by is By.RAW:
        return read_history(arrow, selection, asked.window, as_of=asked.as_of)
    if asked.by is By.HOUR:
        return read_hour_history(arrow, selection, asked.window)
    return read_day_history(arrow, selection, asked.window)


class Export:
    """One export under way: ``rows`` says how many were written so far.

    Parameters
    ----------
    labels
        The series that it holds.
    """

    def __init__(self, asked: Asked, labels: Labels) -> None:
        self._asked, self._labels = asked, labels
        self.rows = 0

    def pieces(self, batches: Iterable[pa.RecordBatch]) -> Iterator[bytes]:
        """Yield the file piece by piece; it is whole when the iterator ended by itself, and only then."""
        file = FILES[self._asked.format].opened(self._labels, self._asked.by, self._asked.told(self._labels))
        yield file.heading()
        for batch in batches:
            self.rows += batch.num_rows
            for start in range(0, batch.num_rows, file.rows_max):
                if lines := file.lines(batch.slice(start, file.rows_max)):
                    yield lines
        if ending := file.ending():
            yield ending


class Flow:
    """An export as it comes out of the store, on a connection of its own.

    Parameters
    ----------
    dsn
        The address to read from.
    under_pass
        Whether what is read goes under a pass. It may end before the export does, and from then on shows nothing: the
        export then breaks off, and does not end short.
    """

    def __init__(self, dsn: str, asked: Asked, labels: Labels, *, under_pass: bool = False) -> None:
        self.export = Export(asked, labels)
        self._dsn, self._asked, self._labels, self._under_pass = dsn, asked, labels, under_pass
        self._cancel: Callable[[], object] | None = None

    @property
    def rows(self) -> int:
        """How many rows were written so far."""
        return self.export.rows

    def pieces(self) -> Generator[bytes]:
        """Yield the file piece by piece; it is whole when the iterator ended by itself, and only then.

        Raises
        ------
        StoreAbsent
            If the store is lost, the export was cancelled, or its pass ended.
        """
        try:
            with self._batches() as batches:
                yield from self.export.pieces(self._while_let_in(batches))
        finally:
            self._cancel = None

    def cancel(self) -> None:
        """Have the server end the statement under way, from any thread: whoever waits for its rows waits no more."""
        if (cancel := self._cancel) is not None:
            cancel()

    def _while_let_in(self, batches: Iterable[pa.RecordBatch]) -> Iterator[pa.RecordBatch]:
        yield from batches
        if self._under_pass:
            with store_absence_told(), connected(self._dsn) as connection:
                if not is_let_in(connection):
                    raise StoreAbsent("the pass ended before the export did")

    @contextmanager
    def _batches(self) -> Iterator[Iterator[pa.RecordBatch]]:
        asked, as_of = self._asked, self._asked.as_of
        if as_of is not None and asked.by is not By.RAW:
            with store_absence_told(), connected(self._dsn) as connection:
                self._cancel = connection.cancel_safe
                yield read_rolled_as_of(connection, asked, self._labels, as_of)
        else:
            with opened_arrow(self._dsn) as arrow:
                self._cancel = arrow.adbc_cancel
                yield read_batches_asked(arrow, asked, self._labels)
