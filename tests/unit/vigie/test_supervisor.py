"""The supervisor starts again what falls, lets finish what ends, and stops in order."""

from __future__ import annotations

import sys
import time
from pathlib import Path

import pytest

from vigie.supervisor import Child, Supervisor

SLEEP = [sys.executable, "-c", "import time; time.sleep(60)"]


@pytest.fixture
def said() -> list[str]:
    return []


@pytest.fixture
def supervisor(tmp_path: Path, said: list[str]) -> Supervisor:
    return Supervisor(tmp_path, said.append)


def wait_for_end(child: Child) -> None:
    assert child.process is not None
    child.process.wait(10)


def test_a_lasting_child_that_falls_is_started_again(supervisor: Supervisor, said: list[str]) -> None:
    child = Child("worker", [sys.executable, "-c", "raise SystemExit(3)"], {})
    supervisor.start(child)
    wait_for_end(child)
    supervisor.watch()
    assert child.restarts == 1
    assert "worker ended with code 3" in said[0]
    child.start_again_at = 0.0
    child.command = SLEEP
    supervisor.watch()
    assert child.process is not None
    supervisor.stop()


def test_a_child_that_finished_its_work_is_left_alone(supervisor: Supervisor, said: list[str]) -> None:
    child = Child("feed", [sys.executable, "-c", "pass"], {}, lasting=False)
    supervisor.start(child)
    wait_for_end(child)
    supervisor.watch()
    supervisor.watch()
    assert child.process is None
    assert said == []


def test_children_stop_in_the_opposite_order(supervisor: Supervisor, tmp_path: Path) -> None:
    note = (
        "import signal,sys,time,pathlib\n"
        "def end(*_):\n"
        f"    with open({str(tmp_path / 'order')!r}, 'a') as f: f.write(sys.argv[1])\n"
        "    sys.exit(0)\n"
        "signal.signal(signal.SIGTERM, end); print('up', flush=True); time.sleep(60)\n"
    )
    for name in "abc":
        supervisor.start(Child(name, [sys.executable, "-c", note, name], {}))
    deadline = time.monotonic() + 10
    while time.monotonic() < deadline and not all((tmp_path / f"{n}.log").read_bytes() for n in "abc"):
        time.sleep(0.02)
    supervisor.stop()
    assert (tmp_path / "order").read_text() == "cba"
