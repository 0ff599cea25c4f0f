"""How the platform itself does, in words for whoever looks after it: what is well, what wants a look, what to do next.

Pure: it judges what was read (`services.health_reading`). Each finding has its words in the pages' catalogue, under
``health.<key>``: ``title``, a sentence for the case, and for what is not well ``<case>_next``, the thing to do.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from enum import StrEnum
from statistics import median

from core.clock import format_instant
from core.decisions import Phrase, Value
from core.metrics import METRICS
from core.store.care import ServerCare
from core.store.health import LanePace, PlatformCare, Taught
from core.store.lanes import LaneBeat
from services.lanes import LATE_AFTER, LATENCY_S_MAX, LaneState, state_of

REFUSED_MIN = 100
REFUSED_FACTOR = 3
"""Refused of a day is unusual from a hundred on that are three times the median of the week before."""
JUDGE_ROWS_MAX, JUDGE_ROWS_ALARM = 50, 500
JOB_WAITS_MAX, JOB_WAITS_ALARM = timedelta(minutes=10), timedelta(hours=1)
WORKER_GONE = timedelta(minutes=2)
MODEL_AGE_MAX = timedelta(days=10)
"""Models are fitted anew after a week; three nights to do it."""
BACKUP_AGE_MAX, BACKUP_AGE_ALARM = timedelta(days=2), timedelta(days=7)
FULL_WATCH, FULL_ALARM = timedelta(days=60), timedelta(days=14)
CONNECTIONS_RATIO_MAX = 0.9
OUTBOX_WAITS_MAX = timedelta(minutes=5)
CLOCK_S_MAX, CLOCK_S_ALARM = 2.0, 60.0
CERTIFICATE_WATCH, CERTIFICATE_ALARM = timedelta(days=30), timedelta(days=7)
_GB = 1e9


class Level(StrEnum):
    """How much a finding matters, from the least."""

    GOOD = "good"
    WATCH = "watch"
    ALARM = "alarm"


_RANK = {Level.ALARM: 0, Level.WATCH: 1, Level.GOOD: 2}


@dataclass(frozen=True, slots=True)
class Seen:
    """What was read of the platform at one instant.

    Parameters
    ----------
    refused
        Messages refused in the last 24 hours, then in each such day before.
    bytes_per_day
        Growth of the database, None until sizes were noted on two days.
    bytes_max
        How large it may become, None where nobody said.
    certificate_ends_at
        Of the certificate that the api serves with, None where it serves without one.
    """

    at: datetime
    care: PlatformCare
    server: ServerCare
    beats: Sequence[LaneBeat]
    paces: Sequence[LanePace]
    refused: Sequence[int]
    taught: Sequence[Taught]
    bytes_per_day: float | None
    bytes_max: float | None = None
    certificate_ends_at: datetime | None = None


@dataclass(frozen=True, slots=True)
class Finding:
    """One thing that is said of the platform.

    Parameters
    ----------
    key, case
        What it is about, and how that is; both name its words.
    values
        What stands in the words.
    figures
        The same and more, for programs; seconds, bytes, counts, instants.
    """

    key: str
    level: Level
    case: str
    values: Mapping[str, Value] = field(default_factory=dict)
    figures: Mapping[str, Value] = field(default_factory=dict)

    @property
    def title(self) -> Phrase:
        """What it is about, in a word or two."""
        return Phrase(f"health.{self.key}.title")

    @property
    def detail(self) -> Phrase:
        """How that is, in a sentence."""
        return Phrase(f"health.{self.key}.{self.case}", self.values)

    @property
    def next(self) -> Phrase | None:
        """What to do; nothing where all is well."""
        return None if self.level is Level.GOOD else Phrase(f"health.{self.key}.{self.case}_next", self.values)


def findings(seen: Seen) -> list[Finding]:
    """Return what there is to say, the gravest first, else in the order of a message's way through the platform."""
    told = [
        _lanes(seen),
        _refusals(seen),
        _judging(seen.care),
        _queue(seen),
        _failures(seen.care),
        _training(seen),
        *_storage(seen),
        _backup(seen),
        _telling(seen),
        *_clock(seen),
    ]
    return sorted(told, key=lambda one: _RANK[one.level])


def _lanes(seen: Seen) -> Finding:
    if not seen.beats:
        return Finding("lanes", Level.ALARM, "none")
    last = min(seen.beats, key=lambda beat: beat.sent_at)
    slow = max(seen.beats, key=lambda beat: beat.committed_at - beat.sent_at)
    late_s = (slow.committed_at - slow.sent_at).total_seconds()
    pace = seen.paces[0] if seen.paces else None
    figures = {"p50_s": pace.p50_s if pace else None, "p95_s": pace.p95_s if pace else None, "lanes": len(seen.beats)}
    age = seen.at - last.sent_at
    if age > LATE_AFTER:
        level = Level.ALARM if state_of(age, late_s) is LaneState.SILENT else Level.WATCH
        return Finding("lanes", level, "silent", {"lane": last.lane, "since_at": format_instant(last.sent_at)}, figures)
    if late_s > LATENCY_S_MAX:
        return Finding("lanes", Level.WATCH, "late", {"lane": slow.lane, "late": late_s}, figures)
    if pace is None:
        return Finding("lanes", Level.GOOD, "young", {"n": len(seen.beats)}, figures)
    values: dict[str, Value] = {"n": len(seen.beats), "p50": pace.p50_s, "p95": pace.p95_s}
    return Finding("lanes", Level.GOOD, "ok", values, figures)


def _refusals(seen: Seen) -> Finding:
    refused, before = seen.refused[0], seen.refused[1:]
    usual = round(median(before)) if before else 0
    values: dict[str, Value] = {"n": refused, "usual": usual}
    if not refused:
        return Finding("refusals", Level.GOOD, "none", {}, values)
    many = refused >= max(REFUSED_MIN, REFUSED_FACTOR * usual)
    return Finding("refusals", Level.WATCH if many else Level.GOOD, "many" if many else "usual", values, values)


def _judging(care: PlatformCare) -> Finding:
    rows = care.touched_rows + care.alarm_touched_rows
    figures: dict[str, Value] = {"touched_rows": care.touched_rows, "alarm_touched_rows": care.alarm_touched_rows}
    if rows <= JUDGE_ROWS_MAX:
        return Finding("judging", Level.GOOD, "ok", {}, figures)
    level = Level.ALARM if rows > JUDGE_ROWS_ALARM else Level.WATCH
    return Finding("judging", level, "behind", {"n": rows}, figures)


def _queue(seen: Seen) -> Finding:
    care = seen.care
    figures: dict[str, Value] = {"jobs_waiting": care.jobs_waiting, "workers": care.workers}
    if care.heard_at is None:
        return Finding("queue", Level.ALARM, "no_worker", {}, figures)
    if care.looked_at - care.heard_at > WORKER_GONE:
        return Finding("queue", Level.ALARM, "gone", {"heard_at": format_instant(care.heard_at)}, figures)
    waited = care.looked_at - care.oldest_job_at if care.oldest_job_at else timedelta(0)
    if waited > JOB_WAITS_MAX and care.oldest_job_at:
        level = Level.ALARM if waited > JOB_WAITS_ALARM else Level.WATCH
        since = format_instant(care.oldest_job_at)
        values: dict[str, Value] = {"n": care.jobs_waiting, "task": care.oldest_task or "", "since_at": since}
        return Finding("queue", level, "waiting", values, {**figures, "oldest_s": waited.total_seconds()})
    return Finding("queue", Level.GOOD, "ok", {"n": max(1, care.workers), "jobs": care.jobs_waiting}, figures)


def _failures(care: PlatformCare) -> Finding:
    figures: dict[str, Value] = {"jobs_failed": care.jobs_failed}
    if not care.jobs_failed:
        return Finding("failures", Level.GOOD, "none", {}, figures)
    return Finding("failures", Level.WATCH, "some", {"n": care.jobs_failed, "task": care.failed_task or ""}, figures)


def _training(seen: Seen) -> Finding:
    forecast = [one for one in seen.taught if METRICS[one.metric].plan is not None]
    taught = {one.metric: one.trained_at for one in forecast if one.trained_at}
    waiting = len(forecast) - len(taught)
    tried = sum(not one.speaks for one in forecast if one.trained_at)
    figures: dict[str, Value] = {"models": len(taught), "waiting": waiting, "tried": tried}
    if not taught:
        return Finding("training", Level.GOOD, "none", {}, figures)
    oldest = min(taught, key=lambda metric: taught[metric])
    if seen.at - taught[oldest] > MODEL_AGE_MAX:
        values: dict[str, Value] = {"metric_key": f"metric.{oldest}", "trained_day": format_instant(taught[oldest])}
        return Finding("training", Level.WATCH, "old", values, figures)
    newest = format_instant(max(taught.values()))
    told: dict[str, Value] = {"n": len(taught), "newest_at": newest, "waiting": waiting, "tried": tried}
    return Finding("training", Level.GOOD, "ok", told, figures)


def _storage(seen: Seen) -> Iterator[Finding]:
    size, daily, bound = seen.server.database_bytes, seen.bytes_per_day, seen.bytes_max
    figures: dict[str, Value] = {"database_bytes": size, "bytes_per_day": daily, "bytes_max": bound}
    values: dict[str, Value] = {"size": size / _GB}
    if daily is None:
        yield Finding("storage", Level.GOOD, "young", values, figures)
    elif bound is None:
        yield Finding("storage", Level.GOOD, "unbounded", {**values, "daily": daily / _GB}, figures)
    else:
        values |= {"daily": daily / _GB, "bound": bound / _GB, "share_ratio": size / bound}
        # Ten years ahead nobody plans: the bound is then as good as never reached.
        days = min((bound - size) / daily, 3_650) if daily > 0 else 3_650
        full = seen.at + timedelta(days=max(0.0, days))
        if full - seen.at > FULL_WATCH:
            yield Finding("storage", Level.GOOD, "bounded", values, figures)
        else:
            level = Level.ALARM if full - seen.at < FULL_ALARM else Level.WATCH
            at = format_instant(full)
            yield Finding("storage", level, "filling", {**values, "full_day": at}, {**figures, "full_at": at})
    used, most = seen.server.connections, seen.server.connections_max
    if used > CONNECTIONS_RATIO_MAX * most:
        yield Finding("connections", Level.WATCH, "many", {"n": used, "most": most}, {"connections": used})


def _backup(seen: Seen) -> Finding:
    made = seen.server.backed_up_at
    if made is None:
        return Finding("backup", Level.WATCH, "never")
    age = seen.at - made
    level = Level.ALARM if age > BACKUP_AGE_ALARM else Level.WATCH if age > BACKUP_AGE_MAX else Level.GOOD
    told: dict[str, Value] = {"made_at": format_instant(made)}
    return Finding("backup", level, "ok" if level is Level.GOOD else "old", told, told)


def _telling(seen: Seen) -> Finding:
    care = seen.care
    figures: dict[str, Value] = {
        "webhooks": care.webhooks,
        "webhooks_failing": care.webhooks_failing,
        "deliveries_given_up": care.deliveries_given_up,
        "notices_waiting": care.notices_waiting,
        "notices_failed": care.notices_failed,
        "outbox_rows": care.outbox_rows,
    }
    if care.outbox_since and care.looked_at - care.outbox_since > OUTBOX_WAITS_MAX:
        values: dict[str, Value] = {"n": care.outbox_rows, "since_at": format_instant(care.outbox_since)}
        return Finding("telling", Level.WATCH, "unpublished", values, figures)
    if care.webhooks_failing or care.deliveries_given_up or care.notices_failed:
        failing: dict[str, Value] = {
            "n": care.webhooks_failing,
            "given_up": care.deliveries_given_up,
            "mails": care.notices_failed,
        }
        return Finding("telling", Level.WATCH, "failing", failing, figures)
    return Finding("telling", Level.GOOD, "ok", {"n": care.webhooks}, figures)


def _clock(seen: Seen) -> Iterator[Finding]:
    apart = abs((seen.care.looked_at - seen.at).total_seconds())
    level = Level.ALARM if apart > CLOCK_S_ALARM else Level.WATCH if apart > CLOCK_S_MAX else Level.GOOD
    values: dict[str, Value] = {"seconds": round(apart, 1)}
    yield Finding("clock", level, "ok" if level is Level.GOOD else "apart", values, {"apart_s": round(apart, 3)})
    if seen.certificate_ends_at is not None:
        left = seen.certificate_ends_at - seen.at
        level = Level.ALARM if left < CERTIFICATE_ALARM else Level.WATCH if left < CERTIFICATE_WATCH else Level.GOOD
        told: dict[str, Value] = {"ends_day": format_instant(seen.certificate_ends_at)}
        yield Finding("certificate", level, "ok" if level is Level.GOOD else "ending", told, told)
