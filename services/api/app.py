"""The application of the api process: every room of it wired once, from its settings."""

from __future__ import annotations

import threading
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from functools import partial
from importlib.metadata import version

from fastapi import Depends, FastAPI
from fastapi.routing import APIRoute
from uvicorn.middleware.proxy_headers import ProxyHeadersMiddleware

from core.decoding import Decode
from core.settings import ApiSettings
from core.store.pool import open_pool
from core.store.replica import open_history
from services.alarms.mail.unsubscribing import Unsubscribing
from services.api.answers import PREFIX
from services.api.compression import Compression
from services.api.doors import oidc, oidc_leaving, signing, unsubscribing
from services.api.doors.cookies import CookieRenewal, Seal
from services.api.doors.oidc_sign_in import SignIn
from services.api.doors.visiting import DOOR_CONNECTIONS, Door, let_in
from services.api.etags import Etags
from services.api.export_stream import ExportTurns
from services.api.live_hub import LiveHub
from services.api.ngsi_ld.router import mount_ngsi_ld
from services.api.openapi import openapi_document
from services.api.page_policy import Tiles
from services.api.pages import Pages, mount_static, page_router
from services.api.problem_answers import answer_with_problems
from services.api.problems import read_problem_words
from services.api.rates import RateFields, Rates, rated
from services.api.requests import Bounds, RequestLog, SafeHeaders
from services.api.routes import (
    alarm_rules,
    alarms,
    audit,
    calibrations,
    chart,
    codes,
    communes,
    contours,
    decisions,
    explanations,
    exports,
    forecasts,
    gaps,
    groups,
    health,
    ingest,
    intakes,
    interventions,
    journal,
    links,
    live,
    maintenance,
    me,
    metropole,
    models,
    neighbours,
    past_forecasts,
    people,
    process,
    quality,
    quality_strip,
    raw_frames,
    readings,
    reception,
    rejections,
    rollups,
    scores,
    sensor_bulk,
    sensor_life,
    sensors,
    storage,
    subscriptions,
    tokens,
    uplink,
    weather,
    webhooks,
)
from services.api.sensor_things.routes import router as sensor_things_router
from services.api.turns import Connections
from services.contours.kept import KeptCoverage
from services.health_reading import HealthLimits
from services.webhooks.addresses import Rules
from services.webhooks.sealing import Sealing

_ROUTERS = (
    contours.router,
    communes.router,
    metropole.router,
    weather.router,
    sensors.router,
    sensor_life.router,
    sensor_bulk.router,
    uplink.router,
    interventions.router,
    journal.router,
    neighbours.router,
    codes.router,
    readings.router,
    chart.router,
    rollups.router,
    quality.router,
    quality_strip.router,
    calibrations.router,
    forecasts.router,
    past_forecasts.router,
    explanations.router,
    models.router,
    scores.router,
    decisions.router,
    exports.router,
    reception.router,
    rejections.router,
    raw_frames.router,
    intakes.router,
    gaps.router,
    ingest.router,
    storage.router,
    health.router,
    alarms.router,
    alarm_rules.router,
    maintenance.router,
    subscriptions.router,
    audit.router,
    me.router,
    people.router,
    groups.router,
    tokens.router,
    links.router,
    webhooks.router,
    live.router,
    process.router,
    sensor_things_router,
    signing.router,
    unsubscribing.router,
    oidc.router,
    oidc_leaving.router,
)


def create_app(settings: ApiSettings, decode: Decode | None = None) -> FastAPI:
    """Return the application; it opens the store and follows the live feed while it runs.

    Parameters
    ----------
    decode
        What takes a message apart, step by step: the decoders are the ingest's, and the roof hands them on.

    Raises
    ------
    SettingInvalid
        If ``dashboards_dir`` lacks the words of problems, or no secret is there to sign cookies with.
    """
    seal = Seal.of(settings)

    @asynccontextmanager
    async def running(app: FastAPI) -> AsyncIterator[None]:
        with (
            open_pool(settings.dsn, settings.database_pool_size + Connections.RESERVED) as pool,
            open_history(settings, pool) as history,
            open_pool(settings.door_dsn, DOOR_CONNECTIONS) as door_pool,
        ):
            app.state.door = door = Door(settings, seal, door_pool)
            hub = LiveHub(settings.door_dsn, settings.live_clients_max, door.forget)
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
        dependencies=[Depends(rated), Depends(let_in)],
    )
    app.state.problem_words = read_problem_words(settings.dashboards_dir / "words")
    app.state.rates = Rates(settings)
    app.state.outgoing_rules = Rules.of(settings)
    app.state.webhook_sealing = Sealing(settings.secrets())
    app.state.unsubscribing = Unsubscribing(settings.secrets())
    app.state.pages = Pages(settings.dashboards_dir, Tiles(settings.tiles_url, settings.tiles_attribution))
    app.state.decode = decode
    app.state.photo_turn = threading.Lock()
    app.state.health_limits = HealthLimits(settings.database_gb_max, settings.tls_cert_file)
    app.state.contours = KeptCoverage()
    app.state.oidc = SignIn.of(settings, seal)
    answer_with_problems(app)
    for router in (*_ROUTERS, codes.leading, page_router(app.state.pages)):
        app.include_router(router)
    mount_ngsi_ld(app)
    mount_static(app, settings.dashboards_dir)
    app.openapi = partial(openapi_document, app)  # type: ignore[method-assign] # the way FastAPI documents
    _add_middleware(app, settings)
    return app


def _add_middleware(app: FastAPI, settings: ApiSettings) -> None:
    # The last one added is the first that a request passes.
    app.add_middleware(Etags)
    app.add_middleware(Compression)
    app.add_middleware(CookieRenewal)
    app.add_middleware(RateFields)
    app.add_middleware(Bounds)
    app.add_middleware(SafeHeaders)
    app.add_middleware(RequestLog)
    if settings.trusted_proxies:
        app.add_middleware(ProxyHeadersMiddleware, trusted_hosts=settings.trusted_proxies)


def _operation_name(route: APIRoute) -> str:
    return route.name
