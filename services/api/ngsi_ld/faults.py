"""Errors as NGSI-LD tells them: ETSI GS CIM 009 V1.9.1, clauses 5.5.2, 5.5.3 and 6.3.2."""

from __future__ import annotations

from enum import StrEnum

from fastapi.responses import JSONResponse

from core.errors import VigieError
from services.api.problem_answers import SAFE_HEADERS

_ERRORS = "https://uri.etsi.org/ngsi-ld/errors/"


class Fault(StrEnum):
    """What is wrong with a question, by the standard's name."""

    INVALID_REQUEST = "InvalidRequest"
    BAD_REQUEST_DATA = "BadRequestData"
    RESOURCE_NOT_FOUND = "ResourceNotFound"
    OPERATION_NOT_SUPPORTED = "OperationNotSupported"
    TOO_COMPLEX_QUERY = "TooComplexQuery"
    TOO_MANY_RESULTS = "TooManyResults"
    LD_CONTEXT_NOT_AVAILABLE = "LdContextNotAvailable"
    NO_MULTI_TENANT_SUPPORT = "NoMultiTenantSupport"
    NOT_ACCEPTABLE = "NotAcceptable"
    """Not one of the standard's own: its table of errors leaves HTTP's without a name."""


_STATUS_AND_TITLE = {
    Fault.INVALID_REQUEST: (400, "The request is invalid."),
    Fault.BAD_REQUEST_DATA: (400, "A parameter of the request cannot be used."),
    Fault.RESOURCE_NOT_FOUND: (404, "There is no such thing."),
    Fault.OPERATION_NOT_SUPPORTED: (422, "Vigie does not support this part of the standard."),
    Fault.TOO_COMPLEX_QUERY: (403, "The query is too complex."),
    Fault.TOO_MANY_RESULTS: (403, "The answer would be too large: narrow the query."),
    Fault.LD_CONTEXT_NOT_AVAILABLE: (504, "The @context of the request is not one that Vigie knows."),
    Fault.NO_MULTI_TENANT_SUPPORT: (501, "Vigie has no tenants."),
    Fault.NOT_ACCEPTABLE: (406, "None of the media types that are accepted can be given."),
}


class Refused(VigieError):
    """A question cannot be answered: the fault says why by the standard's name, the detail of this question."""

    def __init__(self, fault: Fault, detail: str) -> None:
        super().__init__(detail)
        self.fault = fault


def fault_answer(fault: Fault, detail: str) -> JSONResponse:
    """Write an error as an answer: always JSON, whatever was accepted (clause 6.3.6)."""
    status, title = _STATUS_AND_TITLE[fault]
    kind = "about:blank" if fault is Fault.NOT_ACCEPTABLE else f"{_ERRORS}{fault}"
    body = {"type": kind, "title": title, "detail": detail, "status": status}
    return JSONResponse(body, status_code=status, headers={**SAFE_HEADERS, "Cache-Control": "no-store"})
