"""The api process: the application behind a web server, until it is told to stop."""

from __future__ import annotations

import errno
import socket

import structlog
import uvicorn

from core.errors import PortBusy
from core.settings import ApiSettings
from services.api.app import create_app

DRAIN_S_MAX = 5
"""How long requests may still take when the process is told to stop."""
BACKLOG = 512

_log = structlog.get_logger(__name__)


def run_api(settings: ApiSettings) -> None:
    """Serve the API and the pages until SIGTERM or SIGINT; then answer what is under way and close.

    Raises
    ------
    PortBusy
        If another program listens there.
    SettingInvalid
        If a setting names what is not there.
    """
    app = create_app(settings)
    with listening(settings.host, settings.port) as listener:
        port = listener.getsockname()[1]
        server = uvicorn.Server(
            uvicorn.Config(
                app,
                access_log=False,  # our own line says the same with fields
                log_config=None,
                server_header=False,
                timeout_graceful_shutdown=DRAIN_S_MAX,
            )
        )
        _log.info("api_started", host=settings.host, port=port)
        server.run(sockets=[listener])
    _log.info("api_stopped")


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
