"""Who may do what at a real Mosquitto, over TLS and with its dynamic security as `vigie provision` writes it."""

from __future__ import annotations

import gc
import socket
import ssl
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path

import pytest
from closed_broker import NO_SUBSCRIBER, NOT_AUTHORIZED, ClosedBroker, Peer, certificates, closed_broker_running
from ingesting import wait_until
from typer.testing import CliRunner

from core.clock import now
from core.errors import BrokerRefused
from core.places import Sensor, SensorKind, Site
from core.store.pool import Connection, connected
from core.store.roles import Login, as_login
from core.store.sensors import adopt_sensor
from ingestors.broker import BrokerAddress
from ingestors.provisioning import Credentials, Provisioner, provisioning
from vigie.__main__ import app

pytestmark = pytest.mark.integration

HERE, THERE = "93051", "93066"
ALLOWED = {0, NO_SUBSCRIBER}
EVERYTHING = ("#", "+/#", "$CONTROL/#", "$CONTROL/dynamic-security/v1/response", "$SYS/#", "$share/all/#", "vigie/#")


@pytest.fixture
def broker(tmp_path: Path) -> Iterator[ClosedBroker]:
    with closed_broker_running(tmp_path) as running:
        yield running


@pytest.fixture
def store(database_url: str) -> Iterator[Connection]:
    """Return the owner's connection; a sensor stands here, another there."""
    with connected(database_url) as connection:
        connection.autocommit = True
        for name, insee in (("bin-1", HERE), ("bin-2", THERE)):
            adopt_sensor(connection, Sensor(name, SensorKind.BIN, name, Site(insee, "mairie", "Mairie")), now())
        yield connection


@pytest.fixture
def provisioner(broker: ClosedBroker, store: Connection) -> Iterator[Provisioner]:
    """Provision with the ingest process's login, over TLS."""
    with (
        connected(as_login(store.info.dsn, Login.INGEST)) as connection,
        provisioning(connection, broker.over_tls(broker.address), now()) as one,
    ):
        one.let_ingest_in(broker.ingest)
        yield one


def over_tls(broker: ClosedBroker, given: Credentials) -> BrokerAddress:
    return broker.over_tls(broker.account(given))


def up(name: str, insee: str) -> str:
    return f"vigie/v1/{insee}/bin/{name}/up"


def said(insee: str) -> str:
    return f"vigie/out/v1/{insee}/decision/round"


@contextmanager
def ingest_of(broker: ClosedBroker) -> Iterator[Peer]:
    """Give the ingest process's account over TLS, subscribed to all that it reads."""
    with Peer(broker.over_tls(broker.ingest)) as ingest:
        for topic in ("vigie/v1/#", "v3/+/devices/+/up", "application/+/device/+/event/up"):
            assert ingest.subscribe(topic) == 1
        yield ingest


def test_a_sensor_publishes_its_own_topic_and_reads_nothing(broker: ClosedBroker, provisioner: Provisioner) -> None:
    given = provisioner.give_sensor("bin-1")
    assert given.topics == (up("bin-1", HERE),)
    others = (
        up("bin-2", THERE),
        up("bin-1", THERE),
        up("bin-2", HERE),
        said(HERE),
        "vigie/v1/93051/bin/bin-1/down",
        "v3/app@ttn/devices/bin-1/up",
        "$CONTROL/dynamic-security/v1",
        "$SYS/broker/uptime",
    )
    with ingest_of(broker) as ingest, Peer(over_tls(broker, given)) as sensor:
        for topic in others:
            assert sensor.publish(topic) == NOT_AUTHORIZED, topic
        for topic in (*EVERYTHING, up("bin-1", HERE), up("bin-2", THERE), said(HERE)):
            assert sensor.subscribe(topic) == NOT_AUTHORIZED, topic
        assert sensor.publish(up("bin-1", HERE)) == 0
        wait_until(lambda: bool(ingest.heard), 10)
        assert ingest.heard == [up("bin-1", HERE)]
        assert sensor.heard == []


def test_ingest_reads_all_that_sensors_say_and_publishes_what_vigie_says(
    broker: ClosedBroker, provisioner: Provisioner
) -> None:
    given = [provisioner.give_sensor(name) for name in ("bin-1", "bin-2")]
    network = provisioner.give_network("ttn", "v3/app@ttn/devices/+/up")
    with ingest_of(broker) as ingest:
        for one, topic in zip(
            (*given, network), (up("bin-1", HERE), up("bin-2", THERE), "v3/app@ttn/devices/x/up"), strict=True
        ):
            with Peer(over_tls(broker, one)) as peer:
                assert peer.publish(topic) == 0
        wait_until(lambda: len(ingest.heard) == 3, 10)
        assert ingest.publish(said(HERE)) in ALLOWED
        for topic in (up("bin-1", HERE), "v3/app@ttn/devices/x/up", "$CONTROL/dynamic-security/v1", "other"):
            assert ingest.publish(topic) == NOT_AUTHORIZED, topic
        for topic in ("#", "$CONTROL/#", "$SYS/#", "other/#"):
            assert ingest.subscribe(topic) == NOT_AUTHORIZED, topic


def test_an_integrator_reads_what_is_said_of_its_commune_and_publishes_nothing(
    broker: ClosedBroker, provisioner: Provisioner
) -> None:
    given = provisioner.give_integrator("town-hall", [HERE])
    assert given.topics == (f"vigie/out/v1/{HERE}/#",)
    with ingest_of(broker) as ingest, Peer(over_tls(broker, given)) as integrator:
        for topic in (*EVERYTHING, "vigie/out/v1/#", "vigie/out/v1/+/decision/round", said(THERE), "vigie/v1/93051/#"):
            assert integrator.subscribe(topic) == NOT_AUTHORIZED, topic
        assert integrator.subscribe(f"vigie/out/v1/{HERE}/#") == 1
        for topic in (said(HERE), up("bin-1", HERE), "$CONTROL/dynamic-security/v1"):
            assert integrator.publish(topic) == NOT_AUTHORIZED, topic
        assert ingest.publish(said(THERE)) in ALLOWED
        assert ingest.publish(said(HERE)) in ALLOWED
        wait_until(lambda: bool(integrator.heard), 10)
        assert integrator.heard == [said(HERE)]


def test_an_integrator_of_another_commune_from_now_on_hears_of_that_one(
    broker: ClosedBroker, provisioner: Provisioner
) -> None:
    given = provisioner.give_integrator("both", [HERE])
    again = provisioner.give_integrator("both", [THERE, HERE])
    assert again.password is None
    assert again.topics == (f"vigie/out/v1/{HERE}/#", f"vigie/out/v1/{THERE}/#")
    with Peer(over_tls(broker, given)) as integrator:
        assert [integrator.subscribe(topic) for topic in again.topics] == [1, 1]
    provisioner.revoke(given.user)
    with Peer(over_tls(broker, given)) as refused:
        assert refused.connected == NOT_AUTHORIZED
    with pytest.raises(BrokerRefused):
        provisioner.revoke("admin")


def test_a_wrong_password_and_nobody_are_refused(broker: ClosedBroker, provisioner: Provisioner) -> None:
    given = over_tls(broker, provisioner.give_sensor("bin-1"))
    for wrong in (
        replace(given, password="another"),
        replace(given, password=""),
        replace(given, user="sensor.bin-2"),
        replace(given, user=None, password=None),
        replace(given, user="admin"),
    ):
        with Peer(wrong) as refused:
            assert refused.connected == NOT_AUTHORIZED


def test_without_tls_nobody_is_spoken_with(broker: ClosedBroker) -> None:
    with socket.create_connection(("127.0.0.1", broker.tls_port), 5) as line:
        line.sendall(bytes.fromhex("101000044d5154540402003c000474657374"))  # CONNECT of MQTT 3.1.1
        line.settimeout(5)
        try:
            answer = line.recv(4)
        except ConnectionError:
            answer = b""
    assert answer[:1] != b"\x20", "no CONNACK"


# paho leaves a socket whose handshake failed to the garbage collector.
@pytest.mark.filterwarnings("ignore:Exception ignored in. <ssl.SSLSocket:pytest.PytestUnraisableExceptionWarning")
@pytest.mark.filterwarnings("ignore:unclosed:ResourceWarning")
def test_a_broker_of_another_authority_or_name_is_refused(broker: ClosedBroker, tmp_path: Path) -> None:
    other = tmp_path / "other"
    other.mkdir()
    wrong = replace(broker.over_tls(broker.address), ca_file=certificates(other))
    with pytest.raises(ssl.SSLCertVerificationError):
        Peer(wrong)
    with pytest.raises(ssl.SSLCertVerificationError):
        Peer(replace(broker.over_tls(broker.address), host="localhost"))
    gc.collect()


def test_the_command_lets_an_integrator_in_and_names_a_commune_that_is_none(
    broker: ClosedBroker, store: Connection, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("VIGIE_DATABASE_URL", as_login(store.info.dsn, Login.INGEST))
    monkeypatch.setenv("VIGIE_BROKER_ADMIN_URL", f"mqtts://admin:chief@127.0.0.1:{broker.tls_port}")
    monkeypatch.setenv("VIGIE_BROKER_CA_FILE", str(broker.ca_file))
    told = CliRunner().invoke(app, ["provision", "integrator", "Town-Hall", "--commune", HERE])
    assert told.exit_code == 0, told.output
    assert "user\tintegrator.town-hall\n" in told.output
    assert f"topic\tvigie/out/v1/{HERE}/#\n" in told.output
    listed = CliRunner().invoke(app, ["provision", "list"])
    assert "integrator.town-hall\tenabled\tvigie.integrator.town-hall" in listed.output
    wrong = CliRunner().invoke(app, ["provision", "integrator", "x", "--commune", "00000"])
    assert "00000 is the INSEE code of no commune" in str(wrong.exception)
