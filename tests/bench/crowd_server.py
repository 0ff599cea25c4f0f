"""Serves the pages over a stubbed commune of thousands of sensors that speak all the time, until it is ended.

python tests/bench/crowd_server.py SENSORS READINGS_A_SECOND
"""

from __future__ import annotations

import sys
import threading
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
sys.path[:0] = [str(ROOT), str(ROOT / "tests" / "journey")]

from page_crowd import crowd, crowd_app, speaking  # noqa: E402 - the path is set above
from page_stub import serve  # noqa: E402

from services.api.compression import Compression  # noqa: E402


def main() -> None:
    """Serve until the process is ended."""
    sensors, readings_a_second = (int(one) for one in sys.argv[1:3])
    town = crowd(sensors)
    app = crowd_app(town)
    app.add_middleware(Compression)
    with serve(app) as url, speaking(town, readings_a_second):
        print(url, flush=True)
        threading.Event().wait()


if __name__ == "__main__":
    main()
