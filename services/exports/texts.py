"""Cells as text, a column at a time: what stands in one line of a CSV file, made by arrays and never cell by cell.

A missing value is null here, and an empty cell in the file.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from datetime import date, datetime, timedelta
from functools import cache, lru_cache
from typing import Any, TypeAlias

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
from numpy.typing import NDArray

from core.clock import PARIS
from core.columns import Ints
from core.readings import Flag, Quality

Texts: TypeAlias = Any
"""A pyarrow array of text."""
Column: TypeAlias = Any
"""A pyarrow array."""

_DAY_US, _HOUR_US, _MINUTE_US, _SECOND_US = 86_400_000_000, 3_600_000_000, 60_000_000, 1_000_000
_UNIX = date(1970, 1, 1)

_FORMULA = ("=", "+", "-", "@", "\t", "\r", "\n")
# DevEUIs are what this is for: 0018b20000001234 loses its zeros, 24e1240000000012 becomes infinite.
_LOOKS_LIKE_A_NUMBER = re.compile(r"0\d+|\d{12,}|\d+[eE][+-]?\d+")
_QUOTED = re.compile(r'[";,\r\n]')


def utc_texts(instants: Column) -> Texts:
    """Write instants as RFC 3339 in UTC, with microseconds where there are any: ``2026-03-02T08:10:00Z``."""
    days, seconds, rest = _parts(_microseconds(instants))
    whole = pc.binary_join_element_wise(_dates(days, "%Y-%m-%d"), _times_of_day(seconds), "T")
    parts = [whole, _fractions(rest, ".")] if rest.any() else [whole]
    return pc.binary_join_element_wise(*parts, pa.scalar("Z"), "")


def spreadsheet_utc_texts(instants: Column) -> Texts:
    """Write instants in UTC as a French spreadsheet reads them: ``02/03/2026 08:10:00``."""
    return _spreadsheet_texts(_microseconds(instants))


def paris_texts(instants: Column) -> tuple[Texts, Texts]:
    """Write instants in the local time of Europe/Paris as a French spreadsheet reads them, and its offset beside.

    ``02/03/2026 09:10:00`` and ``UTC+01:00``: in the night of October the same local hour comes twice.
    """
    counted = _microseconds(instants)
    # Arrow's own time zones end with 2037, in winter.
    found, where = np.unique(counted // _HOUR_US, return_inverse=True)
    minutes = [_paris_minutes(hour) for hour in found.tolist()]
    local = counted + np.array(minutes, np.int64)[where] * _MINUTE_US
    return _spreadsheet_texts(local), _taken([f"UTC{m // 60:+03}:{m % 60:02}" for m in minutes], where)


def day_texts(days: Column, written: str) -> Texts:
    """Write local days by a pattern of `date.strftime`."""
    return _dates(days.cast(pa.int32()).to_numpy(zero_copy_only=False).astype(np.int64), written)


def figure_texts(figures: Column, *, comma: bool) -> Texts:
    """Write figures as shortly as they can be read back without loss, with a decimal comma or point; null: nothing."""
    if pa.types.is_floating(figures.type):
        figures = pc.if_else(pc.is_nan(figures), None, pc.add(figures, 0.0))  # without -0
    texts = figures.cast(pa.string())
    return pc.replace_substring(texts, ".", ",") if comma else texts


def quality_texts(codes: Column, words: Mapping[Quality, str]) -> Texts:
    """Write qualities in these words."""
    return _told(codes, lambda code: words[Quality(code)])


def flags_texts(codes: Column, words: Mapping[Flag, str], between: str) -> Texts:
    """Write sets of flags in these words, in the order in which they are numbered, ``between`` two of them."""
    return _told(codes, lambda code: between.join(words[flag] for flag in Flag(code)))


def cell(text: str, separator: str) -> str:
    """Return one text as a cell that a spreadsheet takes for nothing but text.

    An apostrophe goes before what would be taken for a formula, or for a number that it is not (a DevEUI of digits).
    """
    if text.startswith(_FORMULA) or _LOOKS_LIKE_A_NUMBER.fullmatch(text):
        text = f"'{text}"
    if separator in text or _QUOTED.search(text):
        return '"' + text.replace('"', '""') + '"'
    return text


def _told(codes: Column, word: Callable[[int], str]) -> Texts:
    found, where = np.unique(codes.to_numpy(zero_copy_only=False), return_inverse=True)
    return _taken([word(int(code)) for code in found], where)


def _taken(texts: list[str], where: NDArray[np.intp]) -> Texts:
    return pa.array(texts, pa.string()).take(pa.array(where))


def _microseconds(instants: Column) -> Ints:
    """Return instants as microseconds since 1970."""
    counted: Ints = instants.cast(pa.timestamp("us", "UTC")).cast(pa.int64()).to_numpy(zero_copy_only=False)
    return counted


@lru_cache(maxsize=100_000)
def _paris_minutes(hour: int) -> int:
    """Return by how many minutes Paris is ahead in an hour since 1970: clocks change on the hour."""
    offset = datetime.fromtimestamp(hour * 3_600, PARIS).utcoffset()
    assert offset is not None, "Paris has a time zone"
    return offset // timedelta(minutes=1)


def _parts(microseconds: Ints) -> tuple[Ints, Ints, Ints]:
    """Return days since 1970, seconds of the day, and the microseconds that are left."""
    days, rest = np.divmod(microseconds, _DAY_US)
    seconds, rest = np.divmod(rest, _SECOND_US)
    return days, seconds, rest


def _spreadsheet_texts(microseconds: Ints) -> Texts:
    days, seconds, rest = _parts(microseconds)
    whole = pc.binary_join_element_wise(_dates(days, "%d/%m/%Y"), _times_of_day(seconds), " ")
    return pc.binary_join_element_wise(whole, _fractions(rest, ","), "") if rest.any() else whole


def _dates(days: Ints, written: str) -> Texts:
    found, where = np.unique(days, return_inverse=True)
    return _taken([(_UNIX + timedelta(days=day)).strftime(written) for day in found.tolist()], where)


@cache
def _every_second() -> Texts:
    """Return each second of a day as text: taking from it is ten times faster than formatting."""
    two = [f"{number:02}" for number in range(60)]
    return pa.array([f"{hour}:{minute}:{second}" for hour in two[:24] for minute in two for second in two], pa.string())


def _times_of_day(seconds: Ints) -> Texts:
    return _every_second().take(pa.array(seconds))


def _fractions(microseconds: Ints, mark: str) -> Texts:
    """Return what of a second is left, six digits after the mark, and nothing after whole seconds."""
    digits = pc.utf8_lpad(pa.array(microseconds).cast(pa.string()), 6, "0")
    return pc.if_else(pa.array(microseconds != 0), pc.binary_join_element_wise(pa.scalar(mark), digits, ""), "")
