"""The api process from outside: it stops when told to, also with live feeds open, and names a busy port."""

from __future__ import annotations

import os
import signal
import socket
import subprocess
import sys
import time

import httpx
import pytest
from api_process import SIGNING_KEY, api_settings
from passes import EVERYTHING, enter, shown
from pydantic import SecretStr

from core.errors import PortBusy, SettingInvalid
from core.store.roles import Login, as_login
from services.api.process import run_api
from vigie.decoding import present_decoders

pytestmark = pytest.mark.integration
SCRIPT = (
    "from core.settings import ApiSettings; from services.api.process import run_api; "
    "from vigie.decoding import present_decoders; run_api(ApiSettings(), present_decoders())"
)


def answers(url: str) -> bool:
    try:
        return httpx.get(url).status_code == 200
    except httpx.TransportError:
        return False


def test_sigterm_ends_the_process_with_a_feed_open(database_url: str) -> None:
    with socket.create_server(("127.0.0.1", 0)) as probe:
        port = probe.getsockname()[1]
    root = f"http://127.0.0.1:{port}/api/v1"
    environment = {
        **os.environ,
        "VIGIE_DATABASE_URL": as_login(database_url, Login.API),
        "VIGIE_DATABASE_DOOR_URL": as_login(database_url, Login.DOOR),
        "VIGIE_SECRET": SIGNING_KEY,
        "VIGIE_PORT": str(port),
    }
    process = subprocess.Popen([sys.executable, "-c", SCRIPT], env=environment, stdout=subprocess.DEVNULL)
    try:
        deadline = time.monotonic() + 60
        while not answers(f"{root}/ready"):
            assert process.poll() is None, "the API stopped while it started"
            assert time.monotonic() < deadline, "the API was not ready within 60 s"
            time.sleep(0.05)
        headers = shown(enter(database_url, *EVERYTHING))
        with httpx.stream("GET", f"{root}/live", headers=headers, timeout=20) as feed:
            lines = feed.iter_lines()
            greeting = next(lines)
            process.send_signal(signal.SIGTERM)
            # The stream ends in order: one that is cut raises here.
            for _ in lines:
                pass
        assert greeting.startswith(("id:", "event:"))
        # uvicorn ends by the signal that it was sent, once all is closed.
        assert process.wait(10) in {0, -signal.SIGTERM}
    finally:
        process.kill()
        process.wait()


def test_a_busy_port_is_named() -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
        settings = api_settings("postgresql://127.0.0.1:1/none", port=port)
        with pytest.raises(PortBusy, match=f"port {port} of 127.0.0.1"):
            run_api(settings, present_decoders())


@pytest.mark.parametrize("name", ["database_url", "database_door_url", "database_replica_url"])
@pytest.mark.parametrize("dsn", ["postgresql://vigie@127.0.0.1:1/none", "postgresql://127.0.0.1:1/none", "no address"])
def test_it_serves_nobody_under_a_login_that_sees_all(name: str, dsn: str) -> None:
    settings = api_settings("postgresql://127.0.0.1:1/none").model_copy(update={name: SecretStr(dsn)})
    with pytest.raises(SettingInvalid, match=f"VIGIE_{name.upper()}: the api must connect by it as vigie_"):
        run_api(settings, present_decoders())
