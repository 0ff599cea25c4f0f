"""Contours of the Métropole's communes from geo.api.gouv.fr, the State's open register of places."""

from __future__ import annotations

from http import HTTPStatus

from core.errors import VigieError
from services.contours.reading import Given, read_geojson
from services.webhooks.outgoing import Call, NoAnswer, Outgoing

GEO_URL = "https://geo.api.gouv.fr"
SOURCE = "Contours IGN / Etalab"
LICENCE = "Licence Ouverte 2.0"
ANSWER_BYTES_MAX = 32 * 2**20
CALL_S_MAX = 60.0

# The Métropole du Grand Paris, by its SIREN.
_PATH = "/epcis/200054781/communes?fields=code,nom&format=geojson&geometry=contour"


class NotFetched(VigieError):
    """The register did not give the contours."""


def fetch_contours(outgoing: Outgoing, url: str = GEO_URL) -> Given:
    """Ask the register at ``url`` for all communes of the Métropole with their contours.

    Raises
    ------
    NotFetched
        If it does not answer, or something else than them.
    OutgoingRefused
        If it may not be called.
    ContoursRefused
        If what it answers cannot be right.
    """
    asked = Call(url.rstrip("/") + _PATH, s_max=CALL_S_MAX, answer_bytes_max=ANSWER_BYTES_MAX)
    try:
        answered = outgoing.call(asked)
    except NoAnswer as error:
        raise NotFetched(f"{url} does not answer: {error}") from None
    if answered.status != HTTPStatus.OK:
        raise NotFetched(f"{url} answers {answered.status}")
    if answered.is_cut:
        raise NotFetched(f"the answer of {url} is over {ANSWER_BYTES_MAX // 2**20} MiB")
    return read_geojson(answered.body, source=SOURCE, licence=LICENCE)
