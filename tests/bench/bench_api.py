"""The API: how many requests a second, how late the last in a hundred, and a live stream with 500 listeners.

One api process as it is run, under its own login and behind the doors, with a program's token; 26,000 registered
sensors of which 1,400 series have a month of readings. Beside each figure, in the same run: the same rows by bare
psycopg (as the owner, no doors, no JSON), and a FastAPI route that does nothing, on the same web server. Server,
database and client share the machine.
"""

from __future__ import annotations

import argparse
import json
import logging
import os
import shutil
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import timedelta
from pathlib import Path
from typing import Any

import httpx
import structlog

sys.path.insert(0, str(Path(__file__).resolve().parent))
from figures import Figure, tell
from store_place import Place, Size, place

from core.clock import Window, format_instant, now
from core.passes import key_of, new_secret
from core.roles import Grant, PassKind, Role
from core.store.doors import NewPass, make_pass
from core.store.live import lock_live, write_live_bodies
from core.store.pool import connected
from core.store.roles import Login, as_login
from vigie.embedded import free_port

HERE = Path(__file__).resolve().parent
FULL, QUICK = Size(26_000, 1_400, 5_000, 1), Size(2_600, 140, 1_000, 1)
CONNECTIONS = 8
LISTENERS, EVENTS, EVENTS_PER_S = 500, 100, 10
SERIES = 7
Say = Callable[[str], None]
Found = dict[str, float]

_LATEST = """
    SELECT latest.series_id, sensor_id, metric, observed_at, received_at, value, quality, flags
      FROM latest JOIN series USING (series_id) JOIN sensor USING (sensor_id) JOIN site USING (site_id)
     WHERE commune_insee = %s AND retired_at IS NULL
"""
_WEEK = """
    SELECT observed_at, value, quality, flags, received_at FROM reading
     WHERE series_id = %s AND observed_at >= %s AND observed_at < %s ORDER BY observed_at
"""


@contextmanager
def api_process(found: Place) -> Iterator[tuple[int, str]]:
    """Run ``vigie api`` on the place; give its port and the secret of a pass that sees the whole Métropole."""
    port, secret = free_port(18_200), new_secret()
    environment = os.environ | {
        "VIGIE_DATABASE_URL": as_login(found.url, Login.API),
        "VIGIE_DATABASE_DOOR_URL": as_login(found.url, Login.DOOR),
        "VIGIE_SECRET": new_secret(),
        "VIGIE_PORT": str(port),
        "VIGIE_LIVE_CLIENTS_MAX": str(2 * LISTENERS),
        "VIGIE_RATE_PASS_PER_S": "1000000",
        "VIGIE_RATE_PASS_BURST": "1000000000",
    }
    with connected(found.url) as connection:
        expires_at = now() + timedelta(hours=1)
        new = NewPass(
            PassKind.TOKEN, key_of(secret), "bench", "bench", now(), expires_at, grants=(Grant(Role.ANALYST),)
        )
        make_pass(connection, new)
    with serving([sys.executable, "-m", "vigie", "api"], environment, port, "/api/v1/ready"):
        yield port, secret


@contextmanager
def serving(command: list[str], environment: dict[str, str], port: int, path: str) -> Iterator[subprocess.Popen[str]]:
    """Run a web server until the end, once it answers."""
    process = subprocess.Popen(
        command, env=environment, stdin=subprocess.PIPE, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL, text=True
    )
    try:
        deadline = time.monotonic() + 60
        while not _answers(port, path):
            if process.poll() is not None or time.monotonic() > deadline:
                sys.exit(f"bench_api: {' '.join(command)} does not answer")
            time.sleep(0.1)
        yield process
    finally:
        process.terminate()
        process.wait(30)


def _answers(port: int, path: str) -> bool:
    try:
        return httpx.get(f"http://127.0.0.1:{port}{path}", timeout=2).status_code == 200
    except httpx.HTTPError:
        return False


def ordered(program: str, orders: dict[str, Any]) -> Found:
    """Run a load program with these orders; return what it found."""
    done = subprocess.run(
        [sys.executable, str(HERE / program)],
        input=json.dumps(orders) + "\n",
        capture_output=True,
        text=True,
        check=True,
    )
    return dict(json.loads(done.stdout.splitlines()[-1]))


def compared(name: str, ours: Found, bare: Found, empty: Found) -> list[Figure]:
    """Return the figures of one read, and their ratios to both references."""
    return [
        Figure(f"{name}_requests", ours["per_s"], "requests/s", "higher"),
        Figure(f"{name}_p99", ours["p99_ms"], "ms", "lower"),
        Figure(f"{name}_requests_to_bare_psycopg", ours["per_s"] / bare["per_s"], "ratio", "higher"),
        Figure(f"{name}_requests_to_empty_route", ours["per_s"] / empty["per_s"], "ratio", "higher"),
        Figure(f"{name}_p99_to_bare_psycopg", ours["p99_ms"] / bare["p99_ms"], "ratio", "lower"),
        Figure(f"{name}_p99_to_empty_route", ours["p99_ms"] / empty["p99_ms"], "ratio", "lower"),
    ]


def read_figures(found: Place, api: tuple[int, str], empty_port: int, seconds: float) -> list[Figure]:
    """Measure the latest readings of a commune, and a week of a series."""
    port, secret = api
    week = Window.ending(found.month.end, timedelta(days=7))
    with connected(found.url) as connection:
        row = connection.execute("SELECT min(commune_insee) FROM site WHERE code = 'bench'").fetchone()
    assert row is not None, "an aggregate returns a row"
    span = f"from={format_instant(week.start)}&until={format_instant(week.end)}"
    reads = {
        "latest_of_commune": (f"/api/v1/latest?commune={row[0]}", _LATEST, [row[0]]),
        "week_of_series": (
            f"/api/v1/series/{SERIES}/readings?{span}",
            _WEEK,
            [SERIES, format_instant(week.start), format_instant(week.end)],
        ),
    }
    load = {"what": "load", "connections": CONNECTIONS, "seconds": seconds}
    empty = ordered("http_load.py", {**load, "port": empty_port, "path": "/empty"})
    figures = [
        Figure("empty_route_requests", empty["per_s"], "requests/s", "higher"),
        Figure("empty_route_p99", empty["p99_ms"], "ms", "lower"),
    ]
    for name, (path, statement, arguments) in reads.items():
        ours = ordered("http_load.py", {**load, "port": port, "path": path, "bearer": secret})
        bare = ordered("sql_load.py", {**load, "url": found.url, "statement": statement, "arguments": arguments})
        figures += compared(name, ours, bare, empty)
    return figures


def body_of(found: Place) -> list[dict[str, Any]]:
    """Return what one batch says of a commune: fifty readings."""
    at = format_instant(found.month.end)
    return [
        {"series_id": n, "sensor_id": n, "metric": "co2_ppm", "observed_at": at, "value": 600.0, "quality": 0}
        for n in range(1, 51)
    ]


def followed(orders: dict[str, Any], send: Callable[[str], None], body: list[dict[str, Any]]) -> Found:
    """Have listeners follow a stream, send the events, and return how late they came."""
    command = [sys.executable, str(HERE / "http_load.py")]
    with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True) as process:
        assert process.stdin is not None
        assert process.stdout is not None
        process.stdin.write(json.dumps(orders) + "\n")
        process.stdin.flush()
        assert process.stdout.readline() == "ready\n", "the listeners came"
        for _ in range(EVENTS):
            send(json.dumps([*body, {"series_id": 1, "note": f"sent={time.time():.6f}"}]))
            time.sleep(1 / EVENTS_PER_S)
        return dict(json.loads(process.stdout.readline()))


def live_figures(found: Place, api: tuple[int, str], empty: tuple[int, subprocess.Popen[str]]) -> list[Figure]:
    """Measure the live stream, beside one psycopg listener and beside the same events handed on without a store."""
    body, (port, secret), (empty_port, process) = body_of(found), api, empty
    follow = {"what": "follow", "listeners": LISTENERS, "events": EVENTS, "wait_s": 60.0}
    with connected(found.url) as connection:
        row = connection.execute("SELECT min(commune_insee) FROM site WHERE code = 'bench'").fetchone()
        assert row is not None, "an aggregate returns a row"
        commune = str(row[0])
        connection.commit()

        def store(text: str) -> None:
            lock_live(connection)
            write_live_bodies(connection, now(), [(commune, text)])
            connection.commit()

        orders = {**follow, "port": port, "path": f"/api/v1/live?commune={commune}", "bearer": secret}
        ours = followed(orders, store, body)
        bare = followed_bare(found.url, store, body)

    def hand_on(text: str) -> None:
        assert process.stdin is not None
        process.stdin.write(f'{{"items": {text}}}\n')
        process.stdin.flush()

    empty_stream = followed({**follow, "port": empty_port, "path": "/stream"}, hand_on, body)
    return [
        Figure("live_events_delivered", ours["seen"] / (LISTENERS * EVENTS), "ratio", "higher"),
        Figure("live_p50", ours["p50_ms"], "ms", "lower"),
        Figure("live_p99", ours["p99_ms"], "ms", "lower"),
        Figure("live_bare_psycopg_p99", bare["p99_ms"], "ms", "lower"),
        Figure("live_empty_stream_p99", empty_stream["p99_ms"], "ms", "lower"),
        Figure("live_p99_to_bare_psycopg", ours["p99_ms"] / bare["p99_ms"], "ratio", "lower"),
        Figure("live_p99_to_empty_stream", ours["p99_ms"] / empty_stream["p99_ms"], "ratio", "lower"),
    ]


def followed_bare(url: str, store: Callable[[str], None], body: list[dict[str, Any]]) -> Found:
    """Return how late one psycopg connection hears of the events, and reads them."""
    with connected(url) as listener:
        listener.autocommit = True
        listener.execute("LISTEN vigie_live")
        late_ms = []
        for _ in range(EVENTS):
            store(json.dumps([*body, {"series_id": 1, "note": f"sent={time.time():.6f}"}]))
            assert list(listener.notifies(timeout=5, stop_after=1)), "it was told"
            row = listener.execute("SELECT body::text FROM live_event ORDER BY event_id DESC LIMIT 1").fetchone()
            assert row is not None, "it was stored"
            text = str(row[0])
            late_ms.append(1_000 * (time.time() - float(text[text.index("sent=") + 5 :][:17])))
    late_ms.sort()
    return {"p99_ms": late_ms[int(0.99 * (len(late_ms) - 1))]}


def main() -> None:
    """Build the place, measure, and print."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--quick", action="store_true", help="a tenth of the sensors, two seconds for each read")
    parser.add_argument("--json", action="store_true", help="print the line of JSON only")
    asked = parser.parse_args()
    logging.disable()
    structlog.configure(wrapper_class=structlog.make_filtering_bound_logger(logging.CRITICAL))
    folder = Path(tempfile.mkdtemp(prefix="vigie-bench-"))
    try:
        with place("plain", folder, QUICK if asked.quick else FULL) as found, api_process(found) as api:
            empty_port = free_port(18_300)
            command = [sys.executable, str(HERE / "empty_api.py"), str(empty_port)]
            with serving(command, dict(os.environ), empty_port, "/empty") as empty:
                figures = read_figures(found, api, empty_port, 2 if asked.quick else 10)
                figures += live_figures(found, api, (empty_port, empty))
        tell("api", figures, as_json_only=asked.json)
    finally:
        shutil.rmtree(folder, ignore_errors=True)


if __name__ == "__main__":
    main()
