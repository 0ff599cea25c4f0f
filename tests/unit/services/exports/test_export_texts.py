"""Cells as text: times that a spreadsheet reads, figures without loss, words that are nothing but words."""

from __future__ import annotations

from datetime import UTC, date, datetime, timedelta
from zoneinfo import ZoneInfo

import pyarrow as pa
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from core.clock import PARIS
from core.readings import Flag
from services.exports.columns import FLAG_NAMES, FLAG_WORDS
from services.exports.texts import (
    cell,
    day_texts,
    figure_texts,
    flags_texts,
    paris_texts,
    spreadsheet_utc_texts,
    utc_texts,
)

INSTANTS = st.datetimes(datetime(1999, 1, 1), datetime(2100, 1, 1), timezones=st.just(UTC))  # noqa: DTZ001 - as it wants


def instants(*told: datetime) -> pa.Array:
    return pa.array(told, pa.timestamp("us", "UTC"))


@settings(deadline=None)
@given(st.lists(INSTANTS, min_size=1, max_size=20))
def test_utc_is_read_back_whatever_the_instant(told: list[datetime]) -> None:
    assert [datetime.fromisoformat(text) for text in utc_texts(instants(*told)).to_pylist()] == told


@settings(deadline=None)
@given(st.lists(INSTANTS, min_size=1, max_size=20))
def test_local_time_and_its_offset_are_read_back_whatever_the_instant(told: list[datetime]) -> None:
    whens, offsets = paris_texts(instants(*told))
    for instant, when, offset in zip(told, whens.to_pylist(), offsets.to_pylist(), strict=True):
        written = when if "," in when else when + ",000000"
        read = datetime.strptime(f"{written} {offset.removeprefix('UTC')}", "%d/%m/%Y %H:%M:%S,%f %z")
        assert read == instant
        assert read.utcoffset() == instant.astimezone(PARIS).utcoffset()


def test_the_hour_that_comes_twice_is_told_apart_by_its_offset() -> None:
    first = datetime(2026, 10, 25, 0, 30, tzinfo=UTC)
    whens, offsets = paris_texts(instants(first, first + timedelta(hours=1)))
    assert whens.to_pylist() == ["25/10/2026 02:30:00"] * 2
    assert offsets.to_pylist() == ["UTC+02:00", "UTC+01:00"]


def test_the_hour_that_is_left_out_is_not_written() -> None:
    before = datetime(2026, 3, 29, 0, 59, 59, tzinfo=UTC)
    whens, offsets = paris_texts(instants(before, before + timedelta(seconds=1)))
    assert whens.to_pylist() == ["29/03/2026 01:59:59", "29/03/2026 03:00:00"]
    assert offsets.to_pylist() == ["UTC+01:00", "UTC+02:00"]


def test_parts_of_a_second_are_written_where_there_are_any() -> None:
    told = instants(*(datetime(2026, 3, 2, 8, 10, 1, part, tzinfo=UTC) for part in (0, 25, 250_000)))
    assert utc_texts(told).to_pylist() == [
        "2026-03-02T08:10:01Z",
        "2026-03-02T08:10:01.000025Z",
        "2026-03-02T08:10:01.250000Z",
    ]
    assert spreadsheet_utc_texts(told).to_pylist()[::2] == ["02/03/2026 08:10:01", "02/03/2026 08:10:01,250000"]


def test_days_are_written_as_they_are_asked_for() -> None:
    days = pa.array([date(2026, 3, 29), date(1999, 12, 31)], pa.date32())
    assert day_texts(days, "%d/%m/%Y").to_pylist() == ["29/03/2026", "31/12/1999"]


@settings(deadline=None)
@given(st.lists(st.floats(allow_nan=False, allow_infinity=False), min_size=1, max_size=20))
def test_figures_are_read_back_without_loss(told: list[float]) -> None:
    column = pa.array(told, pa.float64())
    assert [float(text) for text in figure_texts(column, comma=False).to_pylist()] == told
    assert [float(text.replace(",", ".")) for text in figure_texts(column, comma=True).to_pylist()] == told


def test_a_missing_figure_stays_missing_and_zero_has_no_sign() -> None:
    column = pa.array([21.5, None, float("nan"), -0.0, 812.0], pa.float64())
    assert figure_texts(column, comma=True).to_pylist() == ["21,5", None, None, "0", "812"]
    assert figure_texts(pa.array([3, None], pa.int32()), comma=True).to_pylist() == ["3", None]


def test_flags_are_told_in_their_order_and_every_flag_has_a_word() -> None:
    codes = pa.array([0, int(Flag.SPIKE | Flag.BOUNDS), int(Flag.RESET)], pa.int16())
    assert flags_texts(codes, FLAG_NAMES, " ").to_pylist() == ["", "bounds spike", "reset"]
    assert flags_texts(codes, FLAG_WORDS, ", ").to_pylist() == ["", "hors de l’usage, pic", "remise à zéro"]
    assert set(FLAG_WORDS) == set(FLAG_NAMES) == set(Flag)


@pytest.mark.parametrize(
    ("text", "written"),
    [
        ("=HYPERLINK(1)", "'=HYPERLINK(1)"),
        ("+33 1 23 45 67 89", "'+33 1 23 45 67 89"),
        ("-3 étage", "'-3 étage"),
        ("@SUM(A1)", "'@SUM(A1)"),
        ("\t=1", "'\t=1"),
        ("0018b20000001234", "0018b20000001234"),
        ("0018200000001234", "'0018200000001234"),
        ("24e1240000000012", "'24e1240000000012"),
        ("93051", "93051"),
        ("Salle 2", "Salle 2"),
        ("a=b", "a=b"),
        ("Hall; côté cour", '"Hall; côté cour"'),
        ('dit "le foyer"', '"dit ""le foyer"""'),
        ("=1;2", '"\'=1;2"'),
        ("", ""),
    ],
)
def test_no_text_is_taken_for_a_formula_or_for_another_number(text: str, written: str) -> None:
    assert cell(text, ";") == written


def test_paris_is_where_it_was_in_every_time_zone_of_the_machine(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("TZ", "Asia/Tokyo")
    noon = datetime(2026, 7, 1, 12, tzinfo=ZoneInfo("Europe/Paris"))
    assert paris_texts(instants(noon.astimezone(UTC)))[0].to_pylist() == ["01/07/2026 12:00:00"]
