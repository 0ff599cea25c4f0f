"""Where files go: a folder, or an S3-compatible store. A file is there whole or not at all, whenever we are killed.

In a folder it is written under another name first and then takes the place of the one before. A store gets it from a
spool once it is whole, under another key first.
"""

from __future__ import annotations

import hashlib
import os
import re
import tempfile
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path, PurePosixPath
from typing import BinaryIO, Protocol
from urllib.parse import urlsplit

from pyarrow import fs

from core.errors import SettingInvalid, VigieError
from core.export_settings import ExportSettings

CONNECT_S_MAX, REQUEST_S_MAX = 10, 60
_PART = re.compile(r"[A-Za-z0-9_][A-Za-z0-9._=-]{0,99}")
_PIECE_BYTES = 2**20


class DestinationAbsent(VigieError):
    """The place where the file should go does not take it: it is tried again."""


class DestinationInvalid(VigieError):
    """There is no such place for files."""


@dataclass(frozen=True, slots=True)
class Put:
    """A file that was put: its size and the SHA-256 of its bytes."""

    bytes: int
    sha256: str


class Destination(Protocol):
    """A place for files."""

    def put(self, name: str, pieces: Iterable[bytes]) -> Put:
        """Put a file there, whole, in the place of one of this name.

        Raises
        ------
        DestinationAbsent
            If the place does not take it; what lay there stays.
        """
        ...


@dataclass(frozen=True, slots=True)
class Folder:
    """A folder of this machine; it is made where it is absent."""

    root: Path

    def put(self, name: str, pieces: Iterable[bytes]) -> Put:
        """Put a file there, whole, in the place of one of this name."""
        path = self.root / name
        with _absence_told(str(path)):
            path.parent.mkdir(parents=True, exist_ok=True)
        return put_file(path, pieces)


def put_file(path: Path, pieces: Iterable[bytes]) -> Put:
    """Write a file that appears once it is whole.

    Raises
    ------
    DestinationAbsent
        If it cannot be written; what lay there stays.
    """
    # One name for all tries: what a killed one left is overwritten, and never mistaken for a file.
    part = path.with_name(f".{path.name}.part")
    try:
        with _absence_told(str(path)):
            file = part.open("wb")
        with file:
            put = _pour(pieces, file, str(path))
            with _absence_told(str(path)):
                file.flush()
                os.fsync(file.fileno())
        with _absence_told(str(path)):
            part.replace(path)
            _sync_folder(path.parent)
    except BaseException:
        part.unlink(missing_ok=True)
        raise
    return put


@dataclass(frozen=True, slots=True)
class Bucket:
    """A prefix of a bucket of an S3-compatible store."""

    store: fs.S3FileSystem
    root: str

    def put(self, name: str, pieces: Iterable[bytes]) -> Put:
        """Put an object there, whole, in the place of one of this key."""
        key = f"{self.root}/{name}"
        with tempfile.TemporaryFile() as spool:
            put = _pour(pieces, spool, "the spool")
            spool.seek(0)
            with _absence_told(f"s3://{key}"):
                self._upload(spool, key, put.bytes)
        return put

    def _upload(self, spool: BinaryIO, key: str, size: int) -> None:
        """Upload beside, and copy within the store once all of it is there.

        Arrow closes a stream that failed, too, and closing makes an object of the parts that came through.
        """
        beside = f"{key}.part"
        with self.store.open_output_stream(beside) as remote:
            while piece := spool.read(_PIECE_BYTES):
                remote.write(piece)
        there = self.store.get_file_info(beside).size
        if there != size:
            raise OSError(f"{there} of {size} bytes came through")
        self.store.move(beside, key)


def destination_of(told: str, settings: ExportSettings) -> Destination:
    """Return the place that is told.

    Raises
    ------
    DestinationInvalid
        If it is none.
    SettingInvalid
        If the folder is not set up.
    """
    scheme, parts = check_destination(told)
    if scheme:
        return Bucket(_s3(settings), "/".join(parts))
    if settings.exports_dir is None:
        raise SettingInvalid("VIGIE_EXPORTS_DIR: not set, and exports go to a folder below it")
    return Folder(settings.exports_dir.joinpath(*parts))


def check_destination(told: str) -> tuple[str, tuple[str, ...]]:
    """Return the scheme and the parts of a place: ``s3://bucket/prefix``, or a folder below ``VIGIE_EXPORTS_DIR``.

    Raises
    ------
    DestinationInvalid
        If it is neither.
    """
    scheme, _, rest = told.rpartition("://")
    parts = PurePosixPath(rest).parts
    if scheme not in {"", "s3"} or not parts or not all(_PART.fullmatch(part) for part in parts):
        raise DestinationInvalid(f"{told!r} is neither s3://BUCKET/PREFIX nor a folder such as archives/air")
    return scheme, parts


def _s3(settings: ExportSettings) -> fs.S3FileSystem:
    endpoint = urlsplit(settings.exports_s3_endpoint)
    return fs.S3FileSystem(
        access_key=settings.exports_s3_key.get_secret_value() or None,
        secret_key=settings.exports_s3_secret.get_secret_value() or None,
        endpoint_override=endpoint.netloc or None,
        scheme=endpoint.scheme or "https",
        region=settings.exports_s3_region or None,
        connect_timeout=CONNECT_S_MAX,
        request_timeout=REQUEST_S_MAX,
        background_writes=False,  # otherwise parts that wait to be sent fill the memory
    )


def _pour(pieces: Iterable[bytes], file: BinaryIO, name: str) -> Put:
    digest, size = hashlib.sha256(), 0
    for piece in pieces:
        digest.update(piece)
        size += len(piece)
        with _absence_told(name):
            file.write(piece)
    return Put(size, digest.hexdigest())


@contextmanager
def _absence_told(name: str) -> Iterator[None]:
    try:
        yield
    except OSError as error:
        raise DestinationAbsent(f"{name} cannot be written: {error}") from error


def _sync_folder(folder: Path) -> None:
    """Have the disk keep the file's new name, too."""
    descriptor = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
