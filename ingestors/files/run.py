"""An import, carried out: a file piece by piece through the one way in, resumable, idempotent."""

from __future__ import annotations

import hashlib
from collections import Counter
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from enum import StrEnum
from pathlib import Path
from typing import Any
from zoneinfo import ZoneInfo

from core.clock import now
from core.readings import Arrival, Reason
from ingestors.adopted import AdoptedSensors
from ingestors.batch import Account, Outcome
from ingestors.files.chunk import Chunk, Context, Entry, Fault, FileUnfit
from ingestors.files.csv_table import read_csv
from ingestors.files.uplinks import read_uplinks
from ingestors.intake_run import IntakeFailed, IntakeRun
from ingestors.pipeline import examine
from ingestors.sift import sift
from ingestors.topics import uplink_topic

FIRST_FAULTS_MAX = 20
"""Wrong lines that are told one by one; the others are counted."""


class FileFormat(StrEnum):
    """What a file is."""

    CSV = "csv"
    PARQUET = "parquet"
    NDJSON = "ndjson"


Read = Callable[[Path, Mapping[str, Any], Context], Iterator[Chunk]]
SUFFIXES: dict[str, FileFormat] = {
    ".csv": FileFormat.CSV,
    ".tsv": FileFormat.CSV,
    ".txt": FileFormat.CSV,
    ".parquet": FileFormat.PARQUET,
    ".ndjson": FileFormat.NDJSON,
    ".jsonl": FileFormat.NDJSON,
    ".json": FileFormat.NDJSON,
}


@dataclass(frozen=True, slots=True)
class GivenFile:
    """A file to import.

    Parameters
    ----------
    digest
        Of its bytes: the same file, whatever its name, goes on where it was.
    zone
        In which its times without an offset are told; None: they are faults.
    """

    path: Path
    format: FileFormat
    digest: str
    zone: ZoneInfo | None = None

    @classmethod
    def open(cls, path: Path, file_format: FileFormat | None = None, zone: ZoneInfo | None = None) -> GivenFile:
        """Look at a file: its format by its name unless given, its digest.

        Raises
        ------
        FileUnfit
            If it cannot be read, or its name tells no format.
        """
        told = file_format or SUFFIXES.get(path.suffix.lower())
        if told is None:
            raise FileUnfit(f"{path}: its name tells no format ({', '.join(SUFFIXES)}); give --format")
        try:
            with path.open("rb") as file:
                digest = hashlib.file_digest(file, "sha256").hexdigest()
        except OSError as error:
            raise FileUnfit(f"{path}: {error.strerror}") from None
        return cls(path, told, digest, zone)

    def arguments(self) -> dict[str, Any]:
        """Return it as the arguments of an intake."""
        zone = {"zone": self.zone.key} if self.zone else {}
        return {"file": self.path.name, "format": self.format, "digest": self.digest} | zone


@dataclass(slots=True)
class ImportReport:
    """What a run found in a file, besides the counts of its intake.

    Parameters
    ----------
    lines
        Read by this run.
    reasons
        Refusals by reason.
    faults
        Lines that are no message, by why.
    first
        The first wrong lines, refused messages among them, with the reason in words.
    """

    lines: int = 0
    reasons: Counter[Reason] = field(default_factory=Counter)
    faults: Counter[str] = field(default_factory=Counter)
    first: list[Fault] = field(default_factory=list)

    def add(self, chunk: Chunk, account: Account, refused: Sequence[Fault]) -> None:
        """Count a piece in."""
        self.lines += chunk.lines
        self.reasons += account.reasons
        self.faults.update(fault.why for fault in chunk.faults)
        wrong = sorted([*chunk.faults, *refused], key=lambda fault: fault.line)
        self.first += wrong[: FIRST_FAULTS_MAX - len(self.first)]


@dataclass(frozen=True, slots=True)
class FileImport:
    """The import of a file, as an intake runs it; ``report`` grows with each piece."""

    given: GivenFile
    report: ImportReport = field(default_factory=ImportReport)

    def run(self, run: IntakeRun) -> bool:
        """Take the file in from where the intake is; return whether all is done, False when it was stopped.

        Raises
        ------
        IntakeFailed
            If the file is none of its format.
        """
        context = Context(_topics(run.writer.adopted), self.given.zone, now())
        # Counted with the cursor: lines that are no message leave no other trace in the store.
        faults = int(run.intake.cursor.get("faults", 0))
        try:
            for chunk in _reader(self.given.format)(self.given.path, run.intake.cursor, context):
                faults += len(chunk.faults)
                cursor = chunk.cursor | {"faults": faults}
                account = run.take([entry.message for entry in chunk.entries], cursor, now())
                self.report.add(chunk, account, self._refused(run, chunk.entries, account))
                if run.stop.is_set():
                    return False
        except FileUnfit as unfit:
            raise IntakeFailed(f"{self.given.path.name}: {unfit}") from None
        return True

    def _refused(self, run: IntakeRun, entries: Sequence[Entry], account: Account) -> list[Fault]:
        """Return the first refused messages of a piece as faults of their lines."""
        found: list[Fault] = []
        for entry, outcome in zip(entries, account.outcomes, strict=True):
            if len(self.report.first) + len(found) >= FIRST_FAULTS_MAX:
                break
            if outcome is Outcome.REJECTED:
                found.append(Fault(entry.line, _why(run, entry)))
        return found


def _why(run: IntakeRun, entry: Entry) -> str:
    """Return why a message was refused: what it says by itself, or else what is stored already."""
    examined = examine(entry.message, run.writer.adopted, run.writer.limits)
    sift([examined], run.writer.limits, Arrival.IMPORTED)
    told = [f"{rejection.reason}: {rejection.detail}" for rejection in examined.rejections()]
    return "; ".join(told) or f"{Reason.CONFLICT}: another value is stored for its instant"


def _topics(adopted: AdoptedSensors) -> Callable[[str], str | None]:
    def topic_of(external_id: str) -> str | None:
        known = adopted.named(external_id)
        return uplink_topic(known.sensor) if known else None

    return topic_of


def _reader(file_format: FileFormat) -> Read:
    if file_format is FileFormat.PARQUET:
        try:
            from ingestors.files.parquet_table import read_parquet  # noqa: PLC0415 - only Parquet needs polars
        except ModuleNotFoundError:
            raise FileUnfit("Parquet needs polars: install the extra 'replay'") from None
        return read_parquet
    return read_csv if file_format is FileFormat.CSV else read_uplinks
