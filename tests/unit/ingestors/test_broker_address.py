from __future__ import annotations

import pytest

from core.errors import SettingInvalid
from ingestors.broker import BrokerAddress


@pytest.mark.parametrize(
    ("url", "address"),
    [
        ("mqtt://broker", BrokerAddress("broker", 1883)),
        ("mqtts://broker", BrokerAddress("broker", 8883, encrypted=True)),
        ("mqtt://ville:p%40ss@10.0.0.1:1884", BrokerAddress("10.0.0.1", 1884, "ville", "p@ss")),
    ],
)
def test_a_broker_url_is_read(url: str, address: BrokerAddress) -> None:
    assert BrokerAddress.parse(url) == address


@pytest.mark.parametrize("url", ["", "broker:1883", "http://broker", "mqtt://", "mqtt://secret@broker:99999"])
def test_a_wrong_broker_url_is_named_and_not_echoed(url: str) -> None:
    with pytest.raises(SettingInvalid, match="VIGIE_BROKER_URL") as refused:
        BrokerAddress.parse(url)
    assert "secret" not in str(refused.value)
