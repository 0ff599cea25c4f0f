"""Why a sign-in by the identity provider comes to nothing: one word each, which the page says in its language."""

from __future__ import annotations

from enum import StrEnum
from http import HTTPStatus

from core.errors import VigieError


class Refusal(StrEnum):
    """What the sign-in page tells; its words stand in ``dashboards/words`` as ``signin.refusals.<word>``."""

    PROVIDER_ABSENT = "provider_absent"
    """It does not answer, or not as OpenID Connect says: a password of ours still works."""
    PROVIDER_REFUSED = "provider_refused"
    """It says no: the person turned back, or may not use Vigie."""
    STARTED_ELSEWHERE = "started_elsewhere"
    """This browser did not begin this sign-in, or too long ago, or already ended it: begin again."""
    NOT_PROVEN = "not_proven"
    """What the provider said does not hold: forged, too old, meant for another."""
    LEVEL_TOO_LOW = "level_too_low"
    """The person signed in there by weaker means than Vigie asks for."""
    NO_ROLE = "no_role"
    """We know who it is, and nobody gave them a role."""
    DISABLED = "disabled"
    """An administrator closed this account."""


RETRY_AFTER_S = 30
"""When an absent provider is worth another try."""
STATUS: dict[Refusal, HTTPStatus] = {
    Refusal.PROVIDER_ABSENT: HTTPStatus.SERVICE_UNAVAILABLE,
    Refusal.PROVIDER_REFUSED: HTTPStatus.FORBIDDEN,
    Refusal.STARTED_ELSEWHERE: HTTPStatus.BAD_REQUEST,
    Refusal.NOT_PROVEN: HTTPStatus.FORBIDDEN,
    Refusal.LEVEL_TOO_LOW: HTTPStatus.FORBIDDEN,
    Refusal.NO_ROLE: HTTPStatus.FORBIDDEN,
    Refusal.DISABLED: HTTPStatus.FORBIDDEN,
}


class SignInRefused(VigieError):
    """A sign-in comes to nothing: a word for the person, the reason for the log.

    Parameters
    ----------
    why
        In English, of this sign-in; it holds no token and no name of a person.
    """

    def __init__(self, refusal: Refusal, why: str) -> None:
        super().__init__(why)
        self.refusal = refusal
