"""What forecasters say in a stretch, kept: a peer's until its version changes, ours until the code does.

OpenSTEF needs Python >= 3.12 and a numpy of its own: where it is not installed beside us, the bench runs itself in
the environment that `./run bench forecast --peer` makes for it, and finds what was kept.
"""

from __future__ import annotations

import hashlib
import os
import subprocess
import sys
from collections.abc import Iterator
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np
from forecast_folds import ROOT, Dataset

from core.clock import Window
from models.backtest import Fold, Forecaster, Utterance, run_fold
from models.history import History
from models.peers import PEERS, Peer
from models.peers.openstef import OpenstefPeer, Place

PROTOCOL = 1
"""Raised when the folds, the data given or the set-up of a peer change: what was kept is then computed again."""
KEPT = ROOT / ".cache" / "bench"
OPENSTEF_PYTHON = Path(os.environ.get("VIGIE_OPENSTEF_PYTHON", ROOT / ".cache" / "openstef" / "bin" / "python"))
PLACES = {"cambridge": Place("GB", "52.20", "0.12")}
"""Where OpenSTEF takes its holidays and its sun from; Paris for all others."""


@dataclass(frozen=True, slots=True)
class Stretch:
    """A test stretch of a data set: its history, and the one fold in it."""

    dataset: Dataset
    test: Window
    history: History
    fold: Fold

    def kept_as(self, name: str, version: str) -> Path:
        """Return where a forecaster's utterance on this stretch is kept."""
        steps = len(self.fold.origins), len(self.history.series_ids)
        return (
            KEPT / f"{PROTOCOL}-{self.dataset.name}-{self.test.start:%Y%m%d}-{steps[0]}x{steps[1]}-{name}-{version}.npz"
        )


def peer_runs(stretch: Stretch, names: list[str], *, kept_only: bool) -> Iterator[tuple[Utterance, str]]:
    """Yield what peers say, with their versions, kept ones where there are; what cannot run is told and left out."""
    for name in names:
        peer = PEERS[name]
        if kept_only or not peer.is_installed:
            kept = sorted(KEPT.glob(stretch.kept_as(name, "*").name))
            if not kept and not kept_only and isinstance(peer.forecaster, OpenstefPeer):
                kept = _ask_openstef(stretch, name)
            if kept:
                yield _read(kept[-1], name, stretch.fold), kept[-1].stem.rpartition("-")[2]
            else:
                print(f"  nothing of {name} is kept, and it is not installed or not asked: left out")
            continue
        yield peer_run(stretch, peer), peer.version


def peer_run(stretch: Stretch, peer: Peer) -> Utterance:
    """Return what an installed peer says, from what is kept or made now."""
    forecaster: Forecaster = peer.forecaster
    if isinstance(forecaster, OpenstefPeer):
        forecaster = replace(forecaster, place=PLACES.get(stretch.dataset.name, Place()))
    return kept_run(stretch, forecaster, peer.version)


def code_mark(settings: object) -> str:
    """Return a word that changes with our method: the code of the room that makes it, and how it is set."""
    files = sorted((ROOT / "models").glob("*.py")) + sorted((ROOT / "models" / "features").glob("*.py"))
    told = b"".join(file.read_bytes() for file in files) + repr(settings).encode()
    return hashlib.sha256(told).hexdigest()[:12]


def kept_run(stretch: Stretch, forecaster: Forecaster, version: str) -> Utterance:
    """Return what a forecaster says, from what is kept of this version or made now."""
    file = stretch.kept_as(forecaster.name, version)
    if file.exists():
        return _read(file, forecaster.name, stretch.fold)
    said = run_fold(stretch.history, forecaster, stretch.fold)
    KEPT.mkdir(parents=True, exist_ok=True)
    part = file.with_suffix(".part.npz")
    np.savez_compressed(
        part,
        quantiles=said.quantiles,
        seconds=np.array([said.fit_s, said.predict_s, said.processor_s]),
        unfit=np.array(said.unfit or ""),
    )
    part.rename(file)
    return said


def _read(file: Path, name: str, fold: Fold) -> Utterance:
    with np.load(file) as kept:
        fit_s, predict_s, processor_s = kept["seconds"].tolist()
        return Utterance(name, fold, kept["quantiles"], fit_s, predict_s, processor_s, str(kept["unfit"]) or None)


def _ask_openstef(stretch: Stretch, name: str) -> list[Path]:
    """Let the bench run in OpenSTEF's environment for this stretch; return what it kept."""
    if not OPENSTEF_PYTHON.exists():
        return []
    command = [str(OPENSTEF_PYTHON), "-W", "ignore", str(Path(__file__).with_name("bench_forecast.py"))]
    asked = ["--keep", name, "--only", stretch.dataset.name, "--stretch", f"{stretch.test.start:%Y-%m-%d}"]
    quick = ["--quick"] if "--quick" in sys.argv else []
    done = subprocess.run([*command, *asked, *quick], check=False, capture_output=True, text=True)
    if done.returncode:
        print(f"  {name} failed in its environment: {done.stderr.strip()[-500:]}")
    return sorted(KEPT.glob(stretch.kept_as(name, "*").name))
