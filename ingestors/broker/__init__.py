"""MQTT: the only user of paho.

Both directions speak MQTT 5 and fall back to 3.1.1 when the broker refuses version 5 or closes the line on it.
"""

from __future__ import annotations

from ingestors.broker.address import BrokerAddress
from ingestors.broker.publisher import Publisher
from ingestors.broker.subscriber import PayloadLimits, Received, Room, Subscriber

__all__ = ["BrokerAddress", "PayloadLimits", "Publisher", "Received", "Room", "Subscriber"]
