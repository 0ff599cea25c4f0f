"""Settings: typed, bounded, the unit in the name, from ``VIGIE_*`` variables. Built once per process and handed on."""

from __future__ import annotations

from pathlib import Path
from typing import ClassVar, Self

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
    """Where the broker is: ``mqtt://[user:password@]host[:port]`` or ``mqtts://...``; never printed.

    Parameters
    ----------
    broker_ca_file
        Certificates of the authorities that a ``mqtts`` broker's own may be signed by; without it, the machine's.
    """

    broker_url: SecretStr = SecretStr("mqtt://127.0.0.1:1883")
    broker_ca_file: Path | None = None


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


class KeptSettings(Environment):
    """How much is kept of what could not be stored as readings; what is let go of is counted.

    Parameters
    ----------
    rejections_days, asides_days, frames_days, intakes_days
        Kept so long at most; the frames are those of the ledger, the intakes those that are ended.
    sensor_messages_max
        Rejections of one sensor for one reason, and messages kept aside for one sensor.
    rejections_bytes_max, asides_bytes_max
        Bytes of payload, topic, properties and words, over all sensors.
    quarantine_messages_max, quarantine_bytes_max
        The same for the quarantine: rejections of reason ``flooded``, which count in no other bound of bytes.
    """

    rejections_days: int = Field(default=90, ge=1, le=3_650)
    rejections_bytes_max: int = Field(default=2**30, ge=2**20, le=2**40)
    asides_days: int = Field(default=90, ge=1, le=3_650)
    frames_days: int = Field(default=400, ge=1, le=3_650)
    intakes_days: int = Field(default=400, ge=1, le=3_650)
    asides_bytes_max: int = Field(default=2**30, ge=2**20, le=2**40)
    sensor_messages_max: int = Field(default=20_000, ge=100, le=10_000_000)
    quarantine_messages_max: int = Field(default=200_000, ge=1_000, le=10_000_000)
    quarantine_bytes_max: int = Field(default=2**28, ge=2**20, le=2**40)


class StorageSettings(Environment):
    """The Storage Integration of The Things Stack, which back-fill asks.

    Parameters
    ----------
    tts_url
        Of the application server, ``https://eu1.cloud.thethings.network`` say; without it nothing is fetched.
    tts_api_key
        With the right to read application traffic; never printed.
    tts_application
        The application whose gaps are back-filled by themselves; without it, only what a person asks.
    tts_requests_per_min
        How often the store is asked at most; its own limit is respected too.
    """

    tts_url: str = Field(default="", pattern=r"^(https?://[^/\s?#]+)?/?$")
    tts_api_key: SecretStr = SecretStr("")
    tts_application: str = Field(default="", max_length=100)
    tts_requests_per_min: float = Field(default=10, gt=0, le=6_000)


class IngestSettings(Settings, BrokerSettings, KeptSettings, StorageSettings):
    """Settings of the ingest process.

    Parameters
    ----------
    lane
        Names what this process takes in, and with it its counters and its session at the broker. Of several processes
        with the same lane one works, the others stand by.
    communes, topics
        What the lane takes in: the native topics of these communes (INSEE codes), and these topic filters, comma
        between them. Neither: all topics of ours. No two lanes may share a topic.
    client_id
        Names the persistent session; by default ``vigie-ingest-`` and the lane.
    batch_messages_max, batch_age_s_max
        A batch is written when it holds so many messages or its oldest is so old.
    queue_messages_max, queue_bytes_max
        Bounds of unacknowledged messages in memory; the first is told to the broker, too (MQTT 5 receive maximum).
    payload_bytes_max
        Larger payloads are refused; only their beginning, ``kept_bytes_max``, is kept.
    future_s_max, skew_s_max
        How far ahead of our clock a reading may be observed; further ahead than ``skew_s_max`` it is flagged.
    past_days_max, stale_s_max
        How long before its reception a live reading may be observed; longer than ``stale_s_max`` it is flagged.
        Imports, back-fills and replays may be older.
    retry_s_max
        Longest wait between two tries while the store is absent.
    flood_sensor_per_s, flood_sensor_burst
        Live messages that one sensor may send: at once, and each second for ever. The burst lets a sensor or gateway
        hand over two weeks of one message a minute, or four months of one each ten, after an outage.
    flood_commune_per_s, flood_commune_burst
        The same for all sensors of one commune together.
    """

    lane: str = Field(default="all", pattern=r"^[a-z0-9][a-z0-9-]{0,31}$")
    communes: str = Field(default="", pattern=r"^[0-9]{5}(,[0-9]{5})*$|^$")
    topics: str = ""
    client_id: str = Field(default="", max_length=64)
    batch_messages_max: int = Field(default=5_000, ge=1, le=50_000)
    batch_age_s_max: float = Field(default=0.25, gt=0, le=60)
    queue_messages_max: int = Field(default=15_000, ge=1, le=65_535)
    queue_bytes_max: int = Field(default=2**26, ge=2**20, le=2**32)
    payload_bytes_max: int = Field(default=262_144, ge=1_024, le=16_777_216)
    kept_bytes_max: int = Field(default=16_384, ge=256, le=1_048_576)
    future_s_max: float = Field(default=300, ge=0, le=86_400)
    skew_s_max: float = Field(default=60, ge=0, le=86_400)
    past_days_max: float = Field(default=400, gt=0, le=10_000)
    stale_s_max: float = Field(default=21_600, gt=0, le=864_000_000)
    retry_s_max: float = Field(default=30, gt=0, le=600)
    flood_sensor_per_s: float = Field(default=2, gt=0, le=100_000)
    flood_sensor_burst: int = Field(default=20_000, ge=1, le=10_000_000)
    flood_commune_per_s: float = Field(default=500, gt=0, le=1_000_000)
    flood_commune_burst: int = Field(default=300_000, ge=1, le=100_000_000)

    all_topics: ClassVar[tuple[str, ...]] = ("vigie/v1/#", "v3/+/devices/+/up", "application/+/device/+/event/up")

    @property
    def session_name(self) -> str:
        """The client id by which the broker knows the lane's session."""
        return self.client_id or f"vigie-ingest-{self.lane}"


class ProvisionSettings(Settings, BrokerSettings):
    """Settings of `vigie provision`.

    Parameters
    ----------
    broker_admin_url
        The broker's address with the account that administers its dynamic security; never printed.
    """

    broker_admin_url: SecretStr


class HistorySettings(Settings):
    """What the processes have that read long histories.

    Parameters
    ----------
    database_replica_url
        A streaming replica of the database, which history is then read from; holds a password, so it is never printed.
    replica_lag_s_max
        Further behind than this, the replica is left and the primary read instead.
    """

    database_replica_url: SecretStr = SecretStr("")
    replica_lag_s_max: float = Field(default=30, gt=0, le=86_400)

    @property
    def replica_dsn(self) -> str:
        """The replica's address with its password, empty where there is none."""
        return self.database_replica_url.get_secret_value()


class ExportSettings(Environment):
    """Where scheduled exports may go.

    Parameters
    ----------
    exports_dir
        The folder below which exports to a folder go; without it there are none.
    exports_s3_endpoint, exports_s3_region
        Of the S3-compatible store, ``https://s3.example.org`` say; without it, that of Amazon.
    exports_s3_key, exports_s3_secret
        With the right to write, read and delete below the prefixes of the exports; never printed. Without them, what
        the machine's own environment says.
    """

    exports_dir: Path | None = None
    exports_s3_endpoint: str = Field(default="", pattern=r"^(https?://[^/\s?#@]+)?/?$")
    exports_s3_region: str = Field(default="", pattern=r"^[a-z0-9-]{0,40}$")
    exports_s3_key: SecretStr = SecretStr("")
    exports_s3_secret: SecretStr = SecretStr("")


class WorkerSettings(HistorySettings, ExportSettings):
    """Settings of the worker process. ``concurrency`` jobs run at once; models train on ``threads`` threads."""

    concurrency: int = Field(default=2, ge=1, le=64)
    threads: int = Field(default=2, ge=1, le=64)
    train_rows_max: int = Field(default=120_000, ge=1_000, le=2_000_000)
    history_days: int = Field(default=120, ge=2, le=3_650)


class ApiSettings(HistorySettings):
    """Settings of the api process. Loopback by default; ``dashboards_dir`` holds the pages it serves.

    Parameters
    ----------
    database_wait_s_max, database_waiting_max
        While ``database_pool_size`` requests hold a connection the others wait for their turn: so long, so many at
        once; then they are answered 503.
    exports_max
        Exports that may flow at once, each on a connection of its own; one more is answered 503.
    """

    host: str = "127.0.0.1"
    port: int = Field(default=8080, ge=0, le=65535)
    dashboards_dir: Path = Path(__file__).resolve().parent.parent / "dashboards"
    live_clients_max: int = Field(default=200, ge=1, le=10_000)
    exports_max: int = Field(default=2, ge=1, le=16)
    database_wait_s_max: float = Field(default=5, gt=0, le=60)
    database_waiting_max: int = Field(default=200, ge=0, le=10_000)
