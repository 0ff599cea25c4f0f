"""Spreadsheets of sensors: whatever a person or Excel writes is read, or told with its line and column."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from core.places import SensorKind
from core.registry_csv import LINES_MAX, Fault, Line, parse_csv

HEADER = "external_id;kind;name;commune;site;model;interval_s;longitude;latitude"
ROW = "A1;meter;Compteur;93051;Mairie;adeunis_pulse;600;2,5486;48,8484"
LINE = Line(2, "a1", SensorKind.METER, "Compteur", "93051", "Mairie", "adeunis_pulse", 600, 2.5486, 48.8484)


@pytest.mark.parametrize(
    "raw",
    [
        f"{HEADER}\n{ROW}\n".encode(),
        f"\ufeff{HEADER}\r\n{ROW}\r\n".encode(),
        f"{HEADER}\r\n{ROW}".encode("cp1252"),
        f"{HEADER}\n{ROW}\n".replace(";", "\t").encode(),
        f"{HEADER}\n{ROW}\n".replace(",", ".").replace(";", ",").encode(),
        f"{HEADER};;\n{ROW};;\n".encode(),
        b"Identifiant;TYPE;Nom;Code INSEE;Lieu;Mod\xe8le;Intervalle_s;Longitude;Latitude\n" + ROW.encode(),
        f"{HEADER}\n{ROW.replace('93051', 'NOISY LE GRAND')}\n".encode(),
        f"{HEADER}\n{ROW.replace('meter', 'Compteur d’énergie')}\n;;;;;;;;\n\n".encode(),
        f"{HEADER}\n{ROW.replace('Mairie', chr(34) + 'Mairie' + chr(34))}\n".encode(),
    ],
)
def test_every_way_of_writing_it_is_read(raw: bytes) -> None:
    asked = parse_csv(raw)
    assert asked.faults == []
    assert asked.lines == [LINE]


def test_a_name_keeps_its_accents_in_either_encoding() -> None:
    for encoding in ("utf-8", "cp1252"):
        [line] = parse_csv("external_id;nom\na1;École d’Été\n".encode(encoding)).lines
        assert line.name == "École d’Été"


def test_an_empty_cell_and_an_absent_column_say_nothing() -> None:
    [line] = parse_csv(b"external_id;name;interval_s\na1;;900\n").lines
    assert line == Line(2, "a1", interval_s=900)


def test_a_merged_commune_means_the_one_it_joined() -> None:
    [line] = parse_csv(b"external_id;commune\na1;93059\n").lines
    assert line.commune_insee == "93066"


@pytest.mark.parametrize(
    ("text", "number", "column", "fault"),
    [
        ("", 1, "external_id", Fault.COLUMN),
        ("name\nBorne", 1, "external_id", Fault.COLUMN),
        ("external_id;colour\na1;red", 1, "colour", Fault.COLUMN),
        ("external_id;nom;name\na1;a;b", 1, "name", Fault.COLUMN),
        ("external_id;name\n;Borne", 2, "external_id", Fault.MISSING),
        ("external_id\na 1", 2, "external_id", Fault.INVALID),
        ("external_id\n" + "a" * 65, 2, "external_id", Fault.INVALID),
        ("external_id\na1\nA1", 3, "external_id", Fault.TWICE),
        ("external_id\na1;b", 2, "file", Fault.CELLS),
        ("external_id;kind\na1;toaster", 2, "kind", Fault.INVALID),
        ("external_id;commune\na1;13055", 2, "commune", Fault.INVALID),
        ("external_id;name\na1;" + "x" * 201, 2, "name", Fault.INVALID),
        ("external_id;name\na1;x\0y", 2, "name", Fault.INVALID),
        ("external_id;interval_s\na1;0", 2, "interval_s", Fault.INVALID),
        ("external_id;interval_s\na1;604801", 2, "interval_s", Fault.INVALID),
        ("external_id;interval_s\na1;10 min", 2, "interval_s", Fault.INVALID),
        ("external_id;longitude;latitude\na1;2.5;", 2, "longitude", Fault.INVALID),
        ("external_id;longitude;latitude\na1;181;48", 2, "longitude", Fault.INVALID),
        ("external_id;longitude;latitude\na1;2;nan", 2, "latitude", Fault.INVALID),
        ('external_id;name\na1;"open', 1, "file", Fault.FILE),
    ],
)
def test_a_fault_is_told_with_its_line_and_column(text: str, number: int, column: str, fault: Fault) -> None:
    [told] = parse_csv(text.encode()).faults
    assert (told.number, told.column, told.fault) == (number, column, fault)
    assert str(told).startswith(f"line {number}, {column}: ")


def test_a_good_line_beside_a_bad_one_is_read() -> None:
    asked = parse_csv(b"external_id;kind\na1;toaster\na2;bin\n")
    assert [line.external_id for line in asked.lines] == ["a2"]
    assert [fault.number for fault in asked.faults] == [2]


def test_a_file_has_a_bound_of_lines() -> None:
    asked = parse_csv(b"external_id\n" + b"".join(b"a%d\n" % n for n in range(LINES_MAX + 2)))
    assert len(asked.lines) == LINES_MAX
    assert [fault.fault for fault in asked.faults] == [Fault.FILE]


@given(st.binary(max_size=400) | st.text(max_size=400).map(lambda text: text.encode("utf-8", "replace")))
def test_any_bytes_are_read_or_told(raw: bytes) -> None:
    for bytes_ in (raw, HEADER.encode() + b"\n" + raw):
        asked = parse_csv(bytes_)
        assert all(fault.detail for fault in asked.faults)
        assert all(line.external_id for line in asked.lines)
