"""``vigie api`` behind TLS, as a process of its own: who asks without it is not answered, and figures are elsewhere."""

from __future__ import annotations

import os
import ssl
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import httpx
import pytest
from api_process import SIGNING_KEY
from closed_broker import certificates
from conftest import fresh_port
from ingesting import ROOT, wait_until
from pydantic import SecretStr

from core.errors import SettingInvalid
from core.settings import ApiSettings
from core.store.roles import Login, as_login
from services.api.process import tls_files

pytestmark = pytest.mark.integration


@contextmanager
def api_process(folder: Path, settings: dict[str, str]) -> Iterator[Path]:
    """Run ``vigie api``, ended at the end; give the file of what it said."""
    environment = {name: value for name, value in os.environ.items() if not name.startswith("VIGIE_")}
    log = folder / "api.log"
    with (
        log.open("wb") as said,
        subprocess.Popen(
            [sys.executable, "-m", "vigie", "api"], cwd=ROOT, env=environment | settings, stderr=said
        ) as process,
    ):
        try:
            yield log
        finally:
            process.terminate()
            process.wait(20)


def test_the_api_speaks_tls_and_its_figures_are_on_another_port(database_url: str, tmp_path: Path) -> None:
    authority = certificates(tmp_path)
    port, metrics_port = fresh_port(), fresh_port()
    (tmp_path / "secret").write_text(SIGNING_KEY + "\n", encoding="utf-8")
    settings = {
        "VIGIE_DATABASE_URL": as_login(database_url, Login.API),
        "VIGIE_DATABASE_DOOR_URL": as_login(database_url, Login.DOOR),
        "VIGIE_SECRET_FILE": str(tmp_path / "secret"),
        "VIGIE_PORT": str(port),
        "VIGIE_METRICS_PORT": str(metrics_port),
        "VIGIE_TLS_CERT_FILE": str(tmp_path / "server.crt"),
        "VIGIE_TLS_KEY_FILE": str(tmp_path / "server.key"),
    }
    with api_process(tmp_path, settings) as log:
        wait_until(lambda: b"api_started" in log.read_bytes(), 30)
        trusted = ssl.create_default_context(cafile=str(authority))
        with httpx.Client(base_url=f"https://127.0.0.1:{port}", verify=trusted, timeout=10) as client:
            wait_until(lambda: client.get("/api/v1/ready").status_code == 200, 20)
            answer = client.get("/api/v1/health")
            assert int(answer.headers["Strict-Transport-Security"].partition("max-age=")[2].split(";")[0]) > 86_400
            assert client.get("/metrics").status_code in {401, 404}
        assert "vigie_api_live_clients" in httpx.get(f"http://127.0.0.1:{metrics_port}/metrics").text
        with pytest.raises(httpx.HTTPError):
            httpx.get(f"http://127.0.0.1:{port}/api/v1/health", timeout=5)
        with pytest.raises(httpx.ConnectError, match="CERTIFICATE_VERIFY_FAILED"):
            httpx.get(f"https://127.0.0.1:{port}/api/v1/health", timeout=5)
    assert SIGNING_KEY not in log.read_text(encoding="utf-8")


def settings_of(cert: Path | None, key: Path | None) -> ApiSettings:
    return ApiSettings(
        database_url=SecretStr("postgresql://a"),
        database_door_url=SecretStr("postgresql://b"),
        secret=SecretStr(SIGNING_KEY),
        tls_cert_file=cert,
        tls_key_file=key,
    )


def test_a_certificate_without_its_key_stops_the_process(tmp_path: Path) -> None:
    certificates(tmp_path)
    cert, key, others = tmp_path / "server.crt", tmp_path / "server.key", tmp_path / "ca.key"
    assert tls_files(settings_of(cert, key)) == (cert, key)
    assert tls_files(settings_of(None, None)) == (None, None)
    for wrong in ((cert, None), (None, key), (cert, others), (tmp_path / "none", key), (key, cert)):
        with pytest.raises(SettingInvalid, match="VIGIE_TLS_CERT_FILE, VIGIE_TLS_KEY_FILE") as caught:
            tls_files(settings_of(*wrong))
        assert "\n" not in str(caught.value)
