"""`vigie sensors`: who is adopted, and their life: adopt, edit, move, retire, replace, import a spreadsheet."""

from __future__ import annotations

from dataclasses import replace
from datetime import datetime
from pathlib import Path
from typing import Annotated

import typer

from core.clock import format_instant, now, parse_instant
from core.errors import SettingInvalid, UnknownSensor, VigieError
from core.places import EXTERNAL_ID, INTERVAL_S_MAX, Sensor, SensorKind, Site, communes, current_commune, site_code
from core.registry_csv import BYTES_MAX, parse_csv
from core.registry_plan import Plan, Step, plan_lines
from core.sensor_life import Device, Signature, check_model
from core.settings import Settings
from core.store import sensor_life as life
from core.store.devices import read_device_models
from core.store.places import read_sites
from core.store.pool import Connection, connected
from core.store.sensor_bulk import SITES_MAX, read_registered, write_plan
from core.store.sensors import (
    UNSIGNED,
    adopt_sensor,
    read_sensor_named,
    read_sensors,
)

app = typer.Typer(no_args_is_help=True, help="Adopt sensors, and change, move, replace or retire them.")

SHOWN_MAX = 50
NO_MODEL = "none"

ExternalId = Annotated[str, typer.Argument(help="The sensor's name on the network, such as its DevEUI.")]
Kind = Annotated[SensorKind, typer.Option(help="What it is.")]
Commune = Annotated[str, typer.Option(help="INSEE code.")]
SiteName = Annotated[str, typer.Option("--site", help="Name of the site it stands on; a new one is made.")]
ModelOption = Annotated[str | None, typer.Option(help=f"Its device model; {NO_MODEL}: its network decodes.")]
IntervalOption = Annotated[
    int | None, typer.Option("--interval-s", min=1, max=INTERVAL_S_MAX, help="How often it speaks, in seconds.")
]
Since = Annotated[str | None, typer.Option("--since", help="From which instant, with its offset; else from now.")]
By = Annotated[str, typer.Option("--by", help="Who does it, for the sensor's history.")]


class FileRefused(VigieError):
    """The file has errors: nothing was changed."""


@app.command("list")
def list_sensors(
    commune: Annotated[str | None, typer.Option(help="INSEE code; only this commune.")] = None,
    kind: Annotated[SensorKind | None, typer.Option(help="Only this kind.")] = None,
) -> None:
    """Print the adopted sensors, one a line."""
    insee = _commune(commune) if commune else None
    with connected(Settings.from_environment().dsn) as connection:
        for sensor in read_sensors(connection, commune=insee, kind=kind):
            retired = f"retired {format_instant(sensor.retired_at)}" if sensor.retired_at else ""
            site = sensor.site
            fields = (sensor.external_id, sensor.kind, site.commune_insee, site.name, sensor.name, sensor.model or "")
            print("\t".join((*fields, retired)).rstrip())


@app.command()
def adopt(
    external_id: ExternalId,
    *,
    kind: Kind,
    name: Annotated[str, typer.Option(help="What people call it.")],
    commune: Commune,
    site: SiteName,
    model: ModelOption = None,
    interval_s: IntervalOption = None,
    by: By = UNSIGNED,
) -> None:
    """Adopt a sensor: what was kept aside for it is taken in."""
    insee = _commune(commune)
    with connected(Settings.from_environment().dsn) as connection:
        place = _site(connection, insee, site)
        sensor = Sensor(_external_id(external_id), kind, name, place, model=_model(model, None), interval_s=interval_s)
        check_model(sensor.model, kind, read_device_models(connection))
        adopt_sensor(connection, sensor, now(), by)
    print(f"{sensor.external_id} is adopted on {site}")


@app.command()
def edit(
    external_id: ExternalId,
    *,
    name: Annotated[str | None, typer.Option(help="What people call it.")] = None,
    kind: Annotated[SensorKind | None, typer.Option(help="What it is.")] = None,
    model: ModelOption = None,
    interval_s: IntervalOption = None,
    restore: Annotated[bool, typer.Option("--restore", help="Take its retirement back.")] = False,
    by: By = UNSIGNED,
) -> None:
    """Change what a sensor is called, what it is, or how often it speaks; what is not given stays."""
    with connected(Settings.from_environment().dsn) as connection:
        held = _held(connection, external_id)
        wanted = replace(
            held,
            name=name or held.name,
            kind=kind or held.kind,
            model=_model(model, held.model),
            interval_s=interval_s or held.interval_s,
            retired_at=None if restore else held.retired_at,
        )
        life.edit_sensor(connection, held, wanted, Signature(by, now()))
    print(f"{held.external_id} is up to date")


@app.command()
def move(external_id: ExternalId, *, commune: Commune, site: SiteName, since: Since = None, by: By = UNSIGNED) -> None:
    """Put a sensor on another site: its series and their history stay."""
    insee, at, signed = _commune(commune), _since(since), Signature(by, now())
    with connected(Settings.from_environment().dsn) as connection:
        held = _held(connection, external_id)
        life.move_sensor(connection, held, _site(connection, insee, site), at or signed.at, signed)
    print(f"{held.external_id} stands on {site}. Its topic changed: vigie provision follow")


@app.command()
def retire(external_id: ExternalId, *, since: Since = None, by: By = UNSIGNED) -> None:
    """Take a sensor out of service: what it observes from then on is refused, its history stays."""
    at, signed = _since(since), Signature(by, now())
    with connected(Settings.from_environment().dsn) as connection:
        held = _held(connection, external_id)
        life.retire_sensor(connection, held, at or signed.at, signed)
    print(f"{held.external_id} is retired. To close its access: vigie provision follow")


@app.command("replace")
def replace_device(
    external_id: ExternalId,
    new_external_id: Annotated[str, typer.Argument(help="The new device's name on the network.")],
    *,
    model: ModelOption = None,
    since: Since = None,
    by: By = UNSIGNED,
) -> None:
    """Put another device in a sensor's place: the sensor, its series and their history stay."""
    at, signed = _since(since), Signature(by, now())
    with connected(Settings.from_environment().dsn) as connection:
        held = _held(connection, external_id)
        device = Device(_external_id(new_external_id), _model(model, held.model))
        life.replace_device(connection, held, device, at or signed.at, signed)
    print(f"{device.external_id} stands where {held.external_id} did. For its access: vigie provision follow")


@app.command("import")
def import_file(
    file: Annotated[Path, typer.Argument(help="CSV: external_id;kind;name;commune;site;model;interval_s;...")],
    *,
    dry_run: Annotated[bool, typer.Option("--dry-run", help="Say what would be done, and do nothing.")] = False,
    by: By = UNSIGNED,
) -> None:
    """Adopt and edit the sensors of a spreadsheet: all of them, or none."""
    try:
        with file.open("rb") as opened:
            raw = opened.read(BYTES_MAX + 1)
    except OSError as error:
        raise FileRefused(f"{file}: {error.strerror}") from None
    if len(raw) > BYTES_MAX:
        raise FileRefused(f"{file} is over {BYTES_MAX} bytes")
    asked = parse_csv(raw)
    with connected(Settings.from_environment().dsn) as connection:
        registered = read_registered(connection, [line.external_id for line in asked.lines], hold=not dry_run)
        plan = plan_lines(asked, registered)
        _tell(plan, file)
        if plan.faults:
            raise FileRefused(f"{file} has {len(plan.faults)} errors: nothing was changed")
        if not dry_run:
            write_plan(connection, plan, Signature(by, now()))
    print("nothing was changed: a dry run" if dry_run else "done")


def _tell(plan: Plan, file: Path) -> None:
    for fault in plan.faults[:SHOWN_MAX]:
        print(f"{file}, {fault}")
    counts = plan.counts
    print(
        f"{counts[Step.ADOPT]} to adopt, {counts[Step.EDIT]} to edit, {counts[Step.UNCHANGED]} unchanged, "
        f"{counts[Step.ERROR]} lines with errors"
    )


def _held(connection: Connection, external_id: str) -> Sensor:
    sensor = read_sensor_named(connection, external_id.lower())
    if sensor is None or sensor.sensor_id is None:
        raise UnknownSensor(f"no sensor is named {external_id!r}")
    return life.hold_sensor(connection, sensor.sensor_id)


def _external_id(given: str) -> str:
    if not EXTERNAL_ID.fullmatch(given.lower()):
        raise SettingInvalid(f"{given!r} is no external id: letters, digits, '.', '_' and '-', at most 64")
    return given.lower()


def _commune(insee: str) -> str:
    if insee not in communes():
        raise SettingInvalid(f"--commune: {insee} is the INSEE code of no commune of the Métropole du Grand Paris")
    return current_commune(insee).insee


def _site(connection: Connection, insee: str, name: str) -> Site:
    """Return the commune's site of this name, or a new one."""
    code = site_code(name)
    if not code:
        raise SettingInvalid(f"--site: {name!r} has no letter and no digit")
    known = read_sites(connection, commune=insee, limit=SITES_MAX)
    return next((site for site in known if code in {site.code, site_code(site.name)}), Site(insee, code, name))


def _model(given: str | None, known: str | None) -> str | None:
    return known if given is None else None if given == NO_MODEL else given


def _since(given: str | None) -> datetime | None:
    try:
        return parse_instant(given) if given else None
    except ValueError as error:
        raise SettingInvalid(f"--since: {error}") from None
