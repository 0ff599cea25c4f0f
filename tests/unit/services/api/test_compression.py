"""Which coding an answer is compressed with, and that what comes out is what went in."""

from __future__ import annotations

import asyncio
import gzip
import random
from collections.abc import Callable

import brotli
import httpx
import pytest
import zstandard
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import Response, StreamingResponse
from starlette.routing import Route

from services.api.compression import IN_THREAD_BYTES_MIN, Compression, chosen_coding
from services.api.etags import Etags

_CHANCE = random.Random(7)  # noqa: S311 - numbers, no secret
BODY = b"[" + b",".join(str(_CHANCE.gauss(0, 9)).encode() for _ in range(20_000)) + b"]"
OPEN: dict[str, Callable[[bytes], bytes]] = {
    "zstd": lambda body: zstandard.ZstdDecompressor().stream_reader(body).read(),
    "br": brotli.decompress,
    "gzip": gzip.decompress,
}


@pytest.mark.parametrize(
    ("accept", "coding"),
    [
        ("", None),
        ("identity", None),
        ("gzip, deflate, br, zstd", "zstd"),
        ("gzip, br", "br"),
        ("gzip;q=1.0, zstd;q=0.5", "gzip"),
        ("*", "zstd"),
        ("*, zstd;q=0", "br"),
        ("gzip;q=0", None),
        ("gzip;q=nonsense", None),
        ("GZIP", "gzip"),
    ],
)
def test_the_coding_is_the_one_the_client_weighs_most(accept: str, coding: str | None) -> None:
    assert chosen_coding(accept) == coding


def whole(request: Request) -> Response:
    return Response(BODY[: int(request.query_params["bytes"])], media_type=request.query_params["type"])


def pieces(_: Request) -> Response:
    step = IN_THREAD_BYTES_MIN + 1
    return StreamingResponse((BODY[at : at + step] for at in range(0, len(BODY), step)), media_type="text/csv")


def asked(path: str, accept: str, **headers: str) -> tuple[httpx.Response, bytes]:
    app = Compression(Etags(Starlette(routes=[Route("/whole", whole), Route("/pieces", pieces)])))

    async def ask() -> tuple[httpx.Response, bytes]:
        async with (
            httpx.AsyncClient(transport=httpx.ASGITransport(app), base_url="http://api") as client,
            client.stream("GET", path, headers={"Accept-Encoding": accept, **headers}) as answer,
        ):
            return answer, b"".join([piece async for piece in answer.aiter_raw()])

    return asyncio.run(ask())


@pytest.mark.parametrize("coding", OPEN)
@pytest.mark.parametrize("size", [2_000, len(BODY)])
def test_a_body_comes_out_as_it_went_in(coding: str, size: int) -> None:
    answer, raw = asked(f"/whole?bytes={size}&type=application/json", coding)
    assert answer.headers["content-encoding"] == coding
    assert answer.headers["vary"] == "Accept-Encoding"
    assert len(raw) < size
    assert OPEN[coding](raw) == BODY[:size]


@pytest.mark.parametrize("coding", OPEN)
def test_so_does_one_that_comes_in_pieces(coding: str) -> None:
    answer, raw = asked("/pieces", coding)
    assert answer.headers["content-encoding"] == coding
    assert OPEN[coding](raw) == BODY


@pytest.mark.parametrize("kind", ["text/event-stream", "application/vnd.apache.parquet", "image/png"])
def test_feeds_and_what_is_compressed_already_are_left_as_they_are(kind: str) -> None:
    answer, raw = asked(f"/whole?bytes=5000&type={kind}", "zstd, br, gzip")
    assert "content-encoding" not in answer.headers
    assert raw == BODY[:5_000]


def test_a_small_body_is_sent_as_it_is() -> None:
    answer, raw = asked("/whole?bytes=1000&type=application/json", "gzip")
    assert "content-encoding" not in answer.headers
    assert raw == BODY[:1_000]


def test_each_coding_has_its_tag_and_each_tag_is_known_again() -> None:
    path = "/whole?bytes=5000&type=application/json"
    tags = {coding: asked(path, coding)[0].headers["etag"] for coding in ("identity", "zstd", "br", "gzip")}
    assert len(set(tags.values())) == 4
    for tag in tags.values():
        answer, raw = asked(path, "br", **{"If-None-Match": tag})
        assert (answer.status_code, raw, answer.headers["etag"]) == (304, b"", tag)
    assert asked(path, "br", **{"If-None-Match": '"other"'})[0].status_code == 200


def test_what_is_too_large_or_no_json_has_no_tag() -> None:
    assert "etag" not in asked("/pieces", "identity")[0].headers
    assert "etag" not in asked("/whole?bytes=5000&type=text/csv", "identity")[0].headers
