"""Weather as a service: ask for it when it has grown old, keep it as issued, tell when none comes."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from time import monotonic

import structlog

from core import instruments
from core.commune_points import CommunePoint, commune_points
from core.events import EventName, PlatformAlarm, Severity
from core.store.events import DAILY, end_alarm, raise_alarm
from core.store.pool import Connection, Pool
from core.store.weather import prune_weather, read_newest_weather, read_weather_communes, write_weather
from core.weather import WeatherIssue, WeatherRefused
from core.weather_settings import WeatherSettings
from services.weather.provider import WeatherAbsent, WeatherProvider

log = structlog.get_logger(__name__)

WEATHER_AGE_MAX = timedelta(days=1)
"""Older weather says little of the hours that are forecast: somebody should look."""
NOTHING_NEW = "it tells nothing new"


@dataclass(frozen=True, slots=True)
class Asked:
    """What came of asking: how many issues were kept, and why none were where that is a failure."""

    kept: int
    failure: str = ""


def keep_weather(pool: Pool, settings: WeatherSettings, provider: WeatherProvider, at: datetime) -> Asked | None:
    """Ask a provider for newer weather, if the newest of its own is old; return what came of it, None if it is not.

    The connection is given back while it is asked. What comes is kept in one transaction: a worker that ends before
    has kept nothing, and the next one asks again. A failure is told, and what was kept before stays.
    """
    places, newest = _known(pool, provider)
    _tell_instrument(provider, newest)
    if not places or (newest is not None and newest > at - timedelta(seconds=settings.weather_every_s)):
        return None
    asked = _ask(pool, provider, places, at)
    _, newest = _known(pool, provider)
    _tell_instrument(provider, newest)
    with pool.connection() as connection:
        _tell_alarm(connection, provider, newest, Asked(asked.kept, asked.failure or NOTHING_NEW), at)
        prune_weather(connection, at - timedelta(days=settings.weather_days))
    return asked


def places_of(connection: Connection) -> list[CommunePoint]:
    """Return where weather is asked for: a point of each commune where sensors work."""
    points = commune_points()
    return [points[commune] for commune in read_weather_communes(connection)]


def _known(pool: Pool, provider: WeatherProvider) -> tuple[list[CommunePoint], datetime | None]:
    """Return the places, and when the newest issue of the provider for any of them became known."""
    with pool.connection() as connection:
        places = places_of(connection)
        known = read_newest_weather(connection, [place.commune_insee for place in places], provider.name)
    return places, max(known.values(), default=None)


def _ask(pool: Pool, provider: WeatherProvider, places: Sequence[CommunePoint], at: datetime) -> Asked:
    begun_s = monotonic()
    try:
        issues = provider.ask(places, at)
    except (WeatherAbsent, WeatherRefused) as error:
        log.warning("weather_not_heard", provider=provider.name, reason=str(error))
        return Asked(0, str(error))
    # Known since now, all together: not since it was asked, nor since the provider began.
    known_at = at + timedelta(seconds=monotonic() - begun_s)
    with pool.connection() as connection:
        kept = write_weather(connection, [_known_at(issue, known_at) for issue in issues])
    log.info("weather_kept", provider=provider.name, communes=len(places), issues=len(issues), new=kept)
    return Asked(kept)


def _known_at(issue: WeatherIssue, known_at: datetime) -> WeatherIssue:
    return replace(issue, received_at=max(known_at, issue.issued_at))


def _tell_instrument(provider: WeatherProvider, newest: datetime | None) -> None:
    instruments.WEATHER_NEWEST.labels(provider.name).set(newest.timestamp() if newest is not None else 0)


def _tell_alarm(
    connection: Connection, provider: WeatherProvider, newest: datetime | None, asked: Asked, at: datetime
) -> None:
    """Raise an alarm when the newest weather is a day old, or none ever came; end it once newer weather is there."""
    due = at if newest is None else newest + WEATHER_AGE_MAX
    values = {"provider": provider.name, "reason": asked.failure}
    alarm = PlatformAlarm(
        EventName.ALARM_WEATHER_STALE, Severity.WARNING, due, f"weather:{provider.name}", values=values
    )
    if at >= due:
        raise_alarm(connection, alarm, at, reminded=DAILY)
    else:
        end_alarm(connection, alarm, at)
