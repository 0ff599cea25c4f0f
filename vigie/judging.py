"""Judging forecasts on the stored history, for a person."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import timedelta

from core.clock import Window, now
from core.errors import ShortHistory
from core.metrics import forecast_metrics, metric_named
from core.settings import WorkerSettings
from core.store.arrow import opened_arrow
from models.backtest import BacktestSettings, backtest, table_of
from services.forecast import read_history, training_settings


def run_backtest(
    settings: WorkerSettings, names: Sequence[str] | None, history_length: timedelta, test_length: timedelta
) -> None:
    """Backtest metrics on their stored history and print a line for each.

    Raises
    ------
    UnknownMetric
        If a name is of no metric.
    """
    metrics = [metric_named(name) for name in names] if names else [metric for metric, _ in forecast_metrics()]
    plan = BacktestSettings(test_length=test_length, training=training_settings(settings))
    results = []
    with opened_arrow(settings.dsn) as arrow:
        for metric in metrics:
            history = read_history(arrow, metric, Window.ending(now(), history_length))
            if not history.series_ids:
                continue
            try:
                results.append(backtest(history, plan))
            except ShortHistory as error:
                print(f"{metric.name}: {error}")
    print(table_of(results) if results else "no history to judge on")
