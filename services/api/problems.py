"""What went wrong with a request, as values and errors: codes, details in the reader's language, RFC 9457 bodies."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass
from enum import StrEnum
from pathlib import Path

from pydantic import BaseModel, ConfigDict, Field, PrivateAttr

from core.errors import SettingInvalid, VigieError

MEDIA_TYPE = "application/problem+json"
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
    UNAUTHENTICATED = "unauthenticated"
    FORBIDDEN = "forbidden"
    CSRF_REFUSED = "csrf_refused"
    LOCKED_OUT = "locked_out"
    TOO_MANY_REQUESTS = "too_many_requests"
    IDEMPOTENCY_CONFLICT = "idempotency_conflict"
    PRECONDITION_FAILED = "precondition_failed"
    STATE_REFUSED = "state_refused"
    TOO_MANY_LIVE_CLIENTS = "too_many_live_clients"
    TOO_MANY_DECISIONS = "too_many_decisions"
    TOO_MANY_EXPORTS = "too_many_exports"
    NOT_MIGRATED = "not_migrated"
    STORE_ABSENT = "store_absent"
    STORE_BUSY = "store_busy"
    INTERNAL_ERROR = "internal_error"


STATUS: Mapping[Code, int] = {
    Code.INVALID_PARAMETER: 422,
    Code.INVALID_BODY: 422,
    Code.NOT_FOUND: 404,
    Code.METHOD_NOT_ALLOWED: 405,
    Code.NOT_IMPLEMENTED: 501,
    Code.ALREADY_ADOPTED: 409,
    Code.SENSOR_CONFLICT: 409,
    Code.BODY_TOO_LARGE: 413,
    Code.REQUEST_REFUSED: 400,
    Code.UNAUTHENTICATED: 401,
    Code.FORBIDDEN: 403,
    Code.CSRF_REFUSED: 403,
    Code.LOCKED_OUT: 429,
    Code.TOO_MANY_REQUESTS: 429,
    Code.IDEMPOTENCY_CONFLICT: 409,
    Code.PRECONDITION_FAILED: 412,
    Code.STATE_REFUSED: 409,
    Code.TOO_MANY_LIVE_CLIENTS: 503,
    Code.TOO_MANY_DECISIONS: 503,
    Code.TOO_MANY_EXPORTS: 503,
    Code.NOT_MIGRATED: 503,
    Code.STORE_ABSENT: 503,
    Code.STORE_BUSY: 503,
    Code.INTERNAL_ERROR: 500,
}
"""The HTTP status of each code."""


@dataclass(frozen=True, slots=True)
class Detail:
    """What is wrong with a request, in the reader's language: a sentence of the catalogue and what fills it in.

    Parameters
    ----------
    name
        Of the sentence: ``problem_detail.<name>`` in ``dashboards/words``.
    values
        What stands in its braces.
    """

    name: str
    values: Mapping[str, str | int]

    def __str__(self) -> str:
        """Name the sentence, for whoever reads it outside of an answer."""
        return " ".join([self.name, *(f"{name}={value}" for name, value in self.values.items())])


def said(name: str, **values: str | int) -> Detail:
    """Return the detail of this name in the catalogue, with its values."""
    return Detail(name, values)


class Problem(VigieError):
    """A request cannot be answered: the code says what went wrong, the detail says it of this request.

    Parameters
    ----------
    detail
        A sentence of the catalogue (`said`), or English.
    retry_after_s
        When asking again may help, in seconds.
    """

    def __init__(self, code: Code, detail: str | Detail, *, retry_after_s: int | None = None) -> None:
        super().__init__(str(detail))
        self.code, self.detail, self.retry_after_s = code, detail, retry_after_s


class FieldProblem(BaseModel):
    """One thing that is wrong with a request."""

    parameter: str = Field(description="Name of the parameter, or path of the field in the body, dots between.")
    place: str = Field(description="Where it stands: query, path, header, cookie or body.")
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
    detail: str = Field(
        description="What is wrong with this request; where it names a field or an object of the request, in English, "
        "else in the language of Accept-Language."
    )
    code: Code
    errors: list[FieldProblem] | None = Field(default=None, description="The parameters or fields that are wrong.")
    right: str | None = Field(default=None, description="The right that was missing, where one was.")
    _said: Detail | None = PrivateAttr(default=None)

    def worded(self, words: ProblemWords, language: str) -> ProblemBody:
        """Return it with its title and detail in this language."""
        worded = {"title": words.titles[language][self.code]}
        if self._said is not None:
            worded["detail"] = words.details[language][self._said.name].format_map(self._said.values)
            if "right" in self._said.values:
                worded["right"] = str(self._said.values["right"])
        return self.model_copy(update=worded)


@dataclass(frozen=True, slots=True)
class ProblemWords:
    """The words of problems by language: titles by code, details by name."""

    titles: Mapping[str, Mapping[str, str]]
    details: Mapping[str, Mapping[str, str]]


def read_problem_words(words_dir: Path) -> ProblemWords:
    """Return the words of all problems, from the catalogue of words.

    Raises
    ------
    SettingInvalid
        If a catalogue cannot be read or a code has no title in it.
    """
    titles: dict[str, dict[str, str]] = {}
    details: dict[str, dict[str, str]] = {}
    for language in LANGUAGES:
        path = words_dir / f"{language}.json"
        try:
            words = json.loads(path.read_text(encoding="utf-8"))
            titles[language] = {code: words["problem"][code] for code in Code}
            details[language] = words["problem_detail"]
        except (OSError, ValueError, KeyError) as error:
            raise SettingInvalid(f"VIGIE_DASHBOARDS_DIR: {path} lacks the words of problems ({error})") from error
    return ProblemWords(titles, details)


def problem_of(
    code: Code, detail: str | Detail, errors: list[FieldProblem] | None = None, *, status: int | None = None
) -> ProblemBody:
    """Return the problem of this code, still without the words of a language."""
    problem = ProblemBody(
        type=f"urn:vigie:problem:{code}",
        title="",
        status=status or STATUS[code],
        detail=str(detail),
        code=code,
        errors=errors,
    )
    problem._said = detail if isinstance(detail, Detail) else None  # noqa: SLF001 - its own maker
    return problem
