"""The SensorThings client of the FROST project, without demjson3: a lenient reader of JSON that comes as source only.

What Vigie serves is strict JSON, so that the standard library's reader serves the client as well.
"""

from __future__ import annotations

import json
import sys
from types import ModuleType
from typing import Any


def _stand_in() -> ModuleType:
    module = ModuleType("demjson3")

    def decode(text: str, **_options: Any) -> Any:
        return json.loads(text)

    def encode(value: Any, **_options: Any) -> str:
        return json.dumps(value)

    vars(module).update(decode=decode, encode=encode, JSONDecodeError=json.JSONDecodeError)
    return module


sys.modules["demjson3"] = _stand_in()

import frost_sta_client as frost  # noqa: E402 - it looks for demjson3 while it is imported
from frost_sta_client.service.auth_handler import AuthHandler  # noqa: E402 - as above


class Shown(AuthHandler):  # type: ignore[misc] # the client is untyped
    """Has the client show a pass: it knows names and passwords only, and takes what its own library takes."""

    def __init__(self, headers: dict[str, str]) -> None:
        super().__init__()
        self._headers = headers

    def add_auth_header(self) -> Any:
        """Return what adds the headers to each request."""

        def shown(request: Any) -> Any:
            request.headers.update(self._headers)
            return request

        return shown


__all__ = ["Shown", "frost"]
