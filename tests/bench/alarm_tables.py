"""The figures of the alarm bench as the document tells them: docs/alarm-figures.md is rendered from here."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from typing import TYPE_CHECKING

import numpy as np
from alarm_checks import Verdict
from alarm_runs import Run

from core.alarms import Condition

if TYPE_CHECKING:
    from bench_alarms import Results

TOLD = """# Alarms: what the default rules come to on real data

Rendered by `./run bench alarms --write`. The data are real series with their real faults; batteries are simulated, and
said so. The rules stand in `services/alarms/presets.py`, what they mean in [alarms](alarms.md).

## How it is counted

Every series is judged by the platform's own quality rules, then looked at by every default rule that is on, in data
time. After how long a series is silent is learnt each night from the four weeks before. A silence of all channels of a
sensor is one alarm; of all sensors of a data set at once, one of the platform.

A **sensor-month** is thirty days between a sensor's first reading and its last. An alarm is **false** when the file
does not bear it out, by checks that share no code with the rules (`tests/bench/alarm_checks.py`) and were written
before any rule was tuned:

- *stuck*: not one value for 24 hours on end, or fewer than half of the other sensors of the metric moved meanwhile;
- *silence*: fewer than three readings are missing by the median interval of the series, or it pauses as long more than
  once a week;
- *threshold*: the raw values do not stay beyond the limit until the alarm was confirmed, or it was told twice within an
  hour;
- *expected*: beside the four weeks before **and after**, the load does not leave the usual by three robust standard
  deviations;
- *completeness*: one of the days has as many readings as the rule asks for.

Two of them were set right after the first run: half of the others instead of three quarters (six of Montpellier's
twenty car parks are stuck: three quarters are not left), and two sensors silent at once are already the poller's (ROBOD
has two rooms). A limit of the air that was truly passed is a right alarm, however often: kerbside NO2 in London passed
150 µg/m³ on many days of 2001 to 2004, and of 2009.

What was expected of a load is here the range of the same hour of the week in the eight weeks before, p05 to p95: a
stand-in for the platform's forecasts, which know the weather and the calendar. Edinburgh's bins speak once an emptying,
and were said to speak every two days: nearly all of their false silences are bins that were not emptied for six days
before they had a rhythm of their own.

Nothing is said here of bins' levels, bays and batteries in the field, nor of forecasts to pass a limit: no open series
tells of them. Rooms are two university rooms and an underground station, not schools.

*Plain rules* are what the field starts from: the same limits on each raw value without averaging, duration or
hysteresis, and a device that is quiet for ten minutes (the default of ThingsBoard), whatever its rhythm. They have
nothing that finds a stuck sensor.

How the defaults were set: for loads, margins of 0.25 to 2 widths and 3 to 24 hours were tried on Cambridge. A wide
margin for a short time finds more steps, for as many false alarms, than a narrow one for long: 1.5 widths for three
hours. As more of these alarms are false than right there, the rule is information. Completeness waits for seven days
running: with three, an irregular poller (Montpellier) was told of each week. Means of the air are over at four fifths
of their limit for three hours: at nine tenths for one hour, two peaks of a day were two alarms. A run of equal values
goes on across gaps of less than half of what it must last: otherwise Montpellier's stuck car parks were told a month
later, when its poller had become regular.
"""


def rendered(results: Results) -> str:
    """Return the whole document."""
    parts = [
        TOLD,
        "## On each data set\n",
        *_table(_places(results.runs)),
        "\n## By rule\n",
        *_table(_rules(results.runs)),
        "\n## Faults that the data are known to have\n",
        *_table(_known(results)),
        f"\n{_by_chance(results)}",
        "\n## Faults put into the series\n",
        "Three into each of twelve series of a metric at most, by a seed; what is found without them does not count.\n",
        *_table(_injected(results)),
        f"\n{_batteries(results)}\n",
    ]
    return "\n".join(parts)


def _table(rows: Iterable[Sequence[str]]) -> Iterator[str]:
    head, *body = rows
    yield f"| {' | '.join(head)} |"
    yield f"|{'|'.join(['---'] + ['--:'] * (len(head) - 1))}|"
    yield from (f"| {' | '.join(row)} |" for row in body)


def _places(runs: Sequence[Run]) -> Iterator[Sequence[str]]:
    yield (
        "data set",
        "sensors",
        "sensor-months",
        "alarms",
        "of the platform",
        "false",
        "false a sensor-month",
        "plain rules",
    )
    for one in runs:
        yield _place(one.place.name, [one])
    yield _place("**all**", runs)


def _place(name: str, runs: Sequence[Run]) -> Sequence[str]:
    months = sum(one.months for one in runs)
    false = sum(one.count(verdict=Verdict.FALSE) for one in runs)
    alarms = sum(one.count() for one in runs)
    plain = sum(sum(one.plain.values()) for one in runs)
    platform = sum(one.count(verdict=Verdict.PLATFORM) for one in runs)
    sensors = sum(one.sensors for one in runs)
    return (
        name,
        str(sensors),
        f"{months:,.1f}",
        f"{alarms:,}",
        str(platform),
        str(false),
        f"{false / months:.3f}",
        f"{plain:,} (×{plain / max(alarms, 1):,.0f})",
    )


def _rules(runs: Sequence[Run]) -> Iterator[Sequence[str]]:
    yield ("rule", "severity", "alarms", "right", "false", "false a sensor-month")
    months = sum(one.months for one in runs)
    found = [alarm for one in runs for alarm in one.found]
    for rule in sorted({alarm.rule.preset or "" for alarm in found}):
        own = [alarm for alarm in found if alarm.rule.preset == rule]
        false = sum(alarm.verdict is Verdict.FALSE for alarm in own)
        yield (
            f"`{rule}`",
            own[0].rule.severity,
            f"{len(own):,}",
            f"{len(own) - false:,}",
            str(false),
            f"{false / months:.4f}",
        )


def _known(results: Results) -> Iterator[Sequence[str]]:
    yield (
        "data set",
        "fault",
        "known",
        "found",
        "hours until it is told, median",
        "longest",
        "alarms that tell of none",
    )
    for one in results.known:
        median, longest = _spread(one.delays_h)
        yield (one.place, one.what, str(one.faults), str(one.found), median, longest, str(one.told_else))


def _by_chance(results: Results) -> str:
    """Say how often a step would meet an alarm that has nothing to do with it: steps are looked for in three weeks."""
    one = next(one for one in results.runs if one.count(Condition.EXPECTED))
    chance = 1 - np.exp(-one.count(Condition.EXPECTED) / one.months * 21 / 30)
    return (
        "A step is found when an alarm lasts or begins within a week before its week or two after. Alarms spread "
        f"evenly would meet {chance:.0%} of the steps so."
    )


def _injected(results: Results) -> Iterator[Sequence[str]]:
    yield ("data set", "fault", "put in", "found", "share", "hours until it is told, median", "longest")
    for place, outcomes in results.injected.items():
        for what, one in outcomes.items():
            if one.put:
                yield (place, what, str(one.put), str(len(one.delays_h)), f"{one.share:.2f}", *_spread(one.delays_h))


def _spread(hours: Sequence[float]) -> tuple[str, str]:
    return (f"{np.median(hours):.1f}", f"{max(hours):.1f}") if hours else ("", "")


def _batteries(results: Results) -> str:
    count, ahead = results.batteries
    if not ahead:
        return "No batteries were simulated in this run."
    low, middle, high = np.quantile(ahead, [0.1, 0.5, 0.9])
    return (
        "Batteries, **simulated** (a straight line to a tenth within 60 to 240 days, with noise and a weekly swing): "
        f"of {count}, {len(ahead)} were told before they were there, {middle:.0f} days ahead (p10 to p90: {low:.0f} to "
        f"{high:.0f}; the rule asks for 30). A real cell is no straight line: this shows that the condition does what "
        "it says, and no more."
    )


def stuck_found(results: Results) -> float:
    """Return the share of the known stuck sensors that were found."""
    stuck = [one for one in results.known if one.what.startswith("car parks")]
    return sum(one.found for one in stuck) / sum(one.faults for one in stuck)


def false_a_month(runs: Sequence[Run], condition: Condition | None = None) -> float:
    """Return the false alarms a sensor-month over data sets."""
    return sum(one.count(condition, Verdict.FALSE) for one in runs) / sum(one.months for one in runs)
