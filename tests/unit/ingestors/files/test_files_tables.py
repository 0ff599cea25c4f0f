from __future__ import annotations

import json
from datetime import UTC, datetime
from pathlib import Path
from typing import Any
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given
from hypothesis import strategies as st

from core.metrics import METRICS
from ingestors.decoders.frame import Decoded
from ingestors.decoders.senml import decode_senml
from ingestors.files.chunk import CHUNK_LINES, LINE_CHARACTERS_MAX, Chunk, Context, FileUnfit
from ingestors.files.csv_table import read_csv
from ingestors.files.tables import Row, check_columns, pack_rows

NOW = datetime(2026, 3, 2, 12, tzinfo=UTC)
PARIS = ZoneInfo("Europe/Paris")


def context(zone: ZoneInfo | None = None) -> Context:
    topics = {"room-1": "vigie/v1/93066/indoor_air/room-1/up", "room-2": "vigie/v1/93066/indoor_air/room-2/up"}
    return Context(topics.get, zone, NOW)


def row(**cells: Any) -> Row:
    return {"external_id": "room-1", "observed_at": "2026-03-02T09:00:00Z", "metric": "co2_ppm", "value": "612"} | cells


def packs(*rows: Row, zone: ZoneInfo | None = None) -> list[Any]:
    entries, faults = pack_rows(enumerate(rows, start=2), context(zone))
    assert faults == []
    return [json.loads(entry.message.payload) for entry in entries]


def why(one: Row, zone: ZoneInfo | None = None) -> str:
    entries, (fault,) = pack_rows([(7, one)], context(zone))
    assert entries == []
    assert fault.line == 7
    return fault.why


def test_rows_of_one_sensor_and_instant_are_one_message() -> None:
    rows = [
        row(),
        row(metric="temperature_c", value=20.5),
        row(external_id="ROOM-2"),
        row(observed_at="2026-03-02T10:00:00+01:00", metric="humidity_ratio", value="0,43"),
    ]
    entries, faults = pack_rows(enumerate(rows, start=2), context())
    assert faults == []
    assert [(entry.line, entry.message.topic.split("/")[4]) for entry in entries] == [(2, "room-1"), (4, "room-2")]
    assert json.loads(entries[0].message.payload) == [
        {"bt": 1772442000},
        {"n": "co2", "u": "ppm", "v": 612.0},
        {"n": "temperature", "u": "Cel", "v": 20.5},
        {"n": "humidity", "u": "/", "v": 0.43},
    ]


def test_a_unit_is_told_or_is_the_stored_one() -> None:
    assert packs(row(unit="ppb", value="612000"))[0][1] == {"n": "co2", "u": "ppb", "v": 612_000.0}
    assert packs(row(metric=None, quantity="co2", unit="ppm"))[0][1]["n"] == "co2"
    assert "u" not in packs(row(metric="occupied", value=1))[0][1]


def test_what_the_pipeline_would_refuse_live_is_left_to_it() -> None:
    assert packs(row(metric="radon_bqm3"))[0][1] == {"n": "radon_bqm3", "v": 612.0}
    assert packs(row(value="-5"))[0][1]["v"] == -5.0


@pytest.mark.parametrize(
    ("text", "number"),
    [("12,5", 12.5), (" 1 234,5 ", 1234.5), ("1 234.5", 1234.5), ("-0", 0.0), (".5", 0.5), ("1e3", 1000.0)],
)
def test_numbers_as_tables_write_them(text: str, number: float) -> None:
    assert packs(row(value=text))[0][1]["v"] == number


@pytest.mark.parametrize(
    "value", ["", None, "NaN", "inf", "1_000", "1.234,5", "douze", float("nan"), float("inf"), True, "--1", "0x1A"]
)
def test_what_is_no_number_is_a_fault(value: Any) -> None:
    assert why(row(value=value)).startswith("value ")


@pytest.mark.parametrize(
    ("text", "instant"),
    [
        ("2026-03-02 10:00", 1772442000),
        ("02/03/2026 10:00", 1772442000),
        ("02/03/2026 10:00:30", 1772442030),
        ("2026-03-02T09:00:00Z", 1772442000),
        ("2026-07-02 11:00", 1782982800),
    ],
)
def test_times_are_told_with_an_offset_or_in_a_zone(text: str, instant: int) -> None:
    assert packs(row(observed_at=text), zone=PARIS)[0][0] == {"bt": instant}


def test_a_microsecond_is_kept() -> None:
    (entry,), _ = pack_rows([(1, row(observed_at="2026-03-02T09:00:00.123457Z"))], context())
    decoded = decode_senml(entry.message.payload, NOW)
    assert isinstance(decoded, Decoded)
    assert decoded.observations[0].observed_at == datetime(2026, 3, 2, 9, 0, 0, 123457, tzinfo=UTC)


@pytest.mark.parametrize(
    ("text", "zone", "word"),
    [
        ("2026-03-02 10:00", None, "--zone"),
        ("2026-03-29 02:30", PARIS, "clocks change"),
        ("2026-10-25 02:30", PARIS, "clocks change"),
        ("1999-12-31T23:59:59Z", None, "2000"),
        ("0001-01-01 00:00", PARIS, "2000"),
        ("31/02/2026 10:00", PARIS, "date"),
        ("yesterday", PARIS, "date"),
        ("", PARIS, "empty"),
        (None, PARIS, "empty"),
    ],
)
def test_what_is_no_instant_is_a_fault(text: str | None, zone: ZoneInfo | None, word: str) -> None:
    assert word in why(row(observed_at=text), zone)


def test_a_reading_of_nobody_is_a_fault() -> None:
    assert why(row(external_id="room-9")) == "no adopted sensor is called 'room-9'"
    assert why(row(external_id=" ")) == "external_id is empty"
    assert why(row(metric="")) == "quantity is empty"


def test_the_columns_are_named() -> None:
    check_columns(["value", "external_id", "quantity", "observed_at", "note"])
    with pytest.raises(FileUnfit, match="observed_at, metric or quantity"):
        check_columns(["external_id", "value"])


cells = st.none() | st.booleans() | st.floats() | st.text(max_size=30) | st.datetimes()


@given(
    st.lists(
        st.dictionaries(st.sampled_from(["external_id", "observed_at", "metric", "unit", "value"]), cells), max_size=12
    )
)
def test_any_table_gives_messages_or_faults(rows: list[Row]) -> None:
    whole: Row = {"external_id": "room-1", "metric": "co2_ppm", "observed_at": "2026-03-02T09:00Z"}
    rows = [{**whole, **one} for one in rows]
    entries, faults = pack_rows(enumerate(rows, start=1), context(PARIS))
    records = sum(len(json.loads(entry.message.payload)) - 1 for entry in entries)
    assert records + len(faults) == len(rows)


@given(st.sampled_from(sorted(METRICS)), st.floats(-1e6, 1e6))
def test_a_stored_value_comes_back_as_it_was(metric: str, value: float) -> None:
    (entry,), _ = pack_rows([(1, row(metric=metric, value=value))], context())
    decoded = decode_senml(entry.message.payload, NOW)
    assert isinstance(decoded, Decoded)
    assert [(one.metric.name, one.value) for one in decoded.observations] == [(metric, value)]


def read(path: Path, text: str | bytes, **cursor: int) -> list[Chunk]:
    path.write_bytes(text.encode() if isinstance(text, str) else text)
    return list(read_csv(path, cursor, context(PARIS)))


@pytest.mark.parametrize("delimiter", [",", ";", "\t"])
def test_a_csv_of_any_delimiter(tmp_path: Path, delimiter: str) -> None:
    lines = ["External_ID;observed_at;metric;value", "room-1;2026-03-02T09:00:00Z;co2_ppm;612", "", "room-1;x;y;z"]
    (chunk,) = read(tmp_path / "a.csv", "\ufeff" + "\r\n".join(lines).replace(";", delimiter))
    assert [entry.line for entry in chunk.entries] == [2]
    assert [fault.line for fault in chunk.faults] == [4]
    assert (chunk.lines, chunk.cursor) == (2, {"rows": 2})


def test_a_csv_of_a_french_spreadsheet(tmp_path: Path) -> None:
    text = 'external_id;observed_at;quantity;unit;value\r\nroom-1;02/03/2026 10:00;temperature;"°C";"20,5"\r\n'
    (chunk,) = read(tmp_path / "a.csv", text.encode("utf-8-sig"))
    assert json.loads(chunk.entries[0].message.payload)[1] == {"n": "temperature", "u": "°C", "v": 20.5}
    (chunk,) = read(tmp_path / "a.csv", text.encode("cp1252"))
    assert json.loads(chunk.entries[0].message.payload)[1]["u"] == "\ufffdC"


def test_a_long_csv_comes_in_pieces_and_goes_on_behind_a_cursor(tmp_path: Path) -> None:
    lines = [f"room-1;{1_772_442_000 + n};co2_ppm;612" for n in range(CHUNK_LINES + 10)]
    text = "external_id;observed_at;metric;value\n" + "\n".join(lines)
    first, second = read(tmp_path / "a.csv", text)
    assert (first.lines, second.lines, second.cursor) == (CHUNK_LINES, 10, {"rows": CHUNK_LINES + 10})
    (rest,) = read(tmp_path / "a.csv", text, rows=CHUNK_LINES)
    assert (rest.lines, rest.faults[0].line) == (10, CHUNK_LINES + 2)
    assert read(tmp_path / "a.csv", text, rows=CHUNK_LINES + 10) == []
    with pytest.raises(FileUnfit, match="were read of it before"):
        read(tmp_path / "a.csv", text, rows=CHUNK_LINES + 11)


@pytest.mark.parametrize(
    "text",
    ["", "a;b\n1;2\n", b"\x00\x01\x02", "external_id,observed_at,metric,value\n" + "x" * LINE_CHARACTERS_MAX],
    ids=["empty", "other columns", "bytes", "endless line"],
)
def test_what_is_no_table_is_said(tmp_path: Path, text: str | bytes) -> None:
    with pytest.raises(FileUnfit):
        read(tmp_path / "a.csv", text)
