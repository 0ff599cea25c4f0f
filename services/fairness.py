"""Fairness: whether small communes are forecast as well as large ones."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from enum import StrEnum
from functools import cache
from statistics import median

from core.places import communes, current_commune
from core.scores import Sums

FEWEST_SERIES = 3
"""Of fewer series nothing is said: one odd building would be the whole group."""


class CommuneSize(StrEnum):
    """A third of the communes of the Métropole, by population."""

    SMALL = "small"
    MIDDLE = "middle"
    LARGE = "large"


@dataclass(frozen=True, slots=True)
class GroupFigures:
    """How forecasts do in a group of communes.

    Parameters
    ----------
    population_max
        Most inhabitants of the group's communes, None for the largest ones.
    communes
        In how many of them anything was scored.
    skill
        The median over the series, each counting alike: a large building is not more of a commune. None where the
        naive lost nothing, or of fewer than `FEWEST_SERIES`.
    coverage_90
        Share of truths in [p05, p95]; None likewise.
    """

    group: CommuneSize
    population_max: int | None
    communes: int
    series: int
    steps: int
    skill: float | None
    coverage_90: float | None


@cache
def bounds() -> tuple[int, int]:
    """Return the most inhabitants of a small commune and of a middle one: the terciles of the present communes."""
    populations = sorted(
        one.population for one in communes().values() if one.merged_into is None and one.population is not None
    )
    third = len(populations) // 3
    return populations[third - 1], populations[2 * third - 1]


def size_of(insee: str) -> CommuneSize:
    """Return the group of a commune; a merged one is of that of the commune it joined.

    Raises
    ------
    KeyError
        If the code is of no commune of the Métropole.
    """
    population = current_commune(insee).population or 0
    small, middle = bounds()
    if population <= small:
        return CommuneSize.SMALL
    return CommuneSize.MIDDLE if population <= middle else CommuneSize.LARGE


def fairness(series: Iterable[tuple[str, Sums]]) -> Iterator[GroupFigures]:
    """Yield how each group does that has any series, the smallest communes first.

    Parameters
    ----------
    series
        The commune and the sums of each series.
    """
    by_size: dict[CommuneSize, list[tuple[str, Sums]]] = {size: [] for size in CommuneSize}
    for insee, sums in series:
        by_size[size_of(insee)].append((insee, sums))
    small, middle = bounds()
    most = {CommuneSize.SMALL: small, CommuneSize.MIDDLE: middle, CommuneSize.LARGE: None}
    for size, own in by_size.items():
        if own:
            yield _figures(size, most[size], own)


def _figures(size: CommuneSize, population_max: int | None, own: list[tuple[str, Sums]]) -> GroupFigures:
    steps = sum(sums.steps for _, sums in own)
    skills = [sums.skill for _, sums in own if sums.skill is not None]
    told = len(own) >= FEWEST_SERIES
    return GroupFigures(
        group=size,
        population_max=population_max,
        communes=len({current_commune(insee).insee for insee, _ in own}),
        series=len(own),
        steps=steps,
        skill=median(skills) if told and skills else None,
        coverage_90=sum(sums.within_90 for _, sums in own) / steps if told else None,
    )
