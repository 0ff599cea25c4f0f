"""Peers: other people's forecasters, set up as their documentation does, on the same folds as ours.

None of them is needed to run the platform: each is imported when it is asked for.
"""

from __future__ import annotations

import importlib.metadata
import importlib.util
from dataclasses import dataclass

from models.backtest import Forecaster
from models.peers.mlforecast import MlforecastPeer
from models.peers.openstef import OpenstefPeer
from models.peers.skforecast import SkforecastPeer


@dataclass(frozen=True, slots=True)
class Peer:
    """A peer, and what has to be installed for it.

    Parameters
    ----------
    module, package
        What Python imports, and what its registry calls it.
    forecaster
        The peer itself.
    """

    module: str
    package: str
    forecaster: Forecaster

    @property
    def is_installed(self) -> bool:
        """Whether it can run here."""
        return importlib.util.find_spec(self.module) is not None

    @property
    def version(self) -> str:
        """Its version where it is installed."""
        return importlib.metadata.version(self.package)


PEERS: dict[str, Peer] = {
    "mlforecast": Peer("mlforecast", "mlforecast", MlforecastPeer()),
    "mlforecast_direct": Peer("mlforecast", "mlforecast", MlforecastPeer(direct=True)),
    "skforecast": Peer("skforecast", "skforecast", SkforecastPeer()),
    "openstef": Peer("openstef_models", "openstef-models", OpenstefPeer()),
    "openstef_preset": Peer("openstef_models", "openstef-models", OpenstefPeer(preset_horizon=True)),
}
"""Every peer by the word that tables show."""
