"""Model cards from facts: what a model is for, what it learnt, how well it does, what it cannot, who answers for it.

After Mitchell et al. 2019 (Model cards for model reporting). A card is keys of ``model_card`` in the words and their
values: nothing stands in it that was not computed, but for what holds of every model (its method, its limits, the
assessment under the AI Act).
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

from core.clock import PARIS, format_instant
from core.decisions import Phrase, Value
from core.metrics import Metric
from core.model_life import PLATFORM, Better, Reign, StoredModel
from core.scores import Sums
from models.regimes import Regime

MONTHS = 12
WHYS = ("schedule", "first", "drift", "asked")
"""Why a model is trained, where there are words for it."""
REIGNS_TOLD_MAX = 10
WORST_TOLD_MAX = 3
YOUNG_DAYS = 60.0
"""A model is told to be young while half of its series have fewer days than this to learn from."""
_MONTH_PROBE = timedelta(days=1)


@dataclass(frozen=True, slots=True)
class LiveFigures:
    """How what was issued of the metric turned out over the last days, of the series that whoever reads it may see.

    Parameters
    ----------
    days
        How many local days were looked at.
    whole
        All of it; None where nothing was scored.
    by_lead, by_regime
        By the start of the bucket in hours, and by the regime's number.
    worst
        The series that it does worst on, by what a person calls them, the worst first.
    """

    days: int
    whole: Sums | None = None
    by_lead: tuple[tuple[int, Sums], ...] = ()
    by_regime: tuple[tuple[int, Sums], ...] = ()
    worst: tuple[tuple[str, Sums], ...] = ()


@dataclass(frozen=True, slots=True)
class CardFacts:
    """All that a card is generated from.

    Parameters
    ----------
    reigns
        Of its metric, the earliest first.
    concerns
        How many were said against it.
    as_of
        When the card is read.
    """

    metric: Metric
    model: StoredModel
    reigns: tuple[Reign, ...]
    live: LiveFigures
    concerns: int
    as_of: datetime

    @property
    def speaks_since(self) -> datetime | None:
        """Since when the model speaks; None where another one does, or none."""
        if not self.reigns or self.reigns[-1].model_id != self.model.model_id:
            return None
        return self.reigns[-1].since

    @property
    def loses_to_naive(self) -> bool:
        """Whether it lost to the naive on its held-out weeks, so that the naive forecast speaks in its stead."""
        skill = self.model.card.get("validation", {}).get("skill")
        return skill is not None and skill <= 0


Row = tuple[Phrase, Phrase]


@dataclass(frozen=True, slots=True)
class CardSection:
    """A part of a card: sentences, and rows of a name and a value."""

    heading: Phrase
    paragraphs: tuple[Phrase, ...]
    rows: tuple[Row, ...] = ()


@dataclass(frozen=True, slots=True)
class Card:
    """A model's card, to be put into words."""

    title: Phrase
    sections: tuple[CardSection, ...]


def card_of(facts: CardFacts) -> Card:
    """Return the card of a model; every section is always there, and says so where there is nothing to tell."""
    title = _say("title", number=facts.model.model_id, metric_key=f"metric.{facts.metric.name}")
    sections = (_purpose, _learnt, _method, _held_out, _live, _importances, _limits, _footprint, _act, _doubt, _trail)
    return Card(title, tuple(section(facts) for section in sections))


def _say(key: str, **values: Value) -> Phrase:
    return Phrase(f"model_card.{key}", values)


def _row(name: str, value: Phrase, **values: Value) -> Row:
    return _say(f"row.{name}", **values), value


def _plain(text: str) -> Phrase:
    return _say("value.plain", text=text)


def _figure(value: float, unit: str = "") -> Phrase:
    return _say("value.figure", value=value, unit=unit) if unit else _say("value.number", value=value)


def _share(value: float | None) -> Phrase:
    return _say("value.unknown") if value is None else _say("value.share", share_ratio=value)


def _purpose(facts: CardFacts) -> CardSection:
    plan, since = facts.metric.plan, facts.speaks_since
    if since is not None and facts.loses_to_naive:
        state = _say("state.beaten")
    elif since is not None:
        state = _say("state.speaks", since_at=format_instant(since))
    elif any(reign.model_id == facts.model.model_id for reign in facts.reigns):
        state = _say("state.spoke")
    else:
        state = _say("state.beaten" if facts.loses_to_naive else "state.waits")
    rows = [_row("metric", _say("value.words", words_key=f"metric.{facts.metric.name}"))]
    if plan is not None:
        rows += [
            _row("horizon", _length(plan.horizon)),
            _row("step", _length(plan.step)),
            _row("every", _length(plan.every)),
        ]
    paragraphs = (_say("purpose"), _say(f"use.{facts.metric.family}"), _say("quantiles"), state)
    return CardSection(_say("heading.purpose"), paragraphs, tuple(rows))


def _length(length: timedelta) -> Phrase:
    minutes = length // timedelta(minutes=1)
    if minutes < 120 and minutes % 60:
        return _say("value.minutes", value=minutes)
    return _say("value.hours", value=minutes / 60 if minutes % 60 else minutes // 60)


def _learnt(facts: CardFacts) -> CardSection:
    model, card = facts.model, facts.model.card
    # Cards of before say the window only.
    since = card.get("first_known_at") or format_instant(model.history_start)
    window = _say("learnt", start_day=since, end_day=format_instant(model.history_end))
    paragraphs = [window, _say("as_known")]
    paragraphs += [
        _say(f"origin.{origin}", n=count) for origin, count in sorted(card.get("origins", {}).items()) if count
    ]
    rows = [_row("series", _figure(model.series)), _row("rows", _figure(model.rows))]
    if "communes" in card:
        rows.append(_row("communes", _figure(card["communes"])))
    if "days" in card:
        rows.append(
            _row("days", _say("value.days", least=round(card["days"]["least"]), median=round(card["days"]["median"])))
        )
    return CardSection(_say("heading.learnt"), tuple(paragraphs), tuple(rows))


def _method(facts: CardFacts) -> CardSection:
    card = facts.model.card
    held = [_say("anchor")] if card.get("anchor") is not None else []
    weather = _say("weather" if card.get("weather") else "no_weather")
    return CardSection(_say("heading.method"), (_say("method"), *held, _say("calibration"), weather, _say("naive")))


def _held_out(facts: CardFacts) -> CardSection:
    card, unit = facts.model.card, facts.metric.unit
    whole = card.get("validation")
    if not whole:
        return CardSection(_say("heading.held_out"), (_say("held_out_none"),))
    paragraphs = [_say("held_out"), _say("skill_meaning")]
    if facts.loses_to_naive:
        paragraphs.append(_say("held_out_lost"))
    spread = card.get("series", {})
    if spread.get("judged"):
        values: Mapping[str, Value] = {
            "n": spread["judged"],
            "lost": spread["lost"],
            "worst_ratio": spread["worst"],
            "median_ratio": spread["median"],
        }
        paragraphs.append(Phrase("model_card.series_spread", values))
    rows = [
        _row("skill", _share(whole["skill"])),
        _row("coverage_80", _share(whole.get("coverage_80", whole.get("coverage")))),
        *([_row("coverage_90", _share(whole["coverage_90"]))] if "coverage_90" in whole else []),
        *(
            _row(name, _figure(whole[figure], unit))
            for name, figure in (("error", "absolute_error"), ("error_naive", "absolute_error_naive"))
            if figure in whole
        ),
        *(_row("skill_lead", _share(one["skill"]), hours=int(one["lead_from_h"])) for one in card.get("by_lead", ())),
        *(
            _row("skill_regime", _share(one["skill"]), regime_key=_regime_key(one["regime"]))
            for one in card.get("by_regime", ())
        ),
    ]
    if card.get("young"):
        rows.append(_row("skill_young", _share(card["young"]["skill"])))
    return CardSection(_say("heading.held_out"), tuple(paragraphs), tuple(rows))


def _regime_key(regime: int) -> str:
    return f"model_card.regime.{Regime(regime).name.lower()}"


def _live(facts: CardFacts) -> CardSection:
    live = facts.live
    if live.whole is None:
        return CardSection(_say("heading.live"), (_say("live_none", n=live.days),))
    rows = [
        _row("steps", _figure(live.whole.steps)),
        _row("skill", _share(live.whole.skill)),
        _row("coverage_80", _share(live.whole.coverage_80)),
        _row("coverage_90", _share(live.whole.coverage_90)),
        _row("naive_share", _share(live.whole.naive_share)),
        *(_row("skill_lead", _share(sums.skill), hours=hours) for hours, sums in live.by_lead),
        *(_row("skill_regime", _share(sums.skill), regime_key=_regime_key(regime)) for regime, sums in live.by_regime),
        *(_row("worst", _share(sums.skill), called=name) for name, sums in live.worst[:WORST_TOLD_MAX]),
    ]
    return CardSection(_say("heading.live"), (_say("live", n=live.days), _say("live_scope")), tuple(rows))


def _importances(facts: CardFacts) -> CardSection:
    families: Mapping[str, float] = facts.model.card.get("families", {})
    ranked = sorted(families.items(), key=lambda pair: -pair[1])
    rows = tuple(
        (_say("value.words", words_key=f"explanation.family.{family}"), _share(share)) for family, share in ranked
    )
    return CardSection(_say("heading.importances"), (_say("importances" if rows else "importances_none"),), rows)


def _limits(facts: CardFacts) -> CardSection:
    card = facts.model.card
    paragraphs = [_say("limit_unseen")]
    missing = unseen_months(facts.model)
    if missing:
        paragraphs.append(
            _say("limit_months", n=len(missing), first_key=_month(missing[0]), last_key=_month(missing[-1]))
        )
    if card.get("days", {}).get("median", YOUNG_DAYS) < YOUNG_DAYS:
        paragraphs.append(_say("limit_young", days=round(card["days"]["median"])))
    if not card.get("weather"):
        paragraphs.append(_say("limit_weather"))
    paragraphs += [_say("limit_doubts"), _say("limit_fallback"), _say("limit_cause")]
    return CardSection(_say("heading.limits"), tuple(paragraphs))


def _month(month: int) -> str:
    return f"calendar.month.{month}"


def unseen_months(model: StoredModel) -> Sequence[int]:
    """Return the calendar months (1 to 12) no day of which lies in what a model learnt from, in the year's order.

    They follow each other: a window has one end. The first of them follows the window's end.
    """
    seen: set[int] = set()
    at = model.history_start
    while at < model.history_end and len(seen) < MONTHS:
        seen.add(at.astimezone(PARIS).month)
        at += _MONTH_PROBE
    last = model.history_end.astimezone(PARIS).month
    ahead = [(last + offset) % MONTHS + 1 for offset in range(MONTHS)]
    return [month for month in ahead if month not in seen]


def _footprint(facts: CardFacts) -> CardSection:
    model = facts.model
    rows: list[Row] = [_row("duration", _figure(model.duration_s, "s"))]
    if model.energy_kwh is None or model.co2e_g is None:
        return CardSection(_say("heading.footprint"), (_say("footprint_none"),), tuple(rows))
    rows += [_row("energy", _figure(model.energy_kwh * 1000, "Wh")), _row("co2e", _figure(model.co2e_g, "g"))]
    return CardSection(_say("heading.footprint"), (_say("footprint"), _say("footprint_scope")), tuple(rows))


def _act(facts: CardFacts) -> CardSection:
    use = _say(f"act.use_{facts.metric.family}")
    paragraphs = (_say("act.kind"), _say("act.class"), use, _say("act.changes"), _say("act.oversight"), _say("act.own"))
    return CardSection(_say("heading.act"), paragraphs)


def _doubt(facts: CardFacts) -> CardSection:
    said = _say("doubt.said", n=facts.concerns) if facts.concerns else _say("doubt.none")
    return CardSection(_say("heading.doubt"), (_say("doubt.how"), _say("doubt.what_follows"), said))


def _trail(facts: CardFacts) -> CardSection:
    rows = [*_made(facts.model), *_reigned(facts)]
    spoke = any(reign.model_id == facts.model.model_id for reign in facts.reigns)
    return CardSection(
        _say("heading.trail"), (_say("trail"), _say("trail_reigns" if spoke else "trail_never")), tuple(rows)
    )


def _made(model: StoredModel) -> Iterator[Row]:
    yield _row("trained", _say("value.instant", said_at=format_instant(model.trained_at.replace(microsecond=0))))
    yield _row(
        "why", _say("value.words", words_key=f"model_card.why.{model.why}") if model.why in WHYS else _plain(model.why)
    )
    yield _row("code", _plain(model.code_version) if model.code_version else _say("value.unknown"))
    yield _row("seed", _plain(str(model.seed)) if model.seed is not None else _say("value.unknown"))
    yield _row("sha256", _plain(model.sha256) if model.sha256 else _say("value.unknown"))


def _reigned(facts: CardFacts) -> Iterator[Row]:
    for reign in facts.reigns[-REIGNS_TOLD_MAX:]:
        since_at = format_instant(reign.since.replace(microsecond=0))
        yield _row("reign", _why_it_spoke(reign), number=reign.model_id, since_at=since_at)


def _why_it_spoke(reign: Reign) -> Phrase:
    if reign.by != PLATFORM:
        return _say("value.person", by=reign.by, why=reign.why)
    if reign.why in WHYS:
        return _say("value.rule_words", words_key=f"model_card.why.{reign.why}")
    better = Better.read(reign.why)
    if better is None:
        return _say("value.rule", why=reign.why)
    values: Mapping[str, Value] = {
        "n": better.series,
        "gain_ratio": better.gain,
        "held_ratio": better.held_90,
        "number": better.champion,
        "steps": better.steps,
        "days": better.days,
    }
    return Phrase("model_card.value.rule_better", values)
