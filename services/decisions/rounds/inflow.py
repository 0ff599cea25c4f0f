"""Recent inflow of a bin, from its hourly levels between collections.

Ultrasound reads the top of a heap with some centimetres of scatter, so the rise is taken over about a day, between
means of three readings, and never hour by hour. A level that is full says nothing of what came after.
"""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime, timedelta

from services.decisions.rounds.situation import Inflow

COLLECTED = 0.15
"""A fall by more than this between two readings is a collection."""
CENSORED = 0.99
SPAN = timedelta(hours=24)
SHORTEST_SPAN = timedelta(hours=8)
SHORTEST_KNOWN = timedelta(hours=48)
ENDS = 3

Level = tuple[datetime, float]


def recent_inflow(levels: Sequence[Level]) -> Inflow | None:
    """Return mean and variance per hour over the spans of ``levels`` (in time order), None when under two days."""
    rises = [_rise(span) for stretch in _between_collections(levels) for span in _spans(stretch)]
    hours = sum(length for _, length in rises)
    if hours < SHORTEST_KNOWN.total_seconds() / 3600:
        return None
    rate = max(sum(rise for rise, _ in rises) / hours, 0.0)
    spread = sum((rise - rate * length) ** 2 for rise, length in rises)
    return Inflow(round(rate, 6), round(spread / hours, 8))


def _between_collections(levels: Sequence[Level]) -> list[list[Level]]:
    stretches: list[list[Level]] = [[]]
    for at, level in levels:
        fell = bool(stretches[-1]) and stretches[-1][-1][1] - level > COLLECTED
        if fell or level >= CENSORED:
            stretches.append([])
        if level < CENSORED:
            stretches[-1].append((at, level))
    return stretches


def _spans(stretch: list[Level]) -> list[list[Level]]:
    """Cut a stretch into spans of about a day; what is too short to tell a rise from scatter is left out."""
    spans: list[list[Level]] = []
    for at, level in stretch:
        if not spans or at - spans[-1][0][0] >= SPAN:
            spans.append([])
        spans[-1].append((at, level))
    return [span for span in spans if len(span) >= 2 * ENDS and span[-1][0] - span[0][0] >= SHORTEST_SPAN]


def _rise(span: list[Level]) -> tuple[float, float]:
    """Return how much a span rose, and in how many hours."""
    first, last = span[:ENDS], span[-ENDS:]
    hours = [sum((at - span[0][0]).total_seconds() for at, _ in end) / 3600 / ENDS for end in (first, last)]
    rise = sum(level for _, level in last) / ENDS - sum(level for _, level in first) / ENDS
    return rise, hours[1] - hours[0]
