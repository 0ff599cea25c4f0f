"""The @context that Vigie serves: every term of its entities to the IRI that the Smart Data Models give it.

Most terms mean one thing. ``temperature``, ``category`` and ``refDevice`` are other IRIs in each subject of the
models: here they are those of the first type that has them, and each other type carries its own (a type-scoped context
of JSON-LD 1.1), so that a processor that knows them is exact and one that does not is still consistent.
"""

from __future__ import annotations

import re
from functools import cache
from typing import Any

from services.api.ngsi_ld.entity_types import ENTITY_TYPES, OWN_TERMS, EntityType
from services.api.ngsi_ld.faults import Fault, Refused

CORE_CONTEXT = "https://uri.etsi.org/ngsi-ld/v1/ngsi-ld-core-context-v1.9.jsonld"
CONTEXT_PATH = "/ngsi-ld/v1/jsonldContexts/vigie-1"
"""Brokers keep a context for ever: whatever changes a term's meaning is a new one, with its own number."""
CONTEXT_REL = "http://www.w3.org/ns/json-ld#context"

_SDM = "https://smartdatamodels.org/"
_OWN = "urn:vigie:term:"
_COMMON = frozenset(
    {"name", "address", "areaServed", "dataProvider", "source", "dateObserved"}
    | {"addressLocality", "addressRegion", "addressCountry"}
)
_CORE = {"location": "https://uri.etsi.org/ngsi-ld/location", "status": "https://uri.etsi.org/ngsi-ld/status"}
_LINK = re.compile(r'\s*<([^>]*)>\s*((?:;[^,"]*(?:"[^"]*")?[^,"]*)*)')
_KNOWN_CONTEXTS = re.compile(
    r"https?://(?:uri\.etsi\.org/ngsi-ld/(?:v1/)?ngsi-ld-core-context(?:-v[0-9.]+)?\.jsonld"
    r"|raw\.githubusercontent\.com/smart-data-models/[\w.-]+/[\w-]+/context\.jsonld"
    r"|smart-data-models\.github\.io/[\w./-]+\.jsonld)"
)


def attribute_iri(entity_type: EntityType, attribute: str) -> str:
    """Return the IRI of an attribute of this type."""
    if attribute in _CORE:
        return _CORE[attribute]
    if attribute in _COMMON:
        return f"{_SDM}{attribute}"
    if attribute in OWN_TERMS:
        return f"{_OWN}{attribute}"
    return f"{_SDM}dataModel.{entity_type.subject}/{attribute}"


def type_iri(entity_type: EntityType) -> str:
    """Return the IRI of a type."""
    return f"{_SDM}dataModel.{entity_type.subject}/{entity_type.name}"


@cache
def context_document() -> dict[str, Any]:
    """Return the @context document; the terms of NGSI-LD itself are those of the core context."""
    terms: dict[str, Any] = {term: f"{_SDM}{term}" for term in sorted(_COMMON)}
    terms |= {term: f"{_OWN}{term}" for term in sorted(OWN_TERMS)}
    types: dict[str, Any] = {}
    for entity_type in ENTITY_TYPES.values():
        scoped = {}
        for attribute in entity_type.attributes:
            iri = attribute_iri(entity_type, attribute)
            if attribute not in _CORE and terms.setdefault(attribute, iri) != iri:
                scoped[attribute] = iri
        own = type_iri(entity_type)
        types[entity_type.name] = {"@id": own, "@context": scoped} if scoped else own
    return {"@context": {**types, **terms}}


@cache
def _types_by_iri() -> dict[str, str]:
    return {type_iri(one): one.name for one in ENTITY_TYPES.values()}


@cache
def _attributes_by_iri() -> dict[str, str]:
    return {attribute_iri(one, name): name for one in ENTITY_TYPES.values() for name in one.attributes}


def type_named(name: str) -> EntityType | None:
    """Return the type of this term or IRI, or None."""
    return ENTITY_TYPES.get(_types_by_iri().get(name, name))


def attribute_term(name: str) -> str:
    """Return the term of an attribute given by its term or its IRI; a name that nothing has stays as it is."""
    return _attributes_by_iri().get(name, name)


def check_link(header: str | None, root: str) -> None:
    """Check the @context that a request's terms are written in (clause 6.3.5).

    Terms mean what Vigie's own context says. The core context, and those of the Smart Data Models, give the same terms
    the same meaning; what another says cannot be known here, for nothing is fetched from elsewhere.

    Raises
    ------
    Refused
        If the header names another context.
    """
    for url, rest in _LINK.findall(header or ""):
        if CONTEXT_REL not in rest:
            continue
        if url not in {root + CONTEXT_PATH, CONTEXT_PATH} and not _KNOWN_CONTEXTS.fullmatch(url):
            raise Refused(
                Fault.LD_CONTEXT_NOT_AVAILABLE,
                f"{url[:200]} is fetched by nobody here: give {root}{CONTEXT_PATH}, or names as full IRIs and no Link",
            )
