"""Secrets from files: for every secret setting ``VIGIE_<NAME>`` there is ``VIGIE_<NAME>_FILE``, the file that holds it.

This is how Docker, Kubernetes and systemd hand secrets over; what a process has in its environment, its children and
whoever inspects it have too.
"""

from __future__ import annotations

import os
from pathlib import Path
from typing import Any

from pydantic import SecretStr
from pydantic.fields import FieldInfo
from pydantic_settings import BaseSettings, PydanticBaseSettingsSource

from core.errors import SettingInvalid

BYTES_MAX = 65_536


class SecretFiles(PydanticBaseSettingsSource):
    """The secret settings that files hold."""

    def __init__(self, settings_cls: type[BaseSettings]) -> None:
        super().__init__(settings_cls)
        self._prefix = str(settings_cls.model_config.get("env_prefix", ""))

    def get_field_value(self, field: FieldInfo, field_name: str) -> tuple[Any, str, bool]:
        """Return what the file of a setting holds, None where there is none.

        Raises
        ------
        SettingInvalid
            If the file cannot be read or is empty, or the setting is said in the environment, too.
        """
        name = f"{self._prefix}{field_name}".upper()
        file = os.environ.get(f"{name}_FILE")
        if field.annotation is not SecretStr or not file:
            return None, field_name, False
        if os.environ.get(name):
            raise SettingInvalid(f"{name}: it is said here and in {name}_FILE, say one of both")
        return read_secret(f"{name}_FILE", Path(file)), field_name, False

    def __call__(self) -> dict[str, Any]:
        """Return all that files hold, by the names of the settings."""
        fields = self.settings_cls.model_fields.items()
        held = {name: self.get_field_value(field, name)[0] for name, field in fields}
        return {name: value for name, value in held.items() if value is not None}


def read_secret(setting: str, file: Path) -> str:
    """Return the secret that a file holds, without the end of its line.

    Raises
    ------
    SettingInvalid
        If it cannot be read, or holds none, or more than `BYTES_MAX` bytes.
    """
    try:
        with file.open("rb") as opened:
            held = opened.read(BYTES_MAX + 1)
        secret = held.decode().rstrip("\r\n")
    except OSError as error:
        raise SettingInvalid(f"{setting}: {file} cannot be read: {error.strerror}") from None
    except UnicodeDecodeError:
        raise SettingInvalid(f"{setting}: {file} is no text") from None
    if not secret or len(held) > BYTES_MAX:
        raise SettingInvalid(f"{setting}: {file} holds no secret")
    return secret
