"""Signals: how a process is told to finish what it holds and end."""

from __future__ import annotations

import signal
import threading


def stop_on_signal() -> threading.Event:
    """Return an event that SIGTERM and SIGINT set: the process then finishes what it holds and ends."""
    stop = threading.Event()
    for number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(number, lambda *_: stop.set())
    return stop
