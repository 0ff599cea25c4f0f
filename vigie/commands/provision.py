"""`vigie provision`: accounts and rights at the broker. Passwords are shown once; the broker keeps their hash."""

from __future__ import annotations

import csv
import io
import os
import re
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from core.audit import Act, What
from core.clock import now
from core.errors import SettingInvalid, VigieError
from core.places import SensorKind, communes, current_commune, site_code
from core.settings import ProvisionSettings
from core.store.audit import record
from core.store.pool import Connection, connected
from core.store.sensors import read_sensors

if TYPE_CHECKING:
    # The rooms of the worker and the api carry no MQTT: it is imported when a command needs it.
    from ingestors.provisioning import Credentials, Provisioner

app = typer.Typer(
    no_args_is_help=True, help="Give sensors, gateways, networks and integrators their accounts at the broker."
)

_NAME = re.compile(r"[a-z0-9][a-z0-9._-]{0,63}")
_COLUMNS = ("external_id", "user", "password", "topics")
Commune = Annotated[str | None, typer.Option(help="INSEE code; only the sensors of this commune.")]
SiteName = Annotated[str | None, typer.Option("--site", help="Only the sensors of this site of the commune.")]
User = Annotated[str, typer.Argument(help="The account: sensor.ID, gateway.NAME, network.NAME or integrator.NAME.")]


class FileRefused(VigieError):
    """The file of credentials cannot be written."""


@app.command()
def sensor(external_id: Annotated[str, typer.Argument(help="The sensor's name on the network.")]) -> None:
    """Let a sensor publish on its own topic, and do nothing else."""
    with _provisioner() as (connection, provisioner):
        _tell(connection, provisioner.give_sensor(external_id))


@app.command()
def gateway(
    name: Annotated[str, typer.Argument(help="What the gateway is called: letters, digits, '.', '_' and '-'.")],
    *,
    sensors: Annotated[str | None, typer.Option(help="External ids of the sensors it carries, comma between.")] = None,
    commune: Commune = None,
    site: SiteName = None,
) -> None:
    """Let a gateway publish for exactly these sensors. Said again with others, it carries those instead."""
    listed = [one.strip() for one in (sensors or "").split(",") if one.strip()]
    if bool(listed) == (site is not None):
        raise SettingInvalid("give either --sensors, or --site with its --commune")
    with _provisioner() as (connection, provisioner):
        carried = listed or _in_service(connection, None, commune, site)
        _tell(connection, provisioner.give_gateway(_name(name), carried))


@app.command()
def network(
    name: Annotated[str, typer.Argument(help="What the account is called.")],
    *,
    server: Annotated[str, typer.Option(help="the_things_stack or chirpstack.")],
    application: Annotated[str, typer.Option(help="As its topics name it, such as capteurs@ttn, or its id.")],
) -> None:
    """Let a LoRaWAN network server publish the uplinks of one of its applications."""
    from ingestors.access import network_topic
    from ingestors.topics import Network

    try:
        topic = network_topic(Network(server), application)
    except ValueError as error:
        raise SettingInvalid(f"--server, --application: {error}") from None
    with _provisioner() as (connection, provisioner):
        _tell(connection, provisioner.give_network(_name(name), topic))


@app.command()
def integrator(
    name: Annotated[str, typer.Argument(help="What the account is called.")],
    *,
    commune: Annotated[list[str], typer.Option(help="INSEE code; said again, it reads of that commune, too.")],
) -> None:
    """Let a program of communes read their decisions and alarms. Said again with others, it reads those instead."""
    insees = [_insee(one) for one in commune]
    with _provisioner() as (connection, provisioner):
        _tell(connection, provisioner.give_integrator(_name(name), insees))


@app.command("csv")
def many(
    file: Annotated[Path, typer.Argument(help="A new file, readable by you only.")],
    *,
    commune: Commune = None,
    kind: Annotated[SensorKind | None, typer.Option(help="Only this kind.")] = None,
    site: SiteName = None,
) -> None:
    """Give all these sensors an account where they have none, and write the credentials to a new file."""
    with _provisioner() as (connection, provisioner), _private(file) as keep:
        made = provisioner.give_many(_in_service(connection, kind, commune, site), keep)
        _record(connection, What.ACCESS_GIVEN, "sensors", commune=commune, site=site, accounts=made)
    print(f"{made} accounts were made; their credentials are in {file}, and nowhere else")


@app.command()
def ingest() -> None:
    """Let the ingest process in with the account of VIGIE_BROKER_URL, and close the broker to all without one."""
    from ingestors.broker import BrokerAddress

    settings = ProvisionSettings.from_environment()
    address = BrokerAddress.parse(settings.broker_url.get_secret_value())
    if not address.user or not address.password:
        raise SettingInvalid("VIGIE_BROKER_URL: it holds no account of the ingest process (mqtt://user:password@...)")
    with _provisioner() as (connection, provisioner):
        provisioner.let_ingest_in(address)
        _record(connection, What.ACCESS_GIVEN, address.user)
    print(f"the ingest process is let in as {address.user}; nobody else but who is provisioned")


@app.command()
def follow() -> None:
    """Bring the rights at the broker to the registry, after sensors were moved, replaced, retired or restored."""
    with _provisioner() as (connection, provisioner):
        done = provisioner.follow()
        if done:
            _record(connection, What.ACCESS_FOLLOWED, "sensors", changes=len(done))
    for command in done:
        print(f"{command['command']} {command.get('rolename') or command.get('username')}")
    print(f"{len(done)} changes at the broker" if done else "the broker has what the registry says")


@app.command()
def rotate(user: User) -> None:
    """Give an account another password, and show it once."""
    with _provisioner() as (connection, provisioner):
        print(f"password\t{provisioner.rotate(user)}")
        _record(connection, What.ACCESS_ROTATED, user)


@app.command()
def revoke(user: User) -> None:
    """Take an account away; whoever uses it is disconnected."""
    with _provisioner() as (connection, provisioner):
        provisioner.revoke(user)
        _record(connection, What.ACCESS_REVOKED, user)
    print(f"{user} has no access any more")


@app.command("list")
def list_accounts() -> None:
    """Print the accounts at the broker, one a line, with their roles."""
    with _provisioner() as (_, provisioner):
        for user, account in sorted(provisioner.access.accounts.items()):
            print("\t".join((user, "disabled" if account.disabled else "enabled", *sorted(account.roles))))


@contextmanager
def _provisioner() -> Iterator[tuple[Connection, Provisioner]]:
    from ingestors.broker import BrokerAddress
    from ingestors.provisioning import provisioning

    settings = ProvisionSettings.from_environment()
    administrator = BrokerAddress.parse(settings.broker_admin_url.get_secret_value(), settings.broker_ca_file)
    with (
        connected(settings.dsn) as connection,
        provisioning(connection, administrator, now()) as provisioner,
    ):
        yield connection, provisioner


def _in_service(connection: Connection, kind: SensorKind | None, commune: str | None, site: str | None) -> list[str]:
    if site is not None and commune is None:
        raise SettingInvalid("--site: say --commune too")
    insee = _insee(commune) if commune is not None else None
    found = [
        one.external_id
        for one in read_sensors(connection, commune=insee, kind=kind)
        if one.retired_at is None and (site is None or site_code(site) in {one.site.code, site_code(one.site.name)})
    ]
    if not found:
        raise SettingInvalid("no sensor is adopted there")
    return found


def _insee(commune: str) -> str:
    if commune not in communes():
        raise SettingInvalid(f"--commune: {commune} is the INSEE code of no commune of the Métropole du Grand Paris")
    return current_commune(commune).insee


def _name(given: str) -> str:
    if not _NAME.fullmatch(given.lower()):
        raise SettingInvalid(f"{given!r} is no name: letters, digits, '.', '_' and '-', at most 64")
    return given.lower()


def _record(connection: Connection, what: What, user: str, **told: str | int | Sequence[str] | None) -> None:
    """Put on record what the broker has just done; with the broker, no transaction binds the two."""
    record(connection, Act(what, f"account:{user}", after=told or None))


def _tell(connection: Connection, credentials: Credentials) -> None:
    _record(connection, What.ACCESS_GIVEN, credentials.user, topics=list(credentials.topics))
    print(f"user\t{credentials.user}")
    if credentials.password is None:
        print("password\tas before (vigie provision rotate gives another)")
    else:
        print(f"password\t{credentials.password}\t(shown once, kept nowhere)")
    for topic in credentials.topics:
        print(f"topic\t{topic}")


@contextmanager
def _private(file: Path) -> Iterator[Callable[[Sequence[Credentials]], None]]:
    """Make a file that only its owner reads, and give what writes credentials to it, at once."""
    try:
        descriptor = os.open(file, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    except OSError as error:
        raise FileRefused(f"{file}: {error.strerror}") from None
    with os.fdopen(descriptor, "w", encoding="utf-8", newline="") as opened:
        opened.write(";".join(_COLUMNS) + "\r\n")

        def keep(lot: Sequence[Credentials]) -> None:
            lines = io.StringIO()
            rows = csv.writer(lines, delimiter=";")
            for one in lot:
                rows.writerow((one.user.partition(".")[2], one.user, one.password, " ".join(one.topics)))
            opened.write(lines.getvalue())
            opened.flush()
            os.fsync(opened.fileno())

        yield keep
