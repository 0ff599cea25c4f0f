from __future__ import annotations

import re
from pathlib import Path

import pytest

from core.places import SensorKind
from ingestors.decoders.devices import DEVICES, device_models, device_of
from ingestors.decoders.devices.device import Device

SENSORS_PAGE = Path(__file__).resolve().parents[5] / "docs" / "sensors.md"


@pytest.mark.parametrize("device", DEVICES.values(), ids=lambda device: device.model)
def test_a_device_is_named_as_others_find_it(device: Device) -> None:
    assert re.fullmatch(r"[a-z0-9]+(-[a-z0-9]+)+", device.model)
    assert len(device.model) <= 64
    assert device.maker.strip() == device.maker != ""
    assert device.title.strip() == device.title != ""
    assert device.kinds
    assert len(set(device.kinds)) == len(device.kinds)
    assert device.version >= 1
    assert device.decoder == f"{device.model}/{device.version}"
    assert all(re.fullmatch(r"[a-z0-9-]+/[a-z0-9-]+", claim) for claim in device.claims)


def test_no_claim_means_two_devices() -> None:
    claims = [claim for device in DEVICES.values() for claim in device.claims]
    assert len(claims) == len(set(claims))


def test_every_kind_has_two_devices_of_two_makers_at_least() -> None:
    for kind in SensorKind:
        makers = {device.maker for device in DEVICES.values() if kind in device.kinds}
        assert len(makers) >= 2, kind


def test_the_registry_of_sensors_decides_before_the_network() -> None:
    em500, am307 = DEVICES["milesight-em500-udl"], DEVICES["milesight-am307"]
    assert device_of("milesight-em500-udl", "milesight-iot/am307") is em500
    assert device_of(None, "milesight-iot/am307l") is am307
    assert device_of("no-such-model", "milesight-iot/am307") is None
    assert device_of(None, "milesight-iot/no-such-model") is None
    assert device_of(None, None) is None


def test_the_pages_are_told_of_every_device() -> None:
    assert {one.model: one.kinds for one in device_models()} == {one.model: one.kinds for one in DEVICES.values()}


def test_the_document_lists_every_device_with_its_kinds() -> None:
    page = SENSORS_PAGE.read_text(encoding="utf-8").split("\n## Devices\n")[1].split("\n## ")[0]
    listed = dict(re.findall(r"^\| `([a-z0-9-]+)` \| (.+? \| .+?) \| ", page, flags=re.MULTILINE))
    assert listed == {
        one.model: f"{one.maker} {one.title} | {', '.join(f'`{kind}`' for kind in one.kinds)}"
        for one in DEVICES.values()
    }
