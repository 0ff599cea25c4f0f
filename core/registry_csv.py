"""Many sensors from a spreadsheet: what a CSV file asks, line by line, and what that would do. Pure.

Columns, in any order, in English or French: ``external_id;kind;name;commune;site;model;interval_s;longitude;latitude``.
``;``, ``,`` or tab between them; UTF-8 with or without a byte order mark, or Windows-1252 as Excel writes it; a decimal
comma where ``;`` or tab separates. An empty cell, or a column that is not there, leaves what is known.
"""

from __future__ import annotations

import csv
import re
import unicodedata
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from enum import StrEnum
from functools import cache
from io import StringIO
from typing import Any

from core.places import EXTERNAL_ID, INTERVAL_S_MAX, SensorKind, communes, current_commune

BYTES_MAX = 4 * 1024 * 1024
LINES_MAX = 50_000
NAME_CHARACTERS_MAX = 200
MODEL_CHARACTERS_MAX = 64

_COLUMNS = {
    "external_id": ("external_id", "identifiant", "id", "deveui", "dev_eui", "device_id"),
    "kind": ("kind", "type", "type_de_capteur"),
    "name": ("name", "nom", "libelle"),
    "commune": ("commune", "insee", "code_insee", "commune_insee"),
    "site": ("site", "lieu"),
    "model": ("model", "modele"),
    "interval_s": ("interval_s", "intervalle_s", "periode_s"),
    "longitude": ("longitude", "lon", "lng"),
    "latitude": ("latitude", "lat"),
}
_COLUMN_NAMED = {name: column for column, names in _COLUMNS.items() for name in names}
_KINDS = {
    "air_interieur": SensorKind.INDOOR_AIR,
    "air_exterieur": SensorKind.OUTDOOR_AIR,
    "bac": SensorKind.BIN,
    "borne": SensorKind.BIN,
    "aire_de_livraison": SensorKind.BAY,
    "compteur_d_energie": SensorKind.METER,
    "compteur_de_passages": SensorKind.COUNTER,
    **{kind.value: kind for kind in SensorKind},
}


class Fault(StrEnum):
    """What is wrong with a line, for a program; a page has the words."""

    COLUMN = "column"
    """The header has no column for the sensors' ids, or one that is unknown or comes twice."""
    CELLS = "cells"
    """The line has more cells than the header."""
    MISSING = "missing"
    """A new sensor needs this."""
    INVALID = "invalid"
    TWICE = "twice"
    """The sensor stands on an earlier line too, or the site is given another point there."""
    UNKNOWN_MODEL = "unknown_model"
    PLACE = "place"
    """The sensor stands elsewhere: a move is said as such, with its instant."""
    FILE = "file"
    """The file cannot be read as CSV."""


@dataclass(frozen=True, slots=True)
class LineFault:
    """What is wrong with one field of one line, in words."""

    number: int
    column: str
    fault: Fault
    detail: str

    def __str__(self) -> str:
        return f"line {self.number}, {self.column}: {self.detail}"


@dataclass(frozen=True, slots=True)
class Line:
    """What one line asks. None: the cell is empty.

    Parameters
    ----------
    number
        In the file, the header being line 1.
    commune_insee
        Today's code, given as a code or by its name.
    """

    number: int
    external_id: str
    kind: SensorKind | None = None
    name: str | None = None
    commune_insee: str | None = None
    site: str | None = None
    model: str | None = None
    interval_s: int | None = None
    longitude: float | None = None
    latitude: float | None = None


@dataclass(slots=True)
class Asked:
    """A file as it was read: its good lines, and what is wrong with the others."""

    lines: list[Line] = field(default_factory=list)
    faults: list[LineFault] = field(default_factory=list)


def parse_csv(raw: bytes) -> Asked:
    """Return what a file asks; whatever the bytes, it says what is wrong instead of raising."""
    asked = Asked()
    try:
        rows = _rows(_decoded(raw))
        _, header = next(rows, (1, []))
        columns = _columns(header, asked.faults)
        if not asked.faults:
            _read_lines(rows, columns, asked)
    except (UnicodeDecodeError, csv.Error) as error:
        asked.faults.append(LineFault(1, "file", Fault.FILE, f"this is no CSV file: {error}"))
    return asked


def _decoded(raw: bytes) -> str:
    try:
        return raw.decode("utf-8-sig")
    except UnicodeDecodeError:
        return raw.decode("cp1252")


def _rows(text: str) -> Iterator[tuple[int, list[str]]]:
    """Yield the lines that are not empty, each with its number."""
    first = text.split("\n", 1)[0]
    separator = max(";\t,", key=first.count)
    rows = csv.reader(StringIO(text, newline=""), delimiter=separator, strict=True)
    for row in rows:
        if any(cell.strip() for cell in row):
            yield rows.line_num, row


def _columns(header: list[str], faults: list[LineFault]) -> list[str]:
    while header and not header[-1].strip():
        # What a spreadsheet leaves behind its last column.
        header = header[:-1]
    columns: list[str] = []
    for cell in header:
        column = _COLUMN_NAMED.get(_plain(cell), "")
        if not column:
            faults.append(LineFault(1, cell[:64], Fault.COLUMN, f"no column is named {cell[:64]!r}"))
        elif column in columns:
            faults.append(LineFault(1, column, Fault.COLUMN, f"the column {column} comes twice"))
        columns.append(column)
    if "external_id" not in columns:
        faults.append(LineFault(1, "external_id", Fault.COLUMN, "the header has no column external_id"))
    return columns


def _read_lines(rows: Iterator[tuple[int, list[str]]], columns: list[str], asked: Asked) -> None:
    numbers: dict[str, int] = {}
    for number, row in rows:
        if len(asked.lines) >= LINES_MAX:
            asked.faults.append(LineFault(number, "file", Fault.FILE, f"a file has at most {LINES_MAX} lines"))
            return
        line = _line(number, row, columns, asked.faults)
        if line is None:
            continue
        first = numbers.setdefault(line.external_id, number)
        if first != number:
            detail = f"{line.external_id} stands on line {first} already"
            asked.faults.append(LineFault(number, "external_id", Fault.TWICE, detail))
        else:
            asked.lines.append(line)


def _line(number: int, row: list[str], columns: list[str], faults: list[LineFault]) -> Line | None:
    """Return a line, or None once its faults are told."""
    found: list[LineFault] = []
    if any(cell.strip() for cell in row[len(columns) :]):
        found.append(LineFault(number, "file", Fault.CELLS, f"{len(row)} cells, the header has {len(columns)}"))
    cells = {column: cell.strip() for column, cell in zip(columns, row, strict=False) if cell.strip()}
    values: dict[str, Any] = {}
    for column, cell in cells.items():
        try:
            values[_FIELDS.get(column, column)] = _READ[column](cell)
        except ValueError as error:
            found.append(LineFault(number, column, Fault.INVALID, str(error)))
    if "external_id" not in cells:
        found.append(LineFault(number, "external_id", Fault.MISSING, "the sensor's external id is missing"))
    if ("longitude" in cells) != ("latitude" in cells):
        detail = "longitude and latitude are given together or not at all"
        found.append(LineFault(number, "longitude", Fault.INVALID, detail))
    faults += found
    return None if found else Line(number, **values)


def _external_id(cell: str) -> str:
    if not EXTERNAL_ID.fullmatch(cell.lower()):
        raise ValueError(f"{cell[:80]!r} is no external id: letters, digits, '.', '_' and '-', at most 64")
    return cell.lower()


def _kind(cell: str) -> SensorKind:
    try:
        return _KINDS[_plain(cell)]
    except KeyError:
        raise ValueError(f"{cell[:80]!r} is no kind of sensor; there are {', '.join(SensorKind)}") from None


def _commune(cell: str) -> str:
    insee = cell if cell in communes() else _insee_by_name().get(_plain(cell))
    if insee is None:
        raise ValueError(f"{cell[:80]!r} is no commune of the Métropole du Grand Paris, by its INSEE code or its name")
    return current_commune(insee).insee


def _words(longest: int) -> Callable[[str], str]:
    def read(cell: str) -> str:
        if len(cell) > longest or not cell.isprintable():
            raise ValueError(f"at most {longest} printable characters")
        return cell

    return read


def _interval_s(cell: str) -> int:
    if not re.fullmatch(r"\d{1,6}", cell, re.ASCII) or not 1 <= int(cell) <= INTERVAL_S_MAX:
        raise ValueError(f"{cell[:80]!r} is no number of seconds from 1 to {INTERVAL_S_MAX}")
    return int(cell)


def _degrees(limit: int) -> Callable[[str], float]:
    def read(cell: str) -> float:
        plain = cell.replace(",", ".")
        if not re.fullmatch(r"[+-]?\d{1,3}(\.\d{1,20})?", plain, re.ASCII) or abs(float(plain)) > limit:
            raise ValueError(f"{cell[:80]!r} is no number of degrees from -{limit} to {limit}")
        return float(plain)

    return read


_READ: dict[str, Callable[[str], Any]] = {
    "external_id": _external_id,
    "kind": _kind,
    "name": _words(NAME_CHARACTERS_MAX),
    "commune": _commune,
    "site": _words(NAME_CHARACTERS_MAX),
    "model": _words(MODEL_CHARACTERS_MAX),
    "interval_s": _interval_s,
    "longitude": _degrees(180),
    "latitude": _degrees(90),
}
_FIELDS = {"commune": "commune_insee"}


def _plain(text: str) -> str:
    """Return a word without case, accents and punctuation: how a header or a name is compared."""
    letters = unicodedata.normalize("NFD", text.casefold())
    return re.sub(r"[^a-z0-9]+", "_", "".join(one for one in letters if not unicodedata.combining(one))).strip("_")


@cache
def _insee_by_name() -> dict[str, str]:
    return {_plain(commune.name): insee for insee, commune in communes().items()}
