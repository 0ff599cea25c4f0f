"""What a page may load: our own files and nothing else, but the map's background where an administrator names one."""

from __future__ import annotations

from dataclasses import dataclass
from urllib.parse import urlsplit

_FETCHED = "default-src 'self'; worker-src 'self'; "
_REFUSED = "; object-src 'none'; base-uri 'none'; form-action 'self'; frame-ancestors 'none'"


@dataclass(frozen=True, slots=True)
class Tiles:
    """A server of map tiles.

    Parameters
    ----------
    url
        Address of a tile with ``{z}``, ``{x}`` and ``{y}``; empty where maps have no background.
    source
        What must be said wherever they are shown.
    """

    url: str = ""
    source: str = ""

    @property
    def origin(self) -> str:
        """Scheme and host, as a policy names them."""
        parts = urlsplit(self.url)
        return f"{parts.scheme}://{parts.netloc}" if self.url else ""


NO_TILES = Tiles()


def page_headers(tiles: Tiles) -> dict[str, str]:
    """Return the headers of every page."""
    images = " ".join(filter(None, ["'self'", "data:", tiles.origin]))
    asked = " ".join(filter(None, ["'self'", tiles.origin]))
    return {
        "Content-Security-Policy": f"{_FETCHED}img-src {images}; connect-src {asked}{_REFUSED}",
        "X-Content-Type-Options": "nosniff",
        "Referrer-Policy": "same-origin",
        "Cross-Origin-Opener-Policy": "same-origin",
        "Permissions-Policy": "camera=(), microphone=(), geolocation=()",
        "Cache-Control": "private, no-cache",
        "Vary": "Accept-Language, Cookie",
    }
