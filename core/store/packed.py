"""Packed columns: many rows out of the store at once, as arrays, without a Python object per value.

A query packs each column into one value (``string_agg(float8send(value), '')``): the wire form of PostgreSQL, which
`numpy` reads as it is. Instants are microseconds since 2000-01-01 UTC there as in `core.clock.EPOCH`.
"""

from __future__ import annotations

import numpy as np

from core.columns import Floats, Ints


def integers(packed: bytes | None, bits: int) -> Ints:
    """Return the integers that ``int2send``, ``int4send``, ``int8send`` or ``timestamptz_send`` packed."""
    return np.frombuffer(packed or b"", dtype=f">i{bits // 8}").astype(np.int64)


def floats(packed: bytes | None) -> Floats:
    """Return the numbers that ``float8send`` packed."""
    return np.frombuffer(packed or b"", dtype=">f8").astype(np.float64)
