"""What a batch keeps of the readings that met another value."""

from __future__ import annotations

from datetime import UTC, datetime

from core.readings import Batch, BatchOutcome, Message, Reading, Reason

AT = datetime(2026, 1, 1, tzinfo=UTC)


def test_a_conflict_is_kept_with_the_message_it_came_in() -> None:
    first, second = Message("a", b"1", AT, 1), Message("b", b"2", AT, 1)
    batch = Batch(AT, [Reading(7, AT, 1.0), Reading(7, AT, 2.5)], [first, second])
    [rejection] = batch.conflict_rejections(BatchOutcome.of(2, conflicts=[1]))
    assert rejection.message is second
    assert rejection.reason is Reason.CONFLICT
    assert "2.5" in rejection.detail
    assert "2026-01-01" in rejection.detail


def test_without_conflict_nothing_is_kept() -> None:
    batch = Batch(AT, [Reading(7, AT, 1.0)], [Message("a", b"1", AT, 1)])
    assert batch.conflict_rejections(BatchOutcome.of(1, duplicates=[0])) == []
