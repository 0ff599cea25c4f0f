"""Randomness that depends only on what it is for (seed, name, place in time), never on what was asked before."""

from __future__ import annotations

from functools import lru_cache
from hashlib import blake2b

import numpy as np
from numpy.typing import NDArray

_KNOTS_PER_CHUNK = 64


def draws(seed: int, *names: str | int) -> np.random.Generator:
    """Return the generator of this seed and these names: always the same one, independent of every other.

    Philox is counter-based: streams under different keys are independent (Salmon et al. 2011,
    doi 10.1145/2063384.2063405).
    """
    digest = blake2b("/".join(map(str, (seed, *names))).encode(), digest_size=16).digest()
    return np.random.Generator(np.random.Philox(key=np.frombuffer(digest, dtype=np.uint64)))


def wander(seed: int, name: str, epoch_s: NDArray[np.int64], every_s: int) -> NDArray[np.float64]:
    """Return a slow random wave of mean 0 and standard deviation 1 at these instants.

    It runs smoothly through one independent normal draw every ``every_s`` seconds, so two instants further
    apart than twice that are uncorrelated. Weights are scaled so that the deviation is 1 between draws too.
    """
    position = epoch_s / every_s
    knot = np.floor(position).astype(np.int64)
    first = int(knot.min())
    knots = _knots(seed, name, first, int(knot.max()) + 2)
    share = position - knot
    late = share * share * (3.0 - 2.0 * share)
    early = 1.0 - late
    before, after = knots[knot - first], knots[knot - first + 1]
    wave: NDArray[np.float64] = (early * before + late * after) / np.sqrt(early * early + late * late)
    return wave


def phase_s(seed: int, name: str, step_s: int) -> int:
    """Return the second within its step at which this sensor reports, so that a town does not speak all at once."""
    return int(draws(seed, name, "phase").integers(step_s))


def _knots(seed: int, name: str, first: int, end: int) -> NDArray[np.float64]:
    chunks = range(first // _KNOTS_PER_CHUNK, (end - 1) // _KNOTS_PER_CHUNK + 1)
    joined = np.concatenate([_chunk(seed, name, chunk) for chunk in chunks])
    offset = chunks.start * _KNOTS_PER_CHUNK
    return joined[first - offset : end - offset]


@lru_cache(maxsize=4096)
def _chunk(seed: int, name: str, chunk: int) -> NDArray[np.float64]:
    return draws(seed, name, "knots", chunk).standard_normal(_KNOTS_PER_CHUNK)
