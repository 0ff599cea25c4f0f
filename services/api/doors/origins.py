"""Where a request comes from, as the record of acts tells it; and where a browser may be sent."""

from __future__ import annotations

from starlette.requests import Request

FIRST_PAGE = "/"


def origin_of(request: Request) -> tuple[str, str]:
    """Return the address that a request comes from, and what its program calls itself."""
    return request.client.host if request.client else "", request.headers.get("user-agent", "")


def own_path(asked: str) -> str:
    r"""Return where to go on after the sign-in: a path of ours that was asked for, else the first page.

    ``//host`` and ``/\\host`` lead elsewhere in a browser, as does what a browser leaves out between them.
    """
    is_ours = asked.startswith("/") and not asked.startswith(("//", "/\\")) and asked.isprintable()
    return asked if is_ours else FIRST_PAGE


def public_root(request: Request) -> str:
    """Return the address that people reach us at, without the slash at its end."""
    public_url: str = request.app.state.door.settings.public_url
    return public_url.rstrip("/") or str(request.base_url).rstrip("/")
