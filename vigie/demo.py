"""The demo: the whole platform on one machine, with an embedded database and broker, under one supervisor."""

from __future__ import annotations

import secrets
import sys
import threading
import time
from dataclasses import dataclass
from pathlib import Path
from urllib.error import URLError
from urllib.request import urlopen

from core.errors import StoreAbsent
from core.metrics import forecast_metrics
from core.store.migrate import migrate
from core.store.pool import connected
from core.store.roles import Login, as_login
from core.store.status import Progress, read_progress
from vigie.commands.admin import administrator_link
from vigie.embedded import EmbeddedDatabase, broker_configuration, free_port
from vigie.supervisor import Child, Supervisor

BROKER_PORT = 1883
WATCH_S = 1.0
TELL_S = 5.0


@dataclass(frozen=True, slots=True)
class DemoPlan:
    """What the demo runs: data and logs in ``folder``, pages from ``port`` on.

    ``replay`` feeds real files instead of the simulated town; ``days`` of history come first.
    """

    folder: Path
    port: int
    replay: Path | None
    days: int
    speed: float


def say(line: str) -> None:
    """Tell the person who started the demo."""
    print(f"vigie demo: {line}", flush=True)


def run_demo(plan: DemoPlan, stop: threading.Event) -> None:
    """Run the platform until ``stop`` is set; data stays in ``plan.folder`` for the next start."""
    started = time.monotonic()
    port = _port("pages", plan.port)
    broker_port = _port("broker (MQTT 3.1.1)", BROKER_PORT)
    broker_port_v5 = free_port(broker_port + 1)
    say(f"data and logs are kept in {plan.folder}")
    database = EmbeddedDatabase(plan.folder / "postgres")
    supervisor = Supervisor(plan.folder / "logs", say)
    try:
        dsn = database.create("vigie")
        migrate(dsn)
        say("database ready (PostgreSQL, embedded); for other commands, in another terminal:")
        say(f'    export VIGIE_DATABASE_URL="{dsn}"')
        say(f'    export VIGIE_PUBLIC_URL="http://127.0.0.1:{port}"')
        environment = {
            "VIGIE_BROKER_URL": f"mqtt://127.0.0.1:{broker_port_v5}",
            "VIGIE_PORT": str(port),
            "VIGIE_LOG_JSON": "false",
            # Two trainings at once on one thread each: on two cores, more threads only wait for each other.
            "VIGIE_THREADS": "1",
            # The feed publishes weeks of history at once: a flood anywhere else.
            "VIGIE_FLOOD_SENSOR_BURST": "1000000",
            "VIGIE_FLOOD_COMMUNE_BURST": "100000000",
            "VIGIE_PAST_DAYS_MAX": "4000",
            "VIGIE_SECRET_FILE": str(kept_secret(plan.folder)),
            # Real files have had their own weather, which nobody kept for us.
            "VIGIE_WEATHER_PROVIDER": "none" if plan.replay else "simulated",
        }
        _start_broker(supervisor, plan, (broker_port, broker_port_v5))
        _start_all(supervisor, plan, environment, dsn)
        say(f"broker on mqtt://127.0.0.1:{broker_port} (MQTT 3.1.1) and :{broker_port_v5} (MQTT 5)")
        _follow(supervisor, dsn, stop, f"http://127.0.0.1:{port}/", started)
    finally:
        say("stopping: what was received is being written")
        supervisor.stop()
        database.stop()
        say("stopped; the data is kept for the next start")


def _port(what: str, wanted: int) -> int:
    port = free_port(wanted)
    if port != wanted:
        say(f"port {wanted} is taken by another program: {what} on port {port} instead")
    return port


def kept_secret(folder: Path) -> Path:
    """Return the file of the secret that signs cookies; made once, so that who is signed in stays so."""
    path = folder / "secret"
    if not path.exists():
        path.touch(mode=0o600)
        path.write_text(secrets.token_urlsafe(48), encoding="utf-8")
    return path


def databases_of(dsn: str) -> dict[str, dict[str, str]]:
    """Return each child's addresses of the database: its own login, but for the feed, which an operator might be."""
    return {
        "api": {
            "VIGIE_DATABASE_URL": as_login(dsn, Login.API),
            "VIGIE_DATABASE_DOOR_URL": as_login(dsn, Login.DOOR),
        },
        "worker": {"VIGIE_DATABASE_URL": as_login(dsn, Login.WORKER)},
        "ingest": {"VIGIE_DATABASE_URL": as_login(dsn, Login.INGEST)},
        "feed": {"VIGIE_DATABASE_URL": dsn},
    }


def _start_broker(supervisor: Supervisor, plan: DemoPlan, ports: tuple[int, int]) -> None:
    configuration = plan.folder / "broker.toml"
    configuration.write_text(broker_configuration(*ports), encoding="utf-8")
    supervisor.start(Child("broker", [sys.executable, "-m", "vigie.embedded", str(configuration)], {}))


def _start_all(supervisor: Supervisor, plan: DemoPlan, environment: dict[str, str], dsn: str) -> None:
    vigie = [sys.executable, "-m", "vigie"]
    databases = databases_of(dsn)
    feed = ["replay", str(plan.replay.resolve())] if plan.replay else ["simulate"]
    feed += ["--days", str(plan.days), "--speed", str(plan.speed), "--adopt"]
    for name, command in (("api", ["api"]), ("worker", ["worker"]), ("ingest", ["ingest"]), ("feed", feed)):
        own = {**environment, **databases[name]}
        supervisor.start(Child(name, [*vigie, *command], own, lasting=name != "feed"))


def _follow(supervisor: Supervisor, dsn: str, stop: threading.Event, url: str, started: float) -> None:
    """Watch over the children and tell how far the platform has come, until all its models are trained."""
    announced, told, last = False, 0.0, ""
    while not stop.wait(WATCH_S):
        supervisor.watch()
        if not announced and _answers(url):
            announced = True
            say(
                f"open {_entrance(dsn, url)}  (ready after {time.monotonic() - started:.0f} s, Ctrl-C stops everything)"
            )
            say("the link lets its administrator in once; `vigie admin link` prints another")
        if announced and time.monotonic() - told >= TELL_S:
            told = time.monotonic()
            line = _progress_line(dsn)
            if line != last:
                say(line)
            last = line


def _entrance(dsn: str, url: str) -> str:
    """Return the address that lets the demo's administrator in, once."""
    with connected(dsn) as connection:
        secret = administrator_link(connection, "vigie demo")
        connection.commit()
    return f"{url}enter/{secret}"


def _answers(url: str) -> bool:
    try:
        with urlopen(f"{url}api/v1/ready", timeout=1) as answer:  # noqa: S310 - our own loopback address
            return bool(answer.status == 200)
    except (URLError, TimeoutError, ConnectionError):
        return False


def _progress_line(dsn: str) -> str:
    try:
        with connected(dsn) as connection:
            return _in_words(read_progress(connection))
    except StoreAbsent as error:
        return str(error)


def _in_words(progress: Progress) -> str:
    wanted = [metric.name for metric, _ in forecast_metrics()]
    trained = [name for name in wanted if name in progress.models]
    readings = f"{progress.readings:,}".replace(",", " ")
    text = f"{progress.sensors} sensors, {readings} readings stored"
    if trained:
        text += f", models trained: {', '.join(trained)}"
    return text + f", {progress.forecasts} series forecast by a model"
