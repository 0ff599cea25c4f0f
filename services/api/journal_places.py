"""Where a page of a journal ends, as its reader hands it back."""

from __future__ import annotations

import re
from typing import Annotated

from fastapi import Query

from core.clock import format_instant, parse_instant
from core.errors import NaiveDatetime
from core.store.journal import Place
from services.api.problems import ParameterInvalid

_PLACE = re.compile(r"([^,]{1,40}),([a-z]{1,20}),([0-9]{1,15})", re.ASCII)
Before = Annotated[str | None, Query(max_length=80, description="The `next` of the page before.")]


def format_place(place: Place) -> str:
    """Write a place: ``2026-03-02T08:00:00Z,intervention,3``."""
    return f"{format_instant(place.at)},{place.kind},{place.number}"


def parse_place(text: str) -> Place:
    """Parse a place.

    Raises
    ------
    ParameterInvalid
        422, if it is none.
    """
    found = _PLACE.fullmatch(text)
    try:
        at = parse_instant(found[1]) if found else None
    except (ValueError, OverflowError, NaiveDatetime):
        at = None
    if found is None or at is None:
        raise ParameterInvalid("before", "is no place of this list")
    return Place(at, found[2], int(found[3]))
