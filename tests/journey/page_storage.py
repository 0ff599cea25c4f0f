"""What a stubbed API says of the store: a database of some months, two scheduled exports of which one fails."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any

from fastapi import APIRouter, Response
from page_town import iso

Row = dict[str, Any]


def storage_router() -> APIRouter:
    """Return the routes of storage and scheduled exports."""
    router = APIRouter()
    now = datetime.now(UTC)

    @router.get("/storage")
    def storage() -> Row:
        return {
            "engine": "timescale",
            "server_version": "17.6",
            "extension_version": "2.28.3",
            "database_bytes": 1_900_000_000,
            "bytes_per_day": 43_000_000,
            "connections": 21,
            "connections_max": 97,
            "replica": "following",
            "backed_up_at": iso(now - timedelta(hours=5)),
            "relations": [_relation("rollup_hour", 40_000_000, None), _relation("reading", 1_600_000_000, 7.3)],
        }

    @router.get("/exports/readings")
    def readings() -> Response:
        return Response("heure;valeur\r\n", headers={"Content-Disposition": 'attachment; filename="mesures.csv"'})

    @router.get("/exports/schedules")
    def schedules() -> Row:
        fine = {"failures": 0, "failure": "", "succeeded_at": iso(now - timedelta(hours=3))}
        failing = {"failures": 2, "failure": "the bucket refuses us", "succeeded_at": None}
        head = {"destination": "s3://open-data/vigie", "next_try_at": iso(now + timedelta(minutes=8))}
        items = [
            {"schedule_id": 1, "name": "air", **head, **fine},
            {"schedule_id": 2, "name": "bacs", **head, **failing},
        ]
        return {"items": items, "next": None}

    @router.get("/exports/schedules/{schedule_id}/runs")
    def runs(schedule_id: int) -> Row:
        run = {"day": "2026-03-02", "file": f"{schedule_id}/2026-03-02.csv", "rows": 14_204, "bytes": 2_343_660}
        return {"items": [{**run, "written_at": iso(now), "corrects": True}], "next": None}

    return router


def _relation(name: str, size: int, ratio: float | None) -> Row:
    figures = {"rows": 110_000_000, "bytes_per_day": 42_000_000, "compression_ratio": ratio}
    return {"relation": name, "table_bytes": size, "index_bytes": size // 4, **figures}
