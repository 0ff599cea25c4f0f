"""A web client that asks as fast as it is answered, in a process of its own: sockets and little else.

``http_load.py`` reads its orders as one line of JSON and prints what it found as another.
"""

from __future__ import annotations

import asyncio
import json
import sys
import time
from dataclasses import dataclass
from typing import Any


@dataclass(frozen=True, slots=True)
class Target:
    """What is asked, and of whom."""

    port: int
    path: str
    bearer: str = ""

    @property
    def request(self) -> bytes:
        """The request as it goes over the line."""
        let_in = f"Authorization: Bearer {self.bearer}\r\n" if self.bearer else ""
        return f"GET {self.path} HTTP/1.1\r\nHost: 127.0.0.1\r\n{let_in}\r\n".encode()


async def answered(reader: asyncio.StreamReader) -> None:
    """Read one answer of known length, or in chunks.

    Raises
    ------
    RuntimeError
        If it is no success.
    """
    head = await reader.readuntil(b"\r\n\r\n")
    if not head.startswith(b"HTTP/1.1 200"):
        raise RuntimeError(head.decode())
    lines = dict(line.lower().split(b": ", 1) for line in head.split(b"\r\n")[1:-2])
    if b"content-length" in lines:
        await reader.readexactly(int(lines[b"content-length"]))
        return
    while size := int(await reader.readline(), 16):
        await reader.readexactly(size + 2)
    await reader.readline()


async def ask_on(target: Target, until_s: float, taken_s: list[float]) -> None:
    """Ask again and again on one connection, noting how long each answer took."""
    reader, writer = await asyncio.open_connection("127.0.0.1", target.port)
    request = target.request
    while (began_s := time.perf_counter()) < until_s:
        writer.write(request)
        await answered(reader)
        taken_s.append(time.perf_counter() - began_s)
    writer.close()


async def load(target: Target, connections: int, seconds: float) -> dict[str, float]:
    """Ask on so many connections for so long; return requests per second and the 99th percentile in milliseconds."""
    warm: list[float] = []
    await asyncio.gather(*(ask_on(target, time.perf_counter() + 1, warm) for _ in range(connections)))
    taken_s: list[float] = []
    began_s = time.perf_counter()
    await asyncio.gather(*(ask_on(target, began_s + seconds, taken_s) for _ in range(connections)))
    spent_s = time.perf_counter() - began_s
    taken_s.sort()
    return {"per_s": len(taken_s) / spent_s, "p99_ms": 1_000 * taken_s[int(0.99 * (len(taken_s) - 1))]}


async def follow(target: Target, listeners: int, events: int, wait_s: float) -> dict[str, float]:
    """Follow a live stream on so many connections until each saw so many events; return how late they came.

    An event's text holds ``sent=<seconds since 1970>``, when it was committed.
    """
    late_s: list[float] = []
    ready = asyncio.Event()
    joined = 0

    async def listen() -> None:
        nonlocal joined
        reader, writer = await asyncio.open_connection("127.0.0.1", target.port, limit=2**20)
        writer.write(target.request)
        await reader.readuntil(b"\r\n\r\n")
        joined += 1
        if joined == listeners:
            ready.set()
        seen = 0
        while seen < events:
            line = await reader.readline()
            if not line:
                return
            if (place := line.find(b"sent=")) >= 0:
                late_s.append(time.time() - float(line[place + 5 : place + 22]))
                seen += 1
        writer.close()

    tasks = [asyncio.create_task(listen()) for _ in range(listeners)]
    await asyncio.wait_for(ready.wait(), wait_s)
    print("ready", flush=True)
    await asyncio.wait(tasks, timeout=wait_s)
    for task in tasks:
        task.cancel()
    late_s.sort()
    seen = len(late_s)
    return {
        "seen": seen,
        "p50_ms": 1_000 * late_s[seen // 2] if seen else float("nan"),
        "p99_ms": 1_000 * late_s[int(0.99 * (seen - 1))] if seen else float("nan"),
    }


def main() -> None:
    """Do as told on the one line of standard input."""
    orders: dict[str, Any] = json.loads(sys.stdin.readline())
    target = Target(orders["port"], orders["path"], orders.get("bearer", ""))
    if orders["what"] == "load":
        found = asyncio.run(load(target, orders["connections"], orders["seconds"]))
    else:
        found = asyncio.run(follow(target, orders["listeners"], orders["events"], orders["wait_s"]))
    print(json.dumps(found))


if __name__ == "__main__":
    main()
