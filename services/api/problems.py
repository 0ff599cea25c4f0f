"""Errors as answers: RFC 9457 ``application/problem+json``, the title in the reader's language, for everything."""

from __future__ import annotations

import json
from collections.abc import Mapping
from enum import StrEnum
from http import HTTPStatus
from pathlib import Path
from typing import Any

from fastapi import FastAPI, Request
from fastapi.exceptions import RequestValidationError
from fastapi.responses import JSONResponse
from pydantic import BaseModel, ConfigDict, Field
from starlette.exceptions import HTTPException

from core.decisions import StateRefused
from core.errors import (
    AlreadyAdopted,
    SensorConflict,
    SettingInvalid,
    StoreAbsent,
    StoreBusy,
    UnknownModel,
    UnknownSensor,
    VigieError,
)

MEDIA_TYPE = "application/problem+json"
SAFE_HEADERS = {
    "X-Content-Type-Options": "nosniff",
    "X-Frame-Options": "DENY",
    "Referrer-Policy": "same-origin",
}
"""What every answer carries; problems set it themselves, for a mistake of ours is answered outside of all else."""
LANGUAGES = ("fr", "en")
"""The screen's languages, the first is given to whoever asks for none of them."""


class Code(StrEnum):
    """What went wrong, for a program; its title for a person stands in ``dashboards/words`` as ``problem.<code>``."""

    INVALID_PARAMETER = "invalid_parameter"
    INVALID_BODY = "invalid_body"
    NOT_FOUND = "not_found"
    METHOD_NOT_ALLOWED = "method_not_allowed"
    NOT_IMPLEMENTED = "not_implemented"
    ALREADY_ADOPTED = "already_adopted"
    SENSOR_CONFLICT = "sensor_conflict"
    BODY_TOO_LARGE = "body_too_large"
    REQUEST_REFUSED = "request_refused"
    STATE_REFUSED = "state_refused"
    TOO_MANY_LIVE_CLIENTS = "too_many_live_clients"
    TOO_MANY_DECISIONS = "too_many_decisions"
    TOO_MANY_EXPORTS = "too_many_exports"
    NOT_MIGRATED = "not_migrated"
    STORE_ABSENT = "store_absent"
    STORE_BUSY = "store_busy"
    INTERNAL_ERROR = "internal_error"


_STATUS = {
    Code.INVALID_PARAMETER: 422,
    Code.INVALID_BODY: 422,
    Code.NOT_FOUND: 404,
    Code.METHOD_NOT_ALLOWED: 405,
    Code.NOT_IMPLEMENTED: 501,
    Code.ALREADY_ADOPTED: 409,
    Code.SENSOR_CONFLICT: 409,
    Code.BODY_TOO_LARGE: 413,
    Code.REQUEST_REFUSED: 400,
    Code.STATE_REFUSED: 409,
    Code.TOO_MANY_LIVE_CLIENTS: 503,
    Code.TOO_MANY_DECISIONS: 503,
    Code.TOO_MANY_EXPORTS: 503,
    Code.NOT_MIGRATED: 503,
    Code.STORE_ABSENT: 503,
    Code.STORE_BUSY: 503,
    Code.INTERNAL_ERROR: 500,
}
_BY_STATUS = {404: Code.NOT_FOUND, 405: Code.METHOD_NOT_ALLOWED, 413: Code.BODY_TOO_LARGE}
_RETRY_AFTER_S = 5


class Problem(VigieError):
    """A request cannot be answered: the code says what went wrong, the detail says it of this request."""

    def __init__(self, code: Code, detail: str) -> None:
        super().__init__(detail)
        self.code = code


class FieldProblem(BaseModel):
    """One thing that is wrong with a request."""

    parameter: str = Field(description="Name of the parameter, or path of the field in the body, dots between.")
    place: str = Field(description="Where it stands: query, path, header or body.")
    message: str = Field(description="What is wrong with it, in English.")


class ProblemsFound(Problem):
    """Several things of the request should change: the problem names each."""

    def __init__(self, code: Code, errors: list[FieldProblem]) -> None:
        super().__init__(code, "; ".join(f"{one.parameter}: {one.message}" for one in errors))
        self.errors = errors


class FieldInvalid(ProblemsFound):
    """One field of the request should change: the problem names it."""

    def __init__(self, code: Code, field: FieldProblem) -> None:
        super().__init__(code, [field])


class ParameterInvalid(FieldInvalid):
    """Parameters are each well formed and do not go together: the one that is named should change."""

    def __init__(self, parameter: str, message: str) -> None:
        super().__init__(Code.INVALID_PARAMETER, FieldProblem(parameter=parameter, place="query", message=message))


class BodyInvalid(FieldInvalid):
    """The body is well formed and cannot be taken: the field that is named should change."""

    def __init__(self, field: str, message: str) -> None:
        super().__init__(Code.INVALID_BODY, FieldProblem(parameter=field, place="body", message=message))


class ProblemBody(BaseModel):
    """A problem as RFC 9457 writes it."""

    model_config = ConfigDict(
        json_schema_extra={
            "examples": [
                {
                    "type": "urn:vigie:problem:invalid_parameter",
                    "title": "Paramètre invalide",
                    "status": 422,
                    "detail": "from: 2026-03-02T08:00:00 has no time zone",
                    "code": "invalid_parameter",
                    "errors": [
                        {"parameter": "from", "place": "query", "message": "2026-03-02T08:00:00 has no time zone"}
                    ],
                }
            ]
        }
    )

    type: str = Field(description="URI that names the kind of problem.")
    title: str = Field(description="The kind of problem for a person, in the language of Accept-Language.")
    status: int = Field(description="HTTP status.", ge=400, le=599)
    detail: str = Field(description="What is wrong with this request, in English.")
    code: Code
    errors: list[FieldProblem] | None = Field(default=None, description="The parameters or fields that are wrong.")


def read_titles(words_dir: Path) -> dict[str, dict[str, str]]:
    """Return the titles of all problems by language, from the catalogue of words.

    Raises
    ------
    SettingInvalid
        If a catalogue cannot be read or a code has no title in it.
    """
    titles: dict[str, dict[str, str]] = {}
    for language in LANGUAGES:
        path = words_dir / f"{language}.json"
        try:
            words = json.loads(path.read_text(encoding="utf-8"))["problem"]
            titles[language] = {code: words[code] for code in Code}
        except (OSError, ValueError, KeyError) as error:
            raise SettingInvalid(f"VIGIE_DASHBOARDS_DIR: {path} lacks the words of problems ({error})") from error
    return titles


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
    """Write a problem as an answer to this request, titled in its language."""
    language = preferred_language(request.headers.get("accept-language", ""))
    problem.title = request.app.state.problem_titles[language][problem.code]
    retry = {"Retry-After": str(_RETRY_AFTER_S)} if problem.status == HTTPStatus.SERVICE_UNAVAILABLE else {}
    return JSONResponse(
        problem.model_dump(mode="json", exclude_none=True),
        status_code=problem.status,
        media_type=MEDIA_TYPE,
        headers={
            **SAFE_HEADERS,
            "Cache-Control": "no-store",
            "Content-Language": language,
            "Vary": "Accept-Language",
            **retry,
            **(headers or {}),
        },
    )


def problem_of(
    code: Code, detail: str, errors: list[FieldProblem] | None = None, *, status: int | None = None
) -> ProblemBody:
    """Return the problem of this code, still without its title."""
    return ProblemBody(
        type=f"urn:vigie:problem:{code}",
        title="",
        status=status or _STATUS[code],
        detail=detail,
        code=code,
        errors=errors,
    )


def answer_with_problems(app: FastAPI) -> None:
    """Have this application answer every error as a problem."""
    _answer_sensor_problems(app)

    @app.exception_handler(Problem)
    def _told(request: Request, error: Problem) -> JSONResponse:
        return problem_answer(request, problem_of(error.code, str(error)))

    @app.exception_handler(ProblemsFound)
    def _fields(request: Request, error: ProblemsFound) -> JSONResponse:
        return problem_answer(request, problem_of(error.code, str(error), error.errors))

    @app.exception_handler(StateRefused)
    def _state_refused(request: Request, error: StateRefused) -> JSONResponse:
        return problem_answer(request, problem_of(Code.STATE_REFUSED, str(error)))

    @app.exception_handler(StoreBusy)
    def _store_busy(request: Request, error: StoreBusy) -> JSONResponse:
        return problem_answer(request, problem_of(Code.STORE_BUSY, str(error)))

    @app.exception_handler(StoreAbsent)
    def _store_absent(request: Request, _: StoreAbsent) -> JSONResponse:
        # The driver's message names the server and the user: it belongs in the log, not in an answer.
        return problem_answer(request, problem_of(Code.STORE_ABSENT, "the database cannot be reached, try again later"))

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
        problem = problem_of(code, str(error.detail), status=error.status_code)
        return problem_answer(request, problem, error.headers)

    @app.exception_handler(Exception)
    def _mistake(request: Request, _: Exception) -> JSONResponse:
        # The server raises it again after the answer: it is logged there, whole.
        return problem_answer(request, problem_of(Code.INTERNAL_ERROR, "the server made a mistake; it was logged"))


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
