"""Weather in files: forecasts as they were issued, weather as it came, and files that are neither."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from pathlib import Path

import numpy as np
import polars as pl
import pytest

from core.commune_points import CommunePoint
from core.weather import VARIABLES, WeatherRefused
from services.weather.file import FileWeather, read_forecasts, read_realised
from services.weather.provider import WeatherAbsent

HERE, THERE = CommunePoint("93051", 2.55, 48.84), CommunePoint("93066", 2.36, 48.93)
AT = datetime(2026, 3, 2, 6, tzinfo=UTC)
HOUR = timedelta(hours=1)
TEMPERATURE = VARIABLES.index("temperature_c")
FORECASTS = """commune_insee,issued_at,received_at,valid_at,temperature_c,wind_ms
93051,2026-03-02T06:00:00Z,2026-03-02T07:30:00Z,2026-03-02T06:00:00Z,5.5,3
93051,2026-03-02T06:00:00Z,2026-03-02T07:30:00Z,2026-03-02T09:00:00+01:00,7.5,
93051,2026-03-02T00:00:00Z,2026-03-02T01:30:00Z,2026-03-02T00:00:00Z,2.5,4
93066,2026-03-02T00:00:00Z,2026-03-02T01:30:00Z,2026-03-02T00:00:00Z,1.5,4
75056,2026-03-02T00:00:00Z,2026-03-02T01:30:00Z,2026-03-02T00:00:00Z,9.5,4
"""


def written(folder: Path, text: str) -> Path:
    path = folder / "weather.csv"
    path.write_text(text, encoding="utf-8")
    return path


def test_forecasts_are_told_by_place_and_issue_and_holes_stay(tmp_path: Path) -> None:
    issues = read_forecasts(written(tmp_path, FORECASTS), [HERE, THERE])
    assert [(one.commune_insee, one.issued_at.hour, len(one.values)) for one in issues] == [
        ("93051", 0, 1),
        ("93051", 6, 3),
        ("93066", 0, 1),
    ]
    newest = issues[1]
    assert (newest.provider, newest.received_at) == ("file", datetime(2026, 3, 2, 7, 30, tzinfo=UTC))
    assert newest.start == AT
    assert newest.values[:, TEMPERATURE].tolist() == pytest.approx([5.5, np.nan, 7.5], nan_ok=True)
    assert newest.values[:, VARIABLES.index("wind_ms")].tolist() == pytest.approx([3, np.nan, np.nan], nan_ok=True)
    assert np.isnan(newest.values[:, VARIABLES.index("cloud_ratio")]).all()


def test_parquet_tells_the_same(tmp_path: Path) -> None:
    path = written(tmp_path, FORECASTS)
    instants = [
        pl.col(name).str.to_datetime("%+", time_zone="UTC") for name in ("issued_at", "received_at", "valid_at")
    ]
    table = pl.read_csv(path, schema_overrides={"commune_insee": pl.String}).with_columns(instants)
    table.write_parquet(path.with_suffix(".parquet"))
    ours, theirs = read_forecasts(path, [HERE]), read_forecasts(path.with_suffix(".parquet"), [HERE])
    assert [one.start for one in ours] == [one.start for one in theirs]
    assert all(
        np.array_equal(one.values, other.values, equal_nan=True) for one, other in zip(ours, theirs, strict=True)
    )


def test_lines_without_a_commune_are_of_all_places(tmp_path: Path) -> None:
    text = "issued_at,valid_at,temperature_c\n2026-03-02T06:00:00Z,2026-03-02T06:00:00Z,5\n"
    issues = read_forecasts(written(tmp_path, text), [HERE, THERE])
    assert [one.commune_insee for one in issues] == ["93051", "93066"]
    assert issues[0].received_at == issues[0].issued_at


@pytest.mark.parametrize(("now", "issued"), [(AT + HOUR, 0), (AT + 2 * HOUR, 6)])
def test_the_newest_is_the_one_that_is_known(tmp_path: Path, now: datetime, issued: int) -> None:
    [issue] = FileWeather(written(tmp_path, FORECASTS)).ask([HERE], now)
    assert issue.issued_at.hour == issued


def test_realised_weather_is_an_issue_a_day_of_three_days(tmp_path: Path) -> None:
    start = datetime(2026, 3, 1, 22, tzinfo=UTC)
    lines = [f"{(start + n * HOUR).isoformat()},{n / 4}" for n in range(100)]
    issues = read_realised(written(tmp_path, "valid_at,temperature_c\n" + "\n".join(lines)), [HERE])
    assert [(one.start.day, one.start.hour, len(one.values)) for one in issues] == [
        (1, 0, 72),
        (2, 0, 72),
        (3, 0, 72),
        (4, 0, 50),
        (5, 0, 26),
        (6, 0, 2),
    ]
    assert {one.provider for one in issues} == {"realised"}
    assert all(one.issued_at == one.received_at == one.start for one in issues)
    assert np.isnan(issues[0].values[:22]).all()
    assert issues[0].values[22:, TEMPERATURE].tolist() == [n / 4 for n in range(50)]
    assert issues[1].values[0, TEMPERATURE] == 0.5


HEADS = "commune_insee,issued_at,valid_at,temperature_c\n"
LINE = "93051,2026-03-02T06:00:00Z,2026-03-02T06:00:00Z,5\n"
BAD = {
    "no table": ("\x00\x01", "lacks"),
    "nothing": ("", "no table"),
    "no issue": ("valid_at,temperature_c\n2026-03-02T06:00:00Z,5\n", "lacks issued_at"),
    "no variable": ("issued_at,valid_at\n2026-03-02T06:00:00Z,2026-03-02T06:00:00Z\n", "lacks all of"),
    "an instant without an offset": (HEADS + LINE.replace("06:00:00Z,5", "06:00:00,5"), "weather.csv"),
    "no instant": (HEADS + "93051,2026-03-02T06:00:00Z,soon,5\n", "weather.csv"),
    "an empty instant": (HEADS + "93051,2026-03-02T06:00:00Z,,5\n", "no instant"),
    "no number": (HEADS + LINE.replace(",5", ",warm"), "weather.csv"),
    "half an hour": (HEADS + LINE.replace("06:00:00Z,5", "06:30:00Z,5"), "no whole hours"),
    "an hour twice": (HEADS + LINE + LINE, "told of twice"),
    "too far": (HEADS + LINE + "93051,2026-03-02T06:00:00Z,2026-04-02T06:00:00Z,5\n", "goes further than"),
    "Kelvin": (HEADS + LINE.replace(",5", ",278.15"), "temperature_c is 278.15"),
    "received before it was issued": (
        "issued_at,received_at,valid_at,temperature_c\n2026-03-02T06:00:00Z,2026-03-02T05:00:00Z,2026-03-02T06:00:00Z,5\n",
        "issued before it is received",
    ),
}


@pytest.mark.parametrize("what", BAD)
def test_what_is_no_such_file_is_refused_with_its_reason(tmp_path: Path, what: str) -> None:
    text, reason = BAD[what]
    with pytest.raises(WeatherRefused, match=reason):
        read_forecasts(written(tmp_path, text), [HERE])


def test_naive_instants_of_parquet_are_refused(tmp_path: Path) -> None:
    path = tmp_path / "weather.parquet"
    pl.DataFrame({"valid_at": [AT.replace(tzinfo=None)], "temperature_c": [5.0]}).write_parquet(path)
    with pytest.raises(WeatherRefused, match="time zone"):
        read_realised(path, [HERE])


def test_a_file_that_is_not_there_is_an_absence(tmp_path: Path) -> None:
    with pytest.raises(WeatherAbsent, match=r"weather\.csv"):
        FileWeather(tmp_path / "weather.csv").ask([HERE], AT)
