"""Training as a service: read what was known, fit, keep the model with all it takes to make it again."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import replace
from datetime import datetime, timedelta
from statistics import median
from time import perf_counter, process_time
from typing import Any

import numpy as np
import structlog

from core import instruments
from core.clock import Window, format_instant
from core.errors import ShortHistory
from core.footprint_settings import FootprintSettings
from core.metrics import Metric, metric_named
from core.model_life import PLATFORM, Reign, StoredModel
from core.settings import WorkerSettings
from core.store.arrow import opened_arrow
from core.store.history import Selection, SeriesLabel, read_labels
from core.store.models import promote, write_model
from core.store.pool import Connection, Pool
from core.store.replica import followed_dsn
from models.artifacts import dumps
from models.boosting import BoostingSettings
from models.footprint import Machine, footprint
from models.history import History
from models.train import TrainedModel, TrainingSettings, train
from services.code_version import code_version
from services.history import Reach, read_history
from services.model_loading import champion_can_speak

log = structlog.get_logger(__name__)

FIRST = "first"
"""Why a model is trained where there is none, and why one reigns that no other stood against."""


def train_model(pool: Pool, settings: WorkerSettings, metric: Metric, now: datetime, why: str) -> int:
    """Fit a model on the history known at ``now`` and keep it; return its id.

    It is a challenger where the champion can speak. Else, as the first of its metric or of another set of features, it
    speaks from the end of its training on if it beat the naive forecast on its held-out weeks. Window, code, seed and
    parameters are kept: the same ones make the same boosters, to the last bit.

    Parameters
    ----------
    why
        Why now: ``schedule``, ``first``, ``drift`` or ``asked``.

    Raises
    ------
    ShortHistory
        If there is too little to learn from.
    """
    began, processor_began = perf_counter(), process_time()
    window = Window.ending(now, timedelta(days=settings.history_days))
    with opened_arrow(followed_dsn(settings, pool)) as arrow, pool.connection() as connection:
        history = read_history(arrow, connection, metric, Reach(window))
        labels = read_labels(connection, Selection(series_ids=history.series_ids)) if history.series_ids else []
    if not history.series_ids:
        raise ShortHistory(f"{metric.name} has no series")
    wanted = training_settings(settings)
    trained = train(history, wanted)
    took_s = perf_counter() - began
    # Of the whole process: where two jobs run at once, each counts what the other took meanwhile, too.
    took = footprint(machine_of(settings), process_time() - processor_began, took_s)
    model = replace(trained, card=told_of(trained, history, labels))
    stored = StoredModel(
        metric=metric.name,
        trained_at=now,
        history_start=window.start,
        history_end=window.end,
        rows=trained.rows,
        series=len(history.series_ids),
        duration_s=trained.duration_s,
        card=model.card,
        code_version=code_version(),
        seed=wanted.boosting.seed,
        parameters=trained.card["settings"],
        energy_kwh=took.energy_kwh,
        co2e_g=took.co2e_g,
        why=why,
    )
    with pool.connection() as connection:
        model_id = _keep(connection, stored, model, now + timedelta(seconds=took_s))
    instruments.MODEL_LAST_SUCCESS.labels(metric.name).set(now.timestamp())
    instruments.MODEL_TRAIN_SECONDS.labels(metric.name).set(trained.duration_s)
    log.info(
        "model_trained",
        metric=metric.name,
        model_id=model_id,
        why=why,
        rows=trained.rows,
        duration_s=trained.duration_s,
        energy_kwh=took.energy_kwh,
    )
    return model_id


def training_settings(settings: WorkerSettings) -> TrainingSettings:
    """Return how models are trained under these settings."""
    return TrainingSettings(boosting=BoostingSettings(threads=settings.threads), rows_max=settings.train_rows_max)


def machine_of(settings: FootprintSettings) -> Machine:
    """Return the machine that models are trained on."""
    return Machine(
        core_w=settings.footprint_core_w,
        memory_gb=settings.footprint_memory_gb,
        memory_w_per_gb=settings.footprint_memory_w_per_gb,
        pue=settings.footprint_pue,
        co2e_g_per_kwh=settings.footprint_co2e_g_per_kwh,
    )


def told_of(trained: TrainedModel, history: History, labels: Sequence[SeriesLabel]) -> dict[str, Any]:
    """Return a model's card as everybody may read it: no series of any commune is named.

    Beside what `models.train` says of it: ``communes``, how many; ``by_commune``, figures on the held-out weeks by
    INSEE code; ``origins``, how many series came from where; ``days``, how long their history is; ``first_known_at``,
    the first step of the window with a value; ``series``, how they differ; without the settings, which are its
    parameters.
    """
    by_series = trained.card["by_series"]
    card = {name: value for name, value in trained.card.items() if name not in {"by_series", "local", "settings"}}
    skills = sorted(one["skill"] for one in by_series if one["skill"] is not None)
    known = np.isfinite(history.values)
    days = known.sum(axis=1) / history.steps_per_day
    # What was looked at may begin long before anything was measured.
    first = history.start + int(known.any(axis=0).argmax()) * history.plan.step
    return {
        **card,
        "communes": len({label.commune_insee for label in labels}),
        "by_commune": _by_commune(by_series, {label.series_id: label.commune_insee for label in labels}),
        "origins": dict(Counter(label.origin.value for label in labels)),
        "first_known_at": format_instant(first),
        "days": {"least": float(days.min()), "median": float(np.median(days)), "most": float(days.max())},
        "series": {
            "judged": len(skills),
            "lost": sum(skill <= 0 for skill in skills),
            "worst": skills[0] if skills else None,
            "median": median(skills) if skills else None,
        },
    }


def _by_commune(by_series: Sequence[dict[str, Any]], where: Mapping[int, str]) -> dict[str, dict[str, float]]:
    """Return mean losses and steps of the series of each commune together."""
    figures: dict[str, dict[str, float]] = {}
    for insee in sorted({where[one["series_id"]] for one in by_series}):
        own = [one for one in by_series if where[one["series_id"]] == insee]
        steps = sum(one["steps"] for one in own)
        losses = {name: sum(one[name] * one["steps"] for one in own) / steps for name in ("pinball", "pinball_naive")}
        figures[insee] = {"steps": steps, **losses}
    return figures


def _keep(connection: Connection, stored: StoredModel, model: TrainedModel, ended: datetime) -> int:
    """Keep a model in one transaction with its reign where it beats the naive and no other can speak; return its id."""
    with connection.transaction():
        model_id = write_model(connection, stored, dumps(model))
        # What cannot speak cannot be tried either: no challenger would ever do better.
        if not model.loses_to_naive and not champion_can_speak(connection, metric_named(stored.metric), as_of=ended):
            # From a whole second on, as forecasts are issued at whole seconds: the next one is the model's.
            promote(connection, Reign(stored.metric, ended.replace(microsecond=0), model_id, PLATFORM, FIRST))
    return model_id
