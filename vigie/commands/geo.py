"""`vigie geo`: the contours of the communes, from a file or from geo.api.gouv.fr."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from core.audit import Act, What
from core.clock import now
from core.errors import SettingInvalid
from core.settings import Settings
from core.store.audit import record
from core.store.contours import delete_contours, read_contours, write_contours
from core.store.pool import Connection, connected
from vigie.commands.tables import table_lines

if TYPE_CHECKING:
    from services.contours.reading import Given

app = typer.Typer(no_args_is_help=True, help="Contours of the communes: list, import from a file, fetch, clear.")

_HEADS = ("source", "licence", "communes")


@app.command("list")
def list_contours() -> None:
    """Print how many communes have a contour, by source; maps draw a schematic cell for each of the others."""
    with connected(Settings.from_environment().dsn) as connection:
        kept = read_contours(connection)
    told = sorted({(one.source, one.licence) for one in kept})
    rows = [(*one, str(sum((kind.source, kind.licence) == one for kind in kept))) for one in told]
    print("\n".join(table_lines([_HEADS, *rows])) if rows else "no contour is kept: maps draw schematic cells")


@app.command("import")
def import_contours(
    file: Annotated[Path, typer.Argument(help="GeoJSON in WGS 84, as geo.api.gouv.fr or the IGN write it.")],
    *,
    source: Annotated[str, typer.Option(help="Said on every map.")] = "Contours IGN",
    licence: Annotated[str, typer.Option(help="Under what it was given.")] = "Licence Ouverte",
) -> None:
    """Take in the contours of a file, each in the place of the one that was known."""
    from services.contours.reading import FILE_BYTES_MAX, read_geojson

    try:
        if file.stat().st_size > FILE_BYTES_MAX:
            raise SettingInvalid(f"{file}: it is over {FILE_BYTES_MAX // 2**20} MiB")
        text = file.read_bytes()
    except OSError as error:
        raise SettingInvalid(f"{file}: {error.strerror}") from None
    with connected(Settings.from_environment().dsn) as connection:
        _take(connection, read_geojson(text, source=source, licence=licence), f"geo:{file.name}")


@app.command("fetch")
def fetch(
    url: Annotated[str, typer.Option(help="Where the register of places answers.")] = "https://geo.api.gouv.fr",
) -> None:
    """Ask geo.api.gouv.fr for the contours of the Métropole's communes, and take them in."""
    from core.settings import OutgoingSettings
    from services.contours.fetching import fetch_contours
    from services.webhooks.outgoing import Outgoing

    given = fetch_contours(Outgoing(OutgoingSettings.from_environment()), url)
    with connected(Settings.from_environment().dsn) as connection:
        _take(connection, given, f"geo:{url}")


@app.command("clear")
def clear() -> None:
    """Let go of all contours: maps draw schematic cells again."""
    with connected(Settings.from_environment().dsn) as connection:
        gone = delete_contours(connection)
        record(connection, Act(What.CONTOURS_CLEARED, "geo", after={"communes": gone}))
    print(f"{gone} contours let go of")


def _take(connection: Connection, given: Given, target: str) -> None:
    write_contours(connection, given.contours, imported_at=now())
    told = {"communes": len(given.contours), "source": given.contours[0].source}
    record(connection, Act(What.CONTOURS_IMPORTED, target, after=told))
    print(f"{len(given.contours)} contours taken in, {given.others} features of other communes left aside")
    if given.mended:
        print(f"rings that crossed themselves were put right: {', '.join(given.mended)}")
    missing = _missing(connection)
    if missing:
        print(f"maps draw a schematic cell for {', '.join(missing)}")


def _missing(connection: Connection) -> list[str]:
    """Return the codes of the communes of today that have no contour."""
    from core.places import communes

    known = {one.insee for one in read_contours(connection)}
    return [one.insee for one in communes().values() if not one.merged_into and one.insee not in known]
