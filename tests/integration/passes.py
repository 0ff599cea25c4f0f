"""Letting tests in: tokens with any grants, and clients that show them."""

from __future__ import annotations

from datetime import timedelta

import httpx

from core.clock import now
from core.passes import key_of, new_secret
from core.roles import Grant, PassKind, Role
from core.store.doors import NewPass, make_pass
from core.store.pool import connected

EVERYTHING = tuple(Grant(role) for role in Role if role is not Role.DRIVER)
"""Every role in the whole Métropole, as the local administrator of the embedded mode has them."""
_let_in: list[httpx.Client] = []


def enter(
    database_url: str,
    *grants: Grant,
    kind: PassKind = PassKind.TOKEN,
    name: str = "a test",
    decision_id: int | None = None,
    lasts: timedelta = timedelta(hours=1),
) -> str:
    """Make a pass with these grants, in the database of this owner's address; return its secret."""
    secret = new_secret()
    made_at = now()
    new = NewPass(kind, key_of(secret), name, "test", made_at, made_at + lasts, grants, decision_id=decision_id)
    with connected(database_url) as connection:
        make_pass(connection, new)
    return secret


def let_in(client: httpx.Client, secret: str) -> httpx.Client:
    """Return another client of the same API, which shows this pass; closed when the API stops, if not before."""
    other = httpx.Client(base_url=client.base_url, timeout=client.timeout, headers=shown(secret))
    _let_in.append(other)
    return other


def close_all() -> None:
    """Close all clients that were let in."""
    while _let_in:
        _let_in.pop().close()


def shown(secret: str) -> dict[str, str]:
    """Return the headers of whoever shows this pass."""
    return {"Authorization": f"Bearer {secret}"}
