"""Models as they are kept: how one came to be, which speaks for a metric since when, what is said against it."""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import asdict, dataclass, field
from datetime import datetime
from typing import Any, Self

PLATFORM = "vigie"
"""Who says it where a rule does, and nobody by hand."""
SAID_MAX = 500
"""Most characters of why a model speaks."""


@dataclass(frozen=True, slots=True)
class StoredModel:
    """A trained model as it is kept, without its artifact: `services.model_loading` gives the model itself.

    Parameters
    ----------
    trained_at
        When training began: nothing received later was used.
    history_start, history_end
        The window it was fitted on.
    rows, series
        How much it was fitted on.
    duration_s
        How long training took.
    card
        Figures on the held-out weeks and importances, as JSON.
    code_version, seed, parameters
        With the window, all that is needed to make it again; None where an older version did not keep them.
    sha256
        Of the artifact, in hexadecimal; None as above.
    energy_kwh, co2e_g
        What training took, by `models.footprint`; None as above.
    why
        Why it was trained: ``schedule``, ``first``, ``drift``, ``asked``.
    """

    metric: str
    trained_at: datetime
    history_start: datetime
    history_end: datetime
    rows: int
    series: int
    duration_s: float
    card: dict[str, Any]
    code_version: str | None = None
    seed: int | None = None
    parameters: dict[str, Any] = field(default_factory=dict)
    sha256: str | None = None
    energy_kwh: float | None = None
    co2e_g: float | None = None
    why: str = "schedule"
    model_id: int = 0
    """0 until it is kept."""


@dataclass(frozen=True, slots=True)
class Concern:
    """What somebody said against a model."""

    model_id: int
    said_at: datetime
    by: str
    said: str
    concern_id: int = 0


@dataclass(frozen=True, slots=True)
class Reign:
    """A model speaks for a metric from ``since`` until the next reign of the metric.

    Parameters
    ----------
    by
        Who said so: a person's name, or `PLATFORM` for a rule.
    why
        What the person wrote; of a rule a word (``first``) or its figures (`Better`). 1 to `SAID_MAX` characters.
    """

    metric: str
    since: datetime
    model_id: int
    by: str
    why: str

    def __post_init__(self) -> None:
        if not 1 <= len(self.why.strip()) <= SAID_MAX:
            raise ValueError(f"why a model speaks is said in 1 to {SAID_MAX} characters")


@dataclass(frozen=True, slots=True)
class Better:
    """The figures by which the rule lets a challenger speak: kept as JSON, told in the reader's language.

    Parameters
    ----------
    gain
        Share of the champion's pinball loss that it saved.
    held_90
        Share of truths in its [p05, p95].
    champion
        The model that spoke, by its id.
    steps, series, days
        How much both were judged on.
    """

    gain: float
    held_90: float
    champion: int
    steps: int
    series: int
    days: int

    def why(self) -> str:
        """Return them as they are kept."""
        return json.dumps({"rule": "better", **asdict(self)})

    @classmethod
    def read(cls, why: str) -> Self | None:
        """Return the figures of a reign's ``why``, None where it says something else."""
        try:
            told = json.loads(why)
            return cls(**{name: told[name] for name in cls.__slots__}) if told["rule"] == "better" else None
        except (ValueError, TypeError, KeyError):
            return None


def line_of(reigns: Sequence[Reign]) -> list[int]:
    """Return the models one behind the other: the last speaks, each took the place of the one before it.

    A model that is put back takes those away that came after it: to roll back twice goes two models back, and not to
    and fro between two.

    Parameters
    ----------
    reigns
        Of one metric, the earliest first.
    """
    line: list[int] = []
    for reign in reigns:
        if reign.model_id in line:
            del line[line.index(reign.model_id) + 1 :]
        else:
            line.append(reign.model_id)
    return line
