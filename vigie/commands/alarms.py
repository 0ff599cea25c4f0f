"""`vigie alarms`: what lasts, the rules, a rule tried on the past, and maintenance windows."""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import replace
from datetime import datetime, timedelta
from typing import Annotated

import typer

from core.alarms import Rule
from core.audit import Act, What
from core.clock import PARIS, format_instant, now, parse_instant
from core.errors import SettingInvalid
from core.mail_settings import MailSettings
from core.settings import Settings
from core.store.alarm_rules import read_rule, read_rules
from core.store.alarms import LIMIT_MAX, AlarmsAsked, read_alarms
from core.store.audit import record
from core.store.maintenance import Maintenance, cancel_maintenance, read_maintenance, write_maintenance
from core.store.pool import connected
from vigie.commands.tables import table_lines

app = typer.Typer(no_args_is_help=True, help="Alarms: list what lasts and the rules, try a rule, open maintenance.")
maintenance_app = typer.Typer(no_args_is_help=True, help="While somebody works at a place, nobody is told.")
app.add_typer(maintenance_app, name="maintenance")

Commune = Annotated[str | None, typer.Option(help="INSEE code; without it, everywhere.")]
Language = Annotated[str, typer.Option(help="fr or en.")]
_WINDOW_HEADS = ("id", "commune", "site", "sensor", "from", "until", "cancelled", "why")
COMMAND = "vigie alarms"


@app.command("list")
def list_alarms(*, commune: Commune = None, language: Language = "fr") -> None:
    """Print the alarms that last, the most urgent first."""
    from services.alarms.words import said_of
    from services.words import read_catalogues

    at, words = now(), read_catalogues(MailSettings.model_fields["dashboards_dir"].default)
    _check_language(language)
    with connected(Settings.from_environment().dsn) as connection:
        alarms = read_alarms(connection, AlarmsAsked(commune=commune, limit=LIMIT_MAX))
    rows = [
        (
            str(kept.alarm.alarm_id),
            kept.alarm.commune_insee or "",
            kept.alarm.severity.value,
            kept.alarm.state(at).value,
            _local(kept.alarm.since),
            said.title,
            said.detail,
        )
        for kept in alarms
        for said in [said_of(words[language], kept, at)]
    ]
    heads = ("id", "commune", "severity", "state", "since", "what", "detail")
    _print([heads, *rows], "nothing is alarming")


@app.command("rules")
def list_rules(*, commune: Commune = None, language: Language = "fr") -> None:
    """Print the rules that hold, with what raises them in words and where their figures come from."""
    from services.alarms.phrasing import Phrasing
    from services.alarms.rule_words import rule_said, rule_title
    from services.words import read_catalogues

    _check_language(language)
    phrasing = Phrasing(read_catalogues(MailSettings.model_fields["dashboards_dir"].default)[language], now())
    with connected(Settings.from_environment().dsn) as connection:
        rules = [one for one in read_rules(connection) if commune is None or one.scope.commune_insee in {None, commune}]
    rows = [
        (
            str(rule.rule_id),
            rule.scope.commune_insee or "",
            rule.severity.value,
            "on" if rule.enabled else "off",
            rule_title(phrasing, rule),
            rule_said(phrasing, rule),
            rule.source,
        )
        for rule in rules
    ]
    _print([("id", "commune", "severity", "is", "name", "raised by", "source"), *rows], "there is no rule")


@app.command("trial")
def try_on_the_past(
    rule_id: Annotated[int, typer.Argument(help="Of a rule that holds, or held.")],
    *,
    days: Annotated[int, typer.Option(min=1, max=90, help="How far back.")] = 28,
    parameters: Annotated[str | None, typer.Option(help="Other parameters than its own, as JSON.")] = None,
    commune: Commune = None,
) -> None:
    """Say what a rule would have raised in the days before now; nothing is written."""
    from services.alarms.conditions import CONDITIONS
    from services.alarms.trying import try_rule

    with connected(Settings.from_environment().dsn) as connection:
        rule = read_rule(connection, rule_id)
        if rule is None:
            raise SettingInvalid(f"there is no rule {rule_id}")
        rule = _changed(rule, parameters, commune)
        try:
            CONDITIONS[rule.condition].parse(rule.parameters)
        except ValueError as error:
            raise SettingInvalid(f"--parameters: {error}") from None
        trial = try_rule(connection, rule, days, now())
    rate = "" if trial.per_sensor_month is None else f", {trial.per_sensor_month:.2f} a sensor-month"
    print(f"{trial.alarms} alarms of {trial.sensors} sensors, in {days} days of {trial.series} series{rate}")
    if trial.series_left:
        print(f"{trial.series_left} series more were too many for one trial")
    for one in trial.examples:
        until = _local(one.until) if one.until else "now"
        print(f"  {_local(one.since)} to {until}  {one.sensor}  {json.dumps(dict(one.figures), ensure_ascii=False)}")


@maintenance_app.command("list")
def list_maintenance(*, commune: Commune = None) -> None:
    """Print the maintenance windows that have not ended."""
    with connected(Settings.from_environment().dsn) as connection:
        windows = read_maintenance(connection, ending_after=now(), commune=commune)
    rows = [
        (
            str(one.maintenance_id),
            one.commune_insee,
            "" if one.site_id is None else str(one.site_id),
            "" if one.sensor_id is None else str(one.sensor_id),
            _local(one.start_at),
            _local(one.end_at),
            "" if one.cancelled_at is None else _local(one.cancelled_at),
            one.why,
        )
        for one in windows
    ]
    _print([_WINDOW_HEADS, *rows], "nobody works anywhere")


@maintenance_app.command("open")
def open_maintenance(
    commune: Annotated[str, typer.Argument(help="INSEE code.")],
    why: Annotated[str, typer.Argument(help="What is done there.")],
    *,
    hours: Annotated[float, typer.Option(min=0.1, max=2_160, help="How long.")] = 8,
    start: Annotated[str | None, typer.Option("--from", help="With its offset; without it, now.")] = None,
    site: Annotated[int | None, typer.Option(help="Id of a site; without it, the whole commune.")] = None,
    sensor: Annotated[int | None, typer.Option(help="Id of a sensor.")] = None,
) -> None:
    """Open a window: what is raised in it is kept and told to nobody; what still lasts at its end is told then."""
    from services.alarms.places import PlaceUnknown, check_place

    at = now()
    try:
        begins = parse_instant(start) if start else at
    except ValueError as error:
        raise SettingInvalid(f"--from: {error}") from None
    ends = begins + timedelta(hours=hours)
    if ends <= at:
        raise SettingInvalid("--from: the window has ended already")
    with connected(Settings.from_environment().dsn) as connection:
        try:
            site_id = check_place(connection, commune, site, sensor)
        except PlaceUnknown as error:
            raise SettingInvalid(str(error)) from None
        window_id = write_maintenance(
            connection, Maintenance(0, commune, site_id, sensor, begins, ends, why, at, COMMAND)
        )
        told = {"start_at": format_instant(begins), "end_at": format_instant(ends), "why": why}
        record(connection, Act(What.MAINTENANCE_OPENED, f"maintenance:{window_id}", commune, after=told))
    print(f"maintenance {window_id} until {_local(ends)}")


@maintenance_app.command("end")
def end_maintenance(window_id: Annotated[int, typer.Argument(help="Of the window.")]) -> None:
    """End a maintenance window now; what still lasts is told."""
    with connected(Settings.from_environment().dsn) as connection:
        if not cancel_maintenance(connection, window_id, now()):
            raise SettingInvalid(f"there is no maintenance {window_id} that lasts")
        record(connection, Act(What.MAINTENANCE_CANCELLED, f"maintenance:{window_id}"))
    print(f"maintenance {window_id} ended")


def _changed(rule: Rule, parameters: str | None, commune: str | None) -> Rule:
    """Return a rule with other parameters, or of one commune only."""
    if parameters is not None:
        try:
            given = json.loads(parameters)
        except ValueError as error:
            raise SettingInvalid(f"--parameters: {error}") from None
        if not isinstance(given, dict):
            raise SettingInvalid("--parameters: an object was expected")
        rule = replace(rule, parameters=given)
    return rule if commune is None else replace(rule, scope=replace(rule.scope, commune_insee=commune))


def _check_language(language: str) -> None:
    if language not in {"fr", "en"}:
        raise SettingInvalid(f"--language: {language} is neither fr nor en")


def _local(instant: datetime) -> str:
    return f"{instant.astimezone(PARIS):%Y-%m-%d %H:%M}"


def _print(rows: Sequence[Sequence[str]], nothing: str) -> None:
    print("\n".join(table_lines(rows)) if len(rows) > 1 else nothing)
