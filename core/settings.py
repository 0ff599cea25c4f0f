"""Settings: typed, bounded, the unit in the name, from ``VIGIE_*`` variables. Built once per process and handed on.

A secret may stand in a file instead: ``VIGIE_<NAME>_FILE`` (`core.secret_files`).
"""

from __future__ import annotations

from pathlib import Path
from typing import ClassVar

from pydantic import Field, SecretStr

from core.environment import Environment
from core.errors import SettingInvalid
from core.export_settings import ExportSettings
from core.footprint_settings import FootprintSettings
from core.mail_settings import MailSettings
from core.map_settings import MapSettings
from core.weather_settings import WeatherSettings

SECRET_CHARACTERS_MIN = 32


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
        Where ``/metrics`` listens, apart from what people reach; port 0 turns it off.
    """

    database_url: SecretStr
    database_pool_size: int = Field(default=4, ge=1, le=64)
    metrics_host: str = "127.0.0.1"
    metrics_port: int = Field(default=0, ge=0, le=65535)

    @property
    def dsn(self) -> str:
        """The database's address with its password, for the door that opens it."""
        return self.database_url.get_secret_value()


class MigrateSettings(Settings):
    """Settings of `vigie migrate`, which connects as the owner.

    Parameters
    ----------
    database_api_password, database_door_password, database_ingest_password, database_worker_password
        What it sets for the login of each process (`core.store.roles`); an empty one leaves what is set.
    """

    database_api_password: SecretStr = SecretStr("")
    database_door_password: SecretStr = SecretStr("")
    database_ingest_password: SecretStr = SecretStr("")
    database_worker_password: SecretStr = SecretStr("")


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
    raw_frames_kept
        Of each sensor, so many of its last messages are kept as they came; 0: none.
    gateways_days
        Which gateways heard a sensor on a day is kept so long.
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
    raw_frames_kept: int = Field(default=10, ge=0, le=1_000)
    gateways_days: int = Field(default=90, ge=1, le=3_650)


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


class AdminSettings(Settings):
    """Settings of `vigie admin`, which knows everybody: the database's address is its owner's.

    Parameters
    ----------
    public_url
        Where people reach Vigie, for the links that are printed.
    """

    public_url: str = Field(default="http://127.0.0.1:8080", pattern=r"^https?://[^/\s?#@]+/?$")


class SecretSettings(Environment):
    """What signs the cookies of people and seals the secrets of webhooks.

    Parameters
    ----------
    secret
        At least 32 characters.
    secret_previous
        While the secret is changed: what was signed or sealed with the one before still holds.
    """

    secret: SecretStr = SecretStr("")
    secret_previous: SecretStr = SecretStr("")

    def secrets(self) -> list[str]:
        """Return the secret, and the one before if there is one.

        Raises
        ------
        SettingInvalid
            If there is none, or one is too short.
        """
        newest = self.secret.get_secret_value()
        before = self.secret_previous.get_secret_value()
        for name, secret in (("VIGIE_SECRET", newest), ("VIGIE_SECRET_PREVIOUS", before or newest)):
            if len(secret) < SECRET_CHARACTERS_MIN:
                raise SettingInvalid(f"{name}: at least {SECRET_CHARACTERS_MIN} characters are needed")
        return [newest, before] if before else [newest]


class OutgoingSettings(Environment):
    """Whom Vigie may call at an address that a person wrote down.

    Parameters
    ----------
    outgoing_networks
        Networks, comma between them, that may be called although they are not of the open Internet: the commune's own,
        ``10.20.0.0/16`` say.
    outgoing_ports
        Ports that may be called, comma between them.
    outgoing_http_loopback
        Whether plain HTTP may be spoken with this machine itself, where ``outgoing_networks`` names it; else TLS only.
    outgoing_ca_file
        Certificates of the authorities that may have signed those of whom is called; without it, the machine's.
    """

    outgoing_networks: str = Field(default="", max_length=1_000)
    outgoing_ports: str = Field(default="443,8443", pattern=r"^[0-9]{1,5}(,[0-9]{1,5}){0,19}$")
    outgoing_http_loopback: bool = False
    outgoing_ca_file: Path | None = None


class WorkerSettings(
    HistorySettings, ExportSettings, SecretSettings, OutgoingSettings, MailSettings, FootprintSettings, WeatherSettings
):
    """Settings of the worker process.

    Parameters
    ----------
    concurrency, long_concurrency
        Jobs at once: of those that are due within seconds, and, beside them, of those that take minutes.
    threads
        On which a model trains.
    """

    concurrency: int = Field(default=2, ge=1, le=64)
    long_concurrency: int = Field(default=2, ge=1, le=64)
    threads: int = Field(default=2, ge=1, le=64)
    train_rows_max: int = Field(default=300_000, ge=1_000, le=2_000_000)
    history_days: int = Field(default=120, ge=2, le=3_650)


class DoorSettings(SecretSettings):
    """Who is let in, and how.

    Parameters
    ----------
    database_door_url
        The database under the login ``vigie_door``, which knows people and passes; never printed.
    public_url
        Where people reach Vigie, ``https://vigie.example.org``; without it, the address that they asked.
    session_idle_s, session_s_max
        A session ends when it was idle for so long, and in any case after so long.
    trusted_proxies
        Addresses or networks, comma between them, whose ``X-Forwarded-For`` and ``X-Forwarded-Proto`` are believed.
    oidc_issuer, oidc_client_id, oidc_client_secret
        The OpenID provider; without an issuer, people sign in by a password of ours only.
    oidc_name
        What the sign-in button calls it.
    oidc_scopes, oidc_groups_claim, oidc_acr
        What is asked of it, the claim that lists groups (dots lead into objects), and the levels of assurance of which
        one is needed, spaces between.
    oidc_ca_file
        Certificates of the authorities that may have signed the provider's own; without it, the machine's.
    """

    database_door_url: SecretStr
    public_url: str = Field(default="", pattern=r"^(https?://[^/\s?#@]+)?/?$")
    session_idle_s: int = Field(default=7_200, ge=60, le=86_400)
    session_s_max: int = Field(default=43_200, ge=300, le=2_592_000)
    trusted_proxies: str = Field(default="", max_length=1_000)
    oidc_issuer: str = Field(default="", pattern=r"^(https?://[^\s?#@]+)?$")
    oidc_client_id: str = Field(default="", max_length=200)
    oidc_client_secret: SecretStr = SecretStr("")
    oidc_name: str = Field(default="ProConnect", max_length=60)
    oidc_scopes: str = Field(default="openid profile email", max_length=300)
    oidc_groups_claim: str = Field(default="groups", max_length=100)
    oidc_acr: str = Field(default="", max_length=500)
    oidc_ca_file: Path | None = None

    @property
    def door_dsn(self) -> str:
        """The door's address of the database with its password."""
        return self.database_door_url.get_secret_value()


class RateSettings(Environment):
    """How much may be asked of one api process, in units: a read costs 1, a long one 5, an export 50, a sign-in 10.

    Parameters
    ----------
    rate_pass_per_s, rate_pass_burst
        Of one pass: units that come back each second, and units at once.
    rate_address_per_s, rate_address_burst
        The same of one address, for requests that show no pass, or one that is not known yet.
    """

    rate_pass_per_s: float = Field(default=50, gt=0, le=1_000_000)
    rate_pass_burst: int = Field(default=3_000, ge=100, le=1_000_000_000)
    rate_address_per_s: float = Field(default=10, gt=0, le=1_000_000)
    rate_address_burst: int = Field(default=1_000, ge=100, le=1_000_000_000)


class ApiSettings(HistorySettings, DoorSettings, OutgoingSettings, RateSettings, MapSettings):
    """Settings of the api process. Loopback by default; ``dashboards_dir`` holds the pages it serves.

    Parameters
    ----------
    database_wait_s_max, database_waiting_max
        While all ``database_pool_size`` connections are held, so many others wait, so long; then they are answered 503.
    exports_max
        Exports that may flow at once, each on a connection of its own; one more is answered 503.
    tls_cert_file, tls_key_file
        The server's certificate with its chain, and its key (PEM): the api then speaks TLS (1.2 or later) only.
    database_gb_max
        How large the database may become, in thousands of millions of bytes: what it was given of the disk. The
        platform's health then says when that will be reached; nothing is refused by it.
    """

    host: str = "127.0.0.1"
    port: int = Field(default=8080, ge=0, le=65535)
    tls_cert_file: Path | None = None
    tls_key_file: Path | None = None
    dashboards_dir: Path = Path(__file__).resolve().parent.parent / "dashboards"
    live_clients_max: int = Field(default=200, ge=1, le=10_000)
    exports_max: int = Field(default=2, ge=1, le=16)
    database_wait_s_max: float = Field(default=5, gt=0, le=60)
    database_waiting_max: int = Field(default=200, ge=0, le=10_000)
    database_gb_max: float | None = Field(default=None, gt=0, le=1_000_000)
