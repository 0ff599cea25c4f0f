"""A backtest as one page that opens anywhere, also offline: the library, the figures and the words are in the file."""

from __future__ import annotations

import base64
import json
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from html import escape
from pathlib import Path
from string import Template
from typing import Any

from core.clock import format_instant
from core.decisions import Phrase, Value
from core.places import Origin
from models.footprint import Machine
from models.verdicts import Verdict, best_of
from models.yardsticks import YARDSTICKS
from services.words import Catalogue, read_catalogue
from vigie.backtest_figures import OURS, Chart, fans, footprints, gains_by, reliability
from vigie.judging import Judged, Wanted

PARTS = Path(__file__).resolve().parent / "report"
DASHBOARDS = Path(__file__).resolve().parent.parent / "dashboards"
_OURS_ROW = ' class="ours"'
SERIES_SHOWN = 40
"""Of more series than this, the best and the least good half of it are shown."""


@dataclass(frozen=True, slots=True)
class Reporting:
    """How a report is told.

    Parameters
    ----------
    language
        ``fr`` or ``en``.
    made_at
        When.
    machine
        What computed, for the energy.
    """

    language: str
    made_at: datetime
    machine: Machine


def write_report(file: Path, judged: Sequence[Judged], wanted: Wanted, reporting: Reporting) -> None:
    """Write the page."""
    file.write_text(report_of(judged, wanted, reporting), encoding="utf-8")


def report_of(judged: Sequence[Judged], wanted: Wanted, reporting: Reporting) -> str:
    """Return the page as text."""
    words = read_catalogue(DASHBOARDS, reporting.language)
    told = _Telling(words, reporting.machine)
    library = DASHBOARDS / "static" / "vendor" / "echarts.js"
    has_library = library.exists()
    sections = "\n".join(told.section(one) for one in judged)
    made = words.said(Phrase("backtest.made", {"made_at": format_instant(reporting.made_at)}))
    missing = "" if has_library else f'<p class="warning">{escape(words.text("backtest.no_charts"))}</p>'
    return Template((PARTS / "page.html").read_text(encoding="utf-8")).substitute(
        language=reporting.language,
        title=escape(words.text("backtest.title")),
        made=escape(made),
        missing=missing,
        contents=_contents(judged, words),
        sections=sections,
        protocol_title=escape(words.text("backtest.protocol")),
        protocol="".join(f"<li>{escape(line)}</li>" for line in _protocol(wanted, words)),
        style=_style(),
        # No figure can end the script it stands in.
        charts=json.dumps(told.charts, ensure_ascii=False).replace("<", "\\u003c"),
        library=base64.b64encode(library.read_bytes()).decode() if has_library else "",
        script=(PARTS / "page.js").read_text(encoding="utf-8"),
    )


def _style() -> str:
    tokens = (DASHBOARDS / "static" / "css" / "tokens.css").read_text(encoding="utf-8")
    return tokens + (PARTS / "page.css").read_text(encoding="utf-8")


def _contents(judged: Sequence[Judged], words: Catalogue) -> str:
    if len(judged) < 2:
        return ""
    lines = "".join(f'<li><a href="#{one.metric.name}">{escape(_metric(one, words))}</a></li>' for one in judged)
    return f'<nav aria-label="{escape(words.text("backtest.contents"))}"><ul class="contents">{lines}</ul></nav>'


def _metric(judged: Judged, words: Catalogue) -> str:
    key = f"metric.{judged.metric.name}"
    return words.text(key) if words.knows(key) else judged.metric.name


def _protocol(wanted: Wanted, words: Catalogue) -> Iterator[str]:
    day = timedelta(days=1)
    yield words.text("backtest.protocol_rolling")
    yield words.text("backtest.protocol_purged")
    fitted, reached = wanted.settings.fit_every // day, wanted.history_length // day
    yield words.text("backtest.protocol_fits", days=fitted, history=reached)
    yield words.text(f"backtest.protocol_{'as_received' if wanted.as_received else 'as_observed'}")
    for rule in ("steps", "online", "rcrps"):
        yield words.text(f"backtest.protocol_{rule}")


class _Telling:
    """Sections of a report, and the charts they ask for."""

    def __init__(self, words: Catalogue, machine: Machine) -> None:
        self.words = words
        self.machine = machine
        self.charts: dict[str, Chart] = {}

    def text(self, key: str, *, n: int = 1, **values: object) -> str:
        """Return words of the report, fit for HTML."""
        return escape(self.words.text(f"backtest.{key}", n, **values))

    def section(self, judged: Judged) -> str:
        """Return everything about one metric."""
        hearing = judged.hearing
        verdicts = hearing.verdicts()
        parts = [
            f'<section id="{judged.metric.name}"><h2>{escape(_metric(judged, self.words))}</h2>',
            f'<p class="answer">{self._answer(verdicts)}</p>',
            f'<p class="facts">{self._facts(judged)}</p>',
            *(f'<p class="warning">{self.text(origin)}</p>' for origin in _told_origins(judged)),
            *(
                f'<p class="warning">{self.text("unfit", name=self._name(name), why=why)}</p>'
                for name, why in hearing.unfit.items()
            ),
            self._part("summary", self._summary(judged, verdicts) + f'<p class="hint">{self.text("costs_hint")}</p>'),
            self._part("fans", "".join(self._fans(judged))),
            '<div class="pair">',
            self._part("reliability", self._figure(judged, reliability(judged, self._name, self._legend()))),
            self._part("by_lead", self._figure(judged, gains_by(judged, "lead", self._name, self._key))),
            self._part("by_regime", self._figure(judged, gains_by(judged, "regime", self._name, self._key))),
            self._part("by_series", self._series(judged)),
            "</div></section>",
        ]
        return "\n".join(parts)

    def _answer(self, verdicts: Sequence[Verdict]) -> str:
        best = best_of(verdicts, list(YARDSTICKS))
        ours = next((one for one in verdicts if one.forecaster == OURS), None)
        if best is None or ours is None or not best.pinball:
            return ""
        skill = 1 - ours.pinball / best.pinball
        values: dict[str, Value] = {
            "n": ours.steps,
            "skill_ratio": abs(skill),
            "rule": self.words.text(self._word(best.forecaster)),
        }
        return escape(self.words.said(Phrase(f"backtest.{'better' if skill > 0 else 'worse'}", values)))

    def _facts(self, judged: Judged) -> str:
        hearing = judged.hearing
        first, last = (hearing.history.instant_of(hearing.origins[at]) for at in (0, -1))
        every = (
            hearing.history.plan.step * (hearing.origins[1] - hearing.origins[0]) if len(hearing.origins) > 1 else None
        )
        values: dict[str, Value] = {
            "series": str(len(judged.names)),
            "origins": str(len(hearing.origins)),
            "first_day": format_instant(first),
            "last_day": format_instant(last),
            "steps": str(hearing.history.plan.steps),
            "every": "–" if every is None else _span(every),
            "unit": judged.metric.unit or self.words.text("backtest.ratio"),
        }
        return escape(self.words.said(Phrase("backtest.facts", values)))

    def _summary(self, judged: Judged, verdicts: Sequence[Verdict]) -> str:
        best = best_of(verdicts, list(YARDSTICKS))
        took = footprints(judged.hearing, self.machine)
        names = ("skill", "pinball", "rcrps", "coverage_80", "coverage_90", "absolute_error")
        costs = ("fit_s", "predict_s", "processor_s", "energy", "co2e")
        rows = []
        for one in sorted(verdicts, key=lambda verdict: verdict.pinball):
            cost = judged.hearing.costs[one.forecaster]
            gain = 1 - one.pinball / best.pinball if best is not None and best.pinball else float("nan")
            cells = [self.words.share(gain), *(self.words.number(getattr(one, name)) for name in names[1:3])]
            cells += [self.words.share(one.coverage_80), self.words.share(one.coverage_90)]
            cells += [self.words.number(one.absolute_error)]
            cells += [self.words.number(round(getattr(cost, name), 1)) for name in costs[:3]]
            cells += [self.words.number(figure) for figure in took[one.forecaster]]
            rows.append(((self._name(one.forecaster), *cells), one.forecaster == OURS))
        return self._table(("forecaster", *names, *costs), rows)

    def _fans(self, judged: Judged) -> Iterator[str]:
        legend = self._legend()
        for place, (row, chart) in fans(judged, legend).items():
            unit = f", {judged.metric.unit}" if judged.metric.unit else ""
            yield self._figure(judged, chart, self.text(place, name=judged.names[row]) + escape(unit))

    def _series(self, judged: Judged) -> str:
        chart = gains_by(judged, "series", self._name, self._key)
        count = len(chart["categories"])
        if count <= SERIES_SHOWN:
            return self._figure(judged, chart)
        half = SERIES_SHOWN // 2
        shown = [*range(half), *range(count - half, count)]
        chart["categories"] = [chart["categories"][at] for at in shown]
        for one in chart["series"]:
            one["values"] = [one["values"][at] for at in shown]
        cut = self.text("series_cut", best=half, worst=half, n=count)
        return f'<p class="hint">{cut}</p>' + self._figure(judged, chart)

    def _figure(self, judged: Judged, chart: Chart, caption: str = "") -> str:
        """Return a chart with its table; its figures go to the page's script."""
        ident = f"{judged.metric.name}-{len(self.charts)}"
        head, rows = chart.pop("table")
        self.charts[ident] = chart
        body = self._table(head, [(tuple(self._cell(cell) for cell in row), False) for row in rows])
        titled = f"<figcaption>{caption}</figcaption>" if caption else ""
        return (
            f'<figure>{titled}<div class="chart" id="{ident}" data-kind="{chart["kind"]}" aria-hidden="true"></div>'
            f"<details><summary>{self.text('table')}</summary>{body}</details></figure>"
        )

    def _cell(self, cell: object) -> str:
        if isinstance(cell, str):
            return cell
        return "–" if cell is None or cell != cell else self.words.number(float(str(cell)))  # noqa: PLR0124 - NaN

    def _table(self, head: Sequence[str], rows: Sequence[tuple[Sequence[str], bool]]) -> str:
        """Return a table; a column's name is a word of the report, or stands as it is."""
        names = (
            self.text(f"column.{name}") if self.words.knows(f"backtest.column.{name}") else escape(name)
            for name in head
        )
        columns = "".join(f'<th scope="col">{name}</th>' for name in names)
        body = "".join(
            f"<tr{_OURS_ROW if ours else ''}>{''.join(f'<td>{escape(cell)}</td>' for cell in cells)}</tr>"
            for cells, ours in rows
        )
        return f'<div class="scroll"><table><thead><tr>{columns}</tr></thead><tbody>{body}</tbody></table></div>'

    def _part(self, name: str, body: str) -> str:
        hint = {"by_lead": "gain_hint", "by_regime": "gain_hint", "by_series": "gain_hint"}.get(name, f"{name}_hint")
        return f'<div class="part"><h3>{self.text(name)}</h3><p class="hint">{self.text(hint)}</p>{body}</div>'

    def _word(self, forecaster: str) -> str:
        return f"backtest.forecaster.{forecaster}"

    def _name(self, forecaster: str) -> str:
        return self.words.text(self._word(forecaster))

    def _key(self, kind: str, key: str) -> str:
        if kind == "lead":
            return self.words.text("backtest.lead", hours=key)
        return self.words.text(f"backtest.regime.{key}") if kind == "regime" else key

    def _legend(self) -> dict[str, Any]:
        legend: dict[str, Any] = dict(self.words.words["backtest"]["legend"])
        return legend


def _told_origins(judged: Judged) -> list[str]:
    return [origin.value for origin in (Origin.SIMULATED, Origin.REPLAYED) if origin in judged.origins]


def _span(span: timedelta) -> str:
    hours = span / timedelta(hours=1)
    return f"{hours:g} h" if hours >= 1 else f"{span // timedelta(minutes=1)} min"
