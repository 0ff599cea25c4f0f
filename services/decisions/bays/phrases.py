"""The sentences of a bay decision: keys of the pages' catalogue and their values."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from core.decisions import Phrase
from services.decisions.bays.availability import DAYS_MIN, Judged, Source
from services.decisions.bays.look import Looked
from services.decisions.bays.policy import BayPolicy
from services.decisions.bays.study import BayState, CommuneStudy

_NAMED_MAX = 3
_DAY_HOURS = range(6, 21)
"""Local hours of deliveries: at night residents park."""
_WEEKDAYS = ("monday", "tuesday", "wednesday", "thursday", "friday", "saturday", "sunday")


def headline(found: CommuneStudy) -> Phrase:
    """Return the decision in one sentence."""
    bays = found.bays
    free = sum(one.state is BayState.FREE for one in bays)
    over = sum(one.over_min > 0 for one in bays)
    if not bays:
        return Phrase("no_bays")
    if all(one.seen_s is None for one in bays):
        return Phrase("no_readings", {"n": len(bays)})
    if all(one.state is BayState.UNKNOWN for one in bays):
        return Phrase("all_silent", {"n": len(bays)})
    if over:
        return Phrase("overstaying", {"n": over, "bays": len(bays), "free": free})
    return Phrase("free", {"n": free, "bays": len(bays)}) if free else Phrase("none_free", {"bays": len(bays)})


def reasons(found: CommuneStudy, policy: BayPolicy, looked: Looked | None) -> tuple[Phrase, ...]:
    """Return why, the weightiest first."""
    return tuple(
        phrase
        for part in (_silence(found), _look(found, looked), _hardest(found), _speaks(found, policy))
        for phrase in part
    )


def _silence(found: CommuneStudy) -> Iterator[Phrase]:
    silent = [one.bay.name for one in found.bays if one.state is BayState.UNKNOWN]
    if silent:
        names = ", ".join(silent[:_NAMED_MAX]) + (" …" if len(silent) > _NAMED_MAX else "")
        yield Phrase("silent", {"n": len(silent), "names": names})


def _look(found: CommuneStudy, looked: Looked | None) -> Iterator[Phrase]:
    if looked is None:
        return
    one = looked.study
    rule = one.bay.max_stay_min
    yield Phrase(
        "look",
        {
            "bay": one.bay.name,
            "over_ratio": one.dwell.over_ratio,
            "stays": one.dwell.judged,
            "max_stay_min": rule,
            "days": found.days,
        },
    )
    shorter = [replayed for replayed in looked.replays if replayed.max_stay_min < rule]
    longer = [replayed for replayed in looked.replays if replayed.max_stay_min > rule]
    for other in (*shorter[-1:], *longer[:1]):
        yield Phrase(
            "other_rule",
            {
                "max_stay_min": other.max_stay_min,
                "over_ratio": other.over_ratio,
                "over_now_ratio": looked.present.over_ratio,
                "refused_ratio": other.refused_ratio,
                "refused_now_ratio": looked.present.refused_ratio,
            },
        )


def _hardest(found: CommuneStudy) -> Iterator[Phrase]:
    published = [
        (share, hour)
        for hour, share in enumerate(found.week.published())
        if share is not None and hour % 24 in _DAY_HOURS
    ]
    if published:
        share, hour = max(published, key=lambda cell: (cell[0], -cell[1]))
        yield Phrase("hardest_hour", {"weekday": _WEEKDAYS[hour // 24], "hour": hour % 24, "occupied_ratio": share})


def _speaks(found: CommuneStudy, policy: BayPolicy) -> Iterator[Phrase]:
    if not found.bays:
        return
    if found.availability is None:
        yield Phrase("short_history", {"days": found.days, "needed": DAYS_MIN})
        return
    yield Phrase("words", {"free_ratio": policy.say_free_ratio, "full_ratio": policy.say_full_ratio})
    for source in Source:
        spoken = [one for one in found.availability.judged.values() if one.spoken is source]
        if spoken:
            leads = ", ".join(str(one.lead_min) for one in spoken)
            yield Phrase(f"{source}_speaks", {"leads": leads, "days": spoken[0].days, "gain_ratio": _gain(spoken)})


def _gain(spoken: Sequence[Judged]) -> float:
    """Return the mean share of the next best Brier score that is saved."""
    gains = [1 - best / second for best, second, *_ in (sorted(one.brier.values()) for one in spoken) if second]
    return round(sum(gains) / len(gains), 4) if gains else 0.0
