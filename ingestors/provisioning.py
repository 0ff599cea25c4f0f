"""Provisioning: giving sensors, gateways and networks their accounts at the broker, and keeping them true.

Passwords are made here, told once to whoever asked, and kept nowhere: the broker has their hash.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

from core.errors import BrokerRefused, SensorConflict, UnknownSensor
from core.store.pool import Connection
from core.store.sensors import read_sensors_with_past
from ingestors.access import (
    GATEWAY_USER,
    INTEGRATOR_USER,
    NETWORK_USER,
    SENSOR_USER,
    Access,
    Carried,
    Command,
    carried_sensors,
    follow_commands,
    gateway_commands,
    ingest_commands,
    integrator_commands,
    network_commands,
    new_password,
    parse_accounts,
    parse_roles,
    said_of,
    sensor_commands,
)
from ingestors.broker import BrokerAddress
from ingestors.broker.control import COMMANDS_MAX, BrokerControl, controlling

PAGE = 1_000
_OURS = (SENSOR_USER, GATEWAY_USER, NETWORK_USER, INTEGRATOR_USER)


@dataclass(frozen=True, slots=True)
class Credentials:
    """What a device or a program logs in with.

    Parameters
    ----------
    password
        Told once; None where the account was there already and keeps its own.
    topics
        What it may publish on, an integrator what it may read.
    """

    user: str
    password: str | None = field(repr=False)
    topics: tuple[str, ...]


@dataclass(slots=True)
class Provisioner:
    """The broker's access control beside the registry, both as they were when it was opened."""

    control: BrokerControl
    access: Access
    carried: dict[str, Carried]
    """By external id."""

    def give_sensor(self, external_id: str) -> Credentials:
        """Give a sensor its account, or bring it up to date.

        Raises
        ------
        UnknownSensor, SensorConflict
            If there is no such sensor, or it is retired.
        """
        carried = self._named(external_id)
        return self._give(carried.user, [carried], lambda password: sensor_commands(self.access, carried, password))

    def give_gateway(self, name: str, external_ids: Sequence[str]) -> Credentials:
        """Give a gateway an account for exactly these sensors, or bring it up to date.

        Raises
        ------
        UnknownSensor, SensorConflict
            If one of them does not exist, or is retired.
        """
        carried = [self._named(external_id) for external_id in external_ids]
        return self._give(
            f"{GATEWAY_USER}{name}",
            carried,
            lambda password: gateway_commands(self.access, name, carried, password),
        )

    def give_network(self, name: str, topic: str) -> Credentials:
        """Give a network server an account for the uplinks on this topic filter, or bring it up to date."""
        user = f"{NETWORK_USER}{name}"
        given = self._give(user, [], lambda password: network_commands(self.access, name, topic, password))
        return Credentials(given.user, given.password, (topic,))

    def give_integrator(self, name: str, insees: Sequence[str]) -> Credentials:
        """Give an integrator an account that reads what is said of these communes, or bring it up to date."""
        user = f"{INTEGRATOR_USER}{name}"
        given = self._give(user, [], lambda password: integrator_commands(self.access, name, insees, password))
        return Credentials(given.user, given.password, said_of(insees))

    def give_many(self, external_ids: Sequence[str], keep: Callable[[Sequence[Credentials]], None]) -> int:
        """Give these sensors their accounts where they have none; return how many were made.

        ``keep`` is handed each lot before it is made: no password is in force that was not kept.
        """
        missing = [one for one in map(self._named, external_ids) if one.user not in self.access.accounts]
        lot = COMMANDS_MAX // 2
        for start in range(0, len(missing), lot):
            given = [
                (one, Credentials(one.user, new_password(), tuple(sorted(one.topics))))
                for one in missing[start : start + lot]
            ]
            keep([credentials for _, credentials in given])
            commands: list[Command] = []
            for one, credentials in given:
                commands += sensor_commands(self.access, one, credentials.password or "")
            self.control.ask(commands)
        return len(missing)

    def let_ingest_in(self, address: BrokerAddress) -> None:
        """Let the ingest process in with its account, and close the broker to whoever has none."""
        self.control.ask(ingest_commands(self.access, address))

    def follow(self) -> list[Command]:
        """Bring the rights at the broker to what the registry says; return what was changed."""
        commands = follow_commands(self.access, self.carried.values())
        self.control.ask(commands)
        return commands

    def rotate(self, user: str) -> str:
        """Give an account another password and return it; whoever uses the old one is disconnected.

        Raises
        ------
        BrokerRefused
            If it is no account of a sensor, a gateway, a network or an integrator.
        """
        self._check_ours(user)
        password = new_password()
        self.control.ask([{"command": "setClientPassword", "username": user, "password": password}])
        return password

    def revoke(self, user: str) -> None:
        """Take an account away; whoever uses it is disconnected.

        Raises
        ------
        BrokerRefused
            If it is no account of a sensor, a gateway, a network or an integrator.
        """
        self._check_ours(user)
        self.control.ask([{"command": "deleteClient", "username": user}])

    def _give(self, user: str, carried: Sequence[Carried], plan: Callable[[str], list[Command]]) -> Credentials:
        password = None if user in self.access.accounts else new_password()
        self.control.ask(plan(password or ""))
        return Credentials(user, password, tuple(sorted(topic for one in carried for topic in one.topics)))

    def _named(self, external_id: str) -> Carried:
        carried = self.carried.get(external_id.lower())
        if carried is None:
            raise UnknownSensor(f"no sensor is named {external_id!r}")
        if not carried.topics:
            raise SensorConflict(f"the sensor {external_id!r} is retired")
        return carried

    def _check_ours(self, user: str) -> None:
        if not user.startswith(_OURS) or user not in self.access.accounts:
            raise BrokerRefused(f"no sensor, gateway, network or integrator has the account {user!r}")


@contextmanager
def provisioning(connection: Connection, administrator: BrokerAddress, now: datetime) -> Iterator[Provisioner]:
    """Give the broker's access control beside the registry as it is ``now``.

    Raises
    ------
    BrokerAbsent, BrokerRefused
        If the broker cannot be asked with this account.
    """
    sensors = carried_sensors(*read_sensors_with_past(connection), now)
    with controlling(administrator) as control:
        roles = _listed(control, "listRoles", "roles")
        accounts = _listed(control, "listClients", "clients")
        access = Access(parse_roles(roles), parse_accounts(accounts))
        yield Provisioner(control, access, {one.sensor.external_id: one for one in sensors})


def _listed(control: BrokerControl, command: str, what: str) -> list[dict[str, Any]]:
    found: list[dict[str, Any]] = []
    while True:
        [answer] = control.ask([{"command": command, "verbose": True, "count": PAGE, "offset": len(found)}])
        page = answer.get(what, [])
        found += page
        if len(page) < PAGE:
            return found
