"""Outside publishers: gateways in processes of their own, which keep every message until the broker confirmed it.

Run as a script this file is one gateway. What a gateway sends follows from its arguments alone, so that a test knows
what must be stored: each message is one (sensor, instant), with three readings.
"""

from __future__ import annotations

import argparse
import json
import subprocess
import sys
import threading
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, fields
from typing import Any

from paho.mqtt.client import Client
from paho.mqtt.enums import CallbackAPIVersion, MQTTProtocolVersion

COMMUNE = "93066"
METRICS = ("co2_ppm", "humidity_ratio", "temperature_c")
UNCONFIRMED_MAX = 5_000
"""A gateway whose broker does not confirm waits here: its own memory is bounded too."""


@dataclass(frozen=True)
class Load:
    """What one gateway publishes, in turn over its sensors.

    Parameters
    ----------
    first, sensors
        Its sensors are ``room-{first}`` and those that follow.
    steps
        Messages of each sensor.
    per_s
        Messages a second, of all its sensors.
    start_s
        Observation of the first step, a second between two steps (Unix time). 0: each is observed as it is sent.
    protocol
        3 (MQTT 3.1.1) or 5.
    """

    first: int
    sensors: int
    steps: int
    per_s: float
    start_s: int = 0
    protocol: int = 5
    commune: str = COMMUNE

    @property
    def messages(self) -> int:
        """How many messages that makes."""
        return self.sensors * self.steps

    def expected(self) -> dict[tuple[str, str], dict[int, float]]:
        """Return what must be stored: by sensor and metric, the value at each second."""
        return {
            (name(number), metric): {self.start_s + step: values(number, step)[position] for step in range(self.steps)}
            for number in range(self.first, self.first + self.sensors)
            for position, metric in enumerate(METRICS)
        }


def name(number: int) -> str:
    """Return a sensor's external id."""
    return f"room-{number}"


def values(number: int, step: int) -> tuple[float, float, float]:
    """Return CO2 (ppm), humidity (0-1) and temperature (°C) of a sensor at a step: exact in binary."""
    return 400.0 + (step * 7 + number) % 1_600, (step % 64) / 64, 10.0 + (step * 3 + number) % 80 / 4


def payload(number: int, step: int, observed_s: float) -> bytes:
    """Return the SenML pack of one message."""
    co2, humidity, temperature = values(number, step)
    return json.dumps(
        [
            {"bt": observed_s, "n": "co2", "u": "ppm", "v": co2},
            {"n": "humidity", "u": "/", "v": humidity},
            {"n": "temperature", "u": "Cel", "v": temperature},
        ]
    ).encode()


class Gateway:
    """One gateway as a process of its own."""

    def __init__(self, port: int, load: Load) -> None:
        self.load = load
        options = [f"--{field.name}={getattr(load, field.name)}" for field in fields(Load)]
        self._process = subprocess.Popen([sys.executable, __file__, f"--port={port}", *options], stdout=subprocess.PIPE)

    @property
    def publishes(self) -> bool:
        """Whether it still has something to send or to have confirmed."""
        return self._process.poll() is None

    def wait(self, timeout_s: float) -> dict[str, int]:
        """Wait until the broker confirmed everything; return how many messages were published, confirmed, refused."""
        out, _ = self._process.communicate(timeout=timeout_s)
        assert self._process.returncode == 0
        told: dict[str, int] = json.loads(out)
        return told

    def end(self) -> None:
        """End it, whatever it still has to send."""
        if self.publishes:
            self._process.kill()
        self._process.communicate()


@contextmanager
def publishing(port: int, loads: Sequence[Load]) -> Iterator[list[Gateway]]:
    """Run a gateway for each load; they are ended at the end, whatever they still have to send."""
    gateways = [Gateway(port, load) for load in loads]
    try:
        yield gateways
    finally:
        for gateway in gateways:
            gateway.end()


class _Sender:
    """Publishes one load, and counts what the broker says of it. paho sends again what a lost line left open."""

    def __init__(self, port: int, load: Load) -> None:
        self._load = load
        self.told = {"published": 0, "confirmed": 0, "refused": 0}
        self._settled = threading.Condition()
        protocol = MQTTProtocolVersion.MQTTv5 if load.protocol == 5 else MQTTProtocolVersion.MQTTv311
        self._client = Client(CallbackAPIVersion.VERSION2, client_id=f"gateway-{load.first}", protocol=protocol)
        self._client.max_inflight_messages_set(200)
        self._client.reconnect_delay_set(1, 1)
        self._client.on_publish = self._answered
        self._client.connect_async("127.0.0.1", port, keepalive=10)
        self._client.loop_start()

    def _answered(self, _client: Client, _userdata: object, _packet: int, reason: Any, _properties: object) -> None:
        with self._settled:
            self.told["confirmed"] += 1
            self.told["refused"] += reason.is_failure
            self._settled.notify_all()

    def run(self) -> None:
        load = self._load
        topics = [f"vigie/v1/{load.commune}/indoor_air/{name(load.first + turn)}/up" for turn in range(load.sensors)]
        began_s = time.monotonic()
        for position in range(load.messages):
            step, turn = divmod(position, load.sensors)
            if (ahead_s := began_s + position / load.per_s - time.monotonic()) > 0.002:
                time.sleep(ahead_s)
            self._wait_until_unconfirmed(UNCONFIRMED_MAX)
            observed_s = load.start_s + step if load.start_s else round(time.time(), 3)
            self._client.publish(topics[turn], payload(load.first + turn, step, observed_s), qos=1)
            self.told["published"] += 1
        self._wait_until_unconfirmed(0)
        self._client.disconnect()
        self._client.loop_stop()

    def _wait_until_unconfirmed(self, most: int) -> None:
        with self._settled:
            while self.told["published"] - self.told["confirmed"] > most:
                self._settled.wait(1)


def _main() -> None:
    parser = argparse.ArgumentParser()
    parser.add_argument("--port", type=int, required=True)
    for field in fields(Load):
        parser.add_argument(f"--{field.name}", type={"per_s": float, "commune": str}.get(field.name, int))
    given = vars(parser.parse_args())
    sender = _Sender(given.pop("port"), Load(**given))
    sender.run()
    sys.stdout.write(json.dumps(sender.told))


if __name__ == "__main__":
    _main()
