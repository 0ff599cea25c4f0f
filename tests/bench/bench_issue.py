"""An issue: 1,000 meters over 48 hours by eight boosters, from the history in the store to the rows in the store.

Each stage is timed by itself, beside what LightGBM takes for the same rows without anything of ours. With
``--workers 2`` one worker process and then two make the same issues of many communes, and write the same.
"""

from __future__ import annotations

import argparse
import hashlib
import logging
import shutil
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import structlog

sys.path.insert(0, str(Path(__file__).resolve().parent))
from figures import Figure, below, tell
from issue_place import METRIC, Town, touch_newest, town

from core.store.arrow import opened_arrow
from core.store.forecasts import write_forecasts, write_newest_issue
from core.store.pool import connected
from models.features.rows import rows_of_origin
from models.features.table import feature_table
from models.forecaster import forecast
from services.forecast import issue_forecasts, make_forecasts, read_issue_history
from services.model_loading import load_champion

METERS, QUICK_METERS = 1_000, 100
COMMUNES, QUICK_COMMUNES, METERS_EACH = 24, 8, 50
ISSUE_S, HISTORY_S = 3.0, 1.0
_LEADER = Path(__file__).resolve().parent / "issue_worker.py"


def timed(look: Callable[[], Any], times: int = 3) -> float:
    """Return how many seconds the quickest of some looks took: the machine may be busy with others."""
    taken = []
    for _ in range(times):
        began = time.perf_counter()
        look()
        taken.append(time.perf_counter() - began)
    return min(taken)


def stage_figures(built: Town) -> list[Figure]:
    """Measure an issue by stages, and as a whole."""
    [issue] = built.issues
    with built.pool.connection() as connection, opened_arrow(built.url) as arrow:
        read_s = timed(lambda: read_issue_history(connection, arrow, issue))
        touch_newest(built)
        touched_s = timed(lambda: read_issue_history(connection, arrow, issue))
        history = read_issue_history(connection, arrow, issue)
        champion = load_champion(connection, METRIC.name, as_of=issue.issued_at)
        assert champion is not None, "a model was trained"
        rows = rows_of_origin(history, history.length)
        features_s = timed(lambda: feature_table(history, rows))
        table = feature_table(history, rows)
        boosters = champion.model.boosters
        bare_s = timed(lambda: (boosters.predict(table.matrix, 1), boosters.predict_mean(table.matrix, 1)))
        spoken_s = timed(lambda: forecast(history, champion.model, issue.issued_at, model_id=champion.model_id))
        made = make_forecasts(connection, arrow, issue)
    with connected(built.url) as connection:
        began = time.perf_counter()
        write_forecasts(connection, made)
        write_newest_issue(connection, METRIC.name, issue.commune, issue.issued_at)
        connection.commit()
        written_s = time.perf_counter() - began
        _take_back(connection)
    began = time.perf_counter()
    issue_forecasts(built.pool, built.settings, issue)
    whole_s = time.perf_counter() - began
    return [
        Figure("rows", len(table.matrix), "series x leads", "higher"),
        below("history_read", read_s, "s", HISTORY_S),
        Figure("history_read_newest_hour_not_judged", touched_s, "s", "lower"),
        Figure("features", features_s, "s", "lower"),
        Figure("bare_lightgbm", bare_s, "s", "lower"),
        Figure("features_prediction_and_the_rest", spoken_s, "s", "lower"),
        Figure("written", written_s, "s", "lower"),
        below("issue_whole", whole_s, "s", ISSUE_S),
        Figure("issue_to_bare_lightgbm", whole_s / bare_s, "ratio", "lower"),
    ]


def worker_figures(built: Town, workers: int) -> list[Figure]:
    """Measure the same issues by one worker and by several, and hold what they wrote side by side."""
    taken, told = {}, {}
    for count in (1, workers):
        taken[count] = _by_workers(built, count)
        with connected(built.url) as connection:
            told[count] = _digest(connection)
            _take_back(connection)
    if told[1] != told[workers]:
        raise SystemExit("several workers wrote otherwise than one")
    return [
        Figure("issues", len(built.issues), "issues", "higher"),
        Figure("one_worker", taken[1], "s", "lower"),
        Figure(f"workers_{workers}", taken[workers], "s", "lower"),
        Figure(f"workers_{workers}_to_one", taken[1] / taken[workers], "ratio", "higher"),
    ]


def _by_workers(built: Town, count: int) -> float:
    """Ask for all issues, let so many worker processes make them, and return how long they took once all were ready."""
    command = [sys.executable, str(_LEADER), built.url, str(count), built.issued_at.isoformat(), *built.communes]
    done = subprocess.run(command, check=True, capture_output=True, text=True)
    return float(done.stdout.split()[-1])


def _digest(connection: Any) -> str:
    """Return what was written, as one sum: who made it leaves no trace."""
    rows = connection.execute(
        """
        SELECT md5(string_agg(head::text || coalesce(steps, ''), E'\\n' ORDER BY head))
          FROM (SELECT (series_id, issued_at, step_s, forecast.steps, history_until, model_id, fallback, doubts)::text
                       AS head,
                       (SELECT string_agg(step::text, E'\\n' ORDER BY valid_at) FROM forecast_step AS step
                         WHERE step.series_id = forecast.series_id AND step.issued_at = forecast.issued_at) AS steps
                  FROM forecast) AS told
        """
    ).fetchone()
    return hashlib.sha256(str(rows).encode()).hexdigest()


def _take_back(connection: Any) -> None:
    for table in ("forecast_step", "forecast", "expectation", "newest_issue", "live_event"):
        connection.execute(f"DELETE FROM {table}")  # noqa: S608 - names of ours
    connection.commit()


def main(arguments: Sequence[str]) -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--quick", action="store_true", help=f"{QUICK_METERS} meters, {QUICK_COMMUNES} communes")
    parser.add_argument("--json", action="store_true", help="nothing but the line of JSON")
    parser.add_argument("--workers", type=int, default=1, help="also this many workers against one")
    asked = parser.parse_args(arguments)
    structlog.configure(wrapper_class=structlog.make_filtering_bound_logger(logging.WARNING))
    folder = Path(tempfile.mkdtemp(prefix="vigie-bench-"))
    try:
        with town(folder, 1, QUICK_METERS if asked.quick else METERS) as built:
            figures = stage_figures(built)
        if asked.workers > 1:
            with town(folder, QUICK_COMMUNES if asked.quick else COMMUNES, METERS_EACH) as built:
                figures += worker_figures(built, asked.workers)
    finally:
        shutil.rmtree(folder, ignore_errors=True)
    tell("issue", figures, as_json_only=asked.json)


if __name__ == "__main__":
    main(sys.argv[1:])
