"""What every peer is given: values without gaps, and the weather beside them as it was known."""

from __future__ import annotations

import numpy as np

from core.columns import to_microseconds
from core.weather import VARIABLES
from models.history import Floats, History, Indices


def filled(values: Floats) -> Floats:
    """Return the values with each gap filled by the last value before it, or the first after it: peers take no gaps.

    A series that was never known is 0 throughout. What is filled is judged nowhere.
    """
    steps = np.arange(values.shape[1])
    known = np.isfinite(values)
    before = np.maximum.accumulate(np.where(known, steps, -1), axis=1)
    first = np.argmax(known, axis=1)[:, None]
    whole = np.take_along_axis(values, np.where(before >= 0, before, first), axis=1)
    return np.nan_to_num(whole, nan=0.0)


def known_weather(history: History, first: int, last: int) -> dict[str, Floats]:
    """Return the weather of the steps ``[first, last)`` as it is known at the history's end, per variable.

    Shape of each: (series, steps). Of a step that has passed, what was forecast for it at last. Only variables that
    are known somewhere for every series are there, their gaps filled: a peer takes no gaps in them either.
    """
    around = history.around
    if around is None or around.weather is None or not len(around.weather.known_us):
        return {}
    weather = around.weather
    start, step = to_microseconds(history.start), int(history.plan.step.total_seconds()) * 1_000_000
    instants: Indices = start + np.arange(first, last, dtype=np.int64) * step
    known_by = np.minimum(instants, to_microseconds(history.as_of))
    places = [weather.places.index(place) if place in weather.places else -1 for place in around.communes]
    by_place = {
        place: weather.at(np.full(len(instants), place), known_by, instants).astype(np.float64) for place in set(places)
    }
    told = np.stack([by_place[place] for place in places])
    known = [bool(np.isfinite(told[:, :, at]).any(axis=1).all()) for at in range(len(VARIABLES))]
    return {name: filled(told[:, :, at]) for at, name in enumerate(VARIABLES) if known[at]}
