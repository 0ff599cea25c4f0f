"""A real API process's application on a loopback port, in a thread of the test run."""

from __future__ import annotations

import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import httpx
import uvicorn
from passes import EVERYTHING, close_all, enter, shown
from pydantic import SecretStr
from structlog.testing import capture_logs

from core.errors import StoreAbsent
from core.passes import new_secret
from core.settings import ApiSettings
from core.store.pool import store_absence_told
from core.store.roles import Login, as_login
from services.api.app import create_app
from services.api.process import listening
from vigie.decoding import present_decoders

SIGNING_KEY = "signs the cookies of tests, and of nobody else"


def api_settings(database_url: str, **settings: Any) -> ApiSettings:
    """Return settings of an API on this database (its owner's address), as its two logins reach it."""
    return ApiSettings(
        database_url=SecretStr(as_login(database_url, Login.API)),
        database_door_url=SecretStr(as_login(database_url, Login.DOOR)),
        secret=SecretStr(SIGNING_KEY),
        **settings,
    )


@contextmanager
def api_running(database_url: str, *, live_clients_max: int = 20) -> Iterator[httpx.Client]:
    """Run the API on this database (its owner's address); give a client that may do everything; stopped at the end."""
    with api_running_with(api_settings(database_url, live_clients_max=live_clients_max)) as client:
        client.headers.update(shown(_everything(database_url)))
        yield client


@contextmanager
def api_running_with(settings: ApiSettings, port: int = 0) -> Iterator[httpx.Client]:
    """Run the API with these settings and give a client of it that shows no pass; stopped at the end.

    ``port`` is a free one of the system's choice, where it is not given.
    """
    config = uvicorn.Config(
        create_app(settings, present_decoders()),
        access_log=False,
        proxy_headers=False,
        log_config=None,
        lifespan="on",
        timeout_graceful_shutdown=1,
    )
    server = uvicorn.Server(config)
    with listening("127.0.0.1", port) as listener:
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
            close_all()
            server.should_exit = True
            thread.join(15)


def _everything(database_url: str) -> str:
    """Return the secret of a pass to everything; of none where there is no database to keep one in."""
    try:
        with store_absence_told():
            return enter(database_url, *EVERYTHING, name="an administrator")
    except StoreAbsent:
        return new_secret()
