"""Open-Meteo and those who speak as it does: `/v1/forecast`, and `/v1/meteofrance` for Météo-France's models alone.

Several places go in one request: ``latitude=48.8580,48.9312&longitude=2.3199,2.4711&hourly=...``; one is answered by
an object, several by an array of them in the order of the places::

    {"latitude": 48.86, "longitude": 2.32, "utc_offset_seconds": 0,
     "hourly_units": {"time": "unixtime", "temperature_2m": "°C", ...},
     "hourly": {"time": [1764000000, ...], "temperature_2m": [7.4, ...], ...}}

and what it refuses by ``{"error": true, "reason": "..."}``. Temperature, humidity, wind and clouds are of the instant;
radiation is the mean and precipitation the sum of the hour *before* it. Here all are of the hour that begins: means of
the instants at both its ends, with the radiation and the precipitation that are told at its end.

Written after its documentation (open-meteo.com/en/docs, November 2026); the service itself was not at hand.
"""

from __future__ import annotations

import json
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from http import HTTPStatus
from itertools import pairwise
from typing import Any, TypeGuard
from urllib.parse import urlencode

import numpy as np
import numpy.typing as npt

from core.clock import floor_to_step
from core.commune_points import CommunePoint
from core.weather import HOUR, HOURS_MAX, WeatherIssue, WeatherRefused
from core.weather_settings import WeatherSettings, WeatherSource
from services.weather.provider import WeatherAbsent, check_bounds
from services.webhooks.addresses import OutgoingRefused
from services.webhooks.outgoing import Answered, Call, NoAnswer, Outgoing

PLACES_AT_ONCE = 50
"""Places in one request: 130 communes are three, with addresses of about a thousand characters."""
ANSWER_S_MAX = 30.0
ANSWER_BYTES_MAX = 8 * 2**20
"""Fifty places over sixteen days are about a megabyte."""
WAITS_S = (2.0, 8.0)
"""Between the tries of one request."""
DEGREES_MAX = 0.5
"""How far from the place that was asked an answer may speak of: the middle of a cell of its grid."""

_HOUR_S = 3_600
_REASON_CHARACTERS_MAX = 200
_RETRIED = frozenset({HTTPStatus.TOO_MANY_REQUESTS, *range(500, 600)})

Floats = npt.NDArray[np.float64]


@dataclass(frozen=True, slots=True)
class _Told:
    """How a variable is told: its word and unit there, what makes ours of it, and of which hour it is."""

    word: str
    unit: str
    factor: float = 1
    of_hour_before: bool = False


_TOLD: Mapping[str, _Told] = {
    "temperature_c": _Told("temperature_2m", "°C"),
    "humidity_ratio": _Told("relative_humidity_2m", "%", 0.01),
    "irradiance_wm2": _Told("shortwave_radiation", "W/m²", of_hour_before=True),
    "wind_ms": _Told("wind_speed_10m", "m/s"),
    "precipitation_mm": _Told("precipitation", "mm", of_hour_before=True),
    "cloud_ratio": _Told("cloud_cover", "%", 0.01),
}


class OpenMeteo:
    """Asks a server that speaks as Open-Meteo does; a request that fails is tried three times.

    All places or none: forecasts of the weather that became known together are compared with each other.
    """

    def __init__(
        self, settings: WeatherSettings, outgoing: Outgoing, wait: Callable[[float], None] = time.sleep
    ) -> None:
        self._settings, self._outgoing, self._wait = settings, outgoing, wait

    @property
    def name(self) -> str:
        """Its word."""
        return WeatherSource.OPEN_METEO

    def ask(self, places: Sequence[CommunePoint], now: datetime) -> list[WeatherIssue]:
        """Return its newest forecasts.

        Raises
        ------
        WeatherAbsent
            If it does not answer, or may not be called (`services.webhooks.addresses`).
        WeatherRefused
            If it refuses, or answers something else.
        """
        issues: list[WeatherIssue] = []
        for first in range(0, len(places), PLACES_AT_ONCE):
            some = places[first : first + PLACES_AT_ONCE]
            issues += parse_answer(self._answer(question(self._settings, some)), some, now)
        return issues

    def _answer(self, url: str) -> bytes:
        failure = ""
        for wait_s in (0.0, *WAITS_S):
            if wait_s:
                self._wait(wait_s)
            try:
                answered = self._outgoing.call(Call(url, s_max=ANSWER_S_MAX, answer_bytes_max=ANSWER_BYTES_MAX))
            except OutgoingRefused as error:
                raise WeatherAbsent(f"VIGIE_WEATHER_URL: {error}") from None
            except NoAnswer as error:
                failure = str(error)
                continue
            if answered.status not in _RETRIED:
                return _body(answered)
            failure = f"it answered {answered.status}: {_reason(answered.body)}"
        raise WeatherAbsent(failure)


def question(settings: WeatherSettings, places: Sequence[CommunePoint]) -> str:
    """Return the address that asks for the weather of some places: one hour more, since hours are told at their end."""
    asked = {
        "latitude": ",".join(f"{place.latitude:.4f}" for place in places),
        "longitude": ",".join(f"{place.longitude:.4f}" for place in places),
        "hourly": ",".join(told.word for told in _TOLD.values()),
        "forecast_hours": str(settings.weather_hours + 1),
        "wind_speed_unit": "ms",
        "timeformat": "unixtime",
        "timezone": "GMT",
    }
    key = settings.weather_api_key.get_secret_value()
    query = urlencode(asked | ({"apikey": key} if key else {}), safe=",")
    return f"{settings.weather_url}{'&' if '?' in settings.weather_url else '?'}{query}"


def parse_answer(body: bytes, places: Sequence[CommunePoint], now: datetime) -> list[WeatherIssue]:
    """Return what an answer tells of the places that were asked for, from the hour of ``now`` on.

    The answer does not say when the models began: it is issued, as far as is known, when it was asked.

    Raises
    ------
    WeatherRefused
        If it is not what the documentation says, in units that were not asked for, of other places, or out of bounds.
    """
    try:
        told = json.loads(body, parse_constant=_no_number)
    except (ValueError, RecursionError):
        raise WeatherRefused("the answer is no JSON") from None
    answers = told if isinstance(told, list) else [told]
    if len(answers) != len(places):
        raise WeatherRefused(f"{len(answers)} places were told of, {len(places)} were asked for")
    return [_issue(answer, place, now) for answer, place in zip(answers, places, strict=True)]


def _issue(answer: Any, place: CommunePoint, now: datetime) -> WeatherIssue:
    _check_place(answer, place)
    hourly, units = answer.get("hourly"), answer.get("hourly_units")
    if not isinstance(hourly, dict) or not isinstance(units, dict):
        raise WeatherRefused("the answer has no hours, or no units")
    if units.get("time") != "unixtime":
        raise WeatherRefused(f"times are told as {units.get('time')!r}, not as unixtime")
    first, length = _grid(hourly.get("time"))
    columns = [_column(hourly, units, told, length) for told in _TOLD.values()]
    hours = np.column_stack(
        [
            column[1:] if told.of_hour_before else (column[:-1] + column[1:]) / 2
            for column, told in zip(columns, _TOLD.values(), strict=True)
        ]
    )
    check_bounds(hours)
    begun = floor_to_step(now, HOUR)
    skipped = (int(begun.timestamp()) - first) // _HOUR_S
    if not 0 <= skipped < len(hours):
        raise WeatherRefused(f"the hour of {now.isoformat()} is not told of")
    known = np.flatnonzero(np.isfinite(hours[skipped:]).any(axis=1))
    if not len(known):
        raise WeatherRefused("nothing is told of any hour")
    end = skipped + min(int(known[-1]) + 1, HOURS_MAX)
    return WeatherIssue(place.commune_insee, WeatherSource.OPEN_METEO, now, now, begun, hours[skipped:end])


def _check_place(answer: Any, place: CommunePoint) -> None:
    if not isinstance(answer, dict) or answer.get("error"):
        raise WeatherRefused(f"it refuses: {_said(answer)}")
    longitude, latitude = answer.get("longitude"), answer.get("latitude")
    if not _is_number(longitude) or not _is_number(latitude):
        raise WeatherRefused("the answer does not say of which place it is")
    if max(abs(longitude - place.longitude), abs(latitude - place.latitude)) > DEGREES_MAX:
        raise WeatherRefused(f"the answer is of longitude {longitude} and latitude {latitude}, not of {place}")


def _grid(times: Any) -> tuple[int, int]:
    """Return the first second and the number of instants that are told of: hours, one after the other."""
    if not isinstance(times, list) or not 2 <= len(times) <= 2 * HOURS_MAX:
        raise WeatherRefused(f"from 2 to {2 * HOURS_MAX} instants were expected")
    if not all(type(one) is int for one in times) or times[0] % _HOUR_S:
        raise WeatherRefused("the instants are no whole hours")
    if any(later - earlier != _HOUR_S for earlier, later in pairwise(times)):
        raise WeatherRefused("the instants are not an hour apart")
    if not 0 <= times[0] < int(datetime(2100, 1, 1, tzinfo=UTC).timestamp()):
        raise WeatherRefused("the instants are not of this century")
    return times[0], len(times)


def _column(hourly: Mapping[str, Any], units: Mapping[str, Any], told: _Told, length: int) -> Floats:
    """Return a variable in our unit, NaN where it is not told."""
    values = hourly.get(told.word)
    if units.get(told.word) != told.unit:
        raise WeatherRefused(f"{told.word} is told in {units.get(told.word)!r}, not in {told.unit}")
    if not isinstance(values, list) or len(values) != length:
        raise WeatherRefused(f"{told.word} has not as many values as there are instants")
    if not all(value is None or _is_number(value) for value in values):
        raise WeatherRefused(f"{told.word} has values that are no numbers")
    return np.array([np.nan if value is None else value for value in values], dtype=np.float64) * told.factor


def _body(answered: Answered) -> bytes:
    if answered.status != HTTPStatus.OK:
        raise WeatherRefused(f"it answered {answered.status}: {_reason(answered.body)}")
    if answered.is_cut:
        raise WeatherRefused(f"the answer is over {ANSWER_BYTES_MAX} bytes")
    return answered.body


def _reason(body: bytes) -> str:
    """Return why it refused, as far as it says."""
    try:
        return _said(json.loads(body))
    except (ValueError, RecursionError):
        return "no reason"


def _said(answer: Any) -> str:
    reason = answer.get("reason") if isinstance(answer, dict) else None
    return reason[:_REASON_CHARACTERS_MAX] if isinstance(reason, str) else "no reason"


def _is_number(value: Any) -> TypeGuard[float]:
    return isinstance(value, int | float) and not isinstance(value, bool)


def _no_number(name: str) -> float:
    raise ValueError(f"{name} is no number of JSON")
