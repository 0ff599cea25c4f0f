"""The report is one file that needs nothing else, in both languages, with a table beside every chart."""

from __future__ import annotations

import json
import re
from datetime import UTC, datetime, timedelta
from html.parser import HTMLParser

import numpy as np
import pytest

from core.clock import EPOCH
from core.forecasts import QUANTILES
from core.metrics import metric_named
from core.places import Origin
from models.backtest import BacktestSettings, Fold, Utterance, folds_of
from models.footprint import Machine
from models.history import History
from models.verdicts import Hearing
from models.yardsticks import YARDSTICKS
from services.words import LANGUAGES
from vigie.backtest_report import SERIES_SHOWN, Reporting, report_of
from vigie.judging import Judged, Wanted, lines_of

SETTINGS = BacktestSettings(timedelta(days=10), timedelta(days=1), timedelta(days=10))
WANTED = Wanted(("power_kw",), timedelta(days=40), SETTINGS, ("mlforecast",))
MACHINE = Machine(core_w=12, memory_gb=4, memory_w_per_gb=0.37, pue=1.67, co2e_g_per_kwh=51)


def judged_of(series: int, spread: dict[str, float]) -> Judged:
    """Return forecasters that miss by so much, on loads of a day's rhythm; the last value is not known."""
    random = np.random.default_rng(4)
    metric = metric_named("power_kw")
    assert metric.plan is not None
    hours = np.arange(40 * 24)
    values = 10 + 5 * np.sin(hours / 24 * 2 * np.pi) + random.normal(0, 1, (series, len(hours)))
    values[:, -1] = np.nan
    start = EPOCH + timedelta(days=9_000)
    history = History(metric, metric.plan, tuple(range(series)), start, start + timedelta(days=40), values)
    (fold,) = folds_of(history, SETTINGS)
    said = [_run(name, history, fold, miss) for name, miss in spread.items()]
    names = tuple(f"École <{row}>" for row in range(series))
    return Judged(metric, names, frozenset({Origin.SIMULATED}), Hearing.of(history, (fold,), said))


def _run(name: str, history: History, fold: Fold, miss: float) -> Utterance:
    came = np.stack([history.values[:, at : at + history.plan.steps] for at in fold.origins])
    said = np.nan_to_num(came)[..., None] + miss * np.linspace(-1, 1, len(QUANTILES)) + miss / 3
    return Utterance(name, fold, said.astype(np.float32), 1.5, 0.5, 1.0)


@pytest.fixture(scope="module")
def judged() -> Judged:
    """Ours, the naive, a peer and the plain rules on three series."""
    return judged_of(3, {"vigie": 1.0, "naive": 2.0, "mlforecast": 1.5, **dict.fromkeys(YARDSTICKS, 2.5)})


class Page(HTMLParser):
    """What a reader's browser finds."""

    def __init__(self, text: str) -> None:
        super().__init__()
        self.tags: list[tuple[str, dict[str, str | None]]] = []
        self.feed(text)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        """Note a tag."""
        self.tags.append((tag, dict(attrs)))


@pytest.mark.parametrize("language", LANGUAGES)
def test_the_page_is_whole_and_asks_for_nothing(judged: Judged, language: str) -> None:
    text = report_of([judged], WANTED, Reporting(language, datetime(2026, 11, 22, 12, tzinfo=UTC), MACHINE))
    page = Page(text)
    assert not [tag for tag, attributes in page.tags if "src" in attributes or tag == "link"]
    assert "École &lt;0&gt;" in text
    assert "École <0>" not in text
    places = [attributes["id"] for tag, attributes in page.tags if (attributes.get("class") or "") == "chart"]
    charts = json.loads(re.findall(r'id="charts">(.*?)</script>', text, re.DOTALL)[0])
    assert sorted(charts) == sorted(str(place) for place in places)
    assert len([tag for tag, _ in page.tags if tag == "details"]) == len(places) == 7
    assert [chart["kind"] for chart in charts.values()].count("fan") == 3


def test_a_script_cannot_be_ended_by_a_name(judged: Judged) -> None:
    evil = Judged(judged.metric, ("</script><b>", "b", "c"), judged.origins, judged.hearing)
    text = report_of([evil], WANTED, Reporting("en", datetime(2026, 11, 22, tzinfo=UTC), MACHINE))
    assert "</script><b>" not in text


@pytest.mark.parametrize(
    ("ours", "said"), [(1.0, "less than the best plain rule"), (4.0, "more than the best plain rule")]
)
def test_the_answer_is_said_also_when_it_is_bad(ours: float, said: str) -> None:
    judged = judged_of(1, {"vigie": ours, "naive": 2.0, **dict.fromkeys(YARDSTICKS, 2.5)})
    assert said in report_of([judged], WANTED, Reporting("en", datetime(2026, 11, 22, tzinfo=UTC), MACHINE))


def test_of_many_series_the_best_and_the_least_good_are_shown() -> None:
    judged = judged_of(SERIES_SHOWN + 5, {"vigie": 1.0, "naive": 2.0, **dict.fromkeys(YARDSTICKS, 2.5)})
    text = report_of([judged], WANTED, Reporting("en", datetime(2026, 11, 22, tzinfo=UTC), MACHINE))
    charts = json.loads(re.findall(r'id="charts">(.*?)</script>', text, re.DOTALL)[0])
    across = next(chart for chart in charts.values() if chart.get("across"))
    assert len(across["categories"]) == SERIES_SHOWN
    assert f"of {SERIES_SHOWN + 5} series" in text


def test_the_table_puts_the_best_first(judged: Judged) -> None:
    lines = lines_of([judged])
    assert [line.split()[1] for line in lines[1:4]] == ["vigie", "mlforecast", "naive"]
    assert lines_of([]) == ["no history to judge on"]
