"""Decoders: one per network, pure. A new one is a file here and a line in `DECODERS` and in `VERSIONS`."""

from __future__ import annotations

from ingestors.decoders import chirpstack, senml, the_things_stack
from ingestors.decoders.frame import Decoder
from ingestors.topics import Network

DECODERS: dict[Network, Decoder] = {
    Network.NATIVE: senml.decode_senml,
    Network.THE_THINGS_STACK: the_things_stack.decode_the_things_stack,
    Network.CHIRPSTACK: chirpstack.decode_chirpstack,
}
VERSIONS: dict[Network, str] = {
    Network.NATIVE: f"senml/{senml.VERSION}",
    Network.THE_THINGS_STACK: f"the_things_stack/{the_things_stack.VERSION}",
    Network.CHIRPSTACK: f"chirpstack/{chirpstack.VERSION}",
}
"""Which decoder, of which version, a rejection went through."""
