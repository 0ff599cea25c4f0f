"""`vigie weather`, and the past weather of a simulated town."""

from __future__ import annotations

from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from pathlib import Path

import numpy as np
import pytest
from typer.testing import CliRunner

from core.audit import What
from core.clock import Window, now
from core.errors import SettingInvalid, VigieError
from core.places import Sensor, SensorKind, Site
from core.store.audit import chain_read
from core.store.pool import connected
from core.store.sensors import declare_sensor
from core.store.weather import read_weather_issues, write_weather
from core.weather import VARIABLES, WeatherIssue
from core.weather_settings import WeatherSource
from models.simulation.sky import forecast_weather
from models.simulation.town import town
from services.weather.simulated import SimulatedWeather
from vigie.__main__ import app
from vigie.feeding import keep_past_weather, simulated_weather

pytestmark = pytest.mark.integration
AT = datetime(2026, 3, 2, tzinfo=UTC)
HOUR = timedelta(hours=1)
COMMUNES = ["93048", "93051"]
Vigie = Callable[..., tuple[int, str]]


@pytest.fixture
def vigie(database_url: str, monkeypatch: pytest.MonkeyPatch) -> Vigie:
    monkeypatch.setenv("VIGIE_DATABASE_URL", database_url)
    with connected(database_url) as connection:
        for commune in COMMUNES:
            site = Site(commune, "mairie", "Mairie")
            declare_sensor(connection, Sensor(f"meter-{commune}", SensorKind.METER, "Compteur", site), AT)

    def run(*arguments: str) -> tuple[int, str]:
        done = CliRunner().invoke(app, arguments)
        if isinstance(done.exception, VigieError):
            raise done.exception
        return done.exit_code, done.output

    return run


def kept(database_url: str, until: datetime | None = None) -> list[WeatherIssue]:
    with connected(database_url) as connection:
        return read_weather_issues(connection, COMMUNES, Window(AT - 48 * HOUR, until or now()))


def written(folder: Path, text: str) -> str:
    path = folder / "past.csv"
    path.write_text(text, encoding="utf-8")
    return str(path)


def test_forecasts_of_the_past_are_taken_in_once_and_put_on_record(
    vigie: Vigie, database_url: str, tmp_path: Path
) -> None:
    ahead = now() + 24 * HOUR
    text = (
        "commune_insee,issued_at,valid_at,temperature_c\n"
        "93051,2026-03-02T00:00:00Z,2026-03-02T00:00:00Z,5\n"
        "93048,2026-03-02T00:00:00Z,2026-03-02T00:00:00Z,6\n"
        "75056,2026-03-02T00:00:00Z,2026-03-02T00:00:00Z,7\n"
        f"93051,{ahead.isoformat()},2026-03-02T00:00:00Z,8\n"
    )
    file = written(tmp_path, text)
    told = vigie("weather", "import", file)
    assert told == (
        0,
        "2 issues of 2 communes are new, of 3 in the file\n1 of them are not known yet and were left out\n",
    )
    assert vigie("weather", "import", file)[1].startswith("0 issues of 2 communes are new")
    issues = kept(database_url)
    assert [(one.commune_insee, one.provider, one.received_at) for one in issues] == [
        ("93048", "file", AT),
        ("93051", "file", AT),
    ]
    # Nobody knew it before it was taken in.
    assert kept(database_url, now() - HOUR) == []
    with connected(database_url) as connection, chain_read(connection) as (_, entries):
        acts = [(one.what, one.target, one.after) for one in entries]
    imported = [act for act in acts if act[1].startswith("weather:")]
    assert imported[0] == (
        What.WEATHER_IMPORTED,
        "weather:past.csv",
        {"file": "past.csv", "realised": False, "issues": 2},
    )


def test_realised_weather_ends_where_forecasts_begin(vigie: Vigie, database_url: str, tmp_path: Path) -> None:
    with connected(database_url) as connection:
        begun = AT + 30 * HOUR
        values = np.zeros((4, len(VARIABLES)))
        write_weather(connection, [WeatherIssue("93051", "open-meteo", begun, begun, begun, values)])
    lines = "\n".join(f"{(AT + number * HOUR).isoformat()},{number / 4}" for number in range(72))
    output = vigie("weather", "import", written(tmp_path, f"valid_at,temperature_c\n{lines}\n"), "--realised")[1]
    assert (
        output
        == "5 issues of 2 communes are new, of 6 in the file\n1 of them are of days with forecasts and were left out\n"
    )
    realised = [one for one in kept(database_url) if one.provider == "realised"]
    assert [(one.commune_insee, one.start.day) for one in realised] == [
        ("93048", 2),
        ("93051", 2),
        ("93048", 3),
        ("93051", 3),
        ("93048", 4),
    ]


def test_communes_may_be_named(vigie: Vigie, database_url: str, tmp_path: Path) -> None:
    file = written(tmp_path, "valid_at,temperature_c\n2026-03-02T00:00:00Z,5\n")
    vigie("weather", "import", file, "--realised", "--commune", "93048")
    assert [one.commune_insee for one in kept(database_url)] == ["93048"]
    with pytest.raises(SettingInvalid, match="13055"):
        vigie("weather", "import", file, "--commune", "13055")


def test_the_newest_of_each_commune_is_listed(vigie: Vigie, database_url: str) -> None:
    with connected(database_url) as connection:
        write_weather(connection, [WeatherIssue("93051", "file", AT, AT + HOUR, AT, np.zeros((4, len(VARIABLES))))])
    lines = [line.split() for line in vigie("weather", "list")[1].splitlines()]
    assert ["93048", "none"] in lines
    assert ["93051", "file", "2026-03-02T00:00:00Z", "2026-03-02T01:00:00Z", "4"] in lines


def test_the_past_of_a_simulated_town_has_the_forecasts_of_then(
    vigie: Vigie, database_url: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert vigie("weather", "list")[0] == 0
    assert simulated_weather(seed=3) is None
    monkeypatch.setenv("VIGIE_WEATHER_PROVIDER", WeatherSource.SIMULATED)
    weather = simulated_weather(seed=3)
    assert isinstance(weather, SimulatedWeather)
    source = town(3)
    for _ in range(2):
        keep_past_weather(database_url, source, weather, Window(AT + HOUR, AT + 45 * 24 * HOUR))
    issues = kept(database_url)
    assert len(issues) == 45 * 4 * len(COMMUNES)
    assert {one.provider for one in issues} == {"simulated"}
    last = issues[-1]
    assert last.issued_at == last.received_at == AT + (45 * 24 - 6) * HOUR
    assert last.values == pytest.approx(forecast_weather(3, int(last.start.timestamp()), 96), abs=1e-3)
    with connected(database_url) as connection:
        [communes] = connection.execute("SELECT count(DISTINCT commune_insee) FROM weather_issue").fetchall()
    assert communes == (len({sensor.site.commune_insee for sensor in source.sensors}),)
