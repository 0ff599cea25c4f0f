"""Requests that a page of another site made a browser send: they carry our cookie, and are refused."""

from __future__ import annotations

from urllib.parse import urlsplit

from starlette.requests import Request

from services.api.doors.cookies import Seal, Session

HEADER = "X-CSRF-Token"
SAFE_METHODS = frozenset({"GET", "HEAD", "OPTIONS"})


def is_ours(request: Request, public_url: str) -> bool:
    """Whether a browser says that a page of ours made this request; a browser that says nothing is not believed.

    Sources: Fetch Metadata Request Headers (W3C), RFC 6454.
    """
    site = request.headers.get("sec-fetch-site")
    if site is not None:
        return site == "same-origin"
    origin = request.headers.get("origin")
    return origin is not None and origin in {_origin(str(request.url)), _origin(public_url)}


def shows_token(request: Request, seal: Seal, session: Session) -> bool:
    """Whether the request shows the token of its session."""
    return seal.is_token(request.headers.get(HEADER, ""), session.session_id)


def _origin(url: str) -> str:
    parts = urlsplit(url)
    return f"{parts.scheme}://{parts.netloc}"
