"""The command line: ``vigie COMMAND --help`` says what each does. Settings come from VIGIE_* variables."""

from __future__ import annotations

import sys
from datetime import timedelta
from pathlib import Path
from typing import Annotated

import typer

from core.clock import now, parse_instant
from core.errors import SettingInvalid, VigieError
from core.instruments import serve_instruments
from core.log import start_log
from core.settings import ApiSettings, IngestSettings, MigrateSettings, Settings, WorkerSettings
from core.store.migrate import migrate as migrate_store
from core.store.pool import connected, store_absence_told
from core.store.roles import Login, set_passwords
from vigie.commands import (
    admin,
    alarms,
    audit,
    backtest,
    backup,
    document,
    export,
    geo,
    intake,
    models,
    provision,
    rejections,
    sensors,
    storage,
    weather,
    webhooks,
)
from vigie.signals import stop_on_signal

# Each command imports its room when it is called: an ingest image carries no LightGBM and no web framework.
app = typer.Typer(no_args_is_help=True, add_completion=False, pretty_exceptions_enable=False, help=__doc__)
app.add_typer(admin.app, name="admin")
app.add_typer(sensors.app, name="sensors")
app.add_typer(provision.app, name="provision")
app.add_typer(rejections.app, name="rejections")
app.command("import")(intake.import_files)
app.command("backfill")(intake.backfill)
app.add_typer(export.app, name="exports")
app.add_typer(storage.app, name="storage")
app.add_typer(webhooks.app, name="webhooks")
app.add_typer(alarms.app, name="alarms")
app.add_typer(weather.app, name="weather")
app.add_typer(geo.app, name="geo")
app.add_typer(audit.app, name="audit")
app.add_typer(models.app, name="models")
app.command("train")(models.train)
app.command("export")(export.export_file)
app.command("backup")(backup.backup_database)
app.command("restore")(backup.restore_database)
app.command("carry")(backup.carry_database)
app.command("openapi")(document.print_document)
app.command("backtest")(backtest.backtest)

SPEED_HELP = "Seconds of the source per second, once the history is published; 0 ends there."


def _begin(process: str, settings: Settings) -> None:
    start_log(process, as_json=settings.log_json)
    serve_instruments(settings.metrics_host, settings.metrics_port)


@app.command()
def migrate() -> None:
    """Bring the database to the present schema, while the other processes work; run again, it does nothing."""
    settings = MigrateSettings.from_environment()
    start_log("migrate", as_json=settings.log_json)
    ran = migrate_store(settings.dsn)
    passwords = {
        Login.API: settings.database_api_password,
        Login.DOOR: settings.database_door_password,
        Login.INGEST: settings.database_ingest_password,
        Login.WORKER: settings.database_worker_password,
    }
    with connected(settings.dsn) as connection:
        set_passwords(connection, {login: one.get_secret_value() for login, one in passwords.items()})
    took_s = sum(one.duration_s for one in ran)
    print(f"{len(ran)} migrations run in {took_s:.1f} s" if ran else "the schema is up to date")


@app.command()
def ingest() -> None:
    """Take readings from the broker into the database until it is told to stop."""
    from ingestors.process import run_ingest

    settings = IngestSettings.from_environment()
    _begin("ingest", settings)
    run_ingest(settings, stop_on_signal())


@app.command()
def worker() -> None:
    """Forecast, decide, train and score at their hours, until it is told to stop."""
    from services.jobs import run_worker

    settings = WorkerSettings.from_environment()
    _begin("worker", settings)
    run_worker(settings)


@app.command()
def api() -> None:
    """Serve the API and the pages until it is told to stop."""
    from services.api.process import run_api
    from vigie.decoding import present_decoders

    settings = ApiSettings.from_environment()
    _begin("api", settings)
    run_api(settings, present_decoders())


@app.command()
def demo(
    *,
    folder: Annotated[Path | None, typer.Option(help="Where data and logs are kept between runs.")] = None,
    port: Annotated[int, typer.Option(min=1, max=65535, help="First port to try for the pages.")] = 8080,
    replay: Annotated[Path | None, typer.Option(help="Feed these real files instead of the simulator.")] = None,
    days: Annotated[int, typer.Option(min=1, max=3650, help="Days of history to begin with.")] = 28,
    speed: Annotated[float, typer.Option(min=0.01, max=3600, help="Speed of the feed once live.")] = 1.0,
) -> None:
    """Run everything on this machine: database, broker, sensors, ingest, worker, api and pages."""
    from vigie.demo import DemoPlan, run_demo

    default = Path(".vigie") / (f"replay-{replay.resolve().name}" if replay else "demo")
    run_demo(DemoPlan((folder or default).resolve(), port, replay, days, speed), stop_on_signal())


@app.command()
def simulate(
    *,
    days: Annotated[int, typer.Option(min=0, max=3650, help="Days of history to publish first.")] = 28,
    seed: Annotated[int, typer.Option(help="Another seed is another town.")] = 1,
    speed: Annotated[float, typer.Option(min=0, max=3600, help=SPEED_HELP)] = 1.0,
    adopt: Annotated[bool, typer.Option(help="Declare the town's sensors in the database first.")] = False,
) -> None:
    """Publish a simulated town over MQTT; its sensors are labelled simulated when they are adopted."""
    from models.simulation.town import town
    from vigie.feeding import Feeding, feed, simulated_weather, town_subjects

    feeding = Feeding(timedelta(days=days), speed, town_subjects(), simulated_weather(seed))
    feed(town(seed), feeding, stop_on_signal(), _database(needed=adopt))


@app.command()
def replay(
    files: Annotated[list[Path], typer.Argument(help="Long Parquet or CSV files, or folders of them.")],
    *,
    days: Annotated[int, typer.Option(min=0, max=3650, help="Days of history to publish first.")] = 28,
    commune: Annotated[str, typer.Option(help="INSEE code of the commune that the sensors are shown in.")] = "93051",
    speed: Annotated[float, typer.Option(min=0, max=3600, help=SPEED_HELP)] = 1.0,
    adopt: Annotated[bool, typer.Option(help="Declare the files' sensors in the database first.")] = False,
) -> None:
    """Publish real files over MQTT with their times shifted to end now, labelled replayed, and go on live."""
    from ingestors.replay import ReplayFiles
    from vigie.feeding import Feeding, feed

    history = timedelta(days=days)
    source = ReplayFiles(files, commune=commune, now=now(), history=history)
    feed(source, Feeding(history, speed), stop_on_signal(), _database(needed=adopt))


def _database(*, needed: bool) -> str | None:
    return Settings.from_environment().dsn if needed else None


@app.command()
def decide(
    kind: Annotated[str, typer.Argument(help="ventilation, round, load_shifting or bay.")],
    *,
    subject: Annotated[str | None, typer.Option(help="Code of one subject; without it, all of the kind.")] = None,
    at: Annotated[str | None, typer.Option(help="Replay as of this instant, with its offset, and compare.")] = None,
    language: Annotated[str, typer.Option(help="fr or en.")] = "fr",
) -> None:
    """Decide now and print it in words; with --at, replay what was known then: exit 1 when it comes out otherwise."""
    from vigie.deciding import run_decide

    if language not in {"fr", "en"}:
        raise SettingInvalid(f"--language: {language} is neither fr nor en")
    try:
        instant = parse_instant(at) if at else None
    except ValueError as error:
        raise SettingInvalid(f"--at: {error}") from None
    if not run_decide(kind, subject, instant, language):
        raise typer.Exit(1)


def main() -> None:
    """Run the command line; what a person can mend ends in one line, not in a trace."""
    try:
        with store_absence_told():
            app()
    except VigieError as error:
        print(f"vigie: {error}", file=sys.stderr)
        raise SystemExit(2) from None


if __name__ == "__main__":
    main()
