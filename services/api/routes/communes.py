"""Communes and quantities: what can be measured, and where."""

from __future__ import annotations

from typing import Annotated

from fastapi import Path
from fastapi.responses import RedirectResponse
from pydantic import Field

from core.clock import now
from core.metrics import METRICS, Family, Metric, Nature
from core.places import Commune, communes
from core.store import places
from services.api.answers import PREFIX, Answer, Items, Store, api_router, documented
from services.api.problems import Code, Problem

router = api_router("places")

_COMMUNE = {
    "insee": "93066",
    "name": "Saint-Denis",
    "department": "93",
    "territory_code": "200057867",
    "territory_name": "Plaine Commune",
    "population": 148907,
    "merged_from": ["93059"],
    "sensors": 12,
}


class CommuneAnswer(Answer):
    """A commune of the Métropole, as it is today."""

    model_config = documented(_COMMUNE)

    insee: str = Field(description="INSEE code, five characters.")
    name: str
    department: str
    territory_code: str = Field(description="SIREN of its établissement public territorial, empty for Paris.")
    territory_name: str
    population: int | None = Field(description="Municipal population.")
    merged_from: list[str] = Field(description="INSEE codes of the communes that joined it.")
    sensors: int = Field(description="Adopted sensors.")


class Communes(Items[CommuneAnswer]):
    """The communes, by name."""

    model_config = documented({"items": [_COMMUNE], "next": None})


class Quantity(Answer):
    """A measured quantity with its one stored unit."""

    model_config = documented()

    metric: str = Field(description="Quantity and unit: the name that every other answer uses.")
    quantity: str = Field(description="SenML name, without the unit.")
    family: Family
    unit: str = Field(description="Unit of every value, empty for ratios, states and counts.")
    nature: Nature
    low: float = Field(description="Least physically possible value, in `unit`.")
    high: float = Field(description="Greatest physically possible value, in `unit`.")
    step_s: int = Field(description="Expected seconds between two readings.")
    forecast_step_s: int | None = Field(description="Seconds of a forecast's step, null where there is no forecast.")
    forecast_horizon_s: int | None = Field(description="Longest lead time in seconds, null likewise.")


def _quantity(metric: Metric) -> Quantity:
    plan = metric.plan
    return Quantity(
        metric=metric.name,
        quantity=metric.quantity,
        family=metric.family,
        unit=metric.unit,
        nature=metric.nature,
        low=metric.low,
        high=metric.high,
        step_s=int(metric.step.total_seconds()),
        forecast_step_s=int(plan.step.total_seconds()) if plan else None,
        forecast_horizon_s=int(plan.horizon.total_seconds()) if plan else None,
    )


class Quantities(Items[Quantity]):
    """All quantities."""

    model_config = documented({"items": [_quantity(METRICS["co2_ppm"]).model_dump(mode="json")], "next": None})


@router.get("/quantities", operation_id="read_quantities")
def read_quantities() -> Quantities:
    """List what Vigie measures: units, bounds and forecast plans."""
    return Quantities(items=[_quantity(metric) for metric in METRICS.values()])


@router.get("/communes", operation_id="read_communes")
def read_communes(store: Store) -> Communes:
    """List the communes of today, by name, each with its number of sensors."""
    return Communes(items=[_commune(commune, count) for commune, count in places.read_communes(store, on=now())])


@router.get(
    "/communes/{insee}",
    operation_id="read_commune",
    response_model=CommuneAnswer,
    responses={308: {"description": "The commune merged: where the one it joined is."}},
)
def read_commune(
    insee: Annotated[str, Path(description="INSEE code.", openapi_examples={"": {"value": "93066"}})], store: Store
) -> CommuneAnswer | RedirectResponse:
    """One commune. A commune that merged answers 308 with the address of the one it joined."""
    known = communes().get(insee)
    if known is None:
        raise Problem(Code.NOT_FOUND, f"{insee!r} is the INSEE code of no commune of the Métropole du Grand Paris")
    if known.merged_into:
        return RedirectResponse(f"{PREFIX}/communes/{known.merged_into}", status_code=308)
    for commune, sensors in places.read_communes(store, on=now()):
        if commune.insee == insee:
            return _commune(commune, sensors)
    raise Problem(Code.NOT_MIGRATED, "the database lacks the communes: run `vigie migrate`")


def _commune(commune: Commune, sensors: int) -> CommuneAnswer:
    return CommuneAnswer(
        insee=commune.insee,
        name=commune.name,
        department=commune.department,
        territory_code=commune.territory_code,
        territory_name=commune.territory_name,
        population=commune.population,
        merged_from=[other.insee for other in communes().values() if other.merged_into == commune.insee],
        sensors=sensors,
    )
