"""The api process: the application behind a web server, until it is told to stop."""

from __future__ import annotations

import errno
import socket
import ssl
from pathlib import Path

import structlog
import uvicorn

from core.decoding import Decode
from core.errors import PortBusy, SettingInvalid
from core.settings import ApiSettings
from core.store.roles import Login, connects_as
from services.api.app import create_app

DRAIN_S_MAX = 5
"""How long requests may still take when the process is told to stop."""
BACKLOG = 512

_log = structlog.get_logger(__name__)


def run_api(settings: ApiSettings, decode: Decode) -> None:
    """Serve the API and the pages until SIGTERM or SIGINT; then answer what is under way and close.

    Parameters
    ----------
    decode
        As for `create_app`.

    Raises
    ------
    PortBusy
        If another program listens there.
    SettingInvalid
        If a setting names what is not there.
    """
    cert, key = tls_files(settings)
    check_logins(settings)
    app = create_app(settings, decode)
    with listening(settings.host, settings.port) as listener:
        port = listener.getsockname()[1]
        server = uvicorn.Server(
            uvicorn.Config(
                app,
                access_log=False,  # our own line says the same with fields
                log_config=None,
                proxy_headers=False,  # the application believes the proxies that its settings name, and no other
                server_header=False,
                timeout_graceful_shutdown=DRAIN_S_MAX,
                ssl_certfile=cert,
                ssl_keyfile=key,
            )
        )
        _log.info("api_started", host=settings.host, port=port, tls=cert is not None)
        server.run(sockets=[listener])
    _log.info("api_stopped")


def tls_files(settings: ApiSettings) -> tuple[Path | None, Path | None]:
    """Return the files of the server's certificate and of its key, None and None where it speaks plain HTTP.

    Raises
    ------
    SettingInvalid
        If one of them is missing, cannot be read, or is not of the other.
    """
    cert, key = settings.tls_cert_file, settings.tls_key_file
    if cert is None and key is None:
        return None, None
    if cert is None or key is None:
        raise SettingInvalid("VIGIE_TLS_CERT_FILE, VIGIE_TLS_KEY_FILE: a certificate needs its key: say both")
    try:
        # Never asked of a person: a key that is enciphered is refused.
        ssl.create_default_context(ssl.Purpose.CLIENT_AUTH).load_cert_chain(cert, key, password="")
    except (OSError, ValueError) as error:
        raise SettingInvalid(f"VIGIE_TLS_CERT_FILE, VIGIE_TLS_KEY_FILE: {error}") from None
    return cert, key


def check_logins(settings: ApiSettings) -> None:
    """Refuse to serve anybody under a login to whom the database shows all, whatever the visitor may see.

    Raises
    ------
    SettingInvalid
        If an address of the database, or of its replica, is not of the login that is meant for it.
    """
    for name, dsn, login in (
        ("VIGIE_DATABASE_URL", settings.dsn, Login.API),
        ("VIGIE_DATABASE_REPLICA_URL", settings.replica_dsn, Login.API),
        ("VIGIE_DATABASE_DOOR_URL", settings.door_dsn, Login.DOOR),
    ):
        if dsn and not connects_as(dsn, login):
            raise SettingInvalid(f"{name}: the api must connect by it as {login}: others see more than a visitor may")


def listening(host: str, port: int) -> socket.socket:
    """Return a socket that listens, for the web server; port 0 takes a free one.

    Raises
    ------
    PortBusy
        If another program listens there.
    """
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    try:
        listener = socket.create_server((host, port), family=family, backlog=BACKLOG)
    except OSError as error:
        if error.errno == errno.EADDRINUSE:
            raise PortBusy(f"port {port} of {host} is taken by another program") from None
        raise
    # asyncio sets it only on connections of a listener that it opened itself; without it every answer waits 40 ms
    # for the client's delayed acknowledgement.
    listener.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
    return listener
