"""TimescaleDB as WebAssembly, from npm (``timescale/server.mjs``), for tests: one connection at a time, no COPY in."""

from __future__ import annotations

import shutil
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import fields, is_dataclass
from pathlib import Path
from typing import Any, Self

import numpy as np
import psycopg
import pytest

from core.store import staging

ROOT = Path(__file__).resolve().parent.parent.parent
SERVER = Path(__file__).resolve().parent / "timescale" / "server.mjs"
STAGING_ROW = """
    INSERT INTO staging (position, series_id, observed_at, value, quality, flags, first, newest)
    VALUES (%s, %s, timestamptz '2000-01-01 00:00:00+00' + make_interval(secs => %s / 1e6), %s, %s, %s, %s, %s)
"""
STEP_ROW = """
    INSERT INTO forecast_step (series_id, issued_at, valid_at, p05, p10, p25, p50, p75, p90, p95, naive, mean)
    VALUES (%s, timestamptz '2000-01-01 00:00:00+00' + make_interval(secs => %s / 1e6),
            timestamptz '2000-01-01 00:00:00+00' + make_interval(secs => %s / 1e6), %s, %s, %s, %s, %s, %s, %s, %s, %s)
"""
_STEP_FORMS = (">i4", ">i8", ">i8", *[">f8"] * 9)


class RowByRow:
    """Stands in for a COPY: the same rows, by INSERT."""

    def __init__(self, cursor: psycopg.Cursor[Any], statement: str) -> None:
        self.cursor, self.statement = cursor, statement

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        """Nothing is buffered."""

    def write(self, binary: bytes) -> None:
        """Write the rows of the staging table, or of the steps of forecasts, that a binary COPY holds."""
        if "forecast_step" in self.statement:
            # One by one: the server's socket may stand still when many are sent to it before anything is read.
            for row in _steps(binary):
                self.cursor.execute(STEP_ROW, row)
            return
        count = (len(binary) - len(staging.binary_of(np.zeros(0, staging.ROW)))) // staging.ROW.itemsize
        staged = np.frombuffer(binary, staging.ROW, count, offset=len(staging.HEADER))
        names = [name for name, _ in staging.FIELDS]
        self.cursor.executemany(STAGING_ROW, [[row[name].item() for name in names] for row in staged])


class CopylessCursor(psycopg.Cursor[Any]):
    """A cursor whose COPY goes row by row: the WebAssembly server's socket takes no COPY FROM STDIN."""

    def copy(self, statement: Any, **_: Any) -> RowByRow:  # type: ignore[override] # as much of it as the store uses
        """Give what a COPY gives."""
        return RowByRow(self, str(statement))


def _steps(binary: bytes) -> Iterator[list[Any]]:
    """Yield the rows of a binary COPY of steps: a count of fields, and each field's length, -1 where it is missing."""
    at = len(staging.HEADER)
    while np.frombuffer(binary, ">i2", 1, at).item() == len(_STEP_FORMS):
        at, row = at + 2, []
        for form in _STEP_FORMS:
            length = np.frombuffer(binary, ">i4", 1, at).item()
            row.append(None if length < 0 else np.frombuffer(binary, form, 1, at + 4).item())
            at += 4 + max(length, 0)
        yield row


@contextmanager
def running_timescale() -> Iterator[str]:
    """Run the server and give its address; the test is skipped, saying so, where it is not installed."""
    node = shutil.which("node")
    if node is None:
        pytest.skip("Node.js is not installed")
    if not (ROOT / "node_modules" / "@unni-craftsman" / "pglite").is_dir():
        pytest.skip("node_modules is absent: ./run test fetches it")
    process = subprocess.Popen([node, str(SERVER)], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)
    assert process.stdin is not None
    assert process.stdout is not None
    port = int(process.stdout.readline())
    try:
        yield f"postgresql://postgres:postgres@127.0.0.1:{port}/postgres?sslmode=disable"
    finally:
        process.stdin.close()
        process.wait(10)
        process.stdout.close()


@contextmanager
def alone(url: str) -> Iterator[psycopg.Connection[Any]]:
    """Connect as the WebAssembly server bears it: no COPY, no prepared statements, which outlive connections there."""
    with psycopg.connect(url, cursor_factory=CopylessCursor, prepare_threshold=None) as connection:
        connection.execute("SET TIME ZONE 'UTC'")
        yield connection


def comparable(answer: Any) -> Any:
    """Return an answer so that two of them compare bit for bit: columns as lists, numbers as they are written."""
    if is_dataclass(answer) and not isinstance(answer, type):
        return [comparable(getattr(answer, field.name)) for field in fields(answer)]
    if isinstance(answer, np.ndarray):
        return [repr(value) for value in answer.tolist()]
    if isinstance(answer, dict):
        return {key: comparable(value) for key, value in answer.items()}
    if isinstance(answer, tuple):
        return [comparable(value) for value in answer]
    return answer
