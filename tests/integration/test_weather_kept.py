"""Weather asked for over HTTP, from files and from stations, kept as issued; and told when none comes."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import threading
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from open_meteo_answers import BEGUN_S, NOW, place_told, sent
from prometheus_client import REGISTRY
from pydantic import SecretStr
from structlog.testing import capture_logs
from weather_server import Query, Said, WeatherServer, documented, weather_served

from core.clock import Window, floor_to_step, now
from core.commune_points import commune_points
from core.errors import SettingInvalid
from core.places import Sensor, SensorKind, Site
from core.settings import WorkerSettings
from core.store.pool import Pool, connected, open_pool
from core.store.roles import Login, as_login
from core.store.sensors import declare_sensor
from core.store.weather import read_latest_weather, read_weather_issues
from core.weather import VARIABLES, WeatherIssue, WeatherRefused
from core.weather_settings import WeatherSource
from services.jobs import worker_app
from services.weather.keeping import NOTHING_NEW, Asked, keep_weather
from services.weather.open_meteo import ANSWER_BYTES_MAX, WAITS_S, OpenMeteo
from services.weather.provider import WeatherAbsent
from services.weather.registry import weather_provider
from services.webhooks.outgoing import Outgoing

pytestmark = pytest.mark.integration
HOUR = timedelta(hours=1)
ROOT = Path(__file__).resolve().parents[2]
COMMUNES = ["93051", "93066"]
NO_DATABASE = "postgresql://nobody@localhost/none"
TEMPERATURE = VARIABLES.index("temperature_c")


def settings(town: str, provider: WeatherSource = WeatherSource.OPEN_METEO, **said: Any) -> WorkerSettings:
    return WorkerSettings(
        database_url=SecretStr(as_login(town, Login.WORKER)),
        outgoing_networks="127.0.0.0/8",
        outgoing_http_loopback=True,
        weather_provider=provider,
        **said,
    )


def asking(server: WeatherServer, town: str) -> WorkerSettings:
    return settings(town, outgoing_ports=str(server.port), weather_url=server.url)


class Patient(OpenMeteo):
    """Asks as the worker does, and notes how long it would have waited between its tries."""

    def __init__(self, ours: WorkerSettings) -> None:
        self.waited: list[float] = []
        super().__init__(ours, Outgoing(ours), self.waited.append)


@pytest.fixture
def town(database_url: str) -> str:
    """Sensors in two communes, one of them an outdoor station, and a retired one in a third."""
    with connected(database_url) as connection:
        mairie, station = Site("93051", "mairie", "Mairie"), Site("93066", "station", "Station")
        declare_sensor(connection, Sensor("meter-1", SensorKind.METER, "Compteur", mairie), NOW)
        declare_sensor(connection, Sensor("air-1", SensorKind.OUTDOOR_AIR, "Station", station), NOW)
        old = Sensor("meter-2", SensorKind.METER, "Ancien", Site("75056", "mairie", "Mairie"))
        declare_sensor(connection, old, NOW)
        connection.execute("UPDATE sensor SET retired_at = now() WHERE external_id = 'meter-2'")
    return database_url


@pytest.fixture
def pool(town: str) -> Iterator[Pool]:
    with open_pool(as_login(town, Login.WORKER), 2) as pool:
        yield pool


def kept(pool: Pool) -> list[WeatherIssue]:
    with pool.connection() as connection:
        return read_weather_issues(connection, COMMUNES, Window(NOW - 24 * HOUR, NOW + 240 * HOUR))


def alarms(town: str) -> list[tuple[str, bool]]:
    """Return the reason of each alarm of the weather, and whether it tells the end."""
    with connected(town) as connection:
        rows = connection.execute(
            "SELECT body FROM event WHERE name = 'alarm.weather_stale' ORDER BY happened_at"
        ).fetchall()
    told = [body["data"] for (body,) in rows]
    return [(one["words"]["values"]["reason"], one["until"] is not None) for one in told]


def test_all_communes_where_sensors_work_are_asked_for_at_once(town: str, pool: Pool) -> None:
    with weather_served() as server:
        ours = asking(server, town)
        assert keep_weather(pool, ours, Patient(ours), NOW) == Asked(2)
    [asked] = server.asked
    assert (asked["latitude"].count(","), asked["forecast_hours"]) == (1, "97")
    issues = kept(pool)
    assert [one.commune_insee for one in issues] == COMMUNES
    assert {one.provider for one in issues} == {"open-meteo"}
    assert {one.issued_at for one in issues} == {NOW}
    [known_at] = {one.received_at for one in issues}
    assert NOW < known_at < NOW + 60 * HOUR / 3_600
    assert {len(one.values) for one in issues} == {96}
    assert [f"{one.values[0, TEMPERATURE]:.4f}" for one in issues] == asked["latitude"].split(",")
    assert REGISTRY.get_sample_value(
        "vigie_weather_received_timestamp_seconds", {"provider": "open-meteo"}
    ) == pytest.approx(known_at.timestamp())


def test_it_is_asked_again_once_the_newest_is_old(town: str, pool: Pool) -> None:
    with weather_served(lambda query: documented(query, BEGUN_S + len(server.asked) * 7 * 3_600 - 7 * 3_600)) as server:
        ours = asking(server, town)
        asks = []
        for later in (timedelta(), timedelta(hours=5, minutes=59), timedelta(hours=7)):
            keep_weather(pool, ours, Patient(ours), NOW + later)
            asks.append(len(server.asked))
    assert asks == [1, 1, 2]
    assert len(kept(pool)) == 4


def test_asking_twice_for_one_instant_keeps_it_once(town: str, pool: Pool) -> None:
    with weather_served() as server:
        provider = Patient(asking(server, town))
        never = asking(server, town).model_copy(update={"weather_every_s": -1_000})
        assert [keep_weather(pool, never, provider, NOW) for _ in range(2)] == [Asked(2), Asked(0)]
    assert len(kept(pool)) == 2


def test_without_sensors_nobody_is_asked(database_url: str) -> None:
    with weather_served() as server, open_pool(as_login(database_url, Login.WORKER), 1) as pool:
        ours = asking(server, database_url)
        assert keep_weather(pool, ours, Patient(ours), NOW) is None
    assert server.asked == []


BUSY: list[Said] = [(429, sent({"error": True, "reason": "Minutely API request limit exceeded"})), (503, b"")]
PLACES = [commune_points()[commune] for commune in COMMUNES]


def test_a_busy_server_is_tried_again_with_patience(town: str, pool: Pool) -> None:
    said = iter(BUSY)
    with weather_served(lambda query: next(said, None) or documented(query)) as server:
        ours = asking(server, town)
        provider = Patient(ours)
        assert keep_weather(pool, ours, provider, NOW) == Asked(2)
    assert provider.waited == list(WAITS_S)
    assert alarms(town) == []


@pytest.mark.parametrize(
    ("said", "reason", "asks"),
    [
        (BUSY[0], "it answered 429: Minutely API request limit exceeded", 3),
        (BUSY[1], "it answered 503: no reason", 3),
        ((400, sent({"error": True, "reason": "Latitude must be in range of -90 to 90°"})), "it answered 400: Lat", 1),
        ((302, b""), "it answered 302", 1),
        ((404, b"<html>"), "it answered 404: no reason", 1),
        ((200, b"<html>"), "no JSON", 1),
        ((200, b""), "no JSON", 1),
        ((200, b"[" + b" " * ANSWER_BYTES_MAX + b"]"), "over", 1),
        ((200, sent(place_told(2.55, 48.84))), "1 places were told of, 2 were asked for", 1),
        ((200, sent([place_told(2.55, 48.84), place_told(2.55, 43.3)])), "not of", 1),
    ],
)
def test_an_answer_that_is_none_is_refused_over_the_line(said: Said, reason: str, asks: int) -> None:
    with weather_served(lambda _: said) as server, pytest.raises((WeatherAbsent, WeatherRefused), match=reason):
        Patient(asking(server, NO_DATABASE)).ask(PLACES, NOW)
    assert len(server.asked) == asks


def test_many_places_are_asked_for_in_turns_and_kept_together() -> None:
    places = list(commune_points().values())
    with weather_served() as server:
        issues = Patient(asking(server, NO_DATABASE)).ask(places, NOW)
        assert [query["latitude"].count(",") + 1 for query in server.asked] == [50, 50, 31]
        assert [one.commune_insee for one in issues] == [place.commune_insee for place in places]
        server.says = lambda query: BUSY[1] if len(server.asked) > 4 else documented(query)
        with pytest.raises(WeatherAbsent):
            Patient(asking(server, NO_DATABASE)).ask(places, NOW)


def test_a_failure_is_told_once_and_what_was_kept_stays(town: str, pool: Pool) -> None:
    with weather_served() as server:
        ours = asking(server, town)
        keep_weather(pool, ours, Patient(ours), NOW)
        before = [one.values.tolist() for one in kept(pool)]
        server.says = lambda _: (200, b"<html>")
        with capture_logs() as logged:
            asked = keep_weather(pool, ours, Patient(ours), NOW + 12 * HOUR)
    assert asked == Asked(0, "the answer is no JSON")
    assert [one["reason"] for one in logged if one["event"] == "weather_not_heard"] == [asked.failure]
    assert [one.values.tolist() for one in kept(pool)] == before


def test_a_server_that_is_not_there_and_one_that_may_not_be_called_are_failures(town: str, pool: Pool) -> None:
    with weather_served() as server:
        gone = asking(server, town)
    asked = keep_weather(pool, gone, Patient(gone), NOW)
    assert asked is not None
    assert "ConnectError" in asked.failure
    closed = gone.model_copy(update={"outgoing_networks": ""})
    asked = keep_weather(pool, closed, Patient(closed), NOW)
    assert asked is not None
    assert "VIGIE_WEATHER_URL: 127.0.0.1 is not of the open Internet" in asked.failure


def test_weather_that_grows_old_is_told_each_day_until_newer_comes(town: str, pool: Pool) -> None:
    failing: Said = (503, b"")
    with weather_served() as server:
        ours = asking(server, town)
        provider = Patient(ours)
        keep_weather(pool, ours, provider, NOW)
        server.says = lambda _: failing
        for hours in (23, 25, 26, 50):
            keep_weather(pool, ours, provider, NOW + hours * HOUR)
        server.says = lambda query: documented(query, BEGUN_S + 51 * 3_600)
        keep_weather(pool, ours, provider, NOW + 51 * HOUR)
    reason = "it answered 503: no reason"
    assert alarms(town) == [(reason, False), (reason, False), (NOTHING_NEW, True)]


def test_weather_that_never_came_is_told_at_once(town: str, pool: Pool) -> None:
    with weather_served(lambda _: (503, b"")) as server:
        ours = asking(server, town)
        keep_weather(pool, ours, Patient(ours), NOW)
    assert alarms(town) == [("it answered 503: no reason", False)]


def test_old_issues_go(town: str, pool: Pool) -> None:
    with weather_served(lambda query: documented(query, BEGUN_S + 86_400 * 200 * (len(server.asked) - 1))) as server:
        ours = asking(server, town).model_copy(update={"weather_days": 150})
        keep_weather(pool, ours, Patient(ours), NOW)
        keep_weather(pool, ours, Patient(ours), NOW + timedelta(days=200))
    with pool.connection() as connection:
        assert read_latest_weather(connection, "93051", NOW + timedelta(days=100)) is None
        assert read_latest_weather(connection, "93051", NOW + timedelta(days=201)) is not None


KILLED = """
import sys
from datetime import UTC, datetime
from core.settings import WorkerSettings
from core.store.pool import open_pool
from services.weather.keeping import keep_weather
from services.weather.provider import WeatherAbsent
from services.weather.registry import weather_provider
settings = WorkerSettings.from_environment()
with open_pool(settings.dsn, 1) as pool:
    print(keep_weather(pool, settings, weather_provider(settings, pool), datetime(2026, 3, 2, 8, 50, tzinfo=UTC)))
"""


def test_a_worker_killed_between_asking_and_keeping_leaves_nothing_and_the_next_one_asks(town: str, pool: Pool) -> None:
    heard, go_on = threading.Event(), threading.Event()

    def slowly(query: Query) -> Said:
        heard.set()
        go_on.wait(30)
        return documented(query)

    with weather_served(slowly) as server:
        environment = {
            "VIGIE_DATABASE_URL": as_login(town, Login.WORKER),
            "VIGIE_WEATHER_PROVIDER": "open-meteo",
            "VIGIE_WEATHER_URL": server.url,
            "VIGIE_OUTGOING_NETWORKS": "127.0.0.0/8",
            "VIGIE_OUTGOING_PORTS": str(server.port),
            "VIGIE_OUTGOING_HTTP_LOOPBACK": "true",
        }
        worker = subprocess.Popen([sys.executable, "-c", KILLED], cwd=ROOT, env={**os.environ, **environment})
        assert heard.wait(120)
        worker.send_signal(signal.SIGKILL)
        worker.wait(30)
        go_on.set()
        assert kept(pool) == []
        server.says = documented
        ours = asking(server, town)
        assert keep_weather(pool, ours, Patient(ours), NOW) == Asked(2)


def test_a_file_is_read_anew_and_its_issues_are_kept_once(town: str, pool: Pool, tmp_path: Path) -> None:
    path = tmp_path / "weather.csv"
    ours = settings(town, WeatherSource.FILE, weather_file=path)
    provider = weather_provider(ours, pool)
    assert provider is not None
    absent = keep_weather(pool, ours, provider, NOW)
    assert absent == Asked(0, "weather.csv cannot be read: No such file or directory")
    path.write_text("issued_at,valid_at,temperature_c\n2026-03-02T06:00:00Z,2026-03-02T06:00:00Z,5\n", encoding="utf-8")
    assert keep_weather(pool, ours, provider, NOW + HOUR) == Asked(2)
    assert keep_weather(pool, ours, provider, NOW + 2 * HOUR) is None
    assert keep_weather(pool, ours, provider, NOW + 8 * HOUR) == Asked(0)
    assert keep_weather(pool, ours, provider, NOW + 30 * HOUR) == Asked(0)
    assert {(one.provider, one.issued_at) for one in kept(pool)} == {("file", datetime(2026, 3, 2, 6, tzinfo=UTC))}
    assert alarms(town) == [(absent.failure, False), (NOTHING_NEW, True), (NOTHING_NEW, False)]


def test_stations_say_their_last_day_of_their_own_commune(town: str, pool: Pool) -> None:
    with connected(town) as connection:
        connection.execute(
            """
            INSERT INTO series (sensor_id, metric)
            SELECT sensor_id, metric FROM sensor, unnest(ARRAY['temperature_c', 'no2_ugm3']) AS metric
             WHERE external_id = 'air-1'
            """
        )
        connection.execute(
            """
            INSERT INTO rollup_hour (series_id, hour, count, good, slots, mean)
            SELECT series_id, date_trunc('hour', %s::timestamptz) - ago * interval '1 hour', 6, 6, 6, 48 - ago
              FROM series, generate_series(1, 48) AS ago
            """,
            (NOW,),
        )
    ours = settings(town, WeatherSource.STATION)
    provider = weather_provider(ours, pool)
    assert provider is not None
    assert keep_weather(pool, ours, provider, NOW) == Asked(1)
    [issue] = kept(pool)
    assert (issue.commune_insee, issue.provider, len(issue.values)) == ("93066", "station", 96)
    # A day ago it was 24, a degree more each hour, 24 more than the day before.
    assert issue.values[0, TEMPERATURE] == pytest.approx(24 + 24)


def test_the_simulated_town_says_the_same_between_two_of_its_issues(town: str, pool: Pool) -> None:
    ours = settings(town, WeatherSource.SIMULATED)
    provider = weather_provider(ours, pool)
    assert provider is not None
    assert keep_weather(pool, ours, provider, NOW) == Asked(2)
    assert [(one.provider, one.issued_at.hour) for one in kept(pool)] == [("simulated", 6)] * 2


def test_the_worker_has_one_job_of_it_at_a_time(town: str, pool: Pool) -> None:
    begun_s = int(floor_to_step(now(), HOUR).timestamp())
    with weather_served(lambda query: documented(query, begun_s)) as server:
        jobs = worker_app(asking(server, town), pool)
        jobs.tasks["weather"].func(timestamp=0)
        jobs.tasks["weather"].func(timestamp=0)
    assert len(server.asked) == 1
    with pool.connection() as connection:
        assert read_latest_weather(connection, "93051", now()) is not None
    [job] = [one for one in jobs.periodic_registry.periodic_tasks.values() if one.task.name == "weather"]
    assert (job.cron, job.configure_kwargs["lock"], job.configure_kwargs["queueing_lock"]) == (
        "*/10 * * * *",
        "weather",
        "weather",
    )


def test_settings_say_who_forecasts(town: str, pool: Pool) -> None:
    assert weather_provider(settings(town, WeatherSource.NONE), pool) is None
    with pytest.raises(SettingInvalid, match="VIGIE_WEATHER_FILE"):
        weather_provider(settings(town, WeatherSource.FILE), pool)
