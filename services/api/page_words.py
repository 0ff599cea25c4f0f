"""The words of the pages, and the language that a visitor reads them in."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from fastapi import Request

LANGUAGES = ("fr", "en")
LANGUAGE_COOKIE = "vigie_lang"
# French counts 0 and 1 as one thing; English only 1. The pages' scripts do the same by the browser's plural rules.
_ONE = {"fr": (0, 1), "en": (1,)}


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


def read_catalogues(dashboards_dir: Path) -> dict[str, Catalogue]:
    """Read the words of every language."""
    return {
        language: Catalogue(
            language, json.loads((dashboards_dir / "words" / f"{language}.json").read_text(encoding="utf-8"))
        )
        for language in LANGUAGES
    }


def chosen_language(request: Request) -> str:
    """Return the language that the visitor asks for: by the address, then the cookie, then the browser, else French."""
    for asked in (request.query_params.get("lang"), request.cookies.get(LANGUAGE_COOKIE)):
        if asked in LANGUAGES:
            return str(asked)
    wanted = []
    for part in request.headers.get("accept-language", "").split(","):
        tag, _, weight = part.strip().partition(";q=")
        wanted.append((-_weight(weight), tag[:2].lower()))
    return next((tag for weight, tag in sorted(wanted, key=lambda pair: pair[0]) if tag in LANGUAGES and weight), "fr")


def _weight(text: str) -> float:
    try:
        return float(text or 1)
    except ValueError:
        return 0.0
