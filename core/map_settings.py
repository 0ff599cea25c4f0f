"""Settings of the maps' background."""

from __future__ import annotations

from pydantic import Field

from core.environment import Environment

# No character that would end an address in a Content-Security-Policy, and all three numbers of a tile.
_TILES_URL = r"^(https?://[^/\s?#@;,'\"]+/[^\s;,'\"]*\{[xyz]\}[^\s;,'\"]*\{[xyz]\}[^\s;,'\"]*\{[xyz]\}[^\s;,'\"]*)?$"


class MapSettings(Environment):
    """Where the maps' background comes from; without it maps draw the communes alone and nothing leaves the network.

    Parameters
    ----------
    tiles_url
        Address of a tile with ``{z}``, ``{x}`` and ``{y}``; the pages may then load images from that host.
    tiles_attribution
        What must be said beside them.
    """

    tiles_url: str = Field(default="", pattern=_TILES_URL, max_length=1_000)
    tiles_attribution: str = Field(default="", max_length=200)
