"""The kinds of decisions. A new one is one file or folder here and one line below."""

from __future__ import annotations

from typing import Any

from services.decisions.bays.decider import DECIDER as BAY
from services.decisions.decider import Decider
from services.decisions.load_shifting.decider import DECIDER as LOAD_SHIFTING
from services.decisions.rounds.decider import DECIDER as ROUND
from services.decisions.ventilation.decider import DECIDER as VENTILATION

DECIDERS: dict[str, Decider[Any, Any]] = {
    "ventilation": VENTILATION,
    "round": ROUND,
    "load_shifting": LOAD_SHIFTING,
    "bay": BAY,
}
