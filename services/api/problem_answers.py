"""Errors as answers: ``application/problem+json`` in the reader's language, for everything that goes wrong."""

from __future__ import annotations

from collections.abc import Mapping
from http import HTTPStatus
from typing import Any

from fastapi import FastAPI, Request
from fastapi.exceptions import RequestValidationError
from fastapi.responses import JSONResponse
from starlette.exceptions import HTTPException

from core.decisions import StateRefused
from core.errors import (
    AlreadyAdopted,
    SensorConflict,
    StoreAbsent,
    StoreBusy,
    StoreForbade,
    UnknownModel,
    UnknownSensor,
)
from services.api.allowed import allowed_methods
from services.api.problems import (
    LANGUAGES,
    MEDIA_TYPE,
    BodyInvalid,
    Code,
    FieldProblem,
    Problem,
    ProblemBody,
    ProblemsFound,
    ProblemWords,
    problem_of,
    said,
)

SAFE_HEADERS: Mapping[str, str] = {
    "Content-Security-Policy": "default-src 'none'; frame-ancestors 'none'",
    "Cross-Origin-Opener-Policy": "same-origin",
    "Cross-Origin-Resource-Policy": "same-origin",
    "Permissions-Policy": "camera=(), geolocation=(), microphone=()",
    "Referrer-Policy": "same-origin",
    "X-Content-Type-Options": "nosniff",
    "X-Frame-Options": "DENY",
}
"""What every answer carries that does not say otherwise; problems set it themselves, for a mistake of ours is answered
outside of all else."""
_BY_STATUS = {404: Code.NOT_FOUND, 405: Code.METHOD_NOT_ALLOWED, 413: Code.BODY_TOO_LARGE}
_RETRY_AFTER_S = 5


def preferred_language(accept: str) -> str:
    """Return the language of ours that an ``Accept-Language`` header prefers; French where it has no preference."""
    weights: dict[str, float] = {}
    for part in accept.split(","):
        name, _, weight = part.strip().partition(";q=")
        try:
            weights.setdefault(name.strip().lower().partition("-")[0], float(weight or 1))
        except ValueError:
            continue
    return max(LANGUAGES, key=lambda language: weights.get(language, 0.0))


def problem_answer(request: Request, problem: ProblemBody, headers: Mapping[str, str] | None = None) -> JSONResponse:
    """Write a problem as an answer to this request, in its language."""
    language = preferred_language(request.headers.get("accept-language", ""))
    words: ProblemWords = request.app.state.problem_words
    return JSONResponse(
        problem.worded(words, language).model_dump(mode="json", exclude_none=True),
        status_code=problem.status,
        media_type=MEDIA_TYPE,
        headers={
            **SAFE_HEADERS,
            "Cache-Control": "no-store",
            "Content-Language": language,
            "Vary": "Accept-Language",
            **_told_by_status(problem.status),
            **(headers or {}),
        },
    )


def _told_by_status(status: int) -> dict[str, str]:
    if status == HTTPStatus.SERVICE_UNAVAILABLE:
        return {"Retry-After": str(_RETRY_AFTER_S)}
    # RFC 9110, 11.6.1: a 401 says how to sign in; browsers ask nobody for a Bearer token.
    return {"WWW-Authenticate": 'Bearer realm="vigie"'} if status == HTTPStatus.UNAUTHORIZED else {}


def answer_with_problems(app: FastAPI) -> None:
    """Have this application answer every error as a problem."""
    _answer_store_problems(app)
    _answer_sensor_problems(app)

    @app.exception_handler(Problem)
    def _told(request: Request, error: Problem) -> JSONResponse:
        headers = {} if error.retry_after_s is None else {"Retry-After": str(error.retry_after_s)}
        return problem_answer(request, problem_of(error.code, error.detail), headers)

    @app.exception_handler(ProblemsFound)
    def _fields(request: Request, error: ProblemsFound) -> JSONResponse:
        return problem_answer(request, problem_of(error.code, str(error), error.errors))

    @app.exception_handler(StateRefused)
    def _state_refused(request: Request, error: StateRefused) -> JSONResponse:
        return problem_answer(request, problem_of(Code.STATE_REFUSED, str(error)))

    @app.exception_handler(RequestValidationError)
    def _invalid(request: Request, error: RequestValidationError) -> JSONResponse:
        errors = [_field_problem(item) for item in error.errors()]
        in_body = any(item.place == "body" for item in errors)
        detail = "; ".join(f"{item.parameter}: {item.message}" for item in errors)
        code = Code.INVALID_BODY if in_body else Code.INVALID_PARAMETER
        return problem_answer(request, problem_of(code, detail, errors))

    @app.exception_handler(HTTPException)
    def _refused(request: Request, error: HTTPException) -> JSONResponse:
        code = _BY_STATUS.get(error.status_code, Code.REQUEST_REFUSED)
        # Starlette's own words for a path or a method that is not there say no more than the status.
        is_said = error.detail == HTTPStatus(error.status_code).phrase and code in {
            Code.NOT_FOUND,
            Code.METHOD_NOT_ALLOWED,
        }
        detail = said(code.value) if is_said else str(error.detail)
        headers = dict(error.headers or {})
        # A route knows its own methods only.
        if code is Code.METHOD_NOT_ALLOWED and (methods := allowed_methods(request.app, request.url.path)):
            headers["Allow"] = ", ".join(methods)
        return problem_answer(request, problem_of(code, detail, status=error.status_code), headers)

    @app.exception_handler(Exception)
    def _mistake(request: Request, _: Exception) -> JSONResponse:
        # The server raises it again after the answer: it is logged there, whole.
        return problem_answer(request, problem_of(Code.INTERNAL_ERROR, said("internal_error")))


def _answer_store_problems(app: FastAPI) -> None:
    @app.exception_handler(StoreBusy)
    def _store_busy(request: Request, _: StoreBusy) -> JSONResponse:
        return problem_answer(request, problem_of(Code.STORE_BUSY, said("store_busy")))

    @app.exception_handler(StoreAbsent)
    def _store_absent(request: Request, _: StoreAbsent) -> JSONResponse:
        # The driver's message names the server and the user: it belongs in the log, not in an answer.
        return problem_answer(request, problem_of(Code.STORE_ABSENT, said("store_absent")))

    @app.exception_handler(StoreForbade)
    def _store_forbade(request: Request, _: StoreForbade) -> JSONResponse:
        return problem_answer(request, problem_of(Code.FORBIDDEN, said("store_forbade")))


def _answer_sensor_problems(app: FastAPI) -> None:
    @app.exception_handler(UnknownSensor)
    def _unknown_sensor(request: Request, error: UnknownSensor) -> JSONResponse:
        return problem_answer(request, problem_of(Code.NOT_FOUND, str(error)))

    @app.exception_handler(SensorConflict)
    def _sensor_conflict(request: Request, error: SensorConflict) -> JSONResponse:
        code = Code.ALREADY_ADOPTED if isinstance(error, AlreadyAdopted) else Code.SENSOR_CONFLICT
        return problem_answer(request, problem_of(code, str(error)))

    @app.exception_handler(UnknownModel)
    def _unknown_model(request: Request, error: UnknownModel) -> JSONResponse:
        invalid = BodyInvalid("model", str(error))
        return problem_answer(request, problem_of(invalid.code, str(invalid), invalid.errors))


def _field_problem(error: Mapping[str, Any]) -> FieldProblem:
    place, *path = [str(part) for part in error["loc"]]
    # pydantic puts "Value error, " before what our own checks say.
    message = str(error["msg"]).removeprefix("Value error, ")
    return FieldProblem(parameter=".".join(path) or place, place=place, message=message)
