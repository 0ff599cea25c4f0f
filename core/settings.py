"""Settings: typed, bounded, the unit in the name, from ``VIGIE_*`` variables. Built once per process and handed on."""

from __future__ import annotations

from pathlib import Path
from typing import Self

from pydantic import Field, SecretStr, ValidationError
from pydantic_settings import BaseSettings, SettingsConfigDict

from core.errors import SettingInvalid


class Environment(BaseSettings):
    """What is read from the environment by every process, with or without a database."""

    model_config = SettingsConfigDict(env_prefix="VIGIE_", env_file=None, extra="ignore", frozen=True)

    log_json: bool = True

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


class BrokerSettings(Environment):
    """Where the broker is: ``mqtt://[user:password@]host[:port]`` or ``mqtts://...``; never printed."""

    broker_url: SecretStr = SecretStr("mqtt://127.0.0.1:1883")


class Settings(Environment):
    """What every process with a database has.

    Parameters
    ----------
    database_url
        PostgreSQL or TimescaleDB, ``postgresql://...``; holds a password, so it is never printed.
    metrics_host, metrics_port
        Where ``/metrics`` of ingest and worker listens; port 0 turns it off.
    """

    database_url: SecretStr
    database_pool_size: int = Field(default=4, ge=1, le=64)
    metrics_host: str = "127.0.0.1"
    metrics_port: int = Field(default=0, ge=0, le=65535)

    @property
    def dsn(self) -> str:
        """The database's address with its password, for the door that opens it."""
        return self.database_url.get_secret_value()


class IngestSettings(Settings, BrokerSettings):
    """Settings of the ingest process.

    Parameters
    ----------
    client_id
        Names the persistent session: two ingest processes must differ.
    topics
        Topic filters, comma between them.
    batch_messages_max, batch_age_s_max
        A batch is written when it holds so many messages or its oldest is so old.
    queue_messages_max
        Bound of unacknowledged messages in memory (MQTT 5 receive maximum).
    payload_bytes_max
        Larger payloads are refused; only their beginning, ``kept_bytes_max``, is kept.
    future_s_max
        How far ahead of our clock a reading may be observed.
    retry_s_max
        Longest wait between two tries while the store is absent.
    """

    client_id: str = Field(default="vigie-ingest", min_length=1, max_length=64)
    topics: str = "vigie/v1/#,v3/+/devices/+/up,application/+/device/+/event/up"
    batch_messages_max: int = Field(default=1_000, ge=1, le=50_000)
    batch_age_s_max: float = Field(default=0.25, gt=0, le=60)
    queue_messages_max: int = Field(default=5_000, ge=1, le=65_535)
    payload_bytes_max: int = Field(default=262_144, ge=1_024, le=16_777_216)
    kept_bytes_max: int = Field(default=16_384, ge=256, le=1_048_576)
    future_s_max: float = Field(default=300, ge=0, le=86_400)
    retry_s_max: float = Field(default=30, gt=0, le=600)


class WorkerSettings(Settings):
    """Settings of the worker process. ``concurrency`` jobs run at once; models train on ``threads`` threads."""

    concurrency: int = Field(default=2, ge=1, le=64)
    threads: int = Field(default=2, ge=1, le=64)
    train_rows_max: int = Field(default=120_000, ge=1_000, le=2_000_000)
    history_days: int = Field(default=120, ge=2, le=3_650)


class ApiSettings(Settings):
    """Settings of the api process. Loopback by default; ``dashboards_dir`` holds the pages it serves."""

    host: str = "127.0.0.1"
    port: int = Field(default=8080, ge=0, le=65535)
    dashboards_dir: Path = Path(__file__).resolve().parent.parent / "dashboards"
    live_clients_max: int = Field(default=200, ge=1, le=10_000)
