"""A real Mosquitto with its dynamic security and a TLS listener, and clients of it, for the tests."""

from __future__ import annotations

import os
import shutil
import subprocess
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Self

import pytest
from conftest import Mosquitto, fresh_port
from ingesting import wait_until
from paho.mqtt.client import Client, MQTTMessage
from paho.mqtt.enums import CallbackAPIVersion, MQTTProtocolVersion

from ingestors.broker import BrokerAddress
from ingestors.provisioning import Credentials

ROOT = Path(__file__).resolve().parent.parent.parent
PLUGIN = next(Path("/usr/lib").glob("*/mosquitto_dynamic_security.so"), None)
NOT_AUTHORIZED, NO_SUBSCRIBER = 135, 16


def run(*command: str | Path) -> None:
    done = subprocess.run([str(part) for part in command], capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr


@dataclass
class ClosedBroker:
    """A Mosquitto that nobody may use unless it is said, with a TLS listener of a throw-away authority."""

    mosquitto: Mosquitto
    tls_port: int
    ca_file: Path

    @property
    def address(self) -> BrokerAddress:
        """Its address with the administrator's account."""
        return BrokerAddress("127.0.0.1", self.mosquitto.port, "admin", "chief")

    @property
    def ingest(self) -> BrokerAddress:
        """Its address with the account of the ingest process."""
        return replace(self.address, user="ingest", password="taker")

    def over_tls(self, address: BrokerAddress) -> BrokerAddress:
        """Return the same account on the TLS listener, with its authority."""
        return replace(address, port=self.tls_port, encrypted=True, ca_file=self.ca_file)

    def account(self, given: Credentials) -> BrokerAddress:
        """Its address with an account that was given."""
        assert given.password
        return replace(self.address, user=given.user, password=given.password)


def certificates(folder: Path) -> Path:
    """Write a throw-away authority and a certificate of it for 127.0.0.1; return the authority's."""
    if shutil.which("openssl") is None:
        pytest.skip("openssl is not installed: no throw-away authority can be made")
    ca, key = folder / "ca.crt", folder / "ca.key"
    new = (
        "openssl",
        "req",
        "-x509",
        "-newkey",
        "ec",
        "-pkeyopt",
        "ec_paramgen_curve:prime256v1",
        "-nodes",
        "-days",
        "2",
    )
    run(*new, "-subj", "/CN=throw-away", "-keyout", key, "-out", ca)
    issued = ("-CA", ca, "-CAkey", key, "-addext", "subjectAltName=IP:127.0.0.1")
    run(*new, "-subj", "/CN=broker", *issued, "-keyout", folder / "server.key", "-out", folder / "server.crt")
    return ca


@contextmanager
def closed_broker_running(tmp_path: Path) -> Iterator[ClosedBroker]:
    """Run a broker that lets nobody in but its administrator; the test is skipped where one cannot be run."""
    binary = shutil.which("mosquitto", path=os.environ.get("PATH", "") + ":/usr/sbin:/usr/local/sbin")
    control = shutil.which("mosquitto_ctrl")
    if binary is None or control is None or PLUGIN is None:
        pytest.skip("Debian's mosquitto, its mosquitto_ctrl or its dynamic security plugin is not installed")
    folder = tmp_path / "mosquitto"
    folder.mkdir()
    ca_file = certificates(folder)
    run(control, "dynsec", "init", folder / "access.json", "admin", "chief")
    port, tls_port = fresh_port(), fresh_port()
    _configure(
        folder, {"listener 1883 127.0.0.1": f"listener {port} 127.0.0.1", "listener 8883": f"listener {tls_port}"}
    )
    mosquitto = Mosquitto(folder, port, binary)
    mosquitto.start()
    yield ClosedBroker(mosquitto, tls_port, ca_file)
    mosquitto.stop()


def _configure(folder: Path, listeners: dict[str, str]) -> None:
    """Write the configuration of ours for Debian's package, TLS and all, with this test's paths and ports."""
    text = (ROOT / "infra" / "mosquitto" / "mosquitto.conf").read_text(encoding="utf-8")
    plugin = "/usr/lib/x86_64-linux-gnu/mosquitto_dynamic_security.so"
    paths = {"/etc/mosquitto/certs": str(folder), "/var/lib/mosquitto": str(folder), plugin: str(PLUGIN)}
    for there, here in (listeners | paths).items():
        assert there in text, f"{there} is configured no more"
        text = text.replace(there, here)
    user = "user root\n" if os.geteuid() == 0 else ""
    (folder / "mosquitto.conf").write_text(user + text, encoding="utf-8")


class Peer:
    """A client of the broker: what it hears, and the reasons that the broker answers with."""

    def __init__(self, address: BrokerAddress, protocol: MQTTProtocolVersion = MQTTProtocolVersion.MQTTv5) -> None:
        self.heard: list[str] = []
        self.reasons: list[int] = []
        self.ended = threading.Event()
        self.client = Client(CallbackAPIVersion.VERSION2, protocol=protocol)
        self.client.username_pw_set(address.user, address.password)
        if address.encrypted:
            self.client.tls_set(str(address.ca_file))
        self.client.on_connect = lambda *told: self.reasons.append(told[3].value)
        self.client.on_publish = lambda *told: self.reasons.append(told[3].value)
        self.client.on_subscribe = lambda *told: self.reasons.append(told[3][0].value)
        self.client.on_message = self._heard
        self.client.on_disconnect = lambda *_: self.ended.set()
        self.client.connect(address.host, address.port)
        self.client.loop_start()
        self.connected = self._reason()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.client.disconnect()
        self.client.loop_stop()

    def publish(self, topic: str) -> int:
        """Publish at QoS 1 and return the reason that the broker confirms it with."""
        self.client.publish(topic, b"[]", qos=1)
        return self._reason()

    def subscribe(self, topic: str) -> int:
        """Subscribe at QoS 1 and return the reason that the broker answers with."""
        self.client.subscribe(topic, qos=1)
        return self._reason()

    def _heard(self, _client: Client, _userdata: object, message: MQTTMessage) -> None:
        self.heard.append(message.topic)

    def _reason(self) -> int:
        wait_until(lambda: bool(self.reasons), 10)
        return self.reasons.pop()


@contextmanager
def listening(broker: ClosedBroker) -> Iterator[Peer]:
    """Give the ingest process's account, subscribed to all that it reads."""
    with Peer(broker.ingest) as ingest:
        for topic in ("vigie/v1/#", "v3/+/devices/+/up", "application/+/device/+/event/up"):
            assert ingest.subscribe(topic) == 1
        yield ingest
