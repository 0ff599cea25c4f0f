from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from core.readings import Reception
from ingestors.decoders.frame import RECEPTIONS_MAX
from ingestors.decoders.lorawan import parse_receptions, parse_spreading_factor


def parsed(*receptions: Any) -> tuple[Reception, ...]:
    return parse_receptions(list(receptions), lambda one: one.get("id"))


def test_a_gateway_is_told_once_by_its_best_antenna() -> None:
    heard = parsed({"id": "a", "rssi": -110, "snr": 1}, {"id": "b", "rssi": -90}, {"id": "a", "rssi": -100, "snr": 3})
    assert heard == (Reception("a", -100.0, 3.0), Reception("b", -90.0))


def test_a_place_is_told_whole_or_not_at_all() -> None:
    places = [{"longitude": 2.5, "latitude": 48.8}, {"longitude": 2.5}, {"longitude": 200, "latitude": 1}, "here"]
    heard = parsed(*({"id": str(number), "location": place} for number, place in enumerate(places)))
    assert [(one.longitude, one.latitude) for one in heard] == [(2.5, 48.8), (None, None), (None, None), (None, None)]


def test_what_has_no_name_is_left_out_and_there_are_no_more_than_the_bound() -> None:
    assert parsed({"id": ""}, {"id": "x" * 65}, {"id": "a\n"}, {"id": 7}, "a", {}) == ()
    assert parse_receptions({"id": "a"}, lambda one: one) == ()
    assert len(parsed(*({"id": str(number)} for number in range(40)))) == RECEPTIONS_MAX


@pytest.mark.parametrize(("value", "factor"), [(7, 7), (12, 12), (13, None), (True, None), ("9", None), (None, None)])
def test_a_spreading_factor_is_one_of_lora(value: object, factor: int | None) -> None:
    assert parse_spreading_factor(value) == factor


@given(
    st.recursive(
        st.none() | st.floats() | st.text(max_size=5),
        lambda one: st.lists(one) | st.dictionaries(st.sampled_from(["id", "rssi", "snr", "location"]), one),
    )
)
def test_whatever_stands_there_is_survived(value: Any) -> None:
    assert isinstance(parse_receptions(value, lambda one: one.get("id")), tuple)
