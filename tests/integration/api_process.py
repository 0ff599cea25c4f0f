"""A real API process's application on a loopback port, in a thread of the test run."""

from __future__ import annotations

import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager

import httpx
import uvicorn
from pydantic import SecretStr
from structlog.testing import capture_logs

from core.settings import ApiSettings
from services.api.app import create_app
from services.api.process import listening


@contextmanager
def api_running(database_url: str, *, live_clients_max: int = 20) -> Iterator[httpx.Client]:
    """Run the API on this database and give a client of it; stopped at the end."""
    settings = ApiSettings(database_url=SecretStr(database_url), live_clients_max=live_clients_max)
    with api_running_with(settings) as client:
        yield client


@contextmanager
def api_running_with(settings: ApiSettings) -> Iterator[httpx.Client]:
    """Run the API with these settings and give a client of it; stopped at the end."""
    config = uvicorn.Config(
        create_app(settings), access_log=False, log_config=None, lifespan="on", timeout_graceful_shutdown=1
    )
    server = uvicorn.Server(config)
    with listening("127.0.0.1", 0) as listener:
        thread = threading.Thread(target=server.run, kwargs={"sockets": [listener]})
        thread.start()
        try:
            deadline = time.monotonic() + 10
            while not server.started:
                assert thread.is_alive(), "the API stopped while it started"
                assert time.monotonic() < deadline, "the API did not start within 10 s"
                time.sleep(0.01)
            port = listener.getsockname()[1]
            # What a request logs is for the test that asks, not for the screen.
            with capture_logs(), httpx.Client(base_url=f"http://127.0.0.1:{port}/api/v1", timeout=10) as client:
                yield client
        finally:
            server.should_exit = True
            thread.join(15)
