"""NGSI-LD as a part of the application; the standard describes it, so that it is no part of the OpenAPI document."""

from __future__ import annotations

from fastapi import APIRouter, Depends, FastAPI, Request
from fastapi.responses import JSONResponse

from services.api.ngsi_ld.answering import check_request
from services.api.ngsi_ld.faults import Refused, fault_answer
from services.api.ngsi_ld.routes import discovery, past, present


def mount_ngsi_ld(app: FastAPI) -> None:
    """Have this application answer NGSI-LD; that the store is absent stays Vigie's own problem."""
    router = APIRouter(prefix="/ngsi-ld/v1", include_in_schema=False, dependencies=[Depends(check_request)])
    for resource in (present, past, discovery):
        router.include_router(resource.router)
    app.include_router(router)

    @app.exception_handler(Refused)
    def _refused(_: Request, refused: Refused) -> JSONResponse:
        return fault_answer(refused.fault, str(refused))
