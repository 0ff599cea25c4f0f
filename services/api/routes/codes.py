"""The code that is stuck on a device, and the short address in it, which leads to the sensor's page."""

from __future__ import annotations

from io import BytesIO
from typing import Annotated, Any
from urllib.parse import urlencode

import segno
from fastapi import APIRouter, Path, Request, Response
from fastapi.concurrency import run_in_threadpool
from fastapi.responses import RedirectResponse

from core.store.devices import read_device_owner
from services.api.answers import Store, api_router
from services.api.doors.origins import public_root
from services.api.doors.visiting import MaybeVisiting
from services.api.parameters import SensorId
from services.api.routes.uplink import whole_sensor
from services.api.turns import Connections

router = api_router("sensors")
leading = APIRouter(include_in_schema=False)
"""The short address, outside of the API: people follow it."""

MODULE_PIXELS = 8
QUIET_MODULES = 4
"""White around the code, as ISO/IEC 18004 asks: it stands on any ground, dark pages too."""
_IMAGE: dict[int | str, dict[str, Any]] = {
    200: {
        "content": {"image/svg+xml": {"schema": {}, "examples": {"": {"value": "<svg></svg>"}}}},
        "description": "The code, as an SVG.",
    }
}


@router.get("/sensors/{sensor_id}/code.svg", operation_id="read_code", response_class=Response, responses=_IMAGE)
def read_code(sensor_id: SensorId, request: Request, store: Store) -> Response:
    """Return the code (ISO/IEC 18004) to stick on a sensor's device: whoever scans it comes to its page."""
    sensor, _ = whole_sensor(store, sensor_id)
    code = segno.make(f"{public_root(request)}/s/{sensor.external_id}", error="q", micro=False)
    written = BytesIO()
    code.save(
        written,
        kind="svg",
        scale=MODULE_PIXELS,
        border=QUIET_MODULES,
        dark="#000",
        light="#fff",
        xmldecl=False,
        title=sensor.external_id,
    )
    return Response(written.getvalue(), media_type="image/svg+xml")


@leading.get("/s/{external_id}")
async def open_sensor(
    external_id: Annotated[str, Path(pattern=r"^[A-Za-z0-9][A-Za-z0-9._-]{0,63}$")],
    request: Request,
    visitor: MaybeVisiting,
) -> RedirectResponse:
    """Lead to the page of the sensor that a device is, or was until it was replaced.

    Whoever is not signed in comes back here after the sign-in; what is not seen is looked for, and not found.
    """
    if visitor is None:
        return RedirectResponse(f"/signin?{urlencode({'next': request.url.path})}", status_code=303)
    connections: Connections = request.app.state.connections
    async with connections.store(visitor.key) as connection:
        sensor_id = await run_in_threadpool(read_device_owner, connection, external_id.lower())
    asked = {"search": external_id} if sensor_id is None else {"sensor": sensor_id}
    return RedirectResponse(f"/{'supervision' if sensor_id is None else 'capteur'}?{urlencode(asked)}", status_code=303)
