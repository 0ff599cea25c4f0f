"""Topics: whose message it is, before anything of it is decoded.

======================  =====================================================================
native                  ``vigie/v1/{insee}/{kind}/{sensor}/up``
The Things Stack v3     ``v3/{application}[@{tenant}]/devices/{device_id}/up``
ChirpStack v4           ``application/{application id}/device/{dev_eui}/event/up``
======================  =====================================================================

The scope comes first in ours, so that one line of access control closes off a commune.
"""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum
from functools import lru_cache

from core.places import EXTERNAL_ID, Sensor, SensorKind, current_commune

_CHARACTERS_MAX = 256


class Network(StrEnum):
    """Which network a message came over; chooses its decoder."""

    NATIVE = "native"
    THE_THINGS_STACK = "the_things_stack"
    CHIRPSTACK = "chirpstack"


@dataclass(frozen=True, slots=True)
class Address:
    """Whose message it is, as the topic says.

    Parameters
    ----------
    external_id
        Lower case.
    commune_insee, kind
        Native topics only: today's code of the commune, and the sensor kind.
    """

    network: Network
    external_id: str
    commune_insee: str | None = None
    kind: SensorKind | None = None


def parse_topic(topic: str) -> Address | None:
    """Return whose message a topic announces, or None when the topic is none of ours."""
    # Before the cache: what it holds is bounded in bytes, too.
    return _parse(topic) if len(topic) <= _CHARACTERS_MAX else None


@lru_cache(maxsize=65_536)
def _parse(topic: str) -> Address | None:
    if not topic.isprintable():
        return None
    match topic.split("/"):
        case ["vigie", "v1", insee, kind, sensor, "up"]:
            return _native(insee, kind, sensor.lower())
        case ["v3", application, "devices", device, "up"] if application:
            return _of_network(Network.THE_THINGS_STACK, device.lower())
        case ["application", application, "device", dev_eui, "event", "up"] if application:
            return _of_network(Network.CHIRPSTACK, dev_eui.lower())
    return None


def uplink_topic(sensor: Sensor) -> str:
    """Return the native topic on which a sensor publishes its readings."""
    return topic_of(sensor.site.commune_insee, sensor.kind, sensor.external_id)


def topic_of(insee: str, kind: SensorKind, external_id: str) -> str:
    """Return the native topic of a sensor of this kind and name in a commune."""
    return f"vigie/v1/{insee}/{kind}/{external_id}/up"


def things_stack_topic(application: str, device_id: str) -> str:
    """Return the topic on which The Things Stack publishes the uplinks of a device."""
    return f"v3/{application}/devices/{device_id}/up"


def _of_network(network: Network, external_id: str) -> Address | None:
    return Address(network, external_id) if EXTERNAL_ID.fullmatch(external_id) else None


def _native(insee: str, kind: str, external_id: str) -> Address | None:
    try:
        commune = current_commune(insee)
        known_kind = SensorKind(kind)
    except (KeyError, ValueError):
        return None
    if not EXTERNAL_ID.fullmatch(external_id):
        return None
    return Address(Network.NATIVE, external_id, commune.insee, known_kind)
