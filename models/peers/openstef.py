"""OpenSTEF 4 (LF Energy): its LightGBM preset, one model per series, fitted on the last 365 days.

As its presets set it up (lags no shorter than the horizon, weather and derived features, holidays of the country);
where it refuses to speak (a flat line, too little of the last days), the same slot of last week stands in, as its
reliability guide leaves to the caller. It needs Python >= 3.12, and hence an environment of its own.
"""

from __future__ import annotations

import importlib
from dataclasses import dataclass
from datetime import timedelta
from decimal import Decimal
from typing import Any

import numpy as np

from core.errors import ShortHistory
from core.forecasts import QUANTILES
from models.history import Floats, History
from models.peers.frame import known_weather
from models.yardsticks import YARDSTICKS

FITTED_ON = timedelta(days=365)
LOOKS_BACK = timedelta(days=15)
"""Its longest lag is a fortnight."""
_COLUMNS = {
    "temperature_c": "temperature",
    "humidity_ratio": "relative_humidity",
    "irradiance_wm2": "radiation",
    "wind_ms": "windspeed",
}
"""Ours, and what it calls them."""


@dataclass(frozen=True, slots=True)
class Place:
    """Where the series are: its calendar and its sun.

    Parameters
    ----------
    country
        ISO 3166 code of two letters.
    latitude, longitude
        Degrees, in text.
    """

    country: str = "FR"
    latitude: str = "48.86"
    longitude: str = "2.35"


@dataclass(frozen=True, slots=True)
class OpenstefPeer:
    """The peer, unfitted.

    Parameters
    ----------
    preset_horizon
        Leave its horizon as its preset has it (48 h), whose lags then all lie two days back; else it is the plan's,
        which is kinder to it.
    """

    place: Place = Place()
    preset_horizon: bool = False

    @property
    def name(self) -> str:
        """A word for tables."""
        return "openstef_preset" if self.preset_horizon else "openstef"

    def fit(self, history: History) -> FittedOpenstef:
        """Fit a model per series; one it refuses is left to the yardstick.

        Raises
        ------
        ShortHistory
            If it refuses every series.
        """
        presets = importlib.import_module("openstef_models.presets")
        refusals = _refusals()
        first = max(history.length - FITTED_ON // history.plan.step, 0)
        fitted: list[Any] = []
        for row in range(len(history.series_ids)):
            workflow = presets.create_forecasting_workflow(_config(history, self, row))
            try:
                workflow.fit(_dataset(history, row, first, history.length))
            except refusals:
                fitted.append(None)
            else:
                fitted.append(workflow)
        if not any(fitted):
            raise ShortHistory(f"openstef refuses to fit on {history.length} steps of {history.metric.name}")
        return FittedOpenstef(fitted)


@dataclass(frozen=True, slots=True, eq=False)
class FittedOpenstef:
    """The peer, fitted: a workflow per series, None where it refused."""

    workflows: list[Any]

    def quantiles(self, history: History) -> Floats:
        """Return its quantiles; last week's slot where it refuses."""
        said = YARDSTICKS["last_week"].quantiles(history)
        first, steps = max(history.length - LOOKS_BACK // history.plan.step, 0), history.plan.steps
        refusals = _refusals()
        for row, workflow in enumerate(self.workflows):
            if workflow is None:
                continue
            try:
                answer = workflow.predict(
                    _dataset(history, row, first, history.length + steps), forecast_start=history.as_of
                )
            except refusals:
                continue
            columns = np.column_stack([answer.data[f"quantile_P{round(level * 100):02}"] for level in QUANTILES])
            if columns.shape[0] >= steps and np.isfinite(columns[:steps]).all():
                said[row] = np.sort(columns[:steps], axis=1)
        return said


def _refusals() -> tuple[type[Exception], ...]:
    """Return the errors by which it says that its data are not good enough."""
    exceptions = importlib.import_module("openstef_core.exceptions")
    return (
        exceptions.FlatlinerDetectedError,
        exceptions.InsufficientlyCompleteError,
        exceptions.InputValidationError,
    )


def _config(history: History, peer: OpenstefPeer, row: int) -> Any:
    presets, types = importlib.import_module("openstef_models.presets"), importlib.import_module("openstef_core.types")
    workflow = importlib.import_module("openstef_models.presets.forecasting_workflow")
    return presets.ForecastingWorkflowConfig(
        model_id=f"series-{row}",
        model="lgbm",
        quantiles=[types.Q(level) for level in QUANTILES],
        sample_interval=history.plan.step,
        **({} if peer.preset_horizon else {"horizons": [types.LeadTime(history.plan.horizon)]}),
        mlflow_storage=None,
        location=workflow.LocationConfig(
            coordinate=workflow.Coordinate(
                latitude=workflow.Latitude(Decimal(peer.place.latitude)),
                longitude=workflow.Longitude(Decimal(peer.place.longitude)),
            ),
            country_code=workflow.CountryAlpha2(peer.place.country),
        ),
    )


def _dataset(history: History, row: int, first: int, last: int) -> Any:
    """Return one series and its weather over ``[first, last)``; the load is missing from the history's end on."""
    pandas = importlib.import_module("pandas")
    datasets = importlib.import_module("openstef_core.datasets")
    load = np.full(last - first, np.nan)
    known = history.values[row, first:last]
    load[: len(known)] = known
    told = known_weather(history, first, last)
    columns = {_COLUMNS[name]: values[row] for name, values in told.items() if name in _COLUMNS}
    index = pandas.date_range(history.instant_of(first), periods=last - first, freq=history.plan.step, name="timestamp")
    return datasets.TimeSeriesDataset(pandas.DataFrame({"load": load, **columns}, index=index), history.plan.step)
