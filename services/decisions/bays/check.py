"""The limits of a bay decision, checked on the finished actions and picture by code that knows no model."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Any

from core.clock import Window
from core.decisions import Action, Check
from services.decisions.bays.policy import BayPolicy

_SAID = ("say_free", "say_full", "say_unknown")


def checks_of(
    policy: BayPolicy, window: Window, actions: Sequence[Action], picture: Mapping[str, Any]
) -> tuple[Check, ...]:
    """Return every check of what is proposed within ``window``."""
    said = [action for action in actions if action.what in _SAID]
    rows = {row["code"]: row for row in picture["bays"]}
    faults = {
        "known_bays": [a.target for a in actions if a.target not in {bay.code for bay in policy.bays}],
        "within_window": [a.target for a in said if a.window.start < window.start or a.window.end > window.end],
        "one_word_at_a_time": _overlapping(said),
        "probabilities": [
            row["code"] for row in rows.values() for c in row["chances"] if not 0 <= c["free_ratio"] <= 1
        ],
        "sure_enough": [a.target for a in said if not _sure(a, policy)],
        "silent_is_unknown": [
            a.target for a in said if rows[a.target]["state"] == "unknown" and a.what != "say_unknown"
        ],
        "five_stays_published": _thinly_published(picture),
        "one_rule_to_look_at": [a.target for a in [a for a in actions if a.what == "review_rule"][1:]],
    }
    return tuple(Check(name, not found, ", ".join(sorted(set(found))[:5])) for name, found in faults.items())


def _sure(action: Action, policy: BayPolicy) -> bool:
    if action.what == "say_unknown" or action.detail["source"] == "state":
        return True
    if action.value is None:
        return False
    if action.what == "say_free":
        return action.value >= policy.say_free_ratio
    return action.value <= policy.say_full_ratio


def _overlapping(said: Sequence[Action]) -> list[str]:
    found: list[str] = []
    last: dict[str, datetime] = {}
    for action in sorted(said, key=lambda action: (action.target, action.window.start)):
        if action.target in last and action.window.start < last[action.target]:
            found.append(action.target)
        last[action.target] = action.window.end
    return found


def _thinly_published(picture: Mapping[str, Any]) -> list[str]:
    thin = [
        name
        for name, cells in picture["heat"].items()
        for share, stays in zip(cells["occupied_ratio"], cells["stays"], strict=True)
        if share is not None and (stays is None or stays < 5)
    ]
    thin += [row["code"] for row in picture["bays"] if row["over_ratio"] is not None and row["judged"] < 5]
    thin += [row["code"] for row in picture["bays"] for count in row["histogram"] if count is not None and count < 5]
    return thin
