"""What every kind of decision is made of: a situation, a policy, and a rule that turns them into a decision."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any, Generic, TypeVar

from core.decisions import Decision, Subject
from core.store.pool import Connection


@dataclass(frozen=True, slots=True)
class Export:
    """A decision in another format: its media type and how it is written."""

    media_type: str
    write: Callable[[Decision], str]


S = TypeVar("S")
P = TypeVar("P")


@dataclass(frozen=True, slots=True)
class Decider(Generic[S, P]):
    """One kind of decision.

    Parameters
    ----------
    kind
        Its name.
    every
        How often it decides, on the clock's grid.
    parse_policy
        Turns a subject's JSON policy into the kind's policy, checking every bound; raises ValueError that names the
        field.
    read
        Reads what is known as of an instant: the only part that touches the store, and only through `core.store`.
    decide
        The rule: pure and seeded, the same situation and policy give the same decision.
    changed
        Whether the situation has moved so far from the one last decided on that it is worth deciding before the hour.
    exports
        Formats that a decision can be had in besides JSON, by their name (``geojson``, ``csv``).
    """

    kind: str
    every: timedelta
    parse_policy: Callable[[dict[str, Any]], P]
    read: Callable[[Connection, Subject, P, datetime], S]
    decide: Callable[[S, P, datetime], Decision]
    changed: Callable[[S, S], bool]
    exports: Mapping[str, Export] = field(default_factory=dict)
