"""Parquet files: the types, what the file says of itself, and that half a file is none."""

from __future__ import annotations

import io
import json
from datetime import date
from itertools import pairwise

import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from export_cases import T0, label, labels, one_day, readings

from core.places import Origin
from services.exports.columns import By
from services.exports.parquet_file import METADATA, ParquetFile


def test_readings_come_back_with_their_types_units_and_origins() -> None:
    both = labels(label(), label(42, sensor="Salle 3", origin=Origin.SIMULATED, longitude=None, latitude=None))
    file = ParquetFile(both, By.RAW, {"as_of": None, "origins": both.origins})
    lines = readings((41, T0, 800.0, 0, 0, T0), (42, T0, 21.5, 2, 8, T0))
    whole = file.heading() + file.lines(lines) + file.lines(lines.slice(1)) + file.ending()
    table = pq.read_table(io.BytesIO(whole))
    assert table.num_rows == 3
    assert table["observed_at"].to_pylist() == [T0] * 3
    assert table["value"].to_pylist() == [800.0, 21.5, 21.5]
    assert table["flags"].to_pylist() == [0, 8, 8]
    assert table["origin"].to_pylist() == ["field", "simulated", "simulated"]
    assert table["longitude"].to_pylist() == [2.55, None, None]
    assert table.schema.field("value").metadata == {b"unit": b"ppm"}
    assert json.loads(table.schema.metadata[METADATA])["origins"] == ["field", "simulated"]


def test_days_are_dates_and_what_is_missing_stays_missing() -> None:
    file = ParquetFile(labels(), By.DAY, {})
    table = pq.read_table(io.BytesIO(file.heading() + file.lines(one_day()) + file.ending()))
    [line] = table.select(["day", "mean", "increment", "known_s", "hours_valid"]).to_pylist()
    assert line == {"day": date(2026, 3, 29), "mean": 612.25, "increment": None, "known_s": None, "hours_valid": 22}


def test_a_file_that_broke_off_is_not_read() -> None:
    file = ParquetFile(labels(), By.RAW, {})
    broken = file.heading() + file.lines(readings(*((41, T0, 1.0, 0, 0, T0) for _ in range(file.rows_max))))
    assert len(broken) > 100
    with pytest.raises(pa.ArrowInvalid):
        pq.read_table(io.BytesIO(broken))


def test_the_same_lines_are_the_same_bytes_whatever_the_batches(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(ParquetFile, "rows_max", 100)
    lines = readings(*((41, T0, float(n % 7), 0, 0, T0) for n in range(250)))

    def whole(*cuts: int) -> bytes:
        file = ParquetFile(labels(), By.RAW, {"by": "raw"})
        ends = [0, *cuts, 250]
        told = [file.lines(lines.slice(start, end - start)) for start, end in pairwise(ends)]
        return file.heading() + b"".join(told) + file.ending()

    files = {whole(100, 200), whole(30, 99, 130, 200), whole(*range(50, 250, 50)), whole(99, 198)}
    assert len(files) == 1
    assert pq.ParquetFile(io.BytesIO(files.pop())).num_row_groups == 3


def test_a_file_without_a_line_is_a_file() -> None:
    file = ParquetFile(labels(), By.RAW, {})
    assert pq.read_table(io.BytesIO(file.heading() + file.ending())).num_rows == 0
