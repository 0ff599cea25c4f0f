"""Where settings come from: the environment, and for secrets, files that it names."""

from __future__ import annotations

from typing import Self

from pydantic import ValidationError
from pydantic_settings import BaseSettings, EnvSettingsSource, PydanticBaseSettingsSource, SettingsConfigDict

from core.errors import SettingInvalid
from core.secret_files import SecretFiles


class Environment(BaseSettings):
    """What is read from the environment by every process, with or without a database."""

    model_config = SettingsConfigDict(env_prefix="VIGIE_", env_file=None, extra="ignore", frozen=True)

    log_json: bool = True

    @classmethod
    def settings_customise_sources(  # type: ignore[override] # the sources that are left out have no names here
        cls, settings_cls: type[BaseSettings], init_settings: PydanticBaseSettingsSource, **_: object
    ) -> tuple[PydanticBaseSettingsSource, ...]:
        """Have what is said here first, then the environment's, then what files hold."""
        return init_settings, EnvSettingsSource(settings_cls), SecretFiles(settings_cls)

    @classmethod
    def from_environment(cls) -> Self:
        """Read the settings from the environment.

        Raises
        ------
        SettingInvalid
            With one line that names the first wrong setting.
        """
        try:
            return cls()
        except ValidationError as error:
            first = error.errors()[0]
            name = "VIGIE_" + "_".join(str(part) for part in first["loc"]).upper()
            raise SettingInvalid(f"{name}: {first['msg']}") from None
