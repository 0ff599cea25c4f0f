"""The record of acts as a file: for a French spreadsheet, for programs, or as JSON lines. Pure: entries in, bytes out.

The last line is the head of the whole chain: whoever keeps the file can have `vigie audit verify --head` compare it.
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from enum import StrEnum
from typing import Any

from core.audit import Entry, Head, canonical_json
from core.clock import PARIS, format_instant
from services.exports.csv_file import BYTE_ORDER_MARK
from services.exports.texts import cell

FRENCH_NAMES = (
    "numéro", "instant (Paris)", "accès", "qui", "personne", "passe", "adresse", "programme", "acte", "objet",
    "commune", "avant", "après", "empreinte",
)  # fmt: skip
ISO_NAMES = (
    "number", "at", "kind", "name", "person_id", "pass_id", "address", "agent", "what", "target",
    "commune_insee", "before", "after", "hash",
)  # fmt: skip


class AuditFormat(StrEnum):
    """The form of a file of acts."""

    FRENCH_CSV = "csv-fr"
    CSV = "csv"
    JSON_LINES = "jsonl"


@dataclass(frozen=True, slots=True)
class AuditFile:
    """How a file of acts is written.

    Parameters
    ----------
    separator
        Of cells; empty for JSON lines.
    """

    suffix: str
    media_type: str
    separator: str = ""
    names: Sequence[str] = ()
    is_french: bool = False

    def heading(self) -> bytes:
        """Return what comes first."""
        mark = BYTE_ORDER_MARK if self.is_french else ""
        return (mark + self._line(self.names)).encode() if self.names else b""

    def lines(self, entries: Sequence[Entry]) -> bytes:
        """Return the lines of some entries."""
        return "".join(map(self._row if self.names else _json_line, entries)).encode()

    def ending(self, head: Head, rows: int) -> bytes:
        """Return the last line: the head of the chain when the file was made, and how many entries are in the file."""
        if not self.names:
            return f"{json.dumps({'head': str(head), 'rows': rows})}\n".encode()
        return self._line(["tête" if self.is_french else "head", str(head), rows]).encode()

    def _row(self, entry: Entry) -> str:
        at = f"{entry.at.astimezone(PARIS):%Y-%m-%d %H:%M:%S.%f}" if self.is_french else format_instant(entry.at)
        return self._line(list(_cells(entry, at)))

    def _line(self, cells: Sequence[str | int | None]) -> str:
        texts = (
            cell(one, self.separator) if isinstance(one, str) else "" if one is None else str(one) for one in cells
        )
        return self.separator.join(texts) + "\r\n"


AUDIT_FILES = {
    AuditFormat.FRENCH_CSV: AuditFile("csv", "text/csv; charset=utf-8", ";", FRENCH_NAMES, is_french=True),
    AuditFormat.CSV: AuditFile("csv", "text/csv; charset=utf-8", ",", ISO_NAMES),
    AuditFormat.JSON_LINES: AuditFile("jsonl", "application/x-ndjson"),
}


def _cells(entry: Entry, at: str) -> Iterator[str | int | None]:
    who = entry.who
    yield from (entry.number, at, who.kind, who.name, who.person_id, who.pass_id, who.address, who.agent)
    yield from (entry.what, entry.target, entry.commune_insee)
    yield from (None if told is None else canonical_json(told) for told in (entry.before, entry.after))
    yield entry.hash.hex()


def _json_line(entry: Entry) -> str:
    return f"{canonical_json(entry_told(entry))}\n"


def entry_told(entry: Entry) -> dict[str, Any]:
    """Return an entry as JSON tells it; its numbers keep every digit as `Decimal`."""
    who = entry.who
    return {
        "number": entry.number,
        "at": format_instant(entry.at),
        "who": {
            "kind": who.kind,
            "name": who.name,
            "person_id": who.person_id,
            "pass_id": who.pass_id,
            "address": who.address,
            "agent": who.agent,
        },
        "what": entry.what,
        "target": entry.target,
        "commune_insee": entry.commune_insee,
        "before": entry.before,
        "after": entry.after,
        "hash": entry.hash.hex(),
    }
