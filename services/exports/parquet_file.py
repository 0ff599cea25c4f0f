"""Parquet: the readings with their types, for Python, R or DuckDB; what they are is said in the file itself."""

from __future__ import annotations

import io
import json
from collections.abc import Mapping
from operator import attrgetter
from typing import Any, ClassVar

import pyarrow as pa
import pyarrow.parquet as pq

from services.exports.columns import FIGURES, LABELS, TIMES, By, Kind
from services.exports.labels import Labels

_TYPES = {
    Kind.INSTANT: pa.timestamp("us", "UTC"),
    Kind.DAY: pa.date32(),
    Kind.COUNT: pa.int32(),
    Kind.SECONDS: pa.float64(),
    Kind.FIGURE: pa.float64(),
    Kind.QUALITY: pa.int8(),
    Kind.FLAGS: pa.int16(),
}
_WORD = pa.dictionary(pa.int32(), pa.string())
METADATA = b"vigie"
"""Key of the file's metadata under which it says what it is, as JSON."""


class ParquetFile:
    """A Parquet file as it is written: row groups as they fill, and its footer at the end; without it nobody reads it.

    Parameters
    ----------
    by
        What a line is.
    told
        What the file says of itself: window, as of, origins, licence.
    """

    rows_max: ClassVar[int] = 131_072
    """Rows of a group, held in memory until it is written."""

    def __init__(self, labels: Labels, by: By, told: Mapping[str, Any]) -> None:
        self._labels, self._by = labels, by
        self._words = {name: labels.texts(attrgetter(name)) for name in LABELS}
        self._places = [
            pa.array([getattr(one, name) for one in labels.told], pa.float64()) for name in ("longitude", "latitude")
        ]
        self._schema = self._schema_of(told)
        self._written = _Taken()
        self._waiting: list[pa.RecordBatch] = []
        self._writer = pq.ParquetWriter(self._written, self._schema, compression="zstd")

    def heading(self) -> bytes:
        """Return the file's first bytes."""
        return self._written.take()

    def lines(self, batch: pa.RecordBatch) -> bytes:
        """Take a batch; return a row group where one is full, nothing otherwise."""
        self._waiting.append(batch)
        if sum(one.num_rows for one in self._waiting) < self.rows_max:
            return b""
        waiting = pa.Table.from_batches(self._waiting)
        self._waiting = waiting.slice(self.rows_max).to_batches()
        return self._group(waiting.slice(0, self.rows_max))

    def ending(self) -> bytes:
        """Return the last group and the footer."""
        last = self._group(pa.Table.from_batches(self._waiting)) if self._waiting else b""
        self._writer.close()
        return last + self._written.take()

    def _group(self, lines: pa.Table) -> bytes:
        """Write lines as one group, whatever the batches that brought them: the same lines are the same bytes."""
        for batch in lines.combine_chunks().to_batches():
            self._writer.write_batch(self._full(batch), row_group_size=self.rows_max)
        return self._written.take()

    def _full(self, batch: pa.RecordBatch) -> pa.RecordBatch:
        places = self._labels.places(batch["series_id"])
        words = [pa.DictionaryArray.from_arrays(places, texts) for texts in self._words.values()]
        spots = [spot.take(places) for spot in self._places]
        figures = [batch[column.name].cast(_TYPES[column.kind]) for column in FIGURES[self._by]]
        time = batch[TIMES[self._by].name].cast(_TYPES[TIMES[self._by].kind])
        columns = [time, batch["series_id"].cast(pa.int32()), *words, *spots, *figures]
        return pa.RecordBatch.from_arrays(columns, schema=self._schema)

    def _schema_of(self, told: Mapping[str, Any]) -> pa.Schema:
        time, unit = TIMES[self._by], {b"unit": self._labels.unit.encode()}
        return pa.schema(
            [
                pa.field(time.name, _TYPES[time.kind], nullable=False),
                pa.field("series_id", pa.int32(), nullable=False),
                *(pa.field(name, _WORD) for name in LABELS),
                pa.field("longitude", pa.float64()),
                pa.field("latitude", pa.float64()),
                *(
                    pa.field(column.name, _TYPES[column.kind], metadata=unit if column.kind is Kind.FIGURE else None)
                    for column in FIGURES[self._by]
                ),
            ],
            metadata={METADATA: json.dumps(told, ensure_ascii=False, sort_keys=True).encode()},
        )


class _Taken(io.RawIOBase):
    """What the writer wrote and nobody took yet."""

    def __init__(self) -> None:
        self._waiting = bytearray()
        self._position = 0

    def writable(self) -> bool:
        return True

    def write(self, written: Any) -> int:
        self._waiting += written
        self._position += len(written)
        return len(written)

    def tell(self) -> int:
        return self._position

    def take(self) -> bytes:
        """Return it, once."""
        taken = bytes(self._waiting)
        self._waiting.clear()
        return taken
