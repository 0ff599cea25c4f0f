"""The broker's access control: Mosquitto's dynamic security, asked and answered over MQTT.

Commands go as JSON to ``$CONTROL/dynamic-security/v1``, answers come on ``.../response`` to whoever asked, in the
order of the commands. Source: the plugin's documentation and answers of Mosquitto 2.0.
"""

from __future__ import annotations

import json
import secrets
import threading
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from typing import Any

from paho.mqtt.client import Client, ConnectFlags, MQTTMessage
from paho.mqtt.properties import Properties
from paho.mqtt.reasoncodes import ReasonCode

from core.errors import BrokerAbsent, BrokerRefused
from ingestors.broker.address import BrokerAddress
from ingestors.broker.line import connect_later, new_client, settle_protocol

CONTROL_TOPIC = "$CONTROL/dynamic-security/v1"
RESPONSE_TOPIC = f"{CONTROL_TOPIC}/response"
CONNECT_S_MAX = 10.0
ANSWER_S_MAX = 60.0
"""The broker writes its whole file of clients after each command: thousands of them take a while."""
COMMANDS_MAX = 100
_IN_FLIGHT_MAX = 20


class BrokerControl:
    """A line to a broker's access control, as its administrator. Opened by `controlling`."""

    def __init__(self, client: Client) -> None:
        self._client = client
        self._told = threading.Condition()
        self._ready = False
        self._refused = ""
        self._answers: dict[str, list[dict[str, Any]]] = {}
        client.on_connect = self._connected
        client.on_subscribe = self._granted
        client.on_publish = self._taken
        client.on_message = self._answered

    def wait_ready(self) -> None:
        """Wait until answers can come.

        Raises
        ------
        BrokerAbsent
            If the broker does not answer.
        BrokerRefused
            If the account may not ask.
        """
        with self._told:
            if not self._told.wait_for(lambda: self._ready or self._refused, CONNECT_S_MAX):
                raise BrokerAbsent("the broker does not answer")
            self._raise_refusal()

    def ask(self, commands: Sequence[dict[str, Any]]) -> list[dict[str, Any]]:
        """Have the broker do these commands; return what each answers with, empty where it is only done.

        Raises
        ------
        BrokerRefused
            If the broker refused one of them: those before it are done, those after it may be.
        BrokerAbsent
            If the broker does not answer.
        """
        answers: list[dict[str, Any]] = []
        for start in range(0, len(commands), COMMANDS_MAX):
            answers += self._ask(commands[start : start + COMMANDS_MAX])
        return answers

    def _ask(self, commands: Sequence[dict[str, Any]]) -> list[dict[str, Any]]:
        asked = secrets.token_hex(8)
        payload = json.dumps({"commands": [command | {"correlationData": asked} for command in commands]})
        self._client.publish(CONTROL_TOPIC, payload, qos=1)
        with self._told:
            if not self._told.wait_for(lambda: asked in self._answers or self._refused, ANSWER_S_MAX):
                raise BrokerAbsent(
                    "the broker does not answer its administrator: is this its account, and is the plugin loaded?"
                )
            self._raise_refusal()
            answers = self._answers.pop(asked)
        for answer in answers:
            if "error" in answer:
                raise BrokerRefused(f"the broker refused {answer.get('command')}: {answer['error']}")
        return [answer.get("data", {}) for answer in answers]

    def _raise_refusal(self) -> None:
        if self._refused:
            raise BrokerRefused(self._refused)

    def _refuse(self, why: str) -> None:
        with self._told:
            self._refused = why
            self._told.notify_all()

    def _connected(
        self, client: Client, _userdata: object, _flags: ConnectFlags, reason: ReasonCode, _properties: object
    ) -> None:
        if reason.is_failure:
            self._refuse(f"the broker refused its administrator: {reason}")
        else:
            client.subscribe(RESPONSE_TOPIC, qos=1)

    def _granted(
        self, _client: Client, _userdata: object, _packet_id: int, reasons: list[ReasonCode], _properties: object
    ) -> None:
        if any(reason.is_failure for reason in reasons):
            self._refuse("the account may not read the answers: it is not the broker's administrator")
            return
        with self._told:
            self._ready = True
            self._told.notify_all()

    def _taken(
        self, _client: Client, _userdata: object, _packet_id: int, reason: ReasonCode, _properties: Properties
    ) -> None:
        if reason.is_failure:
            self._refuse(f"the account may not ask, it is not the broker's administrator: {reason}")

    def _answered(self, _client: Client, _userdata: object, raw: MQTTMessage) -> None:
        try:
            answers = json.loads(raw.payload)["responses"]
            asked = str(answers[0].get("correlationData", ""))
        except (ValueError, KeyError, IndexError, TypeError, AttributeError):
            return
        with self._told:
            self._answers[asked] = answers
            self._told.notify_all()


@contextmanager
def controlling(address: BrokerAddress) -> Iterator[BrokerControl]:
    """Give a line to the access control of the broker at this address, closed at the end.

    Raises
    ------
    BrokerAbsent
        If within `CONNECT_S_MAX` the broker cannot be reached, or does not take the account.
    BrokerRefused
        If the account is not its administrator's.
    """
    given_up = threading.Event()
    timer = threading.Timer(CONNECT_S_MAX, given_up.set)
    timer.start()
    protocol = settle_protocol(address, given_up)
    timer.cancel()
    if protocol is None:
        where = f"{address.host}:{address.port}"
        raise BrokerAbsent(f"the broker at {where} cannot be reached, or does not take the administrator's account")
    client = new_client(address, f"vigie-control-{secrets.token_hex(6)}", protocol, persistent=False)
    control = BrokerControl(client)
    connect_later(client, address, _IN_FLIGHT_MAX)
    client.loop_start()
    try:
        control.wait_ready()
        yield control
    finally:
        client.disconnect()
        client.loop_stop()
