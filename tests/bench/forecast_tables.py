"""What the forecast bench tells: a table per stretch, figures with their targets, and a page for docs/."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime

from figures import Figure
from forecast_folds import ROOT

from core.clock import Window
from core.footprint_settings import FootprintSettings
from core.forecasts import QUANTILE_NAMES
from models.footprint import Machine, footprint
from models.peers import PEERS
from models.verdicts import Cost, Verdict, best_of
from models.yardsticks import YARDSTICKS

PAGE = ROOT / "docs" / "forecast-figures.md"
OURS = "vigie"
UNDER_MLFORECAST, UNDER_OPENSTEF = 0.10, 0.20
COVERAGE_LOW, COVERAGE_HIGH = 0.88, 0.92


@dataclass(frozen=True, slots=True)
class StretchFigures:
    """What was found on one stretch."""

    dataset: str
    unit: str
    test: Window
    series: int
    origins: int
    verdicts: tuple[Verdict, ...]
    costs: Mapping[str, Cost]
    unfit: Mapping[str, str]
    versions: Mapping[str, str]

    @property
    def best_naive(self) -> Verdict | None:
        """The plain rule that did best, chosen on the test itself."""
        return best_of(self.verdicts, list(YARDSTICKS))

    def of(self, name: str) -> Verdict | None:
        """Return the verdict on a forecaster, None where it did not run."""
        return next((one for one in self.verdicts if one.forecaster == name), None)

    def skill(self, name: str) -> float | None:
        """Return the share of the best rule's pinball loss that a forecaster saves."""
        one, best = self.of(name), self.best_naive
        return None if one is None or best is None else 1 - one.pinball / best.pinball


_TAIL = ("p10-p90", "p05-p95", "MAE", "fit s", "predict s", "processor s", "Wh")
HEAD = ("forecaster", "rCRPS", "pinball", "skill", *QUANTILE_NAMES, *_TAIL)


def _rows(found: StretchFigures) -> list[tuple[str, ...]]:
    ordered = sorted(found.verdicts, key=lambda one: one.pinball)
    return [_row(found, one) for one in ordered]


def _row(found: StretchFigures, one: Verdict) -> tuple[str, ...]:
    cost, saved = found.costs[one.forecaster], found.skill(one.forecaster)
    return (
        one.forecaster,
        f"{one.rcrps:.4f}",
        f"{one.pinball:.4g}",
        "-" if saved is None else f"{saved:.3f}",
        *(f"{loss:.3g}" for loss in one.pinball_by_level),
        f"{one.coverage_80:.3f}",
        f"{one.coverage_90:.3f}",
        f"{one.absolute_error:.4g}",
        f"{cost.fit_s:.1f}",
        f"{cost.predict_s:.1f}",
        f"{cost.processor_s:.1f}",
        f"{_energy_wh(cost):.2g}",
    )


def _energy_wh(cost: Cost) -> float:
    """Return the energy of its processor time, on the machine that the settings take for granted."""
    settings = FootprintSettings()
    machine = Machine(
        core_w=settings.footprint_core_w,
        memory_gb=settings.footprint_memory_gb,
        memory_w_per_gb=settings.footprint_memory_w_per_gb,
        pue=settings.footprint_pue,
        co2e_g_per_kwh=settings.footprint_co2e_g_per_kwh,
    )
    return footprint(machine, cost.processor_s, cost.processor_s).energy_kwh * 1_000


def _title(found: StretchFigures) -> str:
    steps = found.verdicts[0].steps if found.verdicts else 0
    return (
        f"{found.dataset}, {found.test.start:%Y-%m-%d} to {found.test.end:%Y-%m-%d} (excluded): {found.series} series, "
        f"{found.origins} origins, {steps} steps; losses in {found.unit or 'the unit of what is counted'}"
    )


def table_of(found: StretchFigures) -> str:
    """Return a stretch as a table for a person, the best first."""
    lines = [HEAD, *_rows(found)]
    widths = [max(len(line[column]) for line in lines) for column in range(len(HEAD))]
    body = "\n".join(
        "  ".join(
            cell.ljust(width) if at == 0 else cell.rjust(width)
            for at, (cell, width) in enumerate(zip(line, widths, strict=True))
        )
        for line in lines
    )
    told = "".join(f"\n  {name} did not run: {why}" for name, why in found.unfit.items())
    return f"{_title(found)}\n{body}{told}"


def figures_of(found: Sequence[StretchFigures]) -> list[Figure]:
    """Return the figures of all stretches, with the targets of what they are aimed at."""
    figures: list[Figure] = []
    for dataset in dict.fromkeys(one.dataset for one in found):
        mine = [one for one in found if one.dataset == dataset]
        if dataset == "cambridge":
            figures += _against_peers(mine)
        else:
            figures += [_skill(one) for one in mine if one.of(OURS)]
            figures += [_beside(one, peer) for one in mine for peer in PEERS if one.of(OURS) and one.of(peer)]
    beaten = [figure.value < 1 for figure in figures if "_pinball_to_" in figure.name]
    if beaten:
        share = sum(beaten) / len(beaten)
        figures.append(Figure("stretches_where_a_peer_is_beaten", share, "ratio", "higher", 0.5, share > 0.5))
    return figures


def _mean(found: Sequence[StretchFigures], name: str, what: str) -> float | None:
    verdicts = [one.of(name) for one in found]
    values = [getattr(verdict, what) for verdict in verdicts if verdict is not None]
    return sum(values) / len(values) if len(values) == len(found) and values else None


def _against_peers(found: Sequence[StretchFigures]) -> list[Figure]:
    """Return the means over the four months, held against the targets."""
    figures = []
    ours, covered = _mean(found, OURS, "rcrps"), _mean(found, OURS, "coverage_90")
    for name in ("last_week", "four_weeks", OURS, *PEERS):
        value = _mean(found, name, "rcrps")
        if value is not None:
            figures.append(Figure(f"cambridge_rcrps_{name}", value, "ratio", "lower"))
    if ours is None or covered is None:
        return figures
    inside = COVERAGE_LOW <= covered <= COVERAGE_HIGH
    figures.append(Figure("cambridge_coverage_90", covered, "ratio", "higher", COVERAGE_LOW, inside))
    for name in PEERS:
        theirs, aim = _mean(found, name, "rcrps"), UNDER_OPENSTEF if name.startswith("openstef") else UNDER_MLFORECAST
        if theirs is not None:
            under = 1 - ours / theirs
            figures.append(Figure(f"cambridge_rcrps_under_{name}", under, "ratio", "higher", aim, under >= aim))
    return figures


def _skill(found: StretchFigures) -> Figure:
    saved = found.skill(OURS)
    assert saved is not None, "ours and the rules ran"
    return Figure(f"{found.dataset}_{found.test.start:%Y%m}_skill", saved, "ratio", "higher", 0.0, saved > 0)


def _beside(found: StretchFigures, peer: str) -> Figure:
    ours, theirs = found.of(OURS), found.of(peer)
    assert ours is not None, "asked for where both ran"
    assert theirs is not None, "asked for where both ran"
    return Figure(
        f"{found.dataset}_{found.test.start:%Y%m}_pinball_to_{peer}", ours.pinball / theirs.pinball, "ratio", "lower"
    )


def write_page(found: Sequence[StretchFigures], figures: Sequence[Figure], at: datetime, *, kept_only: bool) -> None:
    """Write docs/forecast-figures.md."""
    versions = {f"{name} {version}" for one in found for name, version in one.versions.items()}
    parts = [
        "# Forecasts beside the field: the figures",
        "",
        f"Written by `./run bench forecast --peer --write` on {at:%Y-%m-%d}. The protocol, fixed before any model was",
        "run, is in [forecast-protocol.md](forecast-protocol.md). Seconds are of a busy two-core machine, one thread",
        f"each: compare processor seconds. Versions (ours by a mark of its code): {', '.join(sorted(versions))}.",
        "`skill` is the pinball loss saved against the best of the four plain rules, chosen on the test itself. Losses",
        "are in the metric's unit, a column per quantile; `pinball` is their mean.",
        *(("", "**Not a whole run**: a forecaster that is missing below was not computed yet.") if kept_only else ()),
        "",
        "## Targets",
        "",
        "| figure | value | target | |",
        "|---|---|---|---|",
        *(_target_row(figure) for figure in figures),
    ]
    for one in found:
        parts += ["", f"## {_title(one)}", "", "| " + " | ".join(HEAD) + " |", "|" + "---|" * len(HEAD)]
        parts += ["| " + " | ".join(row) + " |" for row in _rows(one)]
        parts += [line for name, why in one.unfit.items() for line in ("", f"{name} did not run: {why}.")]
    PAGE.write_text("\n".join(parts) + "\n", encoding="utf-8")


def _target_row(figure: Figure) -> str:
    told = "" if figure.met is None else "met" if figure.met else "missed"
    return f"| {figure.name} | {figure.value:.4f} | {'' if figure.target is None else f'{figure.target:g}'} | {told} |"
