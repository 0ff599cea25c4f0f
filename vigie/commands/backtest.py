"""`vigie backtest`: forecasters held against each other on the stored history."""

from __future__ import annotations

from datetime import timedelta
from pathlib import Path
from typing import Annotated

import typer

from core.clock import now
from core.errors import SettingInvalid
from core.settings import WorkerSettings


def backtest(
    metric: Annotated[
        list[str] | None, typer.Argument(help="Metrics to judge; none means all that have a history.")
    ] = None,
    *,
    days: Annotated[int, typer.Option("--days", "--history-days", min=14, max=3650, help="Days of history.")] = 120,
    test_days: Annotated[int, typer.Option(min=2, max=365, help="Last days of it, which are forecast.")] = 28,
    origins_every: Annotated[int, typer.Option(min=1, max=168, help="Hours between two origins.")] = 24,
    fit_every: Annotated[int, typer.Option(min=1, max=365, help="Days between two fits.")] = 14,
    peer: Annotated[
        list[str] | None,
        typer.Option(help="mlforecast, mlforecast_direct, skforecast, openstef or openstef_preset; again for more."),
    ] = None,
    report: Annotated[Path | None, typer.Option(help="Write a page that opens anywhere, also offline.")] = None,
    language: Annotated[str, typer.Option(help="Of the page: fr or en.")] = "fr",
    processes: Annotated[int | None, typer.Option(min=1, max=256, help="At once; one a core unless told.")] = None,
    as_received: Annotated[
        bool, typer.Option("--as-received", help="Leave out what had not been received at each origin (slower).")
    ] = False,
) -> None:
    """Hold our models against plain rules and peers: rolling origins, each with what was known by then."""
    from models.backtest import BacktestSettings
    from models.peers import PEERS
    from services.training import machine_of
    from vigie.backtest_report import Reporting, write_report
    from vigie.judging import Wanted, judge_stored, lines_of, processes_here

    if unknown := set(peer or ()) - set(PEERS):
        raise SettingInvalid(f"--peer: {', '.join(sorted(unknown))}: there are {', '.join(PEERS)}")
    if language not in {"fr", "en"}:
        raise SettingInvalid(f"--language: {language} is neither fr nor en")
    if report is not None and not report.resolve().parent.is_dir():
        raise SettingInvalid(f"--report: there is no folder {report.resolve().parent}")
    wanted = Wanted(
        tuple(metric or ()),
        timedelta(days=days),
        BacktestSettings(timedelta(days=test_days), timedelta(hours=origins_every), timedelta(days=fit_every)),
        tuple(peer or ()),
        processes_here(processes),
        as_received,
    )
    settings = WorkerSettings.from_environment()
    at = now()
    judged = list(judge_stored(settings, wanted, at))
    print("\n".join(lines_of(judged)))
    if report is not None and judged:
        write_report(report, judged, wanted, Reporting(language, at, machine_of(settings)))
        print(f"report: {report}")
