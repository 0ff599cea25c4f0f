"""What Open-Meteo's answers tell, hour by hour, and what of them is refused."""

from __future__ import annotations

from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from typing import Any
from urllib.parse import parse_qs, urlsplit

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from open_meteo_answers import BEGUN_S, NOW, UNITS, place_told, sent
from pydantic import SecretStr

from core.commune_points import CommunePoint, commune_points
from core.places import communes
from core.weather import VARIABLES, WeatherRefused
from core.weather_settings import WeatherSettings
from services.weather.open_meteo import PLACES_AT_ONCE, parse_answer, question
from services.webhooks.addresses import URL_CHARACTERS_MAX

HERE = CommunePoint("93051", 2.55, 48.84)
THERE = CommunePoint("93066", 2.36, 48.93)
SETTINGS = WeatherSettings(weather_hours=96)


def test_the_hour_that_begins_has_the_means_of_its_ends_and_what_its_end_tells_of_it() -> None:
    [issue] = parse_answer(sent(place_told(2.56, 48.83)), [HERE], NOW)
    assert (issue.commune_insee, issue.provider) == ("93051", "open-meteo")
    assert (issue.issued_at, issue.received_at) == (NOW, NOW)
    assert issue.start == datetime(2026, 3, 2, 8, tzinfo=UTC)
    assert issue.values.shape == (3, len(VARIABLES))
    assert issue.values[0].tolist() == pytest.approx([5.5, 0.805, 101, 3.5, 1, 0.505])
    assert issue.values[2].tolist() == pytest.approx([7.5, 0.825, 103, 5.5, 3, 0.525])


def test_several_places_are_an_array_in_their_order() -> None:
    body = sent([place_told(2.55, 48.84), place_told(2.36, 48.93)])
    assert [issue.commune_insee for issue in parse_answer(body, [HERE, THERE], NOW)] == ["93051", "93066"]


def test_an_answer_from_midnight_on_is_taken_from_the_present_hour_on() -> None:
    [issue] = parse_answer(sent(place_told(2.55, 48.84, hours=30, first_s=BEGUN_S - 8 * 3_600)), [HERE], NOW)
    assert issue.start == datetime(2026, 3, 2, 8, tzinfo=UTC)
    assert issue.values[0, 0] == pytest.approx(5 + 8.5)
    assert len(issue.values) == 30 - 1 - 8


def test_what_is_not_told_stays_missing_and_hours_of_nothing_at_the_end_go() -> None:
    told = place_told(2.55, 48.84, hours=6)
    for name in UNITS:
        if name != "time":
            told["hourly"][name][4:] = [None, None]
    told["hourly"]["wind_speed_10m"] = [None] * 6
    told["hourly"]["cloud_cover"][1] = None
    [issue] = parse_answer(sent(told), [HERE], NOW)
    assert len(issue.values) == 3
    assert np.isnan(issue.values[:, VARIABLES.index("wind_ms")]).all()
    assert np.isnan(issue.values[:2, VARIABLES.index("cloud_ratio")]).all()
    assert np.isfinite(issue.values[:, 0]).all()


def changed(change: Callable[[dict[str, Any]], Any]) -> bytes:
    told = place_told(2.55, 48.84)
    change(told)
    body: bytes = sent(told)
    return body


def hourly(**columns: Any) -> bytes:
    return changed(lambda told: told["hourly"].update(columns))


BAD: dict[str, tuple[bytes, str]] = {
    "no JSON": (b"<html>", "no JSON"),
    "a number that JSON has not": (b'{"latitude": NaN}', "no JSON"),
    "nesting without end": (b"[" * 100_000, "no JSON"),
    "an error": (sent({"error": True, "reason": "Latitude must be in range"}), "Latitude must be in range"),
    "one place of two": (sent([place_told(2.55, 48.84)] * 2), "2 places were told of, 1 were asked for"),
    "no object": (sent(["wet"]), "no reason"),
    "another place": (sent(place_told(2.55, 52.52)), "not of"),
    "no place": (changed(lambda told: told.pop("latitude")), "of which place"),
    "a place in words": (changed(lambda told: told.update(longitude="east")), "of which place"),
    "no hours": (changed(lambda told: told.pop("hourly")), "no hours"),
    "no units": (changed(lambda told: told.update(hourly_units=None)), "no units"),
    "local times": (changed(lambda told: told["hourly_units"].update(time="iso8601")), "iso8601"),
    "Fahrenheit": (changed(lambda told: told["hourly_units"].update(temperature_2m="°F")), "°F"),
    "kilometres an hour": (changed(lambda told: told["hourly_units"].update(wind_speed_10m="km/h")), "km/h"),
    "a variable is missing": (changed(lambda told: told["hourly"].pop("precipitation")), "precipitation"),
    "too few values": (hourly(cloud_cover=[50]), "cloud_cover has not as many"),
    "values in words": (hourly(temperature_2m=["5", 6, 7, 8]), "no numbers"),
    "truth for a number": (hourly(temperature_2m=[True, 6, 7, 8]), "no numbers"),
    "hotter than can be": (hourly(temperature_2m=[5, 6, 280.15, 8]), "temperature_c"),
    "infinite": (hourly(wind_speed_10m=[1e999, 1, 1, 1]), "no JSON"),
    "a number too long": (b'{"latitude": ' + b"9" * 10_000 + b"}", "no JSON"),
    "instants in words": (hourly(time=["2026-03-02T08:00"] * 4), "no whole hours"),
    "instants between hours": (hourly(time=[BEGUN_S + 60 + 3_600 * n for n in range(4)]), "no whole hours"),
    "half hours": (hourly(time=[BEGUN_S + 1_800 * n for n in range(4)]), "an hour apart"),
    "a hole": (hourly(time=[BEGUN_S + 3_600 * n for n in (0, 1, 3, 4)]), "an hour apart"),
    "one instant": (hourly(time=[BEGUN_S]), "instants were expected"),
    "too many instants": (sent(place_told(2.55, 48.84, hours=800)), "instants were expected"),
    "yesterday": (sent(place_told(2.55, 48.84, first_s=BEGUN_S - 86_400)), "is not told of"),
    "tomorrow": (sent(place_told(2.55, 48.84, first_s=BEGUN_S + 86_400)), "is not told of"),
    "nothing of any hour": (hourly(**{name: [None] * 4 for name in UNITS if name != "time"}), "nothing is told"),
    "no century": (sent(place_told(2.55, 48.84, first_s=3_600 * 10**12)), "not of this century"),
}


@pytest.mark.parametrize("what", BAD)
def test_what_the_documentation_does_not_say_is_refused_with_its_reason(what: str) -> None:
    body, reason = BAD[what]
    with pytest.raises(WeatherRefused, match=reason):
        parse_answer(body, [HERE], NOW)


@given(
    st.binary(max_size=200) | st.recursive(st.none() | st.integers() | st.text(), st.lists).map(lambda one: sent([one]))
)
def test_any_bytes_are_told_or_refused(body: bytes) -> None:
    with pytest.raises(WeatherRefused):
        parse_answer(body, [HERE], NOW)


@given(st.data())
def test_an_answer_with_one_thing_changed_is_told_or_refused(data: st.DataObject) -> None:
    told = place_told(2.55, 48.84)
    part = data.draw(st.sampled_from([told, told["hourly"], told["hourly_units"]]))
    any_json = st.recursive(
        st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False, allow_infinity=False) | st.text(),
        lambda inner: st.lists(inner, max_size=5) | st.dictionaries(st.text(), inner, max_size=3),
    )
    part[data.draw(st.sampled_from(sorted(part)))] = data.draw(any_json)
    try:
        [issue] = parse_answer(sent(told), [HERE], NOW)
    except WeatherRefused:
        return
    assert issue.start <= NOW < issue.start + timedelta(hours=1)


def test_a_question_names_units_and_fits_an_address() -> None:
    places = [commune_points()[insee] for insee in sorted(communes())][:PLACES_AT_ONCE]
    url = question(SETTINGS.model_copy(update={"weather_api_key": SecretStr("k" * 100)}), places)
    asked = {name: value for name, [value] in parse_qs(urlsplit(url).query).items()}
    assert len(url) < URL_CHARACTERS_MAX
    assert asked["hourly"] == ",".join(name for name in UNITS if name != "time")
    assert (asked["wind_speed_unit"], asked["timeformat"], asked["timezone"]) == ("ms", "unixtime", "GMT")
    assert asked["forecast_hours"] == "97"
    assert len(asked["latitude"].split(",")) == len(asked["longitude"].split(",")) == PLACES_AT_ONCE
    assert asked["apikey"] == "k" * 100


def test_an_address_may_have_parameters_of_its_own() -> None:
    ours = SETTINGS.model_copy(update={"weather_url": "https://meteo.example.org/v1/forecast?models=best_match"})
    asked = parse_qs(urlsplit(question(ours, [HERE])).query)
    assert asked["models"] == ["best_match"]
    assert asked["latitude"] == ["48.8400"]
    assert "apikey" not in asked


def test_every_commune_has_a_point_of_its_own() -> None:
    points = commune_points()
    assert set(points) == set(communes())
    assert len({(point.longitude, point.latitude) for point in points.values()}) == len(points)
    assert all(2.1 < point.longitude < 2.7 and 48.6 < point.latitude < 49.1 for point in points.values())
