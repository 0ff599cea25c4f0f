"""The platform's health behind the stubbed API: real findings of a platform with some trouble, in the real words."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

from fastapi import APIRouter, Request

from core.store.care import ServerCare
from core.store.health import LanePace, PlatformCare, Taught
from core.store.lanes import LaneBeat
from services.health import Seen, findings

GB = 1_000_000_000


def seen(at: datetime) -> Seen:
    """Return a platform of some months: well, but for refusals that are three times the usual, and its disk."""
    care = PlatformCare(
        looked_at=at,
        touched_rows=2,
        alarm_touched_rows=0,
        jobs_waiting=3,
        oldest_job_at=at - timedelta(seconds=20),
        oldest_task="issue",
        jobs_failed=0,
        failed_task=None,
        heard_at=at - timedelta(seconds=4),
        workers=2,
        webhooks=1,
        webhooks_failing=0,
        deliveries_given_up=0,
        notices_waiting=0,
        notices_failed=0,
        outbox_rows=0,
        outbox_since=None,
    )
    server = ServerCare(19 * GB, 1_200_000, 0.2, 21, 97, 0, None, at - timedelta(hours=5))
    beat = LaneBeat("nord", at - timedelta(seconds=24), at - timedelta(seconds=23, milliseconds=590))
    return Seen(
        at=at,
        care=care,
        server=server,
        beats=[beat],
        paces=[LanePace("nord", 1_440, 0.31, 1.18)],
        refused=(412, 90, 104, 88, 97, 120, 91, 85),
        taught=[Taught("co2_ppm", at - timedelta(days=2), speaks=True), Taught("power_kw", None, speaks=False)],
        bytes_per_day=0.4 * GB,
        bytes_max=24.0 * GB,
    )


def health_router() -> APIRouter:
    """Return the route that says how the platform does."""
    router = APIRouter()

    @router.get("/health/explained")
    def explained(request: Request, language: str = "fr") -> dict[str, object]:
        catalogue = request.app.state.pages.catalogues[language]
        items = [
            {
                "key": one.key,
                "level": one.level,
                "title": catalogue.said(one.title),
                "detail": catalogue.said(one.detail),
                "next": catalogue.said(one.next) if one.next else None,
                "figures": dict(one.figures),
            }
            for one in findings(seen(datetime.now(UTC)))
        ]
        return {"items": items, "next": None}

    return router
