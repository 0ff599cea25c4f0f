"""What is asked of an export: kept and read back, refused where it says nothing, bounded."""

from __future__ import annotations

from datetime import timedelta

import pytest
from export_cases import T0, label, labels

from core.clock import Window
from core.metrics import Family
from core.places import Origin
from services.exports.asked import (
    ROWS_MAX,
    Asked,
    ExportTooLarge,
    Format,
    Wanted,
    WantedInvalid,
    check_size,
    expected_rows,
    export_name,
)
from services.exports.columns import By
from services.exports.labels import Labels

DAY = timedelta(days=1)


def test_what_is_wanted_is_read_back() -> None:
    wanted = Wanted(("93051",), ("93051/ecole-a",), ("m1",), (Family.AIR,), ("co2_ppm",), (41,), (Origin.FIELD,))
    assert Wanted.of(wanted.told()) == wanted
    assert Wanted().told() == {}
    assert Wanted.of({}) == Wanted()


@pytest.mark.parametrize(
    "told",
    [
        {"communes": ["13055"]},
        {"families": ["cars"]},
        {"metrics": ["co2"]},
        {"origins": ["invented"]},
        {"rooms": ["1"]},
    ],
)
def test_a_word_that_says_nothing_is_refused(told: dict[str, list[str]]) -> None:
    with pytest.raises(WantedInvalid):
        Wanted.of(told)


def test_rows_are_expected_by_how_often_a_metric_speaks() -> None:
    both = labels(label(), label(42, "electricity_kwh"))
    week = Window(T0, T0 + 7 * DAY)
    assert expected_rows(both, By.RAW, week) == 7 * (144 + 96)
    assert expected_rows(labels(label(interval_s=3_600)), By.RAW, week) == 7 * 24
    assert expected_rows(both, By.HOUR, week) == 2 * 168
    assert expected_rows(both, By.DAY, Window(T0, T0 + timedelta(hours=25))) == 4


def test_what_would_come_to_too_much_is_refused() -> None:
    many = Labels([label(number) for number in range(1, 1_001)])
    days = ROWS_MAX // (144 * 1_000)
    for length, refused in ((days * DAY, False), ((days + 1) * DAY, True)):
        asked = Asked(Wanted(), By.RAW, Format.CSV, Window(T0, T0 + length))
        if refused:
            with pytest.raises(ExportTooLarge, match="ask for less"):
                check_size(asked, many)
        else:
            check_size(asked, many)
            assert expected_rows(many, By.RAW, asked.window) <= ROWS_MAX


def test_a_file_says_what_it_is_and_is_named_by_its_local_days() -> None:
    asked = Asked(Wanted(communes=("93051",)), By.RAW, Format.CSV, Window(T0, T0 + DAY), T0 + DAY)
    told = asked.told(labels(label(origin=Origin.SIMULATED), label(42)))
    assert told["origins"] == ["field", "simulated"]
    assert (told["from"], told["as_of"]) == ("2026-03-02T08:10:00Z", "2026-03-03T08:10:00Z")
    assert told["wanted"] == {"communes": ["93051"]}
    assert export_name(asked) == "vigie-raw-20260302-20260303"
