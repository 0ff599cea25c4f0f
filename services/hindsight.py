"""Hindsight: what came of issues, beside the naive, and beside what models would have said as of each issue."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta
from zlib import crc32

import numpy as np

from core.clock import Window, floor_to_step, format_instant
from core.columns import MICROSECOND
from core.forecasts import QUANTILES, Score
from core.metrics import ForecastPlan, Metric
from core.scores import NAIVE_MODEL_ID, DaySums
from core.store.arrow import ArrowConnection
from core.store.pool import Connection
from core.store.scores import IssuedSteps, Passed, read_issued_steps, read_speaking
from models.features.rows import rows_of_origin
from models.forecaster import Fallback, Outlook, Speaking, outlook
from models.history import Floats, History, Indices
from models.naive import NaiveForecast
from models.outcomes import outcomes
from models.scores import Grid, Mask, Outcome, Speech, outcome, step_sums
from models.soundness import examine
from services.forecast import Issue, read_issue_history
from services.history import Reach, read_history
from services.model_loading import LoadedModel, load_challenger, load_champion
from services.promotion import Verdict, verdict_on

CONTEXT = timedelta(days=7)
"""What is looked at before the truth, to tell whether it is to be believed."""
TRIED_ONE_IN = 4
"""Models are tried on one issue in so many: what they would have said has to be made again."""


@dataclass(frozen=True, slots=True, eq=False)
class Judged:
    """What came of some forecasts of one issue.

    Parameters
    ----------
    passed
        The forecasts, by series id, ascending.
    quantiles, truth
        As they were issued and as it came: shapes (series, steps, levels) and (series, steps), in the metric's unit.
    scores
        One a forecast.
    steps
        Every step that can be held against the naive, as sums of one: what was issued, and what was tried.
    """

    passed: tuple[Passed, ...]
    quantiles: Floats
    truth: Floats
    scores: tuple[Score, ...]
    steps: tuple[DaySums, ...]


@dataclass(frozen=True, slots=True, eq=False)
class Hindsight:
    """Looks back on issues of one metric in one commune.

    Parameters
    ----------
    metric
        With the plan that the forecasts were issued under.
    """

    arrow: ArrowConnection
    connection: Connection
    metric: Metric
    commune: str
    _verdicts: dict[tuple[int, int], Verdict] = field(default_factory=dict, init=False)

    @property
    def plan(self) -> ForecastPlan:
        """The plan of the metric."""
        assert self.metric.plan is not None, "only metrics with a plan are forecast"
        return self.metric.plan

    def judge(self, passed: Sequence[Passed]) -> list[Judged]:
        """Judge forecasts of some issues, the oldest issue first; a step whose truth is missing does not count."""
        issues = sorted({one.issued_at for one in passed})
        came = self._came(issues)
        by_issue = [
            tuple(sorted((one for one in passed if one.issued_at == at), key=lambda one: one.series_id))
            for at in issues
        ]
        return [self._judge_issue(alike, came) for alike in by_issue]

    def _came(self, issues: Sequence[datetime]) -> History:
        """Return what came over all these issues, as is known now, without what is not to be believed."""
        last = floor_to_step(issues[-1], self.plan.step)
        window = Window(issues[0] - CONTEXT, last + self.plan.horizon + self.plan.step)
        reach = Reach(window, (self.commune,), as_known=False)
        return examine(read_history(self.arrow, self.connection, self.metric, reach)).history

    def _judge_issue(self, passed: tuple[Passed, ...], came: History) -> Judged:
        issued_at, series = passed[0].issued_at, np.array([one.series_id for one in passed])
        steps = read_issued_steps(self.connection, series.tolist(), issued_at)
        quantiles, naive = laid_out(steps, series, self.plan, issued_at)
        truth = truth_of(came, issued_at)[np.searchsorted(came.series_ids, series)]
        if not np.isfinite(truth).any():
            nothing = outcome(truth, quantiles, NaiveForecast(naive, np.full(quantiles.shape, np.nan)))
            return Judged(passed, quantiles, truth, scores_of(passed, nothing), ())
        by_naive = np.array([one.fallback is not None for one in passed])
        # Where the naive was issued itself, nothing has to be made again.
        yardstick, said = NaiveForecast(naive, quantiles), []
        tried = self._contenders(passed) if is_tried(issued_at) else []
        if tried or not by_naive.all():
            known = read_issue_history(self.connection, self.arrow, Issue(self.metric, self.commune, issued_at))
            again = _rows_of(outlook(known, None).naive.quantiles, known, series)
            yardstick = NaiveForecast(naive, np.where(by_naive[:, None, None], quantiles, again))
            said = [(one.model_id, self._would_have_said(one, known, series)) for one in tried]
        judged = outcome(truth, quantiles, yardstick)
        grid = Grid.of(floor_to_step(issued_at, self.plan.step), self.plan)
        speech = Speech(np.array([one.model_id or NAIVE_MODEL_ID for one in passed]), issued=True)
        issued = step_sums(judged, series, speech, grid, judged.beside)
        trial = _Trial(series, truth, yardstick, grid)
        return Judged(passed, quantiles, truth, scores_of(passed, judged), (issued, *trial.steps(said)))

    def _contenders(self, passed: tuple[Passed, ...]) -> list[LoadedModel]:
        """Return the models to try on an issue, the champion first; none where there is nothing to learn from it.

        As of the issue: a model that was trained later has seen the truth.
        """
        champion = load_champion(self.connection, self.metric.name, as_of=passed[0].issued_at)
        if champion is None:
            return []
        challenger = load_challenger(self.connection, self.metric.name, as_of=passed[0].issued_at)
        if challenger is not None and self._verdict(challenger, champion) is not Verdict.DROPPED:
            return [champion, challenger]
        return [champion] if any(one.fallback == Fallback.WORSE_LATELY for one in passed) else []

    def _verdict(self, challenger: LoadedModel, champion: LoadedModel) -> Verdict:
        """Return what the trial says so far, asked once for all issues: it is summed over all series and days."""
        pair = (challenger.model_id, champion.model_id)
        if pair not in self._verdicts:
            self._verdicts[pair], _ = verdict_on(self.connection, challenger.stored, champion.stored)
        return self._verdicts[pair]

    def _would_have_said(self, tried: LoadedModel, known: History, series: Indices) -> Floats:
        """Return the quantiles that a model would have issued, were nobody silenced; NaN where it could not speak."""
        _, shifts = read_speaking(self.connection, known.series_ids, known.as_of)
        ahead: Outlook = outlook(known, tried.model, Speaking(shifts=shifts))
        spoken = np.array([fallback is None for fallback in ahead.fallbacks], dtype=np.bool_)
        return _rows_of(np.where(spoken[:, None, None], ahead.quantiles, np.nan), known, series)


@dataclass(frozen=True, slots=True, eq=False)
class _Trial:
    """Models side by side on the same steps."""

    series: Indices
    truth: Floats
    yardstick: NaiveForecast
    grid: Grid

    def steps(self, said: Sequence[tuple[int, Floats]]) -> list[DaySums]:
        """Return the steps of what each model would have said, of which all of them could say something."""
        judged = [(model_id, outcome(self.truth, quantiles, self.yardstick)) for model_id, quantiles in said]
        by_all: Mask = np.ones(self.truth.shape, dtype=np.bool_)
        for _, one in judged:
            by_all &= one.beside
        return [
            step_sums(one, self.series, Speech(np.full(len(self.series), model_id), issued=False), self.grid, by_all)
            for model_id, one in judged
        ]


def is_tried(issued_at: datetime) -> bool:
    """Whether models are tried on this issue: one in `TRIED_ONE_IN`, the same whoever asks, at any hour of the day."""
    return crc32(format_instant(issued_at).encode()) % TRIED_ONE_IN == 0


def laid_out(steps: IssuedSteps, series: Indices, plan: ForecastPlan, issued_at: datetime) -> tuple[Floats, Floats]:
    """Return the quantiles and the naive of an issue as arrays over series and steps; NaN where there are none."""
    quantiles = np.full((len(series), plan.steps, len(QUANTILES)), np.nan)
    naive = np.full((len(series), plan.steps), np.nan)
    since_origin = (issued_at - floor_to_step(issued_at, plan.step)) // MICROSECOND
    index, off_grid = np.divmod(steps.after_us + since_origin, plan.step // MICROSECOND)
    kept = (off_grid == 0) & (index >= 0) & (index < plan.steps)
    row = np.searchsorted(series, steps.series_id[kept])
    quantiles[row, index[kept]] = steps.quantiles[kept]
    naive[row, index[kept]] = steps.naive[kept]
    return quantiles, naive


def truth_of(came: History, issued_at: datetime) -> Floats:
    """Return what an issue spoke of as it came, shape (series, steps), in the metric's unit; NaN where nothing did."""
    rows = rows_of_origin(came, came.index_of(issued_at))
    return outcomes(came, rows).reshape(len(came.series_ids), came.plan.steps)


def scores_of(passed: Sequence[Passed], judged: Outcome) -> tuple[Score, ...]:
    """Return the score of each forecast; with no truth at all every figure is None."""
    return tuple(
        Score(
            series_id=one.series_id,
            issued_at=one.issued_at,
            steps=int(judged.came[row].sum()),
            pinball=_mean(judged.pinball[row]),
            pinball_naive=_mean(judged.pinball_naive[row]),
            absolute_error=_mean(judged.absolute_error[row]),
            absolute_error_naive=_mean(judged.absolute_error_naive[row]),
            coverage=_mean(np.where(judged.came[row], judged.within_80[row], np.nan)),
            model_id=one.model_id,
        )
        for row, one in enumerate(passed)
    )


def as_issued(metric: Metric, passed: Passed) -> Metric:
    """Return the metric with the grid that a forecast was issued on, which its plan may have left since."""
    assert metric.plan is not None, "only metrics with a plan are forecast"
    return replace(metric, plan=replace(metric.plan, step=passed.step, horizon=passed.step * passed.steps))


def _rows_of(values: Floats, history: History, series: Indices) -> Floats:
    """Return the rows of these series; NaN for one that the history lacks."""
    if not history.series_ids:
        return np.full((len(series), *values.shape[1:]), np.nan)
    row = np.minimum(np.searchsorted(history.series_ids, series), len(history.series_ids) - 1)
    there = np.array(history.series_ids)[row] == series
    return np.where(there[:, None, None], values[row], np.nan)


def _mean(values: Floats) -> float | None:
    known = values[np.isfinite(values)]
    return float(known.mean()) if known.size else None
