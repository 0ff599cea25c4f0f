"""The decision on a site's ventilation, and the kind as the registry knows it."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime, timedelta

from core.decisions import Action, Alternative, Check, Decision, Input, Soundness
from services.decisions.decider import Decider
from services.decisions.ventilation.actions import actions_of
from services.decisions.ventilation.check import Claim, check_plan
from services.decisions.ventilation.figures import figures_of
from services.decisions.ventilation.picture import picture_of
from services.decisions.ventilation.policy import Room, VentilationPolicy, parse_policy
from services.decisions.ventilation.read import read_situation
from services.decisions.ventilation.reasons import Story, headline_of, last_seen, reasons_of
from services.decisions.ventilation.room_plan import Footing, RoomPlan, colder_k, footing_of, plan_room
from services.decisions.ventilation.situation import STEP, STEPS, OutdoorState, Situation, has_changed, window_of
from services.decisions.ventilation.source import is_open
from services.decisions.weather import weather_name

KIND = "ventilation"
EVERY = timedelta(hours=1)
_DEGRADED = {Footing.FEW_DAYS, Footing.NEW, Footing.STALE}


def decide(situation: Situation, policy: VentilationPolicy, now: datetime) -> Decision:
    """Propose fan levels and airings for the next six hours; impossible only where no room was ever read."""
    if [room.code for room in policy.rooms] != [state.code for state in situation.rooms]:
        raise ValueError("the situation is not about the rooms of the policy")
    window = window_of(now)
    story = _story(situation, policy)
    sound = _soundness(story)
    actions = tuple(action for plan in story.plans for action in actions_of(plan, window))
    cold = story.colder_k
    proposed, idle = figures_of(story.plans, "proposed", cold), figures_of(story.plans, "idle", cold)
    return Decision(
        kind=KIND,
        subject=situation.subject,
        commune_insee=situation.commune_insee,
        made_at=now,
        window=window,
        answer_by=now + EVERY,
        soundness=sound,
        headline=headline_of(story),
        reasons=reasons_of(story),
        actions=actions,
        inputs=tuple(_inputs(story, policy)),
        alternatives=(
            Alternative("do_nothing", idle),
            Alternative("full_airflow", figures_of(story.plans, "full", cold)),
        )
        if story.plans
        else (),
        checks=_checks(story, policy, actions),
        figures=proposed if story.plans else {},
        picture=picture_of(story),
    )


def _story(situation: Situation, policy: VentilationPolicy) -> Story:
    footings = [footing_of(state, situation.now) for state in situation.rooms]
    plans = tuple(
        plan_room(situation, policy, place) for place, footing in enumerate(footings) if footing is not Footing.UNKNOWN
    )
    unknown = tuple(room for room, footing in zip(policy.rooms, footings, strict=True) if footing is Footing.UNKNOWN)
    return Story(situation, window_of(situation.now), plans, unknown, colder_k(situation, policy))


def _soundness(story: Story) -> Soundness:
    if not story.plans:
        return Soundness.IMPOSSIBLE
    if story.unknown or any(plan.footing in _DEGRADED for plan in story.plans):
        return Soundness.DEGRADED
    return Soundness.SOUND


def _inputs(story: Story, policy: VentilationPolicy) -> list[Input]:
    footings = {plan.room.code: plan.footing for plan in story.plans}
    inputs = []
    for room, state in zip(policy.rooms, story.situation.rooms, strict=True):
        footing = footings.get(room.code, Footing.UNKNOWN)
        fallback = None if footing is Footing.FORECAST else footing.value
        inputs.append(Input(room.name, last_seen(state), state.series_id, fallback))
    return [*inputs, *(_outdoor_input(state) for state in story.situation.outdoor)]


def _outdoor_input(state: OutdoorState) -> Input:
    name = state.metric if state.provider is None else weather_name(state.provider)
    return Input(name, state.known_at, state.series_id, state.fallback)


def _checks(story: Story, policy: VentilationPolicy, actions: Sequence[Action]) -> tuple[Check, ...]:
    if not story.plans:
        return ()
    opened = tuple(is_open(policy, story.window.start + quarter * STEP) for quarter in range(STEPS))
    claims = [_claim(plan, policy.outdoor_ppm, opened) for plan in story.plans]
    return check_plan(claims, actions, story.window)


def _claim(plan: RoomPlan, outdoor_ppm: float, opened: tuple[bool, ...]) -> Claim:
    room: Room = plan.room
    path = plan.proposed.paths[-1].ppm.tolist() if plan.proposed.paths else []
    return Claim(
        room,
        outdoor_ppm,
        path[0] if path else None,
        tuple(plan.sources[-1].tolist()),
        tuple(path[1:]),
        tuple(plan.occupied.tolist()),
        opened,
    )


DECIDER: Decider[Situation, VentilationPolicy] = Decider(
    kind=KIND,
    every=EVERY,
    parse_policy=parse_policy,
    read=read_situation,
    decide=decide,
    changed=has_changed,
)
