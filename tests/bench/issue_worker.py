"""Worker processes of the bench of issues: they make ready, wait for the word, and work until the queue is empty.

Asked as ``issue_worker.py DSN COUNT ISSUED_AT COMMUNE...``: puts the issues on the queue, starts so many processes, and
prints how many seconds they took. Asked as ``issue_worker.py DSN``: is one of them.
"""

from __future__ import annotations

import asyncio
import logging
import os
import subprocess
import sys
import time

import procrastinate
import structlog

from core.clock import now, parse_instant
from core.metrics import metric_named
from core.settings import WorkerSettings
from core.store.pool import open_pool
from services.forecast import Issue
from services.jobs import worker_app
from services.jobs.forecasting import ask_issues
from services.model_loading import load_champion

METRIC = "power_kw"


def lead(dsn: str, count: int, issues: list[Issue]) -> float:
    """Put issues on the queue and have so many processes make them; return how many seconds that took."""
    app = procrastinate.App(connector=procrastinate.SyncPsycopgConnector(conninfo=dsn))
    with app.open():
        ask_issues(app, issues)
    command = [sys.executable, __file__, dsn]
    workers = [
        subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True) for _ in range(count)
    ]
    for worker in workers:
        assert worker.stdout is not None, "it was asked for"
        worker.stdout.readline()
    began = time.perf_counter()
    for worker in workers:
        assert worker.stdin is not None, "it was asked for"
        worker.stdin.write("go\n")
        worker.stdin.flush()
    failed = [worker.wait() for worker in workers if worker.wait()]
    if failed:
        raise SystemExit(f"{len(failed)} workers failed")
    return time.perf_counter() - began


def work(dsn: str) -> None:
    """Say that all is ready, wait for the word, and work until the queue is empty."""
    os.environ["VIGIE_DATABASE_URL"] = dsn
    structlog.configure(wrapper_class=structlog.make_filtering_bound_logger(logging.WARNING))
    settings = WorkerSettings.from_environment()
    with open_pool(dsn, 3) as pool:
        with pool.connection() as connection:
            load_champion(connection, METRIC, as_of=now())
        app = worker_app(settings, pool)

        async def run() -> None:
            async with app.open_async():
                print("ready", flush=True)
                sys.stdin.readline()
                await app.run_worker_async(concurrency=1, wait=False, delete_jobs="successful")

        asyncio.run(run())


if __name__ == "__main__":
    if len(sys.argv) == 2:
        work(sys.argv[1])
    else:
        address, wanted, issued_at, *communes = sys.argv[1:]
        asked = [Issue(metric_named(METRIC), commune, parse_instant(issued_at)) for commune in communes]
        print(lead(address, int(wanted), asked))
