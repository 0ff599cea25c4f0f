"""Media types, pages, and the @context that a question may name."""

from __future__ import annotations

import pytest
from starlette.requests import Request

from services.api.ngsi_ld.answering import GEO, JSON, LD, media_type, page_headers
from services.api.ngsi_ld.contexts import CONTEXT_PATH, CORE_CONTEXT, check_link, context_document
from services.api.ngsi_ld.faults import Fault, Refused

REL = 'rel="http://www.w3.org/ns/json-ld#context"; type="application/ld+json"'


def question(accept: str | None = None, query: str = "type=Device") -> Request:
    headers = [(b"accept", accept.encode())] if accept is not None else []
    scope = {"type": "http", "method": "GET", "path": "/ngsi-ld/v1/entities", "query_string": query.encode()}
    return Request({**scope, "headers": headers, "server": ("vigie.example", 443), "scheme": "https"})


@pytest.mark.parametrize(
    ("accept", "given"),
    [
        (None, JSON),
        ("*/*", JSON),
        ("application/*", JSON),
        ("application/json", JSON),
        ("application/ld+json", LD),
        ("application/ld+json, application/json", JSON),
        ("application/json;q=0.5, application/ld+json", LD),
        ("application/geo+json", GEO),
        ("text/html, application/geo+json;q=0.1", GEO),
        ("application/ld+json;q=oops, */*;q=0.1", JSON),
    ],
)
def test_the_best_of_what_is_accepted_is_given(accept: str | None, given: str) -> None:
    assert media_type(question(accept), geo=True) == given


@pytest.mark.parametrize("accept", ["text/html", "application/json;q=0", "application/geo+json"])
def test_what_nobody_accepts_is_refused(accept: str) -> None:
    with pytest.raises(Refused) as refused:
        media_type(question(accept))
    assert refused.value.fault is Fault.NOT_ACCEPTABLE


def test_pages_lead_to_those_beside_them() -> None:
    middle = page_headers(question(query="type=Device&limit=10&offset=15"), 15, 10, 40, counted=True)
    assert middle["NGSILD-Results-Count"] == "40"
    assert middle["Link"] == (
        '</ngsi-ld/v1/entities?type=Device&limit=10&offset=5>; rel="prev"; type="application/ld+json", '
        '</ngsi-ld/v1/entities?type=Device&limit=10&offset=25>; rel="next"; type="application/ld+json"'
    )
    assert page_headers(question(), 0, 10, 10, counted=False) == {}
    assert page_headers(question(), 0, 0, 10, counted=True) == {"NGSILD-Results-Count": "10"}


@pytest.mark.parametrize(
    "link",
    [
        None,
        "",
        f"<{CORE_CONTEXT}>; {REL}",
        f"<https://uri.etsi.org/ngsi-ld/v1/ngsi-ld-core-context.jsonld>; {REL}",
        f"<https://vigie.example{CONTEXT_PATH}>; {REL}",
        f"<https://raw.githubusercontent.com/smart-data-models/dataModel.Device/master/context.jsonld>; {REL}",
        '<https://elsewhere.example/next>; rel="next"',
    ],
)
def test_a_context_that_says_the_same_is_taken(link: str | None) -> None:
    check_link(link, "https://vigie.example")
    assert context_document()["@context"]


@pytest.mark.parametrize(
    "url",
    ["https://elsewhere.example/mine.jsonld", "https://uri.etsi.org.elsewhere.example/ngsi-ld-core-context.jsonld", ""],
)
def test_a_context_that_nobody_here_knows_is_refused(url: str) -> None:
    with pytest.raises(Refused) as refused:
        check_link(f'<https://a.example/x>; rel="next", <{url}>; {REL}', "https://vigie.example")
    assert refused.value.fault is Fault.LD_CONTEXT_NOT_AVAILABLE


def test_the_context_leaves_the_terms_of_the_standard_alone() -> None:
    terms = context_document()["@context"]
    assert terms.keys().isdisjoint({"id", "type", "location", "status", "value", "unitCode", "observedAt", "title"})
    assert terms["WasteContainer"]["@context"]["temperature"] != terms["temperature"]
    assert all("@id" in one or one.startswith(("https://", "urn:")) for one in terms.values())
