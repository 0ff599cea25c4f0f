"""Who may publish what: the accounts and rights at the broker that follow from the registry of sensors. Pure.

Each sensor has a role, named by its id, that may publish on its own topics and do nothing else. The sensor's account
has that role; a gateway's account has those of the sensors it carries. So a move, a replacement or a retirement
changes one role, and every account that carries the sensor follows. An integrator, a program of communes that is told
of their decisions and alarms, reads what Vigie says of them, and publishes nothing. What no role allows, the broker
refuses.
"""

from __future__ import annotations

import secrets
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any

from core.places import Sensor
from core.sensor_life import FormerDevice, FormerPlace
from ingestors.broker import BrokerAddress
from ingestors.heartbeat import heartbeat_topic
from ingestors.topics import Network, topic_of

SENSOR_USER, GATEWAY_USER, NETWORK_USER, INTEGRATOR_USER = "sensor.", "gateway.", "network.", "integrator."
"""What the names of our accounts begin with: no sensor can be called like the administrator."""
SENSOR_ROLE = "vigie.sensor."
INGEST_ROLE = "vigie.ingest"
FORMER_TOPICS_KEPT = timedelta(days=30)
"""How long a sensor may still publish on the topics that it had before a move or a replacement: what was buffered."""
PASSWORD_BYTES = 24

Command = dict[str, Any]
Right = tuple[str, str]
"""An access that is allowed: its type, as the broker names it, and a topic or topic filter."""

_EVERY_DEFAULT = {
    "publishClientSend": False,
    # Nobody may subscribe to what its role does not name, so nothing else is ever sent to it.
    "publishClientReceive": True,
    "subscribe": False,
    "unsubscribe": True,
}
_NETWORK_TOPICS = {
    Network.THE_THINGS_STACK: "v3/{application}/devices/+/up",
    Network.CHIRPSTACK: "application/{application}/device/+/event/up",
}
_INGEST_RIGHTS: tuple[Right, ...] = (
    ("subscribePattern", "vigie/v1/#"),
    ("subscribePattern", "v3/+/devices/+/up"),
    ("subscribePattern", "application/+/device/+/event/up"),
    ("publishClientSend", "vigie/out/v1/#"),
    ("subscribePattern", heartbeat_topic("+")),
    ("publishClientSend", heartbeat_topic("+")),
)


@dataclass(frozen=True, slots=True)
class Account:
    """A client's account at the broker."""

    user: str
    roles: frozenset[str] = frozenset()
    disabled: bool = False


@dataclass(slots=True)
class Access:
    """What the broker allows: its roles with their rights, and its accounts, by name."""

    roles: dict[str, frozenset[Right]] = field(default_factory=dict)
    accounts: dict[str, Account] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Carried:
    """A sensor as the broker shall know it: the topics that it may publish on, none once it is retired."""

    sensor: Sensor
    topics: frozenset[str]

    @property
    def role(self) -> str:
        """Name of its role, which outlives its devices."""
        return f"{SENSOR_ROLE}{self.sensor.sensor_id}"

    @property
    def user(self) -> str:
        """Name of its own account, which is its device's."""
        return f"{SENSOR_USER}{self.sensor.external_id}"


def carried_sensors(
    sensors: Iterable[Sensor], devices: Iterable[FormerDevice], places: Iterable[FormerPlace], now: datetime
) -> list[Carried]:
    """Return each sensor with the topics that it may publish on: its own, and lately its former ones."""
    sensors = list(sensors)
    present = {sensor.external_id for sensor in sensors}
    former_ids: dict[int | None, set[str]] = {}
    for former in devices:
        if former.removed_at > now - FORMER_TOPICS_KEPT and former.device.external_id not in present:
            former_ids.setdefault(former.sensor_id, set()).add(former.device.external_id)
    former_communes: dict[int | None, set[str]] = {}
    for place in places:
        if place.left_at > now - FORMER_TOPICS_KEPT:
            former_communes.setdefault(place.sensor_id, set()).add(place.commune_insee)
    carried = []
    for sensor in sensors:
        retired = sensor.retired_at is not None and sensor.retired_at <= now
        communes = {sensor.site.commune_insee, *former_communes.get(sensor.sensor_id, ())}
        ids = {sensor.external_id, *former_ids.get(sensor.sensor_id, ())}
        topics = {topic_of(insee, sensor.kind, name) for insee in communes for name in ids}
        carried.append(Carried(sensor, frozenset() if retired else frozenset(topics)))
    return carried


def sensor_commands(access: Access, carried: Carried, password: str) -> list[Command]:
    """Return the commands that give a sensor its account; with an account already, that only bring it up to date."""
    account = _account_commands(access, carried.user, {carried.role}, password)
    return [*_role_commands(access, carried.role, _publishing(carried.topics)), *account]


def gateway_commands(access: Access, name: str, carried: Iterable[Carried], password: str) -> list[Command]:
    """Return the commands that let a gateway publish for exactly these sensors."""
    carried = list(carried)
    roles = [command for one in carried for command in _role_commands(access, one.role, _publishing(one.topics))]
    return [*roles, *_account_commands(access, f"{GATEWAY_USER}{name}", {one.role for one in carried}, password)]


def network_commands(access: Access, name: str, topic: str, password: str) -> list[Command]:
    """Return the commands that let a LoRaWAN network server publish the uplinks of one of its applications."""
    role = f"vigie.network.{name}"
    return [
        *_role_commands(access, role, _publishing([topic])),
        *_account_commands(access, f"{NETWORK_USER}{name}", {role}, password),
    ]


def integrator_commands(access: Access, name: str, insees: Iterable[str], password: str) -> list[Command]:
    """Return the commands that let an integrator read what is said of exactly these communes."""
    role = f"vigie.integrator.{name}"
    reads = frozenset(("subscribePattern", topic) for topic in said_of(insees))
    return [
        *_role_commands(access, role, reads),
        *_account_commands(access, f"{INTEGRATOR_USER}{name}", {role}, password),
    ]


def said_of(insees: Iterable[str]) -> tuple[str, ...]:
    """Return the topic filters of all that Vigie says of these communes."""
    return tuple(f"vigie/out/v1/{insee}/#" for insee in sorted(insees))


def network_topic(network: Network, application: str) -> str:
    """Return the topic filter on which a network server publishes the uplinks of an application.

    Raises
    ------
    ValueError
        If the application is not one level of a topic, or the network has none.
    """
    if not application or set(application) & set("/+#") or not application.isprintable():
        raise ValueError(f"{application!r} is no name of an application")
    if network not in _NETWORK_TOPICS:
        raise ValueError(f"{network} has no applications: its sensors have accounts of their own")
    return _NETWORK_TOPICS[network].format(application=application)


def ingest_commands(access: Access, address: BrokerAddress) -> list[Command]:
    """Return the commands that let the ingest process in with the account of its own address, and nobody else."""
    user, password = address.user or "", address.password or ""
    defaults = [{"acltype": acltype, "allow": allow} for acltype, allow in _EVERY_DEFAULT.items()]
    again = [{"command": "setClientPassword", "username": user, "password": password}]
    return [
        {"command": "setDefaultACLAccess", "acls": defaults},
        *(again if user in access.accounts else []),
        *_role_commands(access, INGEST_ROLE, frozenset(_INGEST_RIGHTS)),
        *_account_commands(access, user, {INGEST_ROLE}, password),
    ]


def follow_commands(access: Access, carried: Iterable[Carried]) -> list[Command]:
    """Return the commands that bring the rights at the broker to what the registry says; none, if they are.

    Only sensors that were given access are looked at. The account of a device that was replaced goes; that of a
    retired sensor is disabled until it is restored.
    """
    by_role = {one.role: one for one in carried}
    commands: list[Command] = []
    for role in sorted(access.roles.keys() & by_role.keys()):
        commands += _role_commands(access, role, _publishing(by_role[role].topics))
    for user, account in sorted(access.accounts.items()):
        if not user.startswith(SENSOR_USER):
            continue
        owners = [by_role[role] for role in account.roles if role in by_role]
        if not owners:
            # Of no sensor of this registry: somebody else made it, or this is another database.
            continue
        if all(one.user != user for one in owners):
            commands.append({"command": "deleteClient", "username": user})
        elif account.disabled != (not owners[0].topics):
            verb = "enableClient" if account.disabled else "disableClient"
            commands.append({"command": verb, "username": user})
    return commands


def new_password() -> str:
    """Return a random password: 192 bits, in letters, digits, ``-`` and ``_``."""
    return secrets.token_urlsafe(PASSWORD_BYTES)


def parse_roles(listed: Iterable[Mapping[str, Any]]) -> dict[str, frozenset[Right]]:
    """Return the roles of the broker's answer; rights that are refusals are not ours and count as none."""
    return {
        str(role["rolename"]): frozenset(
            (str(acl["acltype"]), str(acl["topic"])) for acl in role.get("acls", ()) if acl.get("allow")
        )
        for role in listed
    }


def parse_accounts(listed: Iterable[Mapping[str, Any]]) -> dict[str, Account]:
    """Return the accounts of the broker's answer."""
    return {
        str(client["username"]): Account(
            str(client["username"]),
            frozenset(str(role["rolename"]) for role in client.get("roles", ())),
            bool(client.get("disabled", False)),
        )
        for client in listed
    }


def _publishing(topics: Iterable[str]) -> frozenset[Right]:
    return frozenset(("publishClientSend", topic) for topic in topics)


def _role_commands(access: Access, name: str, rights: frozenset[Right]) -> list[Command]:
    """Return what brings a role to these rights. It is noted: several accounts of one plan may need it."""
    known = access.roles.get(name)
    if known == rights:
        return []
    access.roles[name] = rights
    acls = [{"acltype": acltype, "topic": topic, "priority": 0, "allow": True} for acltype, topic in sorted(rights)]
    return [{"command": "createRole" if known is None else "modifyRole", "rolename": name, "acls": acls}]


def _account_commands(access: Access, user: str, roles: set[str], password: str) -> list[Command]:
    known = access.accounts.get(user)
    if known is not None and known.roles == roles and not known.disabled:
        return []
    access.accounts[user] = Account(user, frozenset(roles))
    named = [{"rolename": role} for role in sorted(roles)]
    if known is None:
        return [{"command": "createClient", "username": user, "password": password, "roles": named}]
    commands: list[Command] = []
    if known.roles != roles:
        commands.append({"command": "modifyClient", "username": user, "roles": named})
    if known.disabled:
        commands.append({"command": "enableClient", "username": user})
    return commands
