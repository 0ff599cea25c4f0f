from __future__ import annotations

import pytest

from core.places import Sensor, SensorKind, Site
from ingestors.topics import Address, Network, parse_topic, uplink_topic


@pytest.mark.parametrize(
    ("topic", "address"),
    [
        (
            "vigie/v1/93066/indoor_air/Room-1/up",
            Address(Network.NATIVE, "room-1", "93066", SensorKind.INDOOR_AIR),
        ),
        # Pierrefitte-sur-Seine joined Saint-Denis in 2025.
        ("vigie/v1/93059/bin/b1/up", Address(Network.NATIVE, "b1", "93066", SensorKind.BIN)),
        ("v3/ecoles@ville/devices/Eui-A1/up", Address(Network.THE_THINGS_STACK, "eui-a1")),
        ("v3/ecoles/devices/eui-a1/up", Address(Network.THE_THINGS_STACK, "eui-a1")),
        ("application/17c82e96/device/0101AB/event/up", Address(Network.CHIRPSTACK, "0101ab")),
    ],
)
def test_a_topic_says_whose_message_it_is(topic: str, address: Address) -> None:
    assert parse_topic(topic) == address


@pytest.mark.parametrize(
    "topic",
    [
        "",
        "vigie/v1/93066/indoor_air/room-1/down",
        "vigie/v1/93066/indoor_air/room-1/up/",
        "vigie/v1/13055/indoor_air/room-1/up",
        "vigie/v1/93066/toaster/room-1/up",
        "vigie/v1/93066/bin//up",
        "vigie/v1/93066/bin/a b/up",
        "vigie/v1/93066/bin/" + "a" * 65 + "/up",
        "vigie/v1/93066/bin/a\0/up",
        "v3//devices/a/up",
        "v3/a/devices/a/join",
        "application/1/device/a/event/join",
        "\ud800",
    ],
)
def test_any_other_topic_is_none_of_ours(topic: str) -> None:
    assert parse_topic(topic) is None


def test_our_own_topic_comes_back() -> None:
    sensor = Sensor("room-1", SensorKind.BAY, "Bay", Site("75056", "s", "S"))
    assert uplink_topic(sensor) == "vigie/v1/75056/bay/room-1/up"
    assert parse_topic(uplink_topic(sensor)) == Address(Network.NATIVE, "room-1", "75056", SensorKind.BAY)
