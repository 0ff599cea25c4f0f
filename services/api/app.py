"""The application of the api process: every room of it wired once, from its settings."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from functools import partial
from importlib.metadata import version

from fastapi import FastAPI
from fastapi.routing import APIRoute
from starlette.middleware.gzip import DEFAULT_EXCLUDED_CONTENT_TYPES, GZipMiddleware

from core.settings import ApiSettings
from core.store.pool import open_pool
from core.store.replica import open_history
from services.api.answers import PREFIX
from services.api.export_stream import ExportTurns
from services.api.live_hub import LiveHub
from services.api.ngsi_ld.router import mount_ngsi_ld
from services.api.openapi import openapi_document
from services.api.pages import mount_static, page_router
from services.api.problems import answer_with_problems, read_titles
from services.api.requests import BodyBound, RequestLog, SafeHeaders
from services.api.routes import (
    calibrations,
    chart,
    communes,
    decisions,
    exports,
    forecasts,
    gaps,
    ingest,
    intakes,
    live,
    process,
    quality,
    readings,
    reception,
    rejections,
    rollups,
    sensor_bulk,
    sensor_life,
    sensors,
    storage,
)
from services.api.sensor_things.routes import router as sensor_things_router
from services.api.turns import Connections
from services.exports.asked import Format
from services.exports.stream import FILES

_ROUTERS = (
    communes.router,
    sensors.router,
    sensor_life.router,
    sensor_bulk.router,
    readings.router,
    chart.router,
    rollups.router,
    quality.router,
    calibrations.router,
    forecasts.router,
    decisions.router,
    exports.router,
    reception.router,
    rejections.router,
    intakes.router,
    gaps.router,
    ingest.router,
    storage.router,
    live.router,
    process.router,
    process.instruments_router,
    sensor_things_router,
)


def create_app(settings: ApiSettings) -> FastAPI:
    """Return the application; it opens the store and follows the live feed while it runs.

    Raises
    ------
    SettingInvalid
        If ``dashboards_dir`` lacks the words of problems.
    """

    @asynccontextmanager
    async def running(app: FastAPI) -> AsyncIterator[None]:
        hub = LiveHub(settings.dsn, settings.live_clients_max)
        with (
            open_pool(settings.dsn, settings.database_pool_size + Connections.RESERVED) as pool,
            open_history(settings, pool) as history,
        ):
            app.state.pool, app.state.live_hub = pool, hub
            app.state.connections = Connections(settings, pool, history)
            app.state.export_turns = ExportTurns(settings.exports_max)
            await hub.start()
            yield
            await hub.stop()

    app = FastAPI(
        title="Vigie",
        version=version("vigie"),
        lifespan=running,
        openapi_url=f"{PREFIX}/openapi.json",
        docs_url=None,  # its page loads scripts from elsewhere
        redoc_url=None,
        generate_unique_id_function=_operation_name,
    )
    app.state.problem_titles = read_titles(settings.dashboards_dir / "words")
    answer_with_problems(app)
    for router in (*_ROUTERS, page_router(settings.dashboards_dir)):
        app.include_router(router)
    mount_ngsi_ld(app)
    mount_static(app, settings.dashboards_dir)
    app.openapi = partial(openapi_document, app)  # type: ignore[method-assign] # the way FastAPI documents
    _add_middleware(app)
    return app


def _add_middleware(app: FastAPI) -> None:
    # Measured on a commune of 3,000 series: 724 kB of latest readings. Live feeds are left as they are.
    app.add_middleware(
        GZipMiddleware,
        minimum_size=1_024,
        compresslevel=5,
        exclude_content_types=(*DEFAULT_EXCLUDED_CONTENT_TYPES, FILES[Format.PARQUET].media_type),
    )
    app.add_middleware(BodyBound)
    app.add_middleware(SafeHeaders)
    app.add_middleware(RequestLog)


def _operation_name(route: APIRoute) -> str:
    return route.name
