"""Collection rounds as a kind of decision: the line of the registry."""

from __future__ import annotations

from datetime import timedelta

from services.decisions.decider import Decider
from services.decisions.rounds.decide import KIND, decide
from services.decisions.rounds.exports import EXPORTS
from services.decisions.rounds.policy import RoundPolicy, parse_policy
from services.decisions.rounds.read import read_situation
from services.decisions.rounds.situation import RoundSituation, changed

DECIDER: Decider[RoundSituation, RoundPolicy] = Decider(
    kind=KIND,
    every=timedelta(hours=3),
    parse_policy=parse_policy,
    read=read_situation,
    decide=decide,
    changed=changed,
    exports=EXPORTS,
)
