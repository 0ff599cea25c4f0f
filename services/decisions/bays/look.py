"""The one bay whose rule deserves a look, and what other rules would have given there."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from services.decisions.bays.policy import BayPolicy
from services.decisions.bays.replay import RuleReplay, replay
from services.decisions.bays.study import BayStudy, CommuneStudy

JUDGED_MIN = 30
"""So many judged stays before a bay's rule can deserve a look."""


@dataclass(frozen=True, slots=True, eq=False)
class Looked:
    """The bay whose rule deserves a look, and what other rules would have given, its own among them."""

    study: BayStudy
    replays: Sequence[RuleReplay]
    followers_ratio: float

    @property
    def present(self) -> RuleReplay:
        """The replay of the bay's own rule."""
        return next(one for one in self.replays if one.max_stay_min == self.study.bay.max_stay_min)


def look(found: CommuneStudy, policy: BayPolicy) -> Looked | None:
    """Return the bay whose share of overstays is most surely over the policy's; None where no bay's is."""
    surely = [
        (one.dwell.over_low_ratio, one.bay.code, index)
        for index, one in enumerate(found.bays)
        if one.dwell.over_low_ratio is not None
        and one.dwell.judged >= JUDGED_MIN
        and one.dwell.over_low_ratio >= policy.look_ratio
    ]
    if not surely or found.availability is None:
        return None
    index = max(surely)[2]
    one = found.bays[index]
    behaviour = found.availability.behaviours[index]
    replays = replay(one.bay, one.places, behaviour, policy.followers_ratio)
    return Looked(one, replays, policy.followers_ratio) if replays else None
