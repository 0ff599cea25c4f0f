"""Accounts and rights at a real Mosquitto with its dynamic security: each may publish its own topics, nothing else."""

from __future__ import annotations

import csv
import json
import stat
from collections.abc import Iterator
from dataclasses import replace
from datetime import timedelta
from pathlib import Path

import pytest
from closed_broker import NO_SUBSCRIBER, NOT_AUTHORIZED, ClosedBroker, Peer, closed_broker_running, listening
from ingesting import wait_until
from paho.mqtt.enums import MQTTProtocolVersion
from typer.testing import CliRunner

from core.clock import now
from core.errors import BrokerAbsent, BrokerRefused, SensorConflict, UnknownSensor
from core.places import Sensor, SensorKind, Site
from core.sensor_life import Device, Signature
from core.store import sensor_life as life
from core.store.audit import WantedActs, read_acts
from core.store.pool import Connection, connected
from core.store.sensors import adopt_sensor
from ingestors.access import network_topic
from ingestors.provisioning import Provisioner, provisioning
from ingestors.topics import Network
from vigie.__main__ import app

pytestmark = pytest.mark.integration

HERE, THERE = Site("93051", "mairie", "Mairie"), Site("93066", "gymnase", "Gymnase")
PROTOCOLS = (MQTTProtocolVersion.MQTTv5, MQTTProtocolVersion.MQTTv311)


@pytest.fixture
def broker(tmp_path: Path) -> Iterator[ClosedBroker]:
    with closed_broker_running(tmp_path) as running:
        yield running


@pytest.fixture
def store(database_url: str) -> Iterator[Connection]:
    with connected(database_url) as connection:
        connection.autocommit = True
        for name in ("bin-1", "bin-2"):
            adopt_sensor(connection, Sensor(name, SensorKind.BIN, name, HERE), now())
        yield connection


@pytest.fixture
def provisioner(broker: ClosedBroker, store: Connection) -> Iterator[Provisioner]:
    with provisioning(store, broker.address, now()) as one:
        one.let_ingest_in(broker.ingest)
        yield one


def topic_of(name: str, insee: str = "93051") -> str:
    return f"vigie/v1/{insee}/bin/{name}/up"


@pytest.mark.parametrize("protocol", PROTOCOLS)
def test_a_sensor_publishes_on_its_own_topic_only(
    broker: ClosedBroker, provisioner: Provisioner, protocol: MQTTProtocolVersion
) -> None:
    given = provisioner.give_sensor("BIN-1")
    assert (given.user, given.topics) == ("sensor.bin-1", (topic_of("bin-1"),))
    refused = NOT_AUTHORIZED if protocol is MQTTProtocolVersion.MQTTv5 else 0
    others = [topic_of("bin-2"), topic_of("bin-1", "93066"), topic_of("bin-1") + "/x", "$CONTROL/dynamic-security/v1"]
    with listening(broker) as ingest, Peer(broker.account(given), protocol) as sensor:
        for topic in others:
            # MQTT 3.1.1 has no word for it: the broker confirms, and lets nothing through.
            assert sensor.publish(topic) == refused, topic
        for topic in (topic_of("bin-2"), topic_of("bin-1"), "vigie/v1/#", "#", "$CONTROL/dynamic-security/v1/response"):
            assert sensor.subscribe(topic) == (NOT_AUTHORIZED if protocol is MQTTProtocolVersion.MQTTv5 else 128), topic
        assert sensor.publish(topic_of("bin-1")) == 0
        wait_until(lambda: bool(ingest.heard), 10)
        assert ingest.heard == [topic_of("bin-1")]
        assert sensor.heard == []


def test_nobody_else_is_let_in(broker: ClosedBroker, provisioner: Provisioner) -> None:
    given = provisioner.give_sensor("bin-1")
    for address in (
        replace(broker.address, user=None, password=None),
        replace(broker.account(given), password="guess"),
        replace(broker.account(given), user="sensor.bin-2"),
    ):
        with Peer(address) as stranger:
            assert stranger.connected in {NOT_AUTHORIZED, 134}
    with Peer(broker.ingest) as ingest:
        assert ingest.publish(topic_of("bin-1")) == NOT_AUTHORIZED
        assert ingest.publish("vigie/out/v1/93051/decision/round") in {0, NO_SUBSCRIBER}
        assert ingest.subscribe("#") == NOT_AUTHORIZED


def test_a_gateway_publishes_for_the_sensors_it_carries(
    broker: ClosedBroker, provisioner: Provisioner, store: Connection
) -> None:
    given = provisioner.give_gateway("roof", ["bin-1"])
    with Peer(broker.account(given)) as gateway:
        assert gateway.publish(topic_of("bin-1")) in {0, NO_SUBSCRIBER}
        assert gateway.publish(topic_of("bin-2")) == NOT_AUTHORIZED
    with provisioning(store, broker.address, now()) as again:
        told = again.give_gateway("roof", ["bin-2"])
        assert (told.user, told.password) == (given.user, None)
    with Peer(broker.account(given)) as gateway:
        assert gateway.publish(topic_of("bin-1")) == NOT_AUTHORIZED
        assert gateway.publish(topic_of("bin-2")) in {0, NO_SUBSCRIBER}


def test_a_network_publishes_the_uplinks_of_its_application(broker: ClosedBroker, provisioner: Provisioner) -> None:
    given = provisioner.give_network("town", network_topic(Network.CHIRPSTACK, "7"))
    with Peer(broker.account(given)) as network:
        assert network.publish("application/7/device/00aa/event/up") in {0, NO_SUBSCRIBER}
        assert network.publish("application/8/device/00aa/event/up") == NOT_AUTHORIZED
        assert network.publish(topic_of("bin-1")) == NOT_AUTHORIZED


def test_the_rights_follow_a_move_a_replacement_and_a_retirement(
    broker: ClosedBroker, provisioner: Provisioner, store: Connection
) -> None:
    given, gateway = provisioner.give_sensor("bin-1"), provisioner.give_gateway("roof", ["bin-1", "bin-2"])
    assert provisioner.follow() == []
    at = now()
    signed = Signature("Nadia", at)
    bin_1, bin_2 = (life.hold_sensor(store, sensor_id) for sensor_id in (1, 2))
    life.move_sensor(store, bin_1, THERE, at - timedelta(days=40), signed)
    life.replace_device(store, life.hold_sensor(store, 1), Device("bin-9"), at, signed)
    life.retire_sensor(store, bin_2, at, signed)
    with Peer(broker.account(given)) as removed, Peer(broker.account(gateway)) as roof:
        with provisioning(store, broker.address, now()) as again:
            assert [one["command"] for one in again.follow()] == ["modifyRole", "modifyRole", "deleteClient"]
            with pytest.raises(UnknownSensor):
                again.give_sensor("bin-1")
            with pytest.raises(SensorConflict):
                again.give_sensor("bin-2")
            assert again.give_sensor("bin-9").password
        assert removed.ended.wait(10), "the account of a removed device is disconnected"
        wait_until(roof.client.is_connected, 10)
    with Peer(broker.account(gateway)) as roof:
        assert roof.publish(topic_of("bin-9", "93066")) in {0, NO_SUBSCRIBER}
        # What the gateway had buffered of the former device still passes; the place was left long ago.
        assert roof.publish(topic_of("bin-1", "93066")) in {0, NO_SUBSCRIBER}
        assert roof.publish(topic_of("bin-1", "93051")) == NOT_AUTHORIZED
        assert roof.publish(topic_of("bin-2")) == NOT_AUTHORIZED
    with provisioning(store, broker.address, now()) as once_more:
        assert once_more.follow() == []


def test_a_retired_sensors_account_sleeps_until_it_is_restored(
    broker: ClosedBroker, provisioner: Provisioner, store: Connection
) -> None:
    given = provisioner.give_sensor("bin-1")
    signed = Signature("Nadia", now())
    life.retire_sensor(store, life.hold_sensor(store, 1), signed.at, signed)

    def followed() -> list[str]:
        with provisioning(store, broker.address, now()) as again:
            return [one["command"] for one in again.follow()]

    assert followed() == ["modifyRole", "disableClient"]
    with Peer(broker.account(given)) as asleep:
        assert asleep.connected in {NOT_AUTHORIZED, 134}
    held = life.hold_sensor(store, 1)
    life.edit_sensor(store, held, replace(held, retired_at=None), signed)
    assert followed() == ["modifyRole", "enableClient"]
    with Peer(broker.account(given)) as awake:
        assert awake.publish(topic_of("bin-1")) in {0, NO_SUBSCRIBER}


def test_a_password_is_told_once_rotated_and_revoked(broker: ClosedBroker, provisioner: Provisioner) -> None:
    given = provisioner.give_sensor("bin-1")
    assert provisioner.give_sensor("bin-1") == replace(given, password=None)
    assert str(given.password) not in repr(given)
    rotated = replace(given, password=provisioner.rotate(given.user))
    with Peer(broker.account(given)) as old, Peer(broker.account(rotated)) as new:
        assert (old.connected in {NOT_AUTHORIZED, 134}, new.connected) == (True, 0)
        provisioner.revoke(given.user)
        assert new.ended.wait(10)
    for user in ("admin", "ingest", "sensor.bin-7"):
        with pytest.raises(BrokerRefused):
            provisioner.revoke(user)


def test_only_the_administrator_provisions(
    broker: ClosedBroker, provisioner: Provisioner, store: Connection, monkeypatch: pytest.MonkeyPatch
) -> None:
    given = provisioner.give_sensor("bin-1")
    with pytest.raises(BrokerRefused), provisioning(store, broker.account(given), now()):
        pytest.fail("a sensor is no administrator")
    broker.mosquitto.stop()
    monkeypatch.setattr("ingestors.broker.control.CONNECT_S_MAX", 0.5)
    with pytest.raises(BrokerAbsent), provisioning(store, broker.address, now()):
        pytest.fail("there is no broker")


@pytest.mark.usefixtures("store")
def test_the_commands_provision_and_keep_credentials_private(
    broker: ClosedBroker, database_url: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    address = broker.address
    monkeypatch.setenv("VIGIE_DATABASE_URL", database_url)
    monkeypatch.setenv("VIGIE_BROKER_URL", f"mqtt://ingest:taker@127.0.0.1:{address.port}")
    monkeypatch.setenv("VIGIE_BROKER_ADMIN_URL", f"mqtt://admin:chief@127.0.0.1:{address.port}")

    def vigie(*arguments: str) -> str:
        done = CliRunner().invoke(app, list(arguments))
        assert done.exit_code == 0, done.output
        return done.output

    assert "let in as ingest" in vigie("provision", "ingest")
    told = dict(line.split("\t")[:2] for line in vigie("provision", "sensor", "bin-1").splitlines())
    assert told["user"] == "sensor.bin-1"
    with Peer(replace(address, user=told["user"], password=told["password"])) as sensor:
        assert sensor.connected == 0
    file = tmp_path / "credentials.csv"
    assert "1 accounts were made" in vigie("provision", "csv", str(file), "--commune", "93051")
    assert stat.S_IMODE(file.stat().st_mode) == 0o600
    [row] = csv.DictReader(file.read_text(encoding="utf-8").splitlines(), delimiter=";")
    assert (row["external_id"], row["topics"]) == ("bin-2", topic_of("bin-2"))
    with Peer(replace(address, user=row["user"], password=row["password"])) as sensor:
        assert sensor.publish(row["topics"]) in {0, NO_SUBSCRIBER}
    assert "gateway.roof" in vigie("provision", "gateway", "roof", "--site", "Mairie", "--commune", "93051")
    assert "application/7/" in vigie("provision", "network", "n", "--server", "chirpstack", "--application", "7")
    assert "the broker has what" in vigie("provision", "follow")
    assert "password" in vigie("provision", "rotate", "gateway.roof")
    vigie("provision", "revoke", "gateway.roof")
    assert "gateway.roof" not in vigie("provision", "list")
    with connected(database_url) as connection:
        acts = read_acts(connection, WantedActs())
    of_roof = [one.what for one in acts if one.target == "account:gateway.roof"]
    assert of_roof == ["access_revoked", "access_rotated", "access_given"]
    assert not any(told["password"] in str(one) for one in acts)
    kept = (broker.mosquitto.folder / "access.json").read_text(encoding="utf-8")
    assert {client["username"] for client in json.loads(kept)["clients"]} == {
        "admin",
        "ingest",
        "network.n",
        "sensor.bin-1",
        "sensor.bin-2",
    }
    assert row["password"] not in kept
