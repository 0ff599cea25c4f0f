"""What the stubbed API knows of the data of its small commune: refusals by group, frames, days, lanes, files."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from typing import Any
from zoneinfo import ZoneInfo

from page_town import COMMUNE, LOOPING, Row, StubTown, iso

PARIS = ZoneInfo("Europe/Paris")
# By sensor id: (received, missing, back-filled, resets, joins).
FRAMES = {5: (962, 41, 5, 0, 1), 1: (1004, 4, 0, 0, 0), 2: (1008, 0, 0, 1, 2), 7: (980, 0, 28, 0, 0)}
MODELS = [
    {"model": "milesight-am307", "maker": "Milesight", "title": "AM307", "kinds": ["indoor_air"]},
    {"model": "elsys-ers-co2", "maker": "Elsys", "title": "ERS CO2", "kinds": ["indoor_air"]},
    {"model": "milesight-em500-udl", "maker": "Milesight", "title": "EM500-UDL", "kinds": ["bin"]},
]


def lanes(now: datetime, state: str = "ok") -> list[Row]:
    """Return two lanes, the second in the state given; ``missed`` is late for want of a heartbeat."""
    ages = {"ok": (24, 0.41), "late": (66, 42.0), "missed": (200, 0.4), "silent": (780, 0.4)}
    return [
        {"lane": name, "last_heartbeat_at": iso(now - timedelta(seconds=age)), "latency_s": took, "state": kept}
        for name, (age, took), kept in (
            ("nord", ages["ok"], "ok"),
            ("reseaux", ages[state], "late" if state == "missed" else state),
        )
    ]


def groups(town: StubTown) -> list[Row]:
    """Return the town's refusals by reason and sensor, with one that loops."""
    counted = Counter((one["reason"], one["external_id"]) for one in town.rejections)
    return [
        {
            "reason": reason,
            "external_id": external_id,
            "commune": COMMUNE,
            "sensor_id": None,
            "rejections": count * 60,
            "times": count * 60 + 7,
            "first_received_at": iso(datetime.now(UTC) - timedelta(days=2)),
            "last_received_at": iso(datetime.now(UTC) - timedelta(minutes=11)),
            "replayable": 0 if reason == "malformed" else count * 60,
            "settled": 0,
        }
        for (reason, external_id), count in counted.most_common()
    ]


def looping_group() -> Row:
    now = datetime.now(UTC)
    return {
        "reason": "flooded",
        "external_id": LOOPING,
        "commune": COMMUNE,
        "sensor_id": None,
        "rejections": 20_000,
        "times": 20_000,
        "first_received_at": iso(now - timedelta(hours=6)),
        "last_received_at": iso(now - timedelta(hours=2)),
        "replayable": 20_000,
        "settled": 0,
    }


def gaps(town: StubTown) -> list[Row]:
    """Return the frame ledger of the town's LoRaWAN sensors."""
    now = datetime.now(UTC)
    by_id = {sensor["sensor_id"]: sensor for sensor in town.sensors}
    return [
        {
            "sensor_id": sensor_id,
            "external_id": by_id[sensor_id]["external_id"],
            "name": by_id[sensor_id]["name"],
            "received": received,
            "missing": missing,
            "backfilled": backfilled,
            "resets": resets,
            "joins": joins,
            "last_frame_at": iso(now - timedelta(minutes=sensor_id)),
        }
        for sensor_id, (received, missing, backfilled, resets, joins) in FRAMES.items()
    ]


def gaps_of(sensor_id: int) -> list[Row]:
    """Return where the missing frames of one sensor would stand: one long gap, one of a single frame."""
    missing = FRAMES[sensor_id][1]
    now = datetime.now(UTC)
    if not missing:
        return []
    return [
        _gap(now - timedelta(hours=9), timedelta(hours=6), 4310, missing - 1),
        _gap(now - timedelta(days=3), timedelta(minutes=20), 3877, 1),
    ]


def _gap(after: datetime, lasted: timedelta, first: int, missing: int) -> Row:
    return {
        "session": "AXd2BQ==",
        "first_f_cnt": first,
        "last_f_cnt": first + missing - 1,
        "missing": missing,
        "after_at": iso(after),
        "before_at": iso(after + lasted),
    }


def completeness(town: StubTown) -> list[Row]:
    """Return thirty-one local days for each sensor: most full, some short, some without anything."""
    return [{"sensor_id": sensor["sensor_id"], "days": list(_days(sensor["sensor_id"]))} for sensor in town.sensors]


def _days(sensor_id: int) -> Iterator[Row]:
    today = datetime.now(PARIS).date()
    for age in range(30, 0, -1):
        place = age * 7 + sensor_id * 5
        ratio: float | None = 1.0 if place % 11 else round((place % 7) / 10, 2)
        if sensor_id == 5 and 6 <= age <= 9:
            ratio = None
        valid = ratio is not None and ratio >= 0.75
        yield {
            "day": (today - timedelta(days=age)).isoformat(),
            "ratio": ratio,
            "valid": valid,
            "hours_valid": 24 if valid else int(18 * (ratio or 0)),
        }


def changes(sensor_id: int) -> list[Row]:
    """Return a sensor's history, the newest first."""
    now = datetime.now(UTC)
    moved: dict[str, Any] = {"before": {"site_name": "Mairie"}, "after": {"site_name": "École des Tilleuls"}}
    return [
        {"change_id": 100 + sensor_id, "what": "moved", "at": iso(now - timedelta(days=9)), "by": "Nadia", **moved},
        {
            "change_id": sensor_id,
            "what": "adopted",
            "at": iso(now - timedelta(days=40)),
            "by": "Yanis",
            "before": {},
            "after": {"name": "Salle 12"},
        },
    ]


def planned(text: str) -> Row:
    """Return what a file of one line per sensor would do: lines with an unknown kind are wrong."""
    lines = []
    for number, line in enumerate(text.strip().splitlines()[1:], start=2):
        external_id, kind, name, *_ = line.split(";")
        wrong = kind == "toaster"
        fault = {"column": "kind", "fault": "invalid", "detail": f"{kind!r} is no kind of sensor"}
        lines.append(
            {
                "line": number,
                "external_id": external_id,
                "step": "error" if wrong else "adopt",
                "sensor_id": None,
                "before": {},
                "after": {} if wrong else {"name": name, "site_name": "École des Tilleuls"},
                "errors": [fault] if wrong else [],
            }
        )
    steps = Counter(line["step"] for line in lines)
    counts = {step: steps[step] for step in ("adopt", "edit", "unchanged", "error")}
    return {"counts": counts, "done": False, "lines": lines}
