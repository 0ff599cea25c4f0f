"""Decoders of device models: bytes to readings, where the network server sends only the bytes. See docs/decoders.md.

A new one is a file here, or a table in its maker's file, and a row in `_ROWS`.
"""

from __future__ import annotations

from core.sensor_life import DeviceModel
from ingestors.decoders.devices import (
    adeunis,
    bosch,
    decentlab,
    dragino,
    elsys,
    enless,
    imbuildings,
    milesight,
    nke,
    nwave,
    parametric,
)
from ingestors.decoders.devices.device import Device

_ROWS: tuple[Device, ...] = (
    # Indoor air
    adeunis.BREATH,
    adeunis.COMFORT,
    adeunis.COMFORT_CO2,
    decentlab.DL_IAM,
    elsys.ERS_CO2,
    enless.TX_AMB,
    milesight.AM307,
    milesight.AM319,
    nke.VAQAO,
    # Outdoor air
    decentlab.DL_PM,
    milesight.EM500_CO2,
    milesight.WS302,
    nke.ATMO,
    # Bins
    decentlab.DL_LID,
    decentlab.DL_MBX,
    dragino.LDDS75,
    elsys.ELT_ULTRASONIC,
    milesight.EM310_UDL,
    milesight.EM400_TLD,
    milesight.EM500_UDL,
    # Bays
    bosch.TPS110,
    nwave.NPS405,
    # Meters
    adeunis.PULSE,
    adeunis.TIC_LINKY_MONO,
    adeunis.TIC_LINKY_TRI,
    enless.TX_PULSE,
    nke.PULSE_SENSO,
    nke.TRIPHASO,
    # Counters
    imbuildings.PEOPLE_COUNTER,
    milesight.VS121,
    milesight.VS133,
    parametric.PCR2,
)

DEVICES: dict[str, Device] = {device.model: device for device in _ROWS}
_BY_CLAIM = {claim: device for device in _ROWS for claim in device.claims}


def device_of(model: str | None, claim: str | None) -> Device | None:
    """Return the device that decodes a sensor's bytes, or None where nobody knows which it is.

    Parameters
    ----------
    model
        What the sensor's registry says it is; it decides whenever it is there.
    claim
        What the network server says it is: ``brand/model``, lower case.
    """
    if model is not None:
        return DEVICES.get(model)
    return _BY_CLAIM.get(claim) if claim is not None else None


def device_models() -> list[DeviceModel]:
    """Return all devices as those who never decode know them."""
    return [DeviceModel(device.model, device.maker, device.title, device.kinds) for device in _ROWS]
