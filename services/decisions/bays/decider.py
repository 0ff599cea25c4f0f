"""Delivery bays as a kind of decision: how it is parsed, read, decided and exported."""

from __future__ import annotations

import csv
import io

from core.clock import format_instant
from core.decisions import Decision
from services.decisions.bays.decide import EVERY, KIND, decide
from services.decisions.bays.policy import BayPolicy, parse_policy
from services.decisions.bays.read import read_situation
from services.decisions.bays.situation import BaySituation
from services.decisions.decider import Decider, Export

CHANGED_RATIO = 0.5
"""Decided again before the hour when more than this share of the places is in another state."""


def changed(before: BaySituation, after: BaySituation) -> bool:
    """Whether so many places changed hands, came or went that what is said no longer holds."""
    names = before.places.keys() | after.places.keys()
    moved = sum(_state(before, name) != _state(after, name) for name in names)
    return moved > CHANGED_RATIO * len(names)


def _state(situation: BaySituation, name: str) -> int | None:
    runs = situation.places.get(name)
    return int(runs.occupied[-1]) if runs is not None and len(runs.occupied) else None


def write_csv(decision: Decision) -> str:
    """Write what is said of each bay, one line per word: for a variable-message sign or an app."""
    text = io.StringIO()
    writer = csv.writer(text)
    writer.writerow(["bay", "what", "start", "end", "free_ratio", "source"])
    for action in decision.actions:
        start, end = format_instant(action.window.start), format_instant(action.window.end)
        value = "" if action.value is None else action.value
        writer.writerow([action.target, action.what, start, end, value, action.detail.get("source", "")])
    return text.getvalue()


DECIDER: Decider[BaySituation, BayPolicy] = Decider(
    kind=KIND,
    every=EVERY,
    parse_policy=parse_policy,
    read=read_situation,
    decide=decide,
    changed=changed,
    exports={"csv": Export("text/csv; charset=utf-8", write_csv)},
)
