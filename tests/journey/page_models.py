"""The models behind the stubbed API: who speaks, how well, what was said of them, and why a step is as it is."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field
from datetime import UTC, date, datetime, timedelta
from typing import Any

from fastapi import APIRouter, Request, Response
from fastapi.responses import JSONResponse

from core.metrics import METRICS
from core.model_life import Better

Row = dict[str, Any]
_BETTER = Better(gain=0.041, held_90=0.9, champion=4, steps=21_600, series=12, days=5).why()
LEADS = (0, 1, 3, 6, 12, 24)
# metric: skill, coverage 90, share by the naive, drifting
_TOLD: dict[str, tuple[float, float, float, bool]] = {
    "power_kw": (0.31, 0.904, 0.0, False),
    "gas_power_kw": (0.22, 0.893, 0.06, False),
    "co2_ppm": (0.27, 0.842, 0.04, False),
    "pm25_ugm3": (0.18, 0.915, 0.0, False),
    "no2_ugm3": (-0.03, 0.871, 0.22, True),
    "fill_ratio": (0.36, 0.908, 0.0, False),
    "occupied": (0.12, 0.899, 0.11, False),
}


def iso(instant: datetime) -> str:
    return instant.isoformat(timespec="seconds").replace("+00:00", "Z")


@dataclass
class StubModels:
    """Models, what people doubt, and what was asked; tests change it."""

    items: list[Row] = field(default_factory=list)
    models: dict[int, Row] = field(default_factory=dict)
    concerns: list[Row] = field(default_factory=list)
    promoted: list[tuple[int, Row]] = field(default_factory=list)
    asked: list[str] = field(default_factory=list)
    knows_weather: bool = True


def stub_models() -> StubModels:
    """Return models of seven metrics, one that drifts, one with a challenger, and a metric without a model."""
    now = datetime.now(UTC)
    stub = StubModels()
    for place, (metric, told) in enumerate(_TOLD.items()):
        champion = _model(10 + place, metric, now - timedelta(days=2 + place))
        stub.models[champion["model_id"]] = champion
        stub.items.append(_item(metric, champion, told, now.date()))
    challenger = _model(30, "co2_ppm", now - timedelta(hours=30)) | {"reigns": [], "why": "drift"}
    earlier = _model(4, "co2_ppm", now - timedelta(days=40))
    stub.models[12]["reigns"] += [_reign(4, now - timedelta(days=39), "Premier modèle.")]
    stub.models |= {30: challenger, 4: earlier}
    co2 = next(one for one in stub.items if one["metric"] == "co2_ppm")
    co2["challenger"] = challenger
    stub.items.append(_item("bikes_count", None, (0.0, 0.0, 1.0, False), now.date()))
    stub.concerns = [
        {"concern_id": 1, "said_at": iso(now - timedelta(days=3)), "by": "Yanis", "said": "Trop bas le lundi matin."}
    ]
    return stub


def _model(model_id: int, metric: str, at: datetime) -> Row:
    facts = {"rows": 120_000 + model_id, "series": 12, "duration_s": 41.5, "code_version": "0.7.0+3e502ae", "seed": 7}
    origins = {"field": 3, "simulated": 9} if metric == "co2_ppm" else {"simulated": 12}
    spent = {
        "energy_kwh": 0.0042,
        "co2e_g": 0.24,
        "why": "schedule",
        "parameters": {"trees": 400},
        "card": {"origins": origins},
    }
    window = {"history_start": iso(at - timedelta(days=180)), "history_end": iso(at)}
    about = {"model_id": model_id, "metric": metric, "trained_at": iso(at), "sha256": f"{model_id:064x}"}
    return {
        **about,
        **window,
        **facts,
        **spent,
        "reigns": [_reign(model_id, at, _BETTER)],
    }


def _reign(model_id: int, since: datetime, why: str) -> Row:
    return {"model_id": model_id, "since": iso(since), "by": "vigie", "why": why}


def _item(metric: str, champion: Row | None, told: tuple[float, float, float, bool], today: date) -> Row:
    skill, coverage, naive_share, drifting = told
    trend = [
        {
            "day": (today - timedelta(days=30 - day)).isoformat(),
            "skill": skill + 0.05 * ((day * 7) % 5 - 2) / 2,
            "coverage_90": coverage,
        }
        for day in range(30)
    ]
    known = champion is not None
    return {
        "metric": metric,
        "family": METRICS[metric].family,
        "champion": champion,
        "challenger": None,
        "days": 30,
        "steps": 21_600 if known else 0,
        "skill": skill if known else None,
        "coverage_80": coverage - 0.1 if known else None,
        "coverage_90": coverage if known else None,
        "naive_share": naive_share,
        "naive_why": ("worse_lately" if known else "no_model") if naive_share else None,
        "drifting": drifting,
        "trend": trend if known else [],
    }


def models_router(stub: StubModels) -> APIRouter:
    """Return the routes of the models and of their scores."""
    router = APIRouter()

    @router.get("/models")
    def models() -> Row:
        return {"items": stub.items, "next": None}

    @router.get("/models/{model_id}")
    def model(model_id: int) -> Row:
        return stub.models[model_id]

    @router.get("/models/{model_id}/card")
    def card(model_id: int, language: str) -> Row:
        return _card(model_id, language)

    @router.post("/models/{model_id}/promotion")
    async def promote(model_id: int, request: Request) -> Row:
        body: Row = await request.json()
        stub.promoted.append((model_id, body))
        model = stub.models[model_id]
        item = next(one for one in stub.items if one["metric"] == model["metric"])
        item |= {"champion": model, "challenger": None}
        model["reigns"].append(_reign(model_id, datetime.now(UTC), body["why"]) | {"by": "Nadia"})
        return model

    @router.get("/models/{model_id}/concerns")
    def concerns(model_id: int) -> Row:
        return {"items": stub.concerns if model_id == 12 else [], "next": None}

    @router.post("/models/{model_id}/concerns", status_code=201)
    async def doubt(model_id: int, request: Request) -> Row:
        said = (await request.json())["said"]
        kept = {"concern_id": model_id, "said_at": iso(datetime.now(UTC)), "by": "Nadia", "said": said}
        stub.concerns.insert(0, kept)
        return kept

    @router.get("/scores")
    def scores(metric: str, by: str, days: int = 30) -> Row:
        stub.asked.append(f"{metric} {by} {days}")
        return {"items": list(_scores(by)), "next": None}

    @router.get("/scores/fairness")
    def fairness(metric: str) -> Row:
        assert metric in METRICS
        told = [
            ("small", 12_000, 3, 21, 0.19, 0.89),
            ("middle", 48_000, 4, 44, 0.26, 0.9),
            ("large", None, 1, 9, 0.3, 0.91),
        ]
        names = ("group", "population_max", "communes", "series", "skill", "coverage_90")
        return {"items": [dict(zip(names, row, strict=True)) | {"steps": 9_000} for row in told], "next": None}

    return router


def _scores(by: str) -> Iterator[Row]:
    named: dict[str, list[tuple[str, str]]] = {
        "lead": [(str(hours), f"{hours} h") for hours in LEADS],
        "regime": [("0", "night"), ("1", "working day"), ("2", "other day")],
        "commune": [("93051", "Noisy-le-Grand"), ("94079", "Villiers-sur-Marne")],
        "series": [("1", "Salle 12"), ("5", "Salle 3"), ("8", "Salle des maîtres")],
    }
    for place, (key, label) in enumerate(named[by]):
        skill = 0.34 - 0.07 * place if by != "series" else (0.31, -0.08, 0.22)[place]
        losses = {
            "pinball": 30.0 * (1 - skill),
            "pinball_naive": 30.0,
            "absolute_error": 41.0,
            "absolute_error_naive": 60.0,
        }
        told = {"coverage_80": 0.79 + 0.01 * place, "coverage_90": 0.88 + 0.012 * place}
        under = {"reliability": [0.06, 0.12, 0.27, 0.5, 0.74, 0.9, 0.94 + 0.01 * place], "naive_share": 0.02}
        yield {"key": key, "label": label, "series": 3, "steps": 7_200, "skill": skill, **losses, **told, **under}


def _card(model_id: int, language: str) -> Row:
    if language == "en":
        title, heading, said, name = (
            "Model card: CO₂",
            "Purpose",
            "Forecasts the CO₂ of rooms over a day.",
            "Trained on",
        )
    else:
        title, heading, said, name = (
            "Fiche du modèle : CO₂",
            "À quoi il sert",
            "Prévoit le CO₂ des salles sur un jour.",
            "Appris sur",
        )
    rows = [
        [name, "12 séries" if language == "fr" else "12 series"],
        ["Modèle" if language == "fr" else "Model", str(model_id)],
    ]
    told = {"heading": heading, "paragraphs": [said], "rows": rows}
    return {"title": title, "sections": [told, {"heading": "AI Act", "paragraphs": [said], "rows": []}]}


def explanations_router(stub: StubModels) -> APIRouter:
    """Return the routes that say why a step is as it is, and what it would be if it were colder."""
    router = APIRouter()

    @router.get("/series/{series_id}/forecast/explanation")
    def explanation(series_id: int, valid_at: str, language: str) -> Row:
        pushes = [("habit", -60.0), ("recent", 150.0), ("weather", 20.0), ("calendar", -4.0)]
        label = {
            "habit": "l’habitude",
            "recent": "le niveau récent",
            "weather": "la météo",
            "calendar": "le calendrier",
        }
        said = "Surtout le niveau de la dernière heure." if language == "fr" else "Mostly the level of the last hour."
        head = {"valid_at": valid_at, "issued_at": iso(datetime.now(UTC)), "model_id": 12, "median": 900.0 + series_id}
        told = [{"family": family, "label": label[family], "push": push} for family, push in pushes]
        return {**head, "start": 794.0, "pushes": told, "rest": 1.0, "exact": series_id == 1, "sentence": said}

    @router.get("/series/{series_id}/forecast/what-if")
    def what_if(series_id: int, colder_c: float, language: str) -> Response:
        if not stub.knows_weather:
            title = "Ce modèle ne connaît pas la météo" if language == "fr" else "This model knows no weather"
            return JSONResponse({"title": title, "status": 409, "code": "conflict"}, status_code=409)
        start = datetime.now(UTC).replace(minute=0, second=0, microsecond=0)
        steps = [
            {
                "valid_at": iso(start + n * timedelta(hours=1)),
                "p10": 400.0,
                "p50": 600.0 + 20 * colder_c,
                "p90": 900.0,
                "p50_as_issued": 600.0,
            }
            for n in range(24)
        ]
        return JSONResponse(
            {
                "issued_at": iso(start),
                "colder_c": colder_c,
                "steps": steps,
                "sentence": f"{colder_c:+.0f} °C de moins, série {series_id}.",
            }
        )

    return router
