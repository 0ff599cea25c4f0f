"""Decoders: one per network, pure. A new one is a file here and a line in `DECODERS`."""

from __future__ import annotations

from ingestors.decoders.chirpstack import decode_chirpstack
from ingestors.decoders.frame import Decoder
from ingestors.decoders.senml import decode_senml
from ingestors.decoders.the_things_stack import decode_the_things_stack
from ingestors.topics import Network

DECODERS: dict[Network, Decoder] = {
    Network.NATIVE: decode_senml,
    Network.THE_THINGS_STACK: decode_the_things_stack,
    Network.CHIRPSTACK: decode_chirpstack,
}
