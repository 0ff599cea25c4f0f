"""`vigie rejections`: what was refused, and how it is taken in after all."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import datetime
from typing import Annotated

import typer

from core.clock import format_instant, parse_instant
from core.errors import SettingInvalid, VigieError
from core.intakes import IntakeKind, RejectionFilter
from core.places import communes, current_commune
from core.readings import Reason
from core.settings import Settings
from core.store.pool import connected
from core.store.rejections import KeptRejection, read_groups, read_rejection
from core.store.sensors import UNSIGNED
from vigie.commands.tables import table_lines

app = typer.Typer(no_args_is_help=True, help="What was refused: list it, look at it, take it in after all.")

HEX_BYTES = 16
_HEADS = ("reason", "sensor", "commune", "kept", "came", "replayable", "first", "last")

ReasonOption = Annotated[Reason | None, typer.Option(help="Only this reason.")]
SensorOption = Annotated[str | None, typer.Option("--sensor", help="External id; only this sensor.")]
CommuneOption = Annotated[str | None, typer.Option(help="INSEE code; only this commune.")]
Since = Annotated[str | None, typer.Option("--since", help="First received from this instant on, with its offset.")]
Before = Annotated[str | None, typer.Option("--until", help="First received before this instant, with its offset.")]


class UnknownRejection(VigieError):
    """There is no such rejection."""


@app.command("list")
def list_groups(commune: CommuneOption = None, since: Since = None) -> None:
    """Print what was refused by reason and sensor, the most frequent first."""
    with connected(Settings.from_environment().dsn) as connection:
        groups = read_groups(connection, commune=_commune(commune), since=_instant("--since", since))
    rows = [
        (
            group.reason,
            group.external_id or "-",
            group.commune or "-",
            str(group.rejections),
            str(group.times),
            str(group.replayable),
            format_instant(group.first_received_at.replace(microsecond=0)),
            format_instant(group.last_received_at.replace(microsecond=0)),
        )
        for group in groups
    ]
    print("\n".join(table_lines([_HEADS, *rows])) if rows else "nothing is refused")


@app.command()
def show(rejection_id: Annotated[int, typer.Argument(help="Its id, as the page and the API give it.")]) -> None:
    """Print one refused message, whole: what it said, and its bytes."""
    with connected(Settings.from_environment().dsn) as connection:
        kept = read_rejection(connection, rejection_id)
    if kept is None:
        raise UnknownRejection(f"there is no rejection {rejection_id}")
    print("\n".join([*_facts(kept), "", *hex_lines(kept.rejection.message.payload)]))


@app.command()
def replay(
    *,
    reason: ReasonOption = None,
    sensor: SensorOption = None,
    commune: CommuneOption = None,
    since: Since = None,
    until: Before = None,
    dry_run: Annotated[bool, typer.Option("--dry-run", help="Only say what would become of them.")] = False,
    by: Annotated[str, typer.Option("--by", help="Who does it.")] = UNSIGNED,
) -> None:
    """Run refused messages through the present decoders, oldest first. What is stored already counts once."""
    from vigie.carrying import Errand, carry_out, outcome_line

    wanted = RejectionFilter(
        reason,
        sensor.lower() if sensor else None,
        _commune(commune),
        _instant("--since", since),
        _instant("--until", until),
    )
    done = carry_out(Errand(IntakeKind.REPLAY, wanted.arguments(), by), dry_run=dry_run)
    print(("would be: " if dry_run else "") + outcome_line(done))


def _commune(insee: str | None) -> str | None:
    if insee is None:
        return None
    if insee not in communes():
        raise SettingInvalid(f"--commune: {insee} is the INSEE code of no commune of the Métropole du Grand Paris")
    return current_commune(insee).insee


def _instant(option: str, text: str | None) -> datetime | None:
    try:
        return parse_instant(text) if text else None
    except ValueError as error:
        raise SettingInvalid(f"{option}: {error}") from None


def _facts(kept: KeptRejection) -> Iterator[str]:
    refused = kept.rejection
    message = refused.message
    yield f"reason    {refused.reason}: {printable(refused.detail)}"
    yield f"decoder   {refused.decoder or '-'}"
    yield f"sensor    {refused.external_id or '-'}, commune {refused.commune_insee or '-'}"
    yield f"topic     {printable(message.topic)}"
    yield f"received  {format_instant(message.received_at)}"
    if kept.times > 1:
        yield f"came      {kept.times} times, last {format_instant(kept.last_received_at)}"
    yield from (f"property  {printable(name)}: {printable(value)}" for name, value in message.properties.items())
    if kept.replayed_at is not None:
        yield f"replayed  {format_instant(kept.replayed_at)}: {kept.settled_as or 'refused again'}"
    cut = "" if len(message.payload) == message.size_bytes else f", the first {len(message.payload)} kept"
    yield f"payload   {message.size_bytes} bytes{cut}"


def printable(text: str) -> str:
    """Return a text of a stranger as a terminal may be given it: what is no letter is written as its code."""
    return "".join(letter if letter.isprintable() else repr(letter)[1:-1] for letter in text)


def hex_lines(payload: bytes) -> Iterator[str]:
    """Yield bytes as a hex viewer has them: offset, sixteen bytes, their letters."""
    for start in range(0, len(payload), HEX_BYTES):
        part = payload[start : start + HEX_BYTES]
        letters = "".join(chr(byte) if 32 <= byte < 127 else "." for byte in part)
        yield f"{start:06x}  {part.hex(' ').ljust(3 * HEX_BYTES - 1)}  {letters}"
