"""The journal of alarms as a file: for a French spreadsheet, or as ISO CSV for programs. Pure."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum

from core.clock import PARIS, format_instant
from core.metrics import METRICS
from core.store.alarms import KeptAlarm
from services.alarms.words import said_of
from services.exports.csv_file import BYTE_ORDER_MARK
from services.exports.texts import cell
from services.words import Catalogue

_NUMBER = re.compile(r"-?[1-9][0-9]{0,10}(?:[.,][0-9]+)?|-?0[.,][0-9]+")
NAMES = (
    "alarm_id", "raised_at", "since", "until", "cleared_at", "condition", "severity", "state", "title", "detail",
    "commune", "site", "sensor", "external_id", "origin", "metric", "value", "limit", "unit", "acknowledged_at",
    "acknowledged_by", "assignee", "found_late",
)  # fmt: skip


class JournalFormat(StrEnum):
    """The form of the file."""

    FRENCH = "csv-fr"
    ISO = "csv"


@dataclass(frozen=True, slots=True)
class Journal:
    """How a journal is written.

    Parameters
    ----------
    language
        Of the headings and of what is said of the alarms.
    """

    language: str
    separator: str
    mark: str

    def written(self, alarms: Sequence[KeptAlarm], words: Catalogue, at: datetime) -> bytes:
        """Return the whole file; ``at``: when it is made."""
        headings = [words.text(f"alarm_said.csv.{name}") for name in self.names]
        lines = [headings, *(self._cells(kept, words, at) for kept in alarms)]
        separator = self.separator
        text = "".join(separator.join(_cell(one, separator) for one in line) + "\r\n" for line in lines)
        return (self.mark + text).encode()

    def _cells(self, kept: KeptAlarm, words: Catalogue, at: datetime) -> list[str]:
        alarm, said = kept.alarm, said_of(words, kept, at)
        cells = {
            "alarm_id": str(alarm.alarm_id),
            "offset": _offset(alarm.raised_at),
            **{
                name: self._instant(getattr(alarm, name))
                for name in ("raised_at", "since", "until", "cleared_at", "acknowledged_at")
            },
            **{name: self._figure(alarm.figures.get(name)) for name in ("value", "limit")},
            "condition": alarm.name,
            "severity": alarm.severity.value,
            "state": alarm.state(at).value,
            "title": said.title,
            "detail": said.detail,
            "commune": alarm.commune_insee or "",
            "site": kept.site.name if kept.site else "",
            "sensor": kept.sensor.name if kept.sensor else "",
            "external_id": kept.sensor.external_id if kept.sensor else "",
            "origin": kept.sensor.origin if kept.sensor else "",
            "metric": kept.metric or "",
            "unit": METRICS[kept.metric].unit if kept.metric in METRICS else "",
            "acknowledged_by": alarm.acknowledged_by or "",
            "assignee": alarm.assignee or "",
            "found_late": words.text(f"alarm_said.csv.{'yes' if alarm.found_late else 'no'}"),
        }
        if self.is_french:
            cells |= self._french(cells, words)
        return [cells[name] for name in self.names]

    @property
    def names(self) -> tuple[str, ...]:
        """The columns: local times need their offset beside them, for the hour that comes twice in October."""
        return (*NAMES[:2], "offset", *NAMES[2:]) if self.is_french else NAMES

    @property
    def is_french(self) -> bool:
        """Whether a person reads it, not a program."""
        return self.language == "fr"

    def _french(self, cells: dict[str, str], words: Catalogue) -> dict[str, str]:
        """Return in words what a program reads by name."""
        told = {name: f"alarm_said.{name}.{cells[name]}" for name in ("condition", "severity", "state")}
        told["metric"] = f"metric.{cells['metric']}"
        told["origin"] = f"alarm_said.mail.origin_{cells['origin']}"
        return {name: words.text(key) for name, key in told.items() if words.knows(key)}

    def _instant(self, instant: datetime | None) -> str:
        """Return an instant: local, as a French spreadsheet reads it, or in UTC."""
        if instant is None:
            return ""
        if not self.is_french:
            return format_instant(instant)
        return f"{instant.astimezone(PARIS):%d/%m/%Y %H:%M:%S}"

    def _figure(self, value: object) -> str:
        if not isinstance(value, int | float):
            return ""
        text = repr(value).removesuffix(".0")
        return text.replace(".", ",") if self.is_french else text


def _cell(text: str, separator: str) -> str:
    """Return a text as a cell; a number with its decimal comma stays one."""
    return text if _NUMBER.fullmatch(text) and separator not in text else cell(text, separator)


def _offset(instant: datetime) -> str:
    """Return how far the local time of an instant is from UTC: ``UTC+01:00``."""
    told = f"{instant.astimezone(PARIS):%z}"
    return f"UTC{told[:3]}:{told[3:]}"


JOURNALS = {JournalFormat.FRENCH: Journal("fr", ";", BYTE_ORDER_MARK), JournalFormat.ISO: Journal("en", ",", "")}
