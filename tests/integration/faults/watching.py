"""What a running process shows from outside: its memory, its counters."""

from __future__ import annotations

import threading
import urllib.request
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field

import psutil
from prometheus_client.parser import text_string_to_metric_families


def counters(metrics_port: int) -> dict[str, float]:
    """Return the sums over their labels of the process's samples, by name."""
    with urllib.request.urlopen(f"http://127.0.0.1:{metrics_port}/metrics", timeout=5) as answer:
        text = answer.read().decode()
    sums: dict[str, float] = {}
    for family in text_string_to_metric_families(text):
        for sample in family.samples:
            sums[sample.name] = sums.get(sample.name, 0.0) + sample.value
    return sums


@dataclass
class Memory:
    """Resident memory of a process, in MiB, sampled while it was watched."""

    samples: list[float] = field(default_factory=list)

    @property
    def growth(self) -> float:
        """The highest sample less the first."""
        return max(self.samples) - self.samples[0]

    def __str__(self) -> str:
        return f"{self.samples[0]:.0f} MiB at first, {max(self.samples):.0f} at most, {self.samples[-1]:.0f} at last"


@contextmanager
def memory_watched(pid: int, every_s: float = 0.2) -> Iterator[Memory]:
    """Sample a process's resident memory while in the block."""
    process = psutil.Process(pid)
    memory = Memory([process.memory_info().rss / 2**20])
    end = threading.Event()

    def watch() -> None:
        while not end.wait(every_s) and process.is_running():
            memory.samples.append(process.memory_info().rss / 2**20)

    thread = threading.Thread(target=watch, name="memory")
    thread.start()
    try:
        yield memory
    finally:
        end.set()
        thread.join()
