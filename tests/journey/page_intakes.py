"""Intakes behind the stubbed API: they move a step each time they are read, as running ones do."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import Any

Row = dict[str, Any]
STEPS = 3


@dataclass
class StubIntakes:
    """The intakes of the stub: each read moves an open one by a third, so that its progress is seen."""

    items: list[Row] = field(default_factory=list)
    asked: list[Row] = field(default_factory=list)
    slow: bool = False

    def ask(self, body: Row, total: int) -> Row:
        """Take a new intake as the API does."""
        self.asked.append(body)
        arguments = {name: value for name, value in body.items() if name != "kind"}
        intake = _intake(len(self.items) + 1, body["kind"], arguments, "Nadia")
        intake |= {"state": "asked", "total": total}
        self.items.insert(0, intake)
        return intake

    def read(self, intake_id: int) -> Row:
        """Return one intake, a step further than before."""
        intake = next(one for one in self.items if one["intake_id"] == intake_id)
        if intake["ended_at"] is None and not self.slow:
            self._move(intake)
        return intake

    def _move(self, intake: Row) -> None:
        counts, total = intake["counts"], intake["total"]
        counts["messages"] = min(total, counts["messages"] + max(1, total // STEPS))
        counts["rejected"] = min(1, counts["messages"])
        counts["stored"] = counts["messages"] - counts["rejected"]
        intake["state"] = "running"
        if counts["messages"] == total:
            intake |= {"state": "done", "ended_at": datetime.now(UTC).isoformat()}


def _intake(intake_id: int, kind: str, arguments: Row, by: str) -> Row:
    now = datetime.now(UTC).isoformat()
    return {
        "intake_id": intake_id,
        "kind": kind,
        "asked_at": now,
        "author": by,
        "arguments": arguments,
        "state": "asked",
        "counts": {"messages": 0, "stored": 0, "duplicate": 0, "rejected": 0, "aside": 0},
        "total": None,
        "detail": "",
        "changed_at": now,
        "ended_at": None,
    }


def past_intakes(now: datetime) -> list[Row]:
    """Return intakes of yesterday: one under way, one done, one that failed."""
    running = _intake(3, "import", {"file": "capteurs-2025.csv"}, "Nadia")
    running |= {"state": "running", "total": 250_000, "counts": _counts(96_000, 95_300, 612, 88)}
    done = _intake(2, "backfill", {"application": "noisy-air", "external_id": "sim-bin-005"}, "Yanis")
    done |= {"state": "done", "counts": _counts(5, 5), "total": 5}
    failed = _intake(1, "backfill", {"application": "noisy-eau"}, "Yanis")
    failed |= {"state": "failed", "detail": "the network server refused the key (403)"}
    for hours, one in enumerate((running, done, failed)):
        one["asked_at"] = (now - timedelta(hours=1 + 20 * hours)).isoformat()
        if one is not running:
            one["ended_at"] = (now - timedelta(hours=20 * hours)).isoformat()
    return [running, done, failed]


def _counts(messages: int, stored: int, duplicate: int = 0, rejected: int = 0) -> Row:
    return {"messages": messages, "stored": stored, "duplicate": duplicate, "rejected": rejected, "aside": 0}
