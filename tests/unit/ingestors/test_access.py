"""Who may publish what: the rights that follow from the registry, and the commands that bring the broker there."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from core.places import Sensor, SensorKind, Site
from core.sensor_life import Device, FormerDevice, FormerPlace
from ingestors.access import (
    FORMER_TOPICS_KEPT,
    Access,
    Account,
    Carried,
    carried_sensors,
    follow_commands,
    gateway_commands,
    ingest_commands,
    network_topic,
    new_password,
    parse_accounts,
    parse_roles,
    sensor_commands,
)
from ingestors.broker import BrokerAddress
from ingestors.topics import Network

NOW = datetime(2026, 3, 2, tzinfo=UTC)
BIN = Sensor("b1", SensorKind.BIN, "Borne", Site("93051", "mairie", "Mairie"), sensor_id=1)
OTHER = replace(BIN, external_id="b2", sensor_id=2)
TOPIC = "vigie/v1/93051/bin/b1/up"
CARRIED = Carried(BIN, frozenset({TOPIC}))
RIGHT = frozenset({("publishClientSend", TOPIC)})
GIVEN = Access({"vigie.sensor.1": RIGHT}, {"sensor.b1": Account("sensor.b1", frozenset({"vigie.sensor.1"}))})


def copy_of(access: Access) -> Access:
    return Access(dict(access.roles), dict(access.accounts))


def test_a_sensor_has_its_own_topic_and_for_a_while_its_former_ones() -> None:
    devices = [FormerDevice(Device("old"), 1, NOW - timedelta(days=1)), FormerDevice(Device("b2"), 1, NOW)]
    places = [FormerPlace(1, "93066", NOW - timedelta(days=1))]
    first, second = carried_sensors([BIN, OTHER], devices, places, NOW)
    assert first.topics == {f"vigie/v1/{insee}/bin/{name}/up" for insee in ("93051", "93066") for name in ("b1", "old")}
    assert second.topics == {"vigie/v1/93051/bin/b2/up"}, "what is another sensor's by now is that one's alone"
    later = NOW + FORMER_TOPICS_KEPT
    assert carried_sensors([BIN, OTHER], devices, places, later)[0].topics == {TOPIC}
    assert carried_sensors([replace(BIN, retired_at=NOW)], devices, places, NOW)[0].topics == frozenset()


def test_giving_access_twice_does_nothing_the_second_time() -> None:
    access = Access()
    role, account = sensor_commands(access, CARRIED, "secret")
    assert role == {
        "command": "createRole",
        "rolename": "vigie.sensor.1",
        "acls": [{"acltype": "publishClientSend", "topic": TOPIC, "priority": 0, "allow": True}],
    }
    assert account == {
        "command": "createClient",
        "username": "sensor.b1",
        "password": "secret",
        "roles": [{"rolename": "vigie.sensor.1"}],
    }
    assert access == GIVEN
    assert sensor_commands(access, CARRIED, "secret") == []


def test_a_gateway_shares_the_roles_of_its_sensors() -> None:
    access = copy_of(GIVEN)
    [account] = gateway_commands(access, "roof", [CARRIED], "secret")
    assert (account["command"], account["roles"]) == ("createClient", [{"rolename": "vigie.sensor.1"}])
    other = Carried(OTHER, frozenset({"vigie/v1/93051/bin/b2/up"}))
    role, changed = gateway_commands(access, "roof", [other], "secret")
    assert (role["command"], changed["command"]) == ("createRole", "modifyClient")
    assert "password" not in changed


def test_following_a_registry_that_did_not_change_does_nothing() -> None:
    assert follow_commands(copy_of(GIVEN), [CARRIED]) == []


def test_following_touches_only_what_is_of_this_registry() -> None:
    strange = Access(
        {"vigie.sensor.99": frozenset(), "admin": frozenset()},
        {"sensor.manual": Account("sensor.manual"), "admin": Account("admin", frozenset({"admin"}))},
    )
    assert follow_commands(strange, [CARRIED]) == []


def test_the_account_of_a_replaced_device_goes_and_that_of_a_retired_sensor_sleeps() -> None:
    replaced = Carried(replace(BIN, external_id="b9"), frozenset({"vigie/v1/93051/bin/b9/up"}))
    assert [one["command"] for one in follow_commands(copy_of(GIVEN), [replaced])] == ["modifyRole", "deleteClient"]
    retired = Carried(BIN, frozenset())
    role, account = follow_commands(copy_of(GIVEN), [retired])
    assert (role["acls"], account) == ([], {"command": "disableClient", "username": "sensor.b1"})


def test_the_ingest_process_comes_in_with_its_own_account_and_all_else_is_closed() -> None:
    address = BrokerAddress("broker", 1883, "ingest", "taker")
    defaults, role, account = ingest_commands(Access(), address)
    allowed = {one["acltype"]: one["allow"] for one in defaults["acls"]}
    assert allowed["publishClientSend"] is False
    assert allowed["subscribe"] is False
    assert {acl["topic"] for acl in role["acls"] if acl["acltype"] == "publishClientSend"} == {
        "vigie/out/v1/#",
        "vigie/heartbeat/v1/+",
    }
    assert (account["username"], account["password"]) == ("ingest", "taker")
    known = Access({}, {"ingest": Account("ingest")})
    verbs = [one["command"] for one in ingest_commands(known, address)]
    assert verbs == ["setDefaultACLAccess", "setClientPassword", "createRole", "modifyClient"]


def test_an_application_is_one_level_of_a_topic() -> None:
    assert network_topic(Network.THE_THINGS_STACK, "capteurs@ttn") == "v3/capteurs@ttn/devices/+/up"
    assert network_topic(Network.CHIRPSTACK, "7") == "application/7/device/+/event/up"
    for application in ("", "+", "#", "a/b", "a\n"):
        with pytest.raises(ValueError, match="no name of an application"):
            network_topic(Network.CHIRPSTACK, application)
    with pytest.raises(ValueError, match="no applications"):
        network_topic(Network.NATIVE, "7")


def test_the_broker_is_read_as_it_answers() -> None:
    acls = [
        {"acltype": "publishClientSend", "topic": TOPIC, "priority": 0, "allow": True},
        {"acltype": "publishClientSend", "topic": "#", "allow": False},
    ]
    assert parse_roles([{"rolename": "vigie.sensor.1", "acls": acls}, {"rolename": "none"}]) == {
        "vigie.sensor.1": RIGHT,
        "none": frozenset(),
    }
    listed: list[dict[str, Any]] = [
        {"username": "sensor.b1", "roles": [{"rolename": "vigie.sensor.1"}]},
        {"username": "x", "disabled": True},
    ]
    assert parse_accounts(listed) == GIVEN.accounts | {"x": Account("x", disabled=True)}


def test_passwords_are_long_and_differ() -> None:
    passwords = {new_password() for _ in range(100)}
    assert len(passwords) == 100
    assert all(len(one) == 32 for one in passwords)
