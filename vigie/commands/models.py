"""`vigie models` and `vigie train`: which models speak, what they are, letting one speak, checking what is kept."""

from __future__ import annotations

import json
from datetime import datetime
from typing import Annotated

import typer

from core.clock import format_instant, now
from core.errors import SettingInvalid, VigieError
from core.metrics import forecast_metrics, metric_named
from core.model_life import Reign, StoredModel, line_of
from core.settings import Settings, WorkerSettings
from core.store import models as kept
from core.store.audit import operating_user
from core.store.pool import Connection, connected
from vigie.commands.tables import table_lines

app = typer.Typer(no_args_is_help=True, help="The models that forecast: list, show, promote, roll back, card, check.")

_HEADS = ("model", "metric", "trained", "series", "skill", "Wh", "state", "since", "by")

ModelId = Annotated[int, typer.Argument(min=1, help="Of `vigie models list`.")]
Why = Annotated[str, typer.Option("--why", help="Why, for the record and for the model's card.")]


class UnknownModel(VigieError):
    """There is no such model."""


class PromotionRefused(VigieError):
    """The model cannot be let speak."""


def train(
    metric: Annotated[
        list[str] | None, typer.Argument(help="Metrics to train; none means all that are forecast.")
    ] = None,
) -> None:
    """Ask the worker to train models now; each is a challenger, but for the first of its metric."""
    from services.jobs import ask_to_train

    asked = ask_to_train(WorkerSettings.from_environment().dsn, metric)
    print("asked to train " + ", ".join(asked))


@app.command("list")
def list_models(
    metric: Annotated[str | None, typer.Argument(help="All models of one metric; without it, who speaks.")] = None,
    *,
    limit: Annotated[int, typer.Option(min=1, max=10_000, help="Most models of it, the newest first.")] = 20,
) -> None:
    """Print which model speaks for each metric and which is tried beside it, or all models of one metric."""
    at = now()
    with connected(Settings.from_environment().dsn) as connection:
        if metric is None:
            models = [model for row, _ in forecast_metrics() for model in _pair(connection, row.name, at)]
        else:
            models = kept.read_models(connection, metric=metric_named(metric).name, limit=limit)
        rows = [_row(connection, model, at) for model in models]
    print("\n".join(table_lines([_HEADS, *rows])) if rows else "no model was trained yet: the naive forecast speaks")


@app.command()
def show(model_id: ModelId) -> None:
    """Print all that is kept of a model, with its figures, and what was said against it, as JSON."""
    with connected(Settings.from_environment().dsn) as connection:
        model = _named(connection, model_id)
        reigns = kept.read_reigns(connection, model.metric)
        concerns = kept.read_concerns(connection, model_id)
    told = {
        name: format_instant(value) if isinstance(value, datetime) else value
        for name in StoredModel.__dataclass_fields__
        for value in [getattr(model, name)]
    }
    told["reigns"] = [
        {"model_id": one.model_id, "since": format_instant(one.since), "by": one.by, "why": one.why} for one in reigns
    ]
    told["concerns"] = [{"said_at": format_instant(one.said_at), "by": one.by, "said": one.said} for one in concerns]
    print(json.dumps(told, ensure_ascii=False, indent=2))


@app.command()
def promote(model_id: ModelId, *, why: Why) -> None:
    """Let a model speak for its metric from now on; it is kept in the record of acts."""
    with connected(Settings.from_environment().dsn) as connection:
        model = _named(connection, model_id)
        _let_speak(connection, model, why)
    print(f"model {model_id} speaks for {model.metric} from now on")


@app.command()
def rollback(
    metric: Annotated[str, typer.Argument(help="The metric whose model goes.")],
    *,
    why: Why,
) -> None:
    """Let the model speak again that spoke before the present one; twice goes two models back."""
    with connected(Settings.from_environment().dsn) as connection:
        line = line_of(kept.read_reigns(connection, metric_named(metric).name))
        if len(line) < 2:
            raise PromotionRefused(f"{metric}: no model spoke before the present one")
        _let_speak(connection, _named(connection, line[-2]), why)
    print(f"model {line[-2]} speaks for {metric} again, model {line[-1]} does not any more")


@app.command()
def card(
    model_id: ModelId,
    *,
    language: Annotated[str, typer.Option(help="fr or en.")] = "fr",
) -> None:
    """Print a model's card in words, generated from what is kept."""
    from core.settings import ApiSettings
    from models.cards import card_of
    from services.model_cards import card_text, read_card_facts, said_card
    from services.words import LANGUAGES, read_catalogue

    if language not in LANGUAGES:
        raise SettingInvalid(f"--language: {language} is neither fr nor en")
    with connected(Settings.from_environment().dsn) as connection:
        facts = read_card_facts(connection, model_id, now())
    if facts is None:
        raise UnknownModel(f"there is no model {model_id}")
    words = read_catalogue(ApiSettings.model_fields["dashboards_dir"].default, language)
    print(card_text(said_card(card_of(facts), words)))


@app.command()
def check() -> None:
    """Read every model's artifact and compare its checksum; exit 1 when one is damaged."""
    from services.model_loading import damaged_models

    with connected(Settings.from_environment().dsn) as connection:
        models = kept.read_models(connection, limit=100_000)
        damaged = list(damaged_models(connection, models))
        speaking = {
            name: line_of(kept.read_reigns(connection, name))[-1:] for name in {one.metric for one, _ in damaged}
        }
    for model, why in damaged:
        said = (
            ", and it speaks: the one before it does in its stead" if speaking[model.metric] == [model.model_id] else ""
        )
        print(f"model {model.model_id} of {model.metric}: {why}{said}")
    print(f"{len(models)} models, {len(damaged)} damaged or of another version")
    if damaged:
        raise typer.Exit(1)


def _pair(connection: Connection, metric: str, at: datetime) -> list[StoredModel]:
    """Return the model that speaks for a metric and the one that is tried beside it, as far as there are any."""
    found = [
        kept.read_champion(connection, metric, as_of=at),
        kept.read_challenger(connection, metric, as_of=at),
    ]
    return [model for model in found if model is not None]


def _row(connection: Connection, model: StoredModel, at: datetime) -> tuple[str, ...]:
    reigns = kept.read_reigns(connection, model.metric)
    own = [reign for reign in reigns if reign.model_id == model.model_id]
    challenger = kept.read_challenger(connection, model.metric, as_of=at)
    if reigns and reigns[-1].model_id == model.model_id:
        state = "speaks"
    elif challenger is not None and challenger.model_id == model.model_id:
        state = "challenger"
    else:
        state = "spoke" if own else "-"
    skill = model.card.get("validation", {}).get("skill")
    return (
        str(model.model_id),
        model.metric,
        f"{model.trained_at:%Y-%m-%d %H:%M}",
        str(model.series),
        "-" if skill is None else f"{skill:.3f}",
        "-" if model.energy_kwh is None else f"{model.energy_kwh * 1000:.2f}",
        state,
        f"{own[-1].since:%Y-%m-%d %H:%M}" if own else "-",
        own[-1].by if own else "-",
    )


def _let_speak(connection: Connection, model: StoredModel, why: str) -> None:
    try:
        reign = Reign(model.metric, now(), model.model_id, operating_user(), why)
        kept.promote(connection, reign)
    except ValueError as error:
        raise PromotionRefused(str(error)) from None


def _named(connection: Connection, model_id: int) -> StoredModel:
    model = kept.read_model(connection, model_id)
    if model is None:
        raise UnknownModel(f"there is no model {model_id}")
    return model
