"""A small supervisor: starts our processes, writes their logs, starts again what falls, stops all in order."""

from __future__ import annotations

import ctypes
import os
import signal
import subprocess
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path

RESTART_S_MAX = 30.0
STOP_S_MAX = 20.0
_PR_SET_PDEATHSIG = 1


@dataclass(slots=True)
class Child:
    """One process of ours.

    Parameters
    ----------
    lasting
        A process that must go on: it is started again when it ends. Others end when their work is done.
    """

    name: str
    command: Sequence[str]
    environment: Mapping[str, str]
    lasting: bool = True
    process: subprocess.Popen[bytes] | None = None
    restarts: int = 0
    start_again_at: float = 0.0


@dataclass(slots=True)
class Supervisor:
    """Starts children in order and stops them in the opposite one.

    Children run in sessions of their own, so that a Ctrl-C reaches the supervisor only and everything ends in
    order; a supervisor that is killed takes them with it.
    """

    logs: Path
    say: Callable[[str], None]
    children: list[Child] = field(default_factory=list)

    def start(self, child: Child) -> None:
        """Start a child and keep an eye on it."""
        self.children.append(child)
        self._spawn(child)

    def watch(self) -> None:
        """Start again what ended and should not have, with back-off; call it every second or so."""
        for child in self.children:
            process = child.process
            if process is None:
                if child.lasting and time.monotonic() >= child.start_again_at:
                    self._spawn(child)
            elif (code := process.poll()) is not None:
                child.process = None
                if child.lasting or code != 0:
                    wait_s = min(2.0**child.restarts, RESTART_S_MAX)
                    child.restarts += 1
                    child.start_again_at = time.monotonic() + wait_s
                    child.lasting = True
                    log = self.logs / f"{child.name}.log"
                    self.say(f"{child.name} ended with code {code}; starting it again in {wait_s:.0f} s (see {log})")

    def stop(self) -> None:
        """Stop all children, the last started first, each with time to finish its work."""
        for child in reversed(self.children):
            process = child.process
            if process is None or process.poll() is not None:
                continue
            process.send_signal(signal.SIGTERM)
            try:
                process.wait(STOP_S_MAX)
            except subprocess.TimeoutExpired:
                self.say(f"{child.name} did not stop within {STOP_S_MAX:.0f} s and was killed")
                process.kill()
                process.wait()
        self.children.clear()

    def _spawn(self, child: Child) -> None:
        self.logs.mkdir(parents=True, exist_ok=True)
        with (self.logs / f"{child.name}.log").open("ab") as log:
            child.process = subprocess.Popen(
                child.command,
                env={**os.environ, **child.environment},
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=subprocess.STDOUT,
                start_new_session=True,
                preexec_fn=_end_with_parent,  # noqa: PLW1509 - the supervisor has one thread
            )


def _end_with_parent() -> None:
    """Have the kernel end this process when the supervisor is no more (Linux)."""
    ctypes.CDLL(None).prctl(_PR_SET_PDEATHSIG, signal.SIGTERM)
