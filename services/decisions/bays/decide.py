"""Delivery bays, decided: what to say of each for the next hour, and the one bay whose rule deserves a look.

The rule: a bay is said free where P(a place free) reaches the policy's upper ratio, full where it is at most the lower
one; between them nothing is said. Each quarter of the hour has the word of its lead time. With too short a history
only the present state is said, for ten minutes. The bay whose stays most surely exceed their rule by the policy's share
is named for a look, with its past stays replayed under other rules.

Hard limits: a bay whose sensor is silent is said unknown, never free or full; nothing that fewer than five stays carry
is published; nothing changes a rule: a person reads the reasons.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import UTC, datetime, timedelta

from core.clock import Window
from core.decisions import Action, Alternative, Decision, Input, Soundness
from services.decisions.bays.check import checks_of
from services.decisions.bays.look import Looked, look
from services.decisions.bays.phrases import headline, reasons
from services.decisions.bays.picture import picture
from services.decisions.bays.policy import BayPolicy
from services.decisions.bays.replay import RuleReplay
from services.decisions.bays.situation import BaySituation
from services.decisions.bays.study import BayState, BayStudy, CommuneStudy, study

KIND = "bay"
EVERY = timedelta(minutes=15)
HORIZON = timedelta(minutes=60)
SPOKEN_MIN: Mapping[int, tuple[int, int]] = {5: (0, 10), 15: (10, 20), 30: (20, 45), 60: (45, 60)}
"""For each lead time the minutes of the coming hour for which it speaks."""


def decide(situation: BaySituation, policy: BayPolicy, now: datetime) -> Decision:
    """Return the decision on a commune's bays; the same situation and policy always give the same one."""
    found = study(situation, policy)
    heard = [one for one in found.bays if one.seen_s is not None]
    window = Window(now, now + HORIZON)
    looked = look(found, policy) if heard else None
    actions = _actions(found, policy, window, looked) if heard else ()
    drawn = picture(found, looked)
    return Decision(
        kind=KIND,
        subject=situation.subject,
        commune_insee=situation.commune_insee,
        made_at=now,
        window=window,
        answer_by=now + EVERY,
        soundness=_soundness(found, heard),
        headline=headline(found),
        reasons=reasons(found, policy, looked),
        actions=actions,
        inputs=_inputs(situation, policy),
        alternatives=_alternatives(looked),
        checks=checks_of(policy, window, actions, drawn),
        figures=_figures(found, looked),
        picture=drawn,
    )


def _soundness(found: CommuneStudy, heard: Sequence[BayStudy]) -> Soundness:
    if not heard:
        return Soundness.IMPOSSIBLE
    silent = any(one.state is BayState.UNKNOWN for one in found.bays)
    return Soundness.DEGRADED if silent or found.availability is None else Soundness.SOUND


def _actions(found: CommuneStudy, policy: BayPolicy, window: Window, looked: Looked | None) -> tuple[Action, ...]:
    said = [action for one in found.bays for action in _said(one, policy, window)]
    if looked:
        detail = {"max_stay_min": looked.study.bay.max_stay_min, "over_ratio": looked.study.dwell.over_ratio}
        said.append(Action(looked.study.bay.code, "review_rule", window, detail=detail))
    return tuple(said)


def _said(one: BayStudy, policy: BayPolicy, window: Window) -> list[Action]:
    code = one.bay.code
    if one.state is BayState.UNKNOWN:
        return [Action(code, "say_unknown", window, detail={"source": "silence"})]
    if not one.chances:
        until = Window(window.start, window.start + timedelta(minutes=SPOKEN_MIN[5][1]))
        return [Action(code, f"say_{one.state}", until, detail={"source": "state"})]
    said = []
    for chance in one.chances:
        start, end = (window.start + timedelta(minutes=minutes) for minutes in SPOKEN_MIN[chance.lead_min])
        word = _word(chance.free_ratio, policy)
        if word:
            detail = {"lead_min": chance.lead_min, "source": chance.source.value}
            said.append(Action(code, word, Window(start, end), chance.free_ratio, detail=detail))
    return said


def _word(free_ratio: float, policy: BayPolicy) -> str | None:
    if free_ratio >= policy.say_free_ratio:
        return "say_free"
    return "say_full" if free_ratio <= policy.say_full_ratio else None


def _alternatives(looked: Looked | None) -> tuple[Alternative, ...]:
    if looked is None:
        return ()
    return tuple(
        Alternative(f"max_stay_{one.max_stay_min}_min", _rule_figures(one))
        for one in looked.replays
        if one is not looked.present
    )


def _rule_figures(one: RuleReplay) -> dict[str, float]:
    return {"over_ratio": one.over_ratio, "refused_ratio": one.refused_ratio}


def _figures(found: CommuneStudy, looked: Looked | None) -> dict[str, float]:
    bays = found.bays
    figures = {
        "bays_count": len(bays),
        "free_count": sum(one.state is BayState.FREE for one in bays),
        "unknown_count": sum(one.state is BayState.UNKNOWN for one in bays),
        "overstaying_count": sum(one.over_min > 0 for one in bays),
        "over_longest_min": max((one.over_min for one in bays), default=0),
    }
    return {**figures, **(_rule_figures(looked.present) if looked else {})}


def _inputs(situation: BaySituation, policy: BayPolicy) -> tuple[Input, ...]:
    inputs = []
    for bay in policy.bays:
        for name in bay.sensors:
            runs = situation.places.get(name)
            newest_s = runs.newest_s if runs else None
            known_at = None if newest_s is None else datetime.fromtimestamp(newest_s, tz=UTC)
            fallback = None
            if known_at is None:
                fallback = "missing"
            elif (situation.at - known_at).total_seconds() > policy.silence_s:
                fallback = "stale"
            inputs.append(Input(bay.name, known_at, runs.series_id if runs else None, fallback))
    return tuple(inputs)
