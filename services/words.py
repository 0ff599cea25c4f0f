"""The words of the screen as services say them: one catalogue, two languages, figures as each language writes them."""

from __future__ import annotations

import json
import math
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import Any

from core.clock import PARIS, parse_instant
from core.decisions import Phrase, Value

LANGUAGES = ("fr", "en")
# French counts 0 and 1 as one thing; English only 1. The pages' scripts do the same by the browser's plural rules.
_ONE = {"fr": (0, 1), "en": (1,)}
_THIN, _FIXED, _MINUS = "\N{NARROW NO-BREAK SPACE}", "\N{NO-BREAK SPACE}", "\N{MINUS SIGN}"
_DIGITS = 3
"""Significant digits of a figure in a sentence."""
_DECIMALS_MAX = 6


@dataclass(frozen=True, slots=True)
class Catalogue:
    """The words of one language, by dotted key: ``pages.supervision``."""

    language: str
    words: Mapping[str, Any]

    def text(self, key: str, n: int = 1, **values: object) -> str:
        """Return the words of this key, with what stands in its braces; ``n`` decides the plural.

        Raises
        ------
        KeyError
            If the catalogue has none, or the words ask for a value that is not given: a page shows neither.
        """
        entry: Any = self.words
        for part in key.split("."):
            entry = entry[part]
        if isinstance(entry, dict):
            entry = entry["one" if n in _ONE[self.language] else "other"]
        return str(entry).format(n=n, **values)

    def knows(self, key: str) -> bool:
        """Whether there are words for this key."""
        entry: Any = self.words
        for part in key.split("."):
            if not isinstance(entry, Mapping) or part not in entry:
                return False
            entry = entry[part]
        return True

    def said(self, phrase: Phrase) -> str:
        """Return a sentence with its values as the language writes them.

        A value's name says what it is: ``..._key`` are words of the catalogue, ``..._at`` an instant, ``..._day`` the
        local day of one, ``..._hour`` its local hour, ``..._ratio`` a share; any other text stands as it is, and any
        other figure with three digits.
        """
        told: dict[str, Any] = {
            name: self._written(name, value) for name, value in phrase.values.items() if name != "n"
        }
        n = phrase.values.get("n")
        if n is None:
            return self.text(phrase.key, **told)
        assert isinstance(n, int), "what is counted is a whole number"
        return self.text(phrase.key, n, n_said=self.number(n), **told)

    def _written(self, name: str, value: Value) -> str:
        if isinstance(value, str):
            if name.endswith("_key"):
                return self.text(value)
            if name.endswith(("_at", "_day", "_hour")):
                return self._instant(parse_instant(value), name.rpartition("_")[2])
            return value
        if value is None or not math.isfinite(value):
            return "–"
        return self.share(value) if name.endswith("_ratio") else self.number(value)

    def number(self, value: float, decimals: int | None = None) -> str:
        """Return a figure with so many decimals at most; without a number of them, with three digits."""
        text = f"{abs(value):,.{decimals_of(value) if decimals is None else decimals}f}"
        if "." in text:
            text = text.rstrip("0").rstrip(".")
        if self.language == "fr":
            text = text.replace(",", _THIN).replace(".", ",")
        return f"{_MINUS}{text}" if value < 0 and text.strip("0,.") else text

    def signed(self, value: float, decimals: int | None = None) -> str:
        """Return a figure with its sign."""
        text = self.number(value, decimals)
        return text if value < 0 or text == "0" else f"+{text}"

    def share(self, value: float) -> str:
        """Return a share in percent: whole, and no finer than is known."""
        text = self.number(round(value * 100))
        return f"{text}{_FIXED}%" if self.language == "fr" else f"{text}%"

    def _instant(self, instant: datetime, form: str) -> str:
        local = instant.astimezone(PARIS)
        hour = f"{local:%H:%M}"
        if form == "hour":
            return hour
        month = self.text(f"calendar.month.{local.month}")
        day = f"{local.day}{_FIXED}{month} {local.year}"
        return day if form == "day" else self.text("calendar.day_hour", day=day, hour=hour)


def decimals_of(value: float) -> int:
    """Return how many decimals a figure has that is written with three digits; a whole number has none."""
    if isinstance(value, int) or not value or not math.isfinite(value):
        return 0
    return min(max(_DIGITS - 1 - math.floor(math.log10(abs(value))), 0), _DECIMALS_MAX)


def read_catalogue(dashboards_dir: Path, language: str) -> Catalogue:
    """Read the words of one language."""
    path = dashboards_dir / "words" / f"{language}.json"
    return Catalogue(language, json.loads(path.read_text(encoding="utf-8")))


def read_catalogues(dashboards_dir: Path) -> dict[str, Catalogue]:
    """Read the words of every language."""
    return {language: read_catalogue(dashboards_dir, language) for language in LANGUAGES}
