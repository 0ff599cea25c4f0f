"""The bare limit of what the API reads: the same rows by psycopg alone, as often as they come, on as many connections.

Reads its orders as one line of JSON and prints what it found as another, as ``http_load.py`` does.
"""

from __future__ import annotations

import json
import sys
import time
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import psycopg


def ask_on(orders: dict[str, Any], seconds: float) -> list[float]:
    """Ask again and again on one connection; return how long each answer took, in seconds."""
    taken_s = []
    with psycopg.connect(orders["url"], autocommit=True) as connection:
        cursor = connection.cursor(binary=True)
        until_s = time.perf_counter() + seconds
        while (began_s := time.perf_counter()) < until_s:
            cursor.execute(orders["statement"], orders["arguments"]).fetchall()
            taken_s.append(time.perf_counter() - began_s)
    return taken_s


def main() -> None:
    """Do as told on the one line of standard input."""
    orders: dict[str, Any] = json.loads(sys.stdin.readline())
    with ThreadPoolExecutor(orders["connections"]) as threads:
        for seconds in (1.0, float(orders["seconds"])):  # the first to warm up
            began_s = time.perf_counter()
            each = [threads.submit(ask_on, orders, seconds) for _ in range(orders["connections"])]
            taken_s = sorted(one for some in each for one in some.result())
            spent_s = time.perf_counter() - began_s
    place = int(0.99 * (len(taken_s) - 1))
    print(json.dumps({"per_s": len(taken_s) / spent_s, "p99_ms": 1_000 * taken_s[place]}))


if __name__ == "__main__":
    main()
