"""The language that a visitor reads the pages in."""

from __future__ import annotations

from fastapi import Request

from services.words import LANGUAGES

LANGUAGE_COOKIE = "vigie_lang"


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
