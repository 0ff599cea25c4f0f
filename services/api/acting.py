"""Acts: the connection of a request that does something, and whether its visitor may do it there."""

from __future__ import annotations

from typing import Annotated

from fastapi import Depends, Request

from core.roles import Right, Visitor
from core.store.audit import say_origin
from core.store.pool import Connection
from services.api.answers import Store
from services.api.doors.origins import origin_of
from services.api.problems import Code, Problem, said


def _acting(store: Store, request: Request) -> Connection:
    say_origin(store, *origin_of(request))
    return store


Acting = Annotated[Connection, Depends(_acting, scope="function")]
"""`Store`, for a request that does something: acts that are recorded on it tell where they came from."""


def demand(visitor: Visitor, right: Right, commune_insee: str | None, site_id: int | None = None) -> None:
    """Refuse who has a right somewhere, but not there; without a commune: not in the whole Métropole.

    Raises
    ------
    Problem
        403.
    """
    if not visitor.may(right, commune_insee, site_id):
        raise Problem(Code.FORBIDDEN, said("right_missing_there", right=right))
