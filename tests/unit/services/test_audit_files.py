"""The record of acts as a file: every digit, no formulas, a head at the end."""

from __future__ import annotations

import csv
import json
from dataclasses import replace
from datetime import UTC, datetime
from decimal import Decimal

import pytest

from core.audit import NO_HASH, Entry, Head, What, Who, WhoKind, canonical_json, parse_json
from services.audit_files import AUDIT_FILES, AuditFormat, entry_told

ENTRY = Entry(
    7,
    datetime(2026, 3, 29, 1, 30, 0, 250_000, UTC),
    Who(WhoKind.DOOR, '=HYPERLINK("x")', None, None, "192.0.2.7", "a;b,c"),
    What.SIGN_IN_REFUSED,
    "door",
    None,
    None,
    {"shift": Decimal("1.50"), "note": "é\n"},
    NO_HASH,
)


@pytest.mark.parametrize(("form", "separator"), [(AuditFormat.FRENCH_CSV, ";"), (AuditFormat.CSV, ",")])
def test_a_spreadsheet_takes_nothing_for_a_formula(form: AuditFormat, separator: str) -> None:
    file = AUDIT_FILES[form]
    text = (file.heading() + file.lines([ENTRY]) + file.ending(Head(9, NO_HASH), 1)).decode("utf-8-sig")
    heading, row, last = csv.reader(text.splitlines(keepends=True), delimiter=separator)
    assert len(heading) == len(row)
    assert (row[0], row[3], row[4], row[7]) == ("7", '\'=HYPERLINK("x")', "", "a;b,c")
    assert parse_json(row[12]) == ENTRY.after
    assert last[1:] == [f"9:{'0' * 64}", "1"]


def test_times_are_those_of_who_reads_them() -> None:
    french, iso = (AUDIT_FILES[form].lines([ENTRY]).decode() for form in (AuditFormat.FRENCH_CSV, AuditFormat.CSV))
    assert "2026-03-29 03:30:00.250000" in french
    assert "2026-03-29T01:30:00.250000Z" in iso


def test_json_lines_keep_every_digit_and_lead_to_the_hash() -> None:
    file = AUDIT_FILES[AuditFormat.JSON_LINES]
    first, second = file.lines([ENTRY, replace(ENTRY, number=8)]).decode().splitlines()
    assert parse_json(first)["after"] == ENTRY.after
    assert first == canonical_json(entry_told(ENTRY))
    assert parse_json(second)["number"] == 8
    assert file.heading() == b""
    assert json.loads(file.ending(Head(9, NO_HASH), 2)) == {"head": f"9:{'0' * 64}", "rows": 2}
