"""``vigie openapi``: the OpenAPI document of the API, for whoever makes clients of it."""

from __future__ import annotations

import json

from pydantic import SecretStr

from core.passes import new_secret
from core.settings import ApiSettings


def print_document() -> None:
    """Print the OpenAPI document of the API; no database is needed."""
    from services.api.app import create_app

    nowhere = SecretStr("postgresql://")
    settings = ApiSettings(database_url=nowhere, database_door_url=nowhere, secret=SecretStr(new_secret()))
    print(json.dumps(create_app(settings).openapi(), ensure_ascii=False, indent=1))
