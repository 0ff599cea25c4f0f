"""Forecasts beside the field: ours, plain rules, mlforecast, skforecast and OpenSTEF on the same folds of real data.

The protocol, fixed beforehand: docs/forecast-protocol.md. The figures of the last whole run: docs/forecast-figures.md.
"""

from __future__ import annotations

import argparse
import json
import sys
import warnings
from collections.abc import Iterator, Sequence
from dataclasses import replace
from datetime import datetime
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[2]))
sys.path.insert(0, str(Path(__file__).resolve().parent))
from forecast_folds import DATA, DATASETS, Dataset, before
from forecast_tables import StretchFigures, figures_of, table_of, write_page
from kept_runs import Stretch, code_mark, kept_run, peer_run, peer_runs

from models.backtest import BacktestSettings, Forecaster, folds_of, run_fold
from models.boosting import BoostingSettings
from models.contenders import Vigie
from models.history import History, Surroundings
from models.peers import PEERS
from models.train import TrainingSettings
from models.verdicts import Hearing
from models.yardsticks import YARDSTICKS, HouseNaive

QUICK_SERIES, QUICK_TREES, QUICK_ROWS = 5, 60, 40_000


def stretches(dataset: Dataset, *, quick: bool, day: str | None) -> Iterator[Stretch]:
    """Yield the test stretches of a data set; the first only, of a few series, when it has to be quick."""
    whole = dataset.read()
    if quick:
        whole = _first_series(whole, QUICK_SERIES)
    for test in dataset.tests[: 1 if quick else None]:
        if day is not None and f"{test.start:%Y-%m-%d}" != day:
            continue
        history = before(whole, test)
        plan = dataset.plan
        length = history.as_of - test.start
        folds = folds_of(history, BacktestSettings(length, plan.every, length))
        (fold,) = folds
        yield Stretch(dataset, test, history, fold)


def _first_series(history: History, count: int) -> History:
    around = history.around
    assert around is not None, "the bench tells where its series are"
    some = Surroundings(around.sites[:count], around.communes[:count], around.weather)
    return replace(history, series_ids=history.series_ids[:count], values=history.values[:count], around=some)


def ours(*, quick: bool, threads: int) -> Forecaster:
    """Return our models as the platform trains them, or small ones when it has to be quick."""
    boosting = BoostingSettings(threads=threads)
    if quick:
        boosting = replace(boosting, trees=QUICK_TREES, learning_rate=0.12)
        return Vigie(TrainingSettings(boosting=boosting, rows_max=QUICK_ROWS))
    return Vigie(TrainingSettings(boosting=boosting))


def judged(stretch: Stretch, mine: Forecaster | None, peers: list[str], *, kept_only: bool) -> StretchFigures:
    """Run everything on one stretch, or take of it only what is kept, and judge it on the same steps."""
    history, fold = stretch.history, stretch.fold
    rules: list[Forecaster] = [*YARDSTICKS.values(), HouseNaive()]
    said = [run_fold(history, one, fold) for one in rules]
    theirs = list(peer_runs(stretch, peers, kept_only=kept_only))
    if mine is not None:
        mark = code_mark(mine)
        if not kept_only or stretch.kept_as(mine.name, mark).exists():
            theirs.append((kept_run(stretch, mine, mark), mark))
    hearing = Hearing.of(history, [fold], said + [one for one, _ in theirs])
    return StretchFigures(
        dataset=stretch.dataset.name,
        unit=history.metric.unit,
        test=stretch.test,
        series=len(history.series_ids),
        origins=len(fold.origins),
        verdicts=tuple(hearing.verdicts()),
        costs=dict(hearing.costs),
        unfit=dict(hearing.unfit),
        versions={one.forecaster: version for one, version in theirs},
    )


def main(argv: Sequence[str] | None = None) -> int:
    """Run the bench; return 0 when every target is met, 1 when one is missed, 2 when there is nothing to run on."""
    parser = argparse.ArgumentParser(prog="bench forecast", description=__doc__)
    parser.add_argument("--quick", action="store_true", help="one stretch of each, five series, small models")
    parser.add_argument("--json", action="store_true", help="end with one line of JSON")
    parser.add_argument("--only", action="append", choices=DATASETS, help="this data set; again for more")
    parser.add_argument("--stretch", help="this test stretch only, by its first day")
    parser.add_argument("--peers", default=",".join(PEERS), help="peers to hold beside, by comma; empty for none")
    parser.add_argument("--without-ours", action="store_true", help="peers and plain rules only")
    parser.add_argument("--threads", type=int, default=1, help="threads to train ours on; peers have one")
    parser.add_argument("--keep", choices=PEERS, help="compute and keep what this peer says, and nothing else")
    parser.add_argument("--kept", action="store_true", help="compute plain rules only; of the others, what is kept")
    parser.add_argument("--write", action="store_true", help="write docs/forecast-figures.md; needs all data and peers")
    arguments = parser.parse_args(argv)
    if not DATA.is_dir():
        print(f"no real data in {DATA}: set VIGIE_REAL_DATA_DIR")
        return 2
    warnings.simplefilter("ignore")
    mine = None if arguments.without_ours else ours(quick=arguments.quick, threads=arguments.threads)
    found: list[StretchFigures] = []
    for name in arguments.only or DATASETS:
        for stretch in stretches(DATASETS[name], quick=arguments.quick, day=arguments.stretch):
            if arguments.keep:
                peer_run(stretch, PEERS[arguments.keep])
                continue
            peers = [peer for peer in arguments.peers.split(",") if peer]
            one = judged(stretch, mine, peers, kept_only=arguments.kept)
            print(table_of(one), flush=True)
            found.append(one)
    if arguments.keep:
        return 0
    figures = figures_of(found)
    for figure in figures:
        aim = "" if figure.target is None else f"   target {figure.target:g}: {'met' if figure.met else 'MISSED'}"
        print(f"{figure.name:<52}{figure.value:>12.4f} {figure.unit}{aim}")
    if arguments.write:
        write_page(found, figures, datetime.now().astimezone(), kept_only=arguments.kept)
    if arguments.json:
        print(json.dumps({"bench": "forecast", "figures": [figure.as_json() for figure in figures]}))
    return 0 if all(figure.met is not False for figure in figures) else 1


if __name__ == "__main__":
    sys.exit(main())
