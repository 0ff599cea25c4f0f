"""What is said of the platform: each thing well and not well, the gravest first, words and a next act for all of it."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from core.store.care import ServerCare
from core.store.health import LanePace, PlatformCare, Taught
from core.store.lanes import LaneBeat
from services.health import Finding, Level, Seen, findings
from services.words import read_catalogues

DASHBOARDS = Path(__file__).resolve().parents[3] / "dashboards"
CATALOGUES = read_catalogues(DASHBOARDS)
AT = datetime(2026, 3, 2, 9, tzinfo=UTC)
GB = 1_000_000_000
Change = Callable[[Seen], Seen]


def well() -> Seen:
    """Return a platform of which there is nothing but good to say."""
    care = PlatformCare(
        looked_at=AT,
        touched_rows=3,
        alarm_touched_rows=0,
        jobs_waiting=2,
        oldest_job_at=AT - timedelta(seconds=30),
        oldest_task="issue",
        jobs_failed=0,
        failed_task=None,
        heard_at=AT - timedelta(seconds=5),
        workers=2,
        webhooks=1,
        webhooks_failing=0,
        deliveries_given_up=0,
        notices_waiting=0,
        notices_failed=0,
        outbox_rows=0,
        outbox_since=None,
    )
    return Seen(
        at=AT,
        care=care,
        server=ServerCare(2 * GB, 1_000, 0.1, 20, 97, 0, None, AT - timedelta(hours=6)),
        beats=[LaneBeat("nord", AT - timedelta(seconds=30), AT - timedelta(seconds=29))],
        paces=[LanePace("nord", 1_440, 0.3, 1.2)],
        refused=(40, 30, 50, 20, 40, 30, 60, 40),
        taught=[Taught("co2_ppm", AT - timedelta(days=3), speaks=True)],
        bytes_per_day=0.01 * GB,
        bytes_max=None,
    )


def with_care(**changed: object) -> Change:
    return lambda seen: replace(seen, care=replace(seen.care, **changed))  # type: ignore[arg-type]


def with_server(**changed: object) -> Change:
    return lambda seen: replace(seen, server=replace(seen.server, **changed))  # type: ignore[arg-type]


def with_seen(**changed: object) -> Change:
    return lambda seen: replace(seen, **changed)  # type: ignore[arg-type]


def beat(age: timedelta, took_s: float) -> list[LaneBeat]:
    return [LaneBeat("nord", AT - age, AT - age + timedelta(seconds=took_s))]


CASES: dict[str, tuple[Change, str, str, Level]] = {
    "no lane": (with_seen(beats=[]), "lanes", "none", Level.ALARM),
    "lane slow": (with_seen(beats=beat(timedelta(seconds=60), 11)), "lanes", "late", Level.WATCH),
    "lane in time": (with_seen(beats=beat(timedelta(seconds=60), 10)), "lanes", "ok", Level.GOOD),
    "lane missed": (with_seen(beats=beat(timedelta(seconds=151), 1)), "lanes", "silent", Level.WATCH),
    "lane silent": (with_seen(beats=beat(timedelta(minutes=11), 1)), "lanes", "silent", Level.ALARM),
    "lane young": (with_seen(paces=[]), "lanes", "young", Level.GOOD),
    "nothing refused": (with_seen(refused=(0, 0)), "refusals", "none", Level.GOOD),
    "many refused": (with_seen(refused=(300, 100, 90, 110)), "refusals", "many", Level.WATCH),
    "refused as usual": (with_seen(refused=(299, 100, 90, 110)), "refusals", "usual", Level.GOOD),
    "few refused": (with_seen(refused=(99, 1, 1, 1)), "refusals", "usual", Level.GOOD),
    "judging keeps up": (with_care(touched_rows=50), "judging", "ok", Level.GOOD),
    "judging behind": (with_care(touched_rows=40, alarm_touched_rows=11), "judging", "behind", Level.WATCH),
    "judging far behind": (with_care(touched_rows=501), "judging", "behind", Level.ALARM),
    "no worker": (with_care(heard_at=None, workers=0), "queue", "no_worker", Level.ALARM),
    "worker gone": (with_care(heard_at=AT - timedelta(minutes=3)), "queue", "gone", Level.ALARM),
    "job waits": (with_care(oldest_job_at=AT - timedelta(minutes=11)), "queue", "waiting", Level.WATCH),
    "job waits long": (with_care(oldest_job_at=AT - timedelta(minutes=61)), "queue", "waiting", Level.ALARM),
    "job waits a little": (with_care(oldest_job_at=AT - timedelta(minutes=10)), "queue", "ok", Level.GOOD),
    "job failed": (with_care(jobs_failed=1, failed_task="train"), "failures", "some", Level.WATCH),
    "nothing learnt": (with_seen(taught=[Taught("co2_ppm", None, speaks=False)]), "training", "none", Level.GOOD),
    "model old": (
        with_seen(taught=[Taught("co2_ppm", AT - timedelta(days=11), speaks=True)]),
        "training",
        "old",
        Level.WATCH,
    ),
    "growth unknown": (with_seen(bytes_per_day=None), "storage", "young", Level.GOOD),
    "room": (with_seen(bytes_max=3.0 * GB), "storage", "bounded", Level.GOOD),
    "filling": (with_seen(bytes_max=2.5 * GB), "storage", "filling", Level.WATCH),
    "nearly full": (with_seen(bytes_max=2.1 * GB), "storage", "filling", Level.ALARM),
    "full": (with_seen(bytes_max=1.0 * GB), "storage", "filling", Level.ALARM),
    "shrinks": (with_seen(bytes_max=2.1 * GB, bytes_per_day=-0.1 * GB), "storage", "bounded", Level.GOOD),
    "connections": (with_server(connections=90), "connections", "many", Level.WATCH),
    "no backup": (with_server(backed_up_at=None), "backup", "never", Level.WATCH),
    "backup old": (with_server(backed_up_at=AT - timedelta(days=3)), "backup", "old", Level.WATCH),
    "backup very old": (with_server(backed_up_at=AT - timedelta(days=8)), "backup", "old", Level.ALARM),
    "webhook failing": (with_care(webhooks_failing=1), "telling", "failing", Level.WATCH),
    "mail failing": (with_care(notices_failed=2), "telling", "failing", Level.WATCH),
    "unpublished": (
        with_care(outbox_rows=9, outbox_since=AT - timedelta(minutes=6)),
        "telling",
        "unpublished",
        Level.WATCH,
    ),
    "clocks apart": (with_care(looked_at=AT + timedelta(seconds=5)), "clock", "apart", Level.WATCH),
    "certificate": (with_seen(certificate_ends_at=AT + timedelta(days=200)), "certificate", "ok", Level.GOOD),
    "certificate ends": (with_seen(certificate_ends_at=AT + timedelta(days=20)), "certificate", "ending", Level.WATCH),
    "certificate ended": (with_seen(certificate_ends_at=AT - timedelta(days=1)), "certificate", "ending", Level.ALARM),
}


def named(seen: Seen, key: str) -> Finding:
    return next(one for one in findings(seen) if one.key == key)


def test_a_platform_that_is_well_has_nothing_to_do() -> None:
    told = findings(well())
    assert [one for one in told if one.level is not Level.GOOD] == []
    assert [one for one in told if one.next] == []


@pytest.mark.parametrize("name", CASES)
def test_each_case_is_told_with_its_level(name: str) -> None:
    change, key, case, level = CASES[name]
    found = named(change(well()), key)
    assert (found.case, found.level) == (case, level)


@pytest.mark.parametrize("language", CATALOGUES)
@pytest.mark.parametrize("name", CASES)
def test_each_case_has_its_words_and_what_is_wrong_has_a_next_act(language: str, name: str) -> None:
    catalogue = CATALOGUES[language]
    change, key, _, level = CASES[name]
    found = named(change(well()), key)
    assert catalogue.said(found.title)
    assert "{" not in catalogue.said(found.detail)
    assert (found.next is None) == (level is Level.GOOD)
    assert found.next is None or catalogue.said(found.next)


def test_the_gravest_comes_first() -> None:
    seen = with_care(jobs_failed=2, heard_at=None)(with_server(backed_up_at=None)(well()))
    assert [one.key for one in findings(seen)][:3] == ["queue", "failures", "backup"]


def test_the_sentence_says_when_the_room_ends() -> None:
    found = named(with_seen(bytes_max=2.5 * GB)(well()), "storage")
    assert CATALOGUES["fr"].said(found.detail) == (
        "2\u00a0Go sur 2,5 (80\u00a0%), 0,01\u00a0Go de plus par jour\u00a0: pleine vers le 21\u00a0avril 2026."
    )
