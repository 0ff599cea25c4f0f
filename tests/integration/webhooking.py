"""Webhooks under test: made, fed with alarms as ingest raises them, and sent by a brisk worker."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import timedelta
from typing import Any

import pytest
from pydantic import SecretStr
from receiver import Receiver

from core.clock import now
from core.events import EventName, PlatformAlarm, Severity
from core.settings import WorkerSettings
from core.store.events import raise_alarm
from core.store.pool import connected
from core.store.roles import Login, as_login
from core.store.webhooks import NewWebhook, add_webhook
from services.webhooks import sending
from services.webhooks.sealing import Sealing
from services.webhooks.signing import new_signing_secret

SEALED_UNDER = "seals the secrets of tests, and of nobody else"
COMMUNE, ELSEWHERE = "93051", "93066"


def settings_of(database_url: str, *receivers: Receiver) -> WorkerSettings:
    return WorkerSettings(
        database_url=SecretStr(as_login(database_url, Login.WORKER)),
        secret=SecretStr(SEALED_UNDER),
        outgoing_networks="127.0.0.0/8",
        outgoing_ports=",".join(str(one.port) for one in receivers),
        outgoing_http_loopback=True,
    )


def listen(
    database_url: str,
    receiver: Receiver,
    *wanted: str,
    path: str = "/hook",
    communes: tuple[str, ...] | None = (COMMUNE,),
) -> tuple[int, str]:
    """Make a webhook; return its id and its secret."""
    secret = new_signing_secret()
    sealed = Sealing([SEALED_UNDER]).seal(secret)
    new = NewWebhook("a test", receiver.url(path), wanted or ("alarm.*",), communes, sealed, "a test")
    with connected(database_url) as connection:
        return add_webhook(connection, new, now()), secret


def flood(database_url: str, *sensors: str, commune: str = COMMUNE) -> None:
    """Raise an alarm for each of these sensors, as ingest does."""
    for sensor in sensors:
        alarm = PlatformAlarm(
            EventName.ALARM_SENSOR_FLOODED, Severity.WARNING, now(), f"sensor:{sensor}", commune, {"n": 1}
        )
        with connected(as_login(database_url, Login.INGEST)) as connection:
            assert raise_alarm(connection, alarm, now())


def asked(database_url: str, statement: str, *values: Any) -> Any:
    """Return the first column of the first row, as the owner sees it."""
    with connected(database_url) as connection:
        row = connection.execute(statement, values).fetchone()
    return row[0] if row else None


def wait_until(told: Callable[[], Any]) -> None:
    deadline = time.monotonic() + 20
    while not told():
        assert time.monotonic() < deadline
        time.sleep(0.05)


@contextmanager
def briskly(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """Look, sweep and try again within tenths of a second, as a real worker does within minutes and hours."""
    with monkeypatch.context() as patched:
        patched.setattr(sending, "LOOK_S", 0.05)
        patched.setattr(sending, "SWEEP_S", 0.1)
        patched.setattr("services.webhooks.settling.WAIT_FIRST", timedelta(seconds=0.1))
        patched.setattr("services.webhooks.settling.WAIT_MAX", timedelta(seconds=0.4))
        yield
