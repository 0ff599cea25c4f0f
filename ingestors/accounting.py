"""What became of a batch, as operators' counters and as the facts of a log line."""

from __future__ import annotations

from datetime import datetime

from core.instruments import COMMIT_SECONDS, EVENT_LAG_SECONDS, LAST_COMMIT, MESSAGES, READINGS, REJECTIONS
from ingestors.batch import Account


def count(lane: str, account: Account, at: datetime, commit_s: float, *, messages: bool = True) -> None:
    """Count a batch committed ``at``; ``messages`` says whether they came over the lane, and not from the store."""
    if messages:
        for outcome, number in account.messages.items():
            MESSAGES.labels(lane, outcome).inc(number)
    for (outcome, (commune, family)), number in account.places.items():
        READINGS.labels(outcome, commune or "", family).inc(number)
    for reason, number in account.reasons.items():
        REJECTIONS.labels(lane, reason).inc(number)
    COMMIT_SECONDS.observe(commit_s)
    LAST_COMMIT.labels(lane).set(at.timestamp())
    if account.newest_observed_at is not None:
        EVENT_LAG_SECONDS.observe(max(0.0, (at - account.newest_observed_at).total_seconds()))


def facts(account: Account) -> dict[str, int]:
    """Return an account as the fields of a log line."""
    messages = {f"messages_{outcome}": number for outcome, number in sorted(account.messages.items()) if number}
    readings = {f"readings_{outcome}": number for outcome, number in sorted(account.readings.items()) if number}
    return messages | readings
