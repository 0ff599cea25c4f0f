"""What the api knows of decoders: they are the ingest's, and the roof hands them on."""

from __future__ import annotations

from functools import partial

from core.decoding import Decode
from core.settings import IngestSettings
from ingestors.steps import decoding_of
from ingestors.validate import Limits


def present_decoders() -> Decode:
    """Return what takes a message apart by the present decoders, within the bounds that ingest has by default."""
    return partial(decoding_of, limits=Limits.of(IngestSettings.model_construct()))
