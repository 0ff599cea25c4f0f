"""Deciding from the command line: now, or again as of a past instant, in words a person reads."""

from __future__ import annotations

import json
from collections.abc import Mapping
from datetime import datetime
from pathlib import Path
from typing import Any

from core.clock import PARIS, now, parse_instant
from core.decisions import Decision, Phrase, Subject, Value
from core.errors import SettingInvalid
from core.settings import ApiSettings
from core.store.decisions import Wanted, read_decisions, read_subjects
from core.store.pool import Pool, open_pool
from services.decisions.life import SETTLED, decide, replay, subject_named
from services.decisions.registry import DECIDERS

Words = Mapping[str, Any]


def run_decide(kind: str, code: str | None, at: datetime | None, language: str) -> bool:
    """Decide on one subject of a kind, or on all, and print what is proposed; return False when a replay differs.

    Raises
    ------
    SettingInvalid
        If there is no such kind.
    UnknownSubject
        If there is no such subject.
    """
    if kind not in DECIDERS:
        raise SettingInvalid(f"KIND: no decision is of kind {kind!r}; there are {', '.join(sorted(DECIDERS))}")
    settings = ApiSettings.from_environment()
    words = _read_words(settings.dashboards_dir, language)
    with open_pool(settings.dsn, 1) as pool:
        with pool.connection() as connection:
            subjects = [subject_named(connection, kind, code)] if code else read_subjects(connection, kind=kind)
        if not subjects:
            print(f"nothing of kind {kind} is decided about yet")
        if at is None:
            for subject in subjects:
                _decide_now(pool, subject, words)
            return True
        # Every subject is replayed, whatever came out of those before.
        same = [_replay(pool, subject, at, words) for subject in subjects]
        return all(same)


def _decide_now(pool: Pool, subject: Subject, words: Words) -> None:
    written = decide(pool, DECIDERS[subject.kind], subject, (now() - SETTLED).replace(microsecond=0))
    with pool.connection() as connection:
        wanted = Wanted(kind=subject.kind, subject=subject.code, newest=True)
        [newest] = read_decisions(connection, wanted, limit=1)
    print(in_words(newest.decision, subject, words))
    print(f"  decision {newest.decision_id}" + ("" if written else ", made meanwhile by another process"))


def _replay(pool: Pool, subject: Subject, at: datetime, words: Words) -> bool:
    again = replay(pool, DECIDERS[subject.kind], subject, at)
    print(in_words(again.decision, subject, words))
    if again.kept is None:
        print("  no decision was kept at this instant: nothing to compare with")
        return True
    verdict = "the same as" if again.is_same else "NOT the same as"
    print(f"  {verdict} decision {again.kept.decision_id}, which was kept")
    return again.is_same


def in_words(decision: Decision, subject: Subject, words: Words) -> str:
    """Return a decision as lines of text: its headline, its reasons, its figures."""
    own = words.get(decision.kind, {})
    local = decision.made_at.astimezone(PARIS)
    lines = [
        f"{subject.name} ({decision.kind} {decision.subject}), {local:%Y-%m-%d %H:%M:%S %z}, {decision.soundness}",
        f"  {phrase_in_words(decision.headline, own)}",
        *(f"  - {phrase_in_words(reason, own)}" for reason in decision.reasons),
        f"  actions: {len(decision.actions)}",
        *(f"  {name}: {value:g}" for name, value in decision.figures.items()),
    ]
    return "\n".join(lines)


def phrase_in_words(phrase: Phrase, own: Words) -> str:
    """Return a sentence from the words of its kind; one without words shows its key and values, as they are."""
    entry = own.get(phrase.key)
    if entry is None:
        return f"{phrase.key} {dict(phrase.values)}"
    text = str(entry if isinstance(entry, str) else entry["one" if phrase.values.get("n") == 1 else "other"])
    for name, value in phrase.values.items():
        text = text.replace(f"{{{name}}}", _in_words(name, value, own))
    return text


def _in_words(name: str, value: Value, own: Words) -> str:
    if isinstance(value, bool) or value is None:
        return {True: "yes", False: "no", None: "?"}[value]
    if isinstance(value, str):
        return _local(value) or str(own.get("value", {}).get(value, value))
    if name.endswith(("ratio", "probability")):
        return f"{value:.0%}"
    return f"{value:.4g}" if isinstance(value, float) else str(value)


def _local(text: str) -> str | None:
    """Return an instant on the clock of here, None for any other text."""
    try:
        return f"{parse_instant(text).astimezone(PARIS):%Y-%m-%d %H:%M}"
    except ValueError:
        return None


def _read_words(dashboards_dir: Path, language: str) -> Words:
    words = json.loads((dashboards_dir / "words" / f"{language}.json").read_text(encoding="utf-8"))
    found: Words = words["decision"]
    return found
