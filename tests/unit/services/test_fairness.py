from __future__ import annotations

import pytest

from core.places import communes
from core.scores import Sums
from services.fairness import CommuneSize, bounds, fairness, size_of

PARIS, SMALL, PIERREFITTE, SAINT_DENIS = "75056", "92077", "93059", "93066"


def sums_of(skill: float, steps: int = 100, scale: float = 1.0) -> Sums:
    return Sums(1, steps, 0, (1 - skill) * scale, scale, 0.0, 0.0, steps // 2, steps * 9 // 10, [0] * 7)


def test_the_communes_fall_into_thirds() -> None:
    present = [insee for insee, one in communes().items() if one.merged_into is None]
    counts = [sum(size_of(insee) is size for insee in present) for size in CommuneSize]
    assert counts == [43, 43, 44]
    small, middle = bounds()
    assert 1_000 < small < middle < 100_000
    assert size_of(PARIS) is CommuneSize.LARGE
    assert size_of(SMALL) is CommuneSize.SMALL
    assert size_of(PIERREFITTE) is size_of(SAINT_DENIS)


def test_each_series_counts_alike_however_large_its_load() -> None:
    [group] = fairness([(PARIS, sums_of(0.1)), (PARIS, sums_of(0.2)), (SAINT_DENIS, sums_of(0.9, scale=1e6))])
    assert group.skill == pytest.approx(0.2)
    assert (group.group, group.communes, group.series, group.steps) == (CommuneSize.LARGE, 2, 3, 300)
    assert group.population_max is None
    assert group.coverage_90 == pytest.approx(0.9)


def test_of_too_few_series_nothing_is_said_and_of_none_there_is_no_group() -> None:
    small, large = fairness([(PARIS, sums_of(0.2))] * 3 + [(SMALL, sums_of(-0.5))] * 2)
    assert (small.group, small.series, small.skill, small.coverage_90) == (CommuneSize.SMALL, 2, None, None)
    assert small.population_max == bounds()[0]
    assert large.group is CommuneSize.LARGE
    assert large.skill == pytest.approx(0.2)


def test_a_group_whose_naive_lost_nothing_has_no_skill() -> None:
    [group] = fairness([(PARIS, sums_of(0.2, scale=0.0))] * 3)
    assert group.skill is None
    assert group.coverage_90 is not None
