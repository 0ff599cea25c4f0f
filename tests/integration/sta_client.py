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

__all__ = ["frost"]
