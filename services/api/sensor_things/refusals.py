"""Requests that cannot be answered, as the standard says: 400 for what is wrong, 501 for what is not built."""

from __future__ import annotations

from services.api.problems import Code, Problem


class Malformed(Problem):
    """The request is not what the standard says, or asks for more than is allowed: 400."""

    def __init__(self, detail: str) -> None:
        super().__init__(Code.REQUEST_REFUSED, detail)


class NotBuilt(Problem):
    """The request is one of the standard's that Vigie does not serve: 501."""

    def __init__(self, detail: str) -> None:
        super().__init__(Code.NOT_IMPLEMENTED, detail)


class NotThere(Problem):
    """There is no such resource: 404."""

    def __init__(self, detail: str) -> None:
        super().__init__(Code.NOT_FOUND, detail)
