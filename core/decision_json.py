"""Decisions as JSON and back: how they are kept, answered over the API and compared with their replay."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from typing import Any

from core.clock import Window, format_instant, parse_instant
from core.decisions import Action, Alternative, Check, Decision, Input, Phrase, Soundness


def format_decision(decision: Decision) -> dict[str, Any]:
    """Return a decision as plain JSON: its fields by their names, instants in UTC with Z.

    Raises
    ------
    ValueError
        If a number in it is not finite: JSON has none such.
    TypeError
        If something in it is no JSON.
    """
    body = {
        "kind": decision.kind,
        "subject": decision.subject,
        "commune_insee": decision.commune_insee,
        "made_at": format_instant(decision.made_at),
        "window": _format_window(decision.window),
        "answer_by": format_instant(decision.answer_by),
        "soundness": decision.soundness.value,
        "headline": _format_phrase(decision.headline),
        "reasons": [_format_phrase(reason) for reason in decision.reasons],
        "actions": format_actions(decision.actions),
        "inputs": [_format_input(one) for one in decision.inputs],
        "alternatives": [{"name": one.name, "figures": dict(one.figures)} for one in decision.alternatives],
        "checks": [{"name": one.name, "passed": one.passed, "detail": one.detail} for one in decision.checks],
        "figures": dict(decision.figures),
        "picture": dict(decision.picture),
    }
    # There and back: tuples become lists, as they will be when it is read again.
    plain: dict[str, Any] = json.loads(json.dumps(body, allow_nan=False))
    return plain


def parse_decision(body: Mapping[str, Any]) -> Decision:
    """Return the decision that `format_decision` wrote."""
    return Decision(
        kind=body["kind"],
        subject=body["subject"],
        commune_insee=body["commune_insee"],
        made_at=parse_instant(body["made_at"]),
        window=_parse_window(body["window"]),
        answer_by=parse_instant(body["answer_by"]),
        soundness=Soundness(body["soundness"]),
        headline=_parse_phrase(body["headline"]),
        reasons=tuple(_parse_phrase(reason) for reason in body["reasons"]),
        actions=parse_actions(body["actions"]),
        inputs=tuple(_parse_input(one) for one in body["inputs"]),
        alternatives=tuple(Alternative(one["name"], one["figures"]) for one in body["alternatives"]),
        checks=tuple(Check(one["name"], one["passed"], one["detail"]) for one in body["checks"]),
        figures=body["figures"],
        picture=body["picture"],
    )


def format_actions(actions: Sequence[Action]) -> list[dict[str, Any]]:
    """Return actions as JSON."""
    return [
        {
            "target": action.target,
            "what": action.what,
            "window": _format_window(action.window),
            "value": action.value,
            "unit": action.unit,
            "detail": dict(action.detail),
        }
        for action in actions
    ]


def parse_actions(rows: Sequence[Mapping[str, Any]]) -> tuple[Action, ...]:
    """Return the actions that `format_actions` wrote."""
    return tuple(
        Action(row["target"], row["what"], _parse_window(row["window"]), row["value"], row["unit"], row["detail"])
        for row in rows
    )


def _format_window(window: Window) -> dict[str, str]:
    return {"start": format_instant(window.start), "end": format_instant(window.end)}


def _parse_window(row: Mapping[str, str]) -> Window:
    return Window(parse_instant(row["start"]), parse_instant(row["end"]))


def _format_phrase(phrase: Phrase) -> dict[str, Any]:
    return {"key": phrase.key, "values": dict(phrase.values)}


def _parse_phrase(row: Mapping[str, Any]) -> Phrase:
    return Phrase(row["key"], row["values"])


def _format_input(one: Input) -> dict[str, Any]:
    return {
        "name": one.name,
        "known_at": format_instant(one.known_at) if one.known_at else None,
        "series_id": one.series_id,
        "fallback": one.fallback,
    }


def _parse_input(row: Mapping[str, Any]) -> Input:
    known_at = row["known_at"]
    return Input(row["name"], parse_instant(known_at) if known_at else None, row["series_id"], row["fallback"])
