"""How forecasts turned out: by lead time, kind of hours, series and commune, and in small and large communes."""

from __future__ import annotations

from datetime import date, timedelta
from typing import Annotated

from fastapi import Query
from pydantic import Field

from core.clock import PARIS, now
from core.forecasts import QUANTILES
from core.places import communes
from core.scores import ScoredBy, Sums
from core.store.history import Selection, SeriesLabel, read_labels
from core.store.pool import Connection
from core.store.scores import read_sums
from models.regimes import Regime
from services.api.answers import Answer, Items, Store, api_router, documented
from services.api.parameters import MetricName
from services.fairness import CommuneSize, fairness

router = api_router("forecasts")

DAYS_MAX = 400
_SCORE = {
    "key": "3",
    "label": "3 h",
    "series": 30,
    "steps": 64_800,
    "naive_share": 0.02,
    "skill": 0.24,
    "pinball": 2.31,
    "pinball_naive": 3.04,
    "coverage_80": 0.79,
    "coverage_90": 0.9,
    "reliability": [0.06, 0.11, 0.26, 0.5, 0.75, 0.89, 0.95],
    "absolute_error": 6.1,
    "absolute_error_naive": 8.3,
}
_GROUP = {
    "group": "small",
    "population_max": 25_689,
    "communes": 12,
    "series": 31,
    "steps": 44_640,
    "skill": 0.19,
    "coverage_90": 0.89,
}

Metric = Annotated[MetricName, Query(description="Which metric.", openapi_examples={"": {"value": "power_kw"}})]
Days = Annotated[int, Query(ge=1, le=DAYS_MAX, description="Local days back from today, whose steps are judged.")]


class ScoreItem(Answer):
    """How what was issued turned out, over all its steps whose truth came and of which the naive spoke, too."""

    model_config = documented(_SCORE)

    key: str = Field(description="Hours where the bucket begins, number of the regime, id of the series or INSEE code.")
    label: str = Field(description="It for people: the name of the sensor and its site, or of the commune.")
    series: int
    steps: int
    naive_share: float = Field(description="Share of the steps for which the naive forecast itself was issued.")
    skill: float | None = Field(description="Share of the naive's loss that is saved; null where it lost nothing.")
    pinball: float = Field(description="Mean pinball loss over steps and levels, in the metric's unit.")
    pinball_naive: float = Field(description="That of the naive forecast with its own quantiles.")
    coverage_80: float = Field(description="Share of truths in p10 to p90; 0.8 is promised.")
    coverage_90: float = Field(description="Share of truths in p05 to p95; 0.9 is promised.")
    reliability: list[float] = Field(
        description=f"Share of truths under each quantile; {', '.join(map(str, QUANTILES))} are promised."
    )
    absolute_error: float = Field(description="Mean absolute error of p50, in the metric's unit.")
    absolute_error_naive: float


class ScoreItems(Items[ScoreItem]):
    """Scores of a metric, by what was asked."""

    model_config = documented({"items": [_SCORE], "next": None})


class FairnessItem(Answer):
    """How forecasts do in one third of the Métropole's communes by population; of series that the pass sees."""

    model_config = documented(_GROUP)

    group: CommuneSize
    population_max: int | None = Field(description="Most inhabitants of the group's communes; null for the largest.")
    communes: int = Field(description="In which anything was scored.")
    series: int
    steps: int
    skill: float | None = Field(description="Median of the series' skills; null with fewer than 3 series: too few.")
    coverage_90: float | None = Field(description="Share of truths in p05 to p95; null likewise.")


class FairnessItems(Items[FairnessItem]):
    """Small, middle and large communes side by side."""

    model_config = documented({"items": [_GROUP], "next": None})


@router.get("/scores", operation_id="read_scores")
def read_scores(store: Store, metric: Metric, by: ScoredBy, days: Days = 30) -> ScoreItems:
    """Return how forecasts of a metric turned out, of the series that the pass sees, by what was asked.

    Of what was issued: where the naive forecast stood in, it counts as what people were told.
    """
    found = read_sums(store, metric, by, _since(days))
    labels = _labels(store, found) if by is ScoredBy.SERIES else {}
    items = [_item(key, _label(by, key, labels), sums) for key, sums in found]
    by_number = by in {ScoredBy.LEAD, ScoredBy.REGIME, ScoredBy.SERIES}
    return ScoreItems(items=sorted(items, key=lambda item: (int(item.key) if by_number else 0, item.label)))


@router.get("/scores/fairness", operation_id="read_fairness")
def read_fairness(store: Store, metric: Metric, days: Days = 30) -> FairnessItems:
    """Return how forecasts of a metric do in small, middle and large communes, each series counting alike."""
    found = read_sums(store, metric, ScoredBy.SERIES, _since(days))
    labels = _labels(store, found)
    by_commune = [(labels[int(key)].commune_insee, sums) for key, sums in found]
    items = [
        FairnessItem(
            group=one.group,
            population_max=one.population_max,
            communes=one.communes,
            series=one.series,
            steps=one.steps,
            skill=one.skill,
            coverage_90=one.coverage_90,
        )
        for one in fairness(by_commune)
    ]
    return FairnessItems(items=items)


def _since(days: int) -> date:
    return now().astimezone(PARIS).date() - timedelta(days=days)


def _labels(store: Connection, found: list[tuple[str, Sums]]) -> dict[int, SeriesLabel]:
    if not found:
        return {}
    wanted = Selection(series_ids=tuple(int(key) for key, _ in found))
    return {label.series_id: label for label in read_labels(store, wanted)}


def _label(by: ScoredBy, key: str, labels: dict[int, SeriesLabel]) -> str:
    if by is ScoredBy.LEAD:
        return f"{key} h"
    if by is ScoredBy.REGIME:
        return Regime(int(key)).name.lower()
    if by is ScoredBy.COMMUNE:
        return communes()[key].name
    label = labels[int(key)]
    return f"{label.sensor}, {label.site}"


def _item(key: str, label: str, sums: Sums) -> ScoreItem:
    return ScoreItem(
        key=key,
        label=label,
        series=sums.series,
        steps=sums.steps,
        naive_share=sums.steps_naive / sums.steps,
        skill=sums.skill,
        pinball=sums.pinball / sums.steps,
        pinball_naive=sums.pinball_naive / sums.steps,
        coverage_80=sums.within_80 / sums.steps,
        coverage_90=sums.within_90 / sums.steps,
        reliability=[count / sums.steps for count in sums.below],
        absolute_error=sums.absolute_error / sums.steps,
        absolute_error_naive=sums.absolute_error_naive / sums.steps,
    )
