"""Model cards as a service: the facts as the store has them for whoever asks, and the card in their language."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

from core.clock import PARIS
from core.metrics import metric_named
from core.scores import ScoredBy, Sums
from core.store.history import Selection, read_labels
from core.store.models import read_concerns, read_model, read_reigns
from core.store.pool import Connection
from core.store.scores import read_sums
from models.cards import WORST_TOLD_MAX, Card, CardFacts, LiveFigures
from services.words import Catalogue

LIVE_DAYS = 30
"""How far back live figures go."""


@dataclass(frozen=True, slots=True)
class SaidSection:
    """A part of a card in words."""

    heading: str
    paragraphs: tuple[str, ...]
    rows: tuple[tuple[str, str], ...]


@dataclass(frozen=True, slots=True)
class SaidCard:
    """A card in words."""

    title: str
    sections: tuple[SaidSection, ...]


def read_card_facts(connection: Connection, model_id: int, now: datetime) -> CardFacts | None:
    """Read what a model's card tells, of what this connection may see; None where there is no such model."""
    model = read_model(connection, model_id)
    if model is None:
        return None
    return CardFacts(
        metric=metric_named(model.metric),
        model=model,
        reigns=tuple(read_reigns(connection, model.metric)),
        live=_live(connection, model.metric, now),
        concerns=len(read_concerns(connection, model_id)),
        as_of=now,
    )


def said_card(card: Card, words: Catalogue) -> SaidCard:
    """Return a card in the language of these words."""
    return SaidCard(
        words.said(card.title),
        tuple(
            SaidSection(
                words.said(section.heading),
                tuple(words.said(paragraph) for paragraph in section.paragraphs),
                tuple((words.said(name), words.said(value)) for name, value in section.rows),
            )
            for section in card.sections
        ),
    )


def card_text(card: SaidCard) -> str:
    """Return a card as plain text."""
    lines = [card.title, "=" * len(card.title)]
    for section in card.sections:
        lines += ["", section.heading, "-" * len(section.heading), *section.paragraphs]
        lines += [f"  {name}: {value}" for name, value in section.rows]
    return "\n".join(lines)


def whole_of(parts: Sequence[Sums], series: int) -> Sums:
    """Return sums that share no step as one, of so many series."""
    return Sums(
        series=series,
        steps=sum(part.steps for part in parts),
        steps_naive=sum(part.steps_naive for part in parts),
        pinball=sum(part.pinball for part in parts),
        pinball_naive=sum(part.pinball_naive for part in parts),
        absolute_error=sum(part.absolute_error for part in parts),
        absolute_error_naive=sum(part.absolute_error_naive for part in parts),
        within_80=sum(part.within_80 for part in parts),
        within_90=sum(part.within_90 for part in parts),
        below=[sum(counts) for counts in zip(*(part.below for part in parts), strict=True)],
    )


def _live(connection: Connection, metric: str, now: datetime) -> LiveFigures:
    since = (now.astimezone(PARIS) - timedelta(days=LIVE_DAYS)).date()
    by_regime = read_sums(connection, metric, ScoredBy.REGIME, since)
    by_series = read_sums(connection, metric, ScoredBy.SERIES, since)
    return LiveFigures(
        days=LIVE_DAYS,
        whole=whole_of([sums for _, sums in by_regime], len(by_series)) if by_regime else None,
        by_lead=tuple((int(key), sums) for key, sums in read_sums(connection, metric, ScoredBy.LEAD, since)),
        by_regime=tuple((int(key), sums) for key, sums in by_regime),
        worst=tuple(_named(connection, _worst(by_series))),
    )


def _worst(by_series: list[tuple[str, Sums]]) -> list[tuple[int, Sums]]:
    judged = [(int(key), sums) for key, sums in by_series if sums.skill is not None]
    return sorted(judged, key=lambda pair: pair[1].skill or 0.0)[:WORST_TOLD_MAX]


def _named(connection: Connection, worst: list[tuple[int, Sums]]) -> list[tuple[str, Sums]]:
    if not worst:
        return []
    labels = {
        one.series_id: one for one in read_labels(connection, Selection(series_ids=tuple(key for key, _ in worst)))
    }
    return [(f"{labels[key].sensor}, {labels[key].commune}", sums) for key, sums in worst if key in labels]
