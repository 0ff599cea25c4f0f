"""An S3-compatible store on a loopback port: moto's server, which others wrote and test against Amazon's answers."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass

from moto.server import ThreadedMotoServer
from pyarrow import fs


@dataclass(frozen=True)
class S3Store:
    """A running store with one bucket."""

    endpoint: str
    bucket: str = "open-data"

    def files(self) -> dict[str, bytes]:
        """Return what lies in the bucket, by key."""
        store = self.opened()
        found = store.get_file_info(fs.FileSelector(self.bucket, recursive=True))
        paths = [one.path for one in found if one.type is fs.FileType.File]
        return {path.removeprefix(f"{self.bucket}/"): store.open_input_stream(path).readall() for path in paths}

    def opened(self) -> fs.S3FileSystem:
        """Open it as its owner."""
        return fs.S3FileSystem(
            access_key="key",
            secret_key="secret",
            scheme="http",
            endpoint_override=self.endpoint.removeprefix("http://"),
            region="fr-par",
            allow_bucket_creation=True,
        )


@contextmanager
def s3_running() -> Iterator[S3Store]:
    """Run the store, stopped at the end."""
    server = ThreadedMotoServer("127.0.0.1", 0, verbose=False)
    server.start()
    try:
        host, port = server.get_host_and_port()
        store = S3Store(f"http://{host}:{port}")
        store.opened().create_dir(store.bucket)
        yield store
    finally:
        server.stop()
