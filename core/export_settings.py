"""Settings of scheduled exports: where their files may go."""

from __future__ import annotations

from pathlib import Path

from pydantic import Field, SecretStr

from core.environment import Environment


class ExportSettings(Environment):
    """Where scheduled exports may go.

    Parameters
    ----------
    exports_dir
        The folder below which exports to a folder go; without it there are none.
    exports_s3_endpoint, exports_s3_region
        Of the S3-compatible store, ``https://s3.example.org`` say; without it, that of Amazon.
    exports_s3_key, exports_s3_secret
        May write, read and delete below the prefixes of the exports; never printed. Without: the machine's own.
    """

    exports_dir: Path | None = None
    exports_s3_endpoint: str = Field(default="", pattern=r"^(https?://[^/\s?#@]+)?/?$")
    exports_s3_region: str = Field(default="", pattern=r"^[a-z0-9-]{0,40}$")
    exports_s3_key: SecretStr = SecretStr("")
    exports_s3_secret: SecretStr = SecretStr("")
