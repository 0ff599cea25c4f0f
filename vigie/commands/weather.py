"""`vigie weather`: how old the weather is, and taking in a past of it from files."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Annotated

import typer

from core.audit import Act, What
from core.clock import format_instant, now
from core.commune_points import CommunePoint, commune_points
from core.errors import SettingInvalid
from core.settings import Settings
from core.store.audit import record
from core.store.pool import Connection, connected
from core.store.weather import read_first_weather, read_latest_weather, write_weather
from core.weather import WeatherIssue
from vigie.commands.tables import table_lines

app = typer.Typer(no_args_is_help=True, help="Forecasts of the weather: list what is kept, import a past of it.")

_HEADS = ("commune", "provider", "issued", "known", "hours")


@app.command("list")
def list_weather() -> None:
    """Print the newest forecast of the weather of each commune where sensors work."""
    from services.weather.keeping import places_of

    at = now()
    with connected(Settings.from_environment().dsn) as connection:
        communes = [place.commune_insee for place in places_of(connection)]
        rows = [(commune, *_told(read_latest_weather(connection, commune, at))) for commune in communes]
    print("\n".join(table_lines([_HEADS, *rows])) if rows else "no sensor works anywhere")


@app.command("import")
def import_weather(
    file: Annotated[Path, typer.Argument(help="CSV or Parquet, one line an hour (docs/weather.md).")],
    *,
    realised: Annotated[
        bool, typer.Option("--realised", help="The weather as it came, not as it was forecast; only before forecasts.")
    ] = False,
    commune: Annotated[
        list[str] | None, typer.Option(help="INSEE code, several times; without it, where sensors work.")
    ] = None,
) -> None:
    """Take in a past of the weather, so that models learn from it; run again, it takes in what is new."""
    from services.weather.file import read_forecasts, read_realised

    at = now()
    with connected(Settings.from_environment().dsn) as connection:
        places = _places(connection, commune)
        issues = read_realised(file, places) if realised else read_forecasts(file, places)
        known = [issue for issue in issues if issue.received_at <= at]
        wanted = _before_forecasts(connection, known) if realised else known
        kept = write_weather(connection, wanted, kept_at=at)
        told = {"file": file.name, "realised": realised, "issues": kept}
        record(connection, Act(What.WEATHER_IMPORTED, f"weather:{file.name}", after=told))
    print(
        f"{kept} issues of {len({one.commune_insee for one in wanted})} communes are new, of {len(issues)} in the file"
    )
    for line in _left_out(len(issues) - len(known), len(known) - len(wanted)):
        print(line)


def _places(connection: Connection, communes: Sequence[str] | None) -> list[CommunePoint]:
    from services.weather.keeping import places_of

    points = commune_points()
    unknown = [one for one in communes or () if one not in points]
    if unknown:
        raise SettingInvalid(f"--commune: {unknown[0]} is the INSEE code of no commune of the Métropole du Grand Paris")
    return [points[one] for one in communes] if communes else places_of(connection)


def _before_forecasts(connection: Connection, issues: Sequence[WeatherIssue]) -> list[WeatherIssue]:
    """Return what realised weather tells of the days before the commune's first forecast: from then on, that counts."""
    from services.weather.file import REALISED

    communes = sorted({issue.commune_insee for issue in issues})
    first = read_first_weather(connection, communes, but=REALISED)
    return [one for one in issues if one.commune_insee not in first or one.received_at < first[one.commune_insee]]


def _left_out(future: int, forecast: int) -> list[str]:
    lines = [f"{future} of them are not known yet and were left out"] if future else []
    return lines + ([f"{forecast} of them are of days with forecasts and were left out"] if forecast else [])


def _told(issue: WeatherIssue | None) -> tuple[str, ...]:
    if issue is None:
        return ("none", "", "", "")
    known = format_instant(issue.received_at.replace(microsecond=0))
    return (issue.provider, format_instant(issue.issued_at.replace(microsecond=0)), known, str(len(issue.values)))
