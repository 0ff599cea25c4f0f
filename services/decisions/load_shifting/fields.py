"""Reading a policy's JSON: every value has bounds, and a wrong one is named."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date, datetime
from typing import Any

from core.clock import in_utc

_TIME = re.compile(r"^([01]\d|2[0-3]|24):([0-5]\d)$")
DAY_MINUTES = 24 * 60


@dataclass(frozen=True, slots=True)
class Fields:
    """One JSON object of a policy and where it stands, ``assets.battery``; every reader raises ValueError with it.

    Parameters
    ----------
    path
        Dotted name of the object, empty for the whole policy.
    values
        The object as it was parsed.
    """

    path: str
    values: Mapping[str, Any]

    @classmethod
    def of(cls, path: str, value: object) -> Fields:
        """Return the fields of what should be an object."""
        if not isinstance(value, Mapping):
            raise ValueError(f"{path or 'policy'}: an object is expected")  # noqa: TRY004 # one error for a bad policy
        return cls(path, value)

    def name(self, field: str) -> str:
        """Return a field's dotted name."""
        return f"{self.path}.{field}" if self.path else field

    def number(self, field: str, low: float, high: float, default: float | None = None) -> float:
        """Return a number within ``[low, high]``."""
        value = self.values.get(field, default)
        if isinstance(value, bool) or not isinstance(value, int | float):
            raise ValueError(f"{self.name(field)}: a number is expected")  # noqa: TRY004 # one error for a bad policy
        if not low <= value <= high:
            raise ValueError(f"{self.name(field)}: {value:g} is not within {low:g} and {high:g}")
        return float(value)

    def text(self, field: str, default: str | None = None) -> str:
        """Return a text of 1 to 120 characters."""
        value = self.values.get(field, default)
        if not isinstance(value, str) or not 1 <= len(value) <= 120:
            raise ValueError(f"{self.name(field)}: a text of 1 to 120 characters is expected")
        return value

    def optional_text(self, field: str) -> str | None:
        """Return a text, or None where there is none."""
        return None if self.values.get(field) is None else self.text(field)

    def day(self, field: str) -> date:
        """Return a date written as 2026-11-22."""
        return parse_day(self.values.get(field), self.name(field))

    def instant(self, field: str) -> datetime:
        """Return an instant with its offset."""
        try:
            return in_utc(datetime.fromisoformat(str(self.values.get(field))))
        except ValueError:
            raise ValueError(f"{self.name(field)}: an instant with its offset is expected") from None

    def minute(self, field: str) -> int:
        """Return a local time of day, ``HH:MM`` up to 24:00, as minutes since midnight."""
        return parse_minute(self.values.get(field), self.name(field))

    def items(self, field: str, most: int) -> list[Any]:
        """Return a list of at most ``most`` items; an absent one is empty."""
        value = self.values.get(field, [])
        if not isinstance(value, list | tuple) or len(value) > most:
            raise ValueError(f"{self.name(field)}: a list of at most {most} items is expected")
        return list(value)

    def weekdays(self, field: str) -> frozenset[int]:
        """Return the weekdays, 0 for Monday; all when the field is absent."""
        days = frozenset(self.values.get(field, range(7)))
        if not days <= set(range(7)):
            raise ValueError(f"{self.name(field)}: weekdays are 0 (Monday) to 6")
        return days


def parse_minute(value: object, name: str) -> int:
    """Return minutes since midnight of ``HH:MM``."""
    found = _TIME.match(value) if isinstance(value, str) else None
    minutes = int(found[1]) * 60 + int(found[2]) if found else DAY_MINUTES + 1
    if minutes > DAY_MINUTES:
        raise ValueError(f"{name}: a local time HH:MM is expected")
    return minutes


def parse_day(value: object, name: str) -> date:
    """Return the date of ``YYYY-MM-DD``."""
    try:
        return date.fromisoformat(str(value))
    except ValueError:
        raise ValueError(f"{name}: a date such as 2026-11-22 is expected") from None


def clock_text(minutes: int) -> str:
    """Return minutes since midnight as ``HH:MM``."""
    return f"{minutes // 60:02}:{minutes % 60:02}"
