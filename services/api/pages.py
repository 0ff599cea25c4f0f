"""The web pages: HTML in the visitor's language, their words and their static files, under a strict policy.

The pages hold no figures of their own: their scripts ask the public API, as anybody may.
"""

from __future__ import annotations

import hashlib
import json
import mimetypes
import re
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from fastapi import APIRouter, FastAPI, Request, Response
from fastapi.responses import HTMLResponse, RedirectResponse
from jinja2 import Environment, FileSystemLoader, StrictUndefined
from starlette.staticfiles import StaticFiles
from starlette.types import Scope

LANGUAGES = ("fr", "en")
LANGUAGE_COOKIE = "vigie_lang"
_IMPORT = re.compile(r'^import [^"]*"\./(\w+)\.js"', re.MULTILINE)
_YEAR_S = 365 * 24 * 3600
_FOREVER = f"public, max-age={_YEAR_S}, immutable"

PAGES = ("supervision", "tournees", "energie", "air", "livraisons", "donnees")
"""The pages of the rail, in order; each has a template, a script and a name in the words."""

_POLICY = (
    "default-src 'self'; img-src 'self' data:; object-src 'none'; base-uri 'none'; form-action 'self'; "
    "frame-ancestors 'none'"
)
PAGE_HEADERS: Mapping[str, str] = {
    "Content-Security-Policy": _POLICY,
    "X-Content-Type-Options": "nosniff",
    "Referrer-Policy": "same-origin",
    "Cross-Origin-Opener-Policy": "same-origin",
    "Permissions-Policy": "camera=(), microphone=(), geolocation=()",
    "Cache-Control": "private, no-cache",
    "Vary": "Accept-Language, Cookie",
}

# Some systems' tables lack these, and a browser told not to sniff would refuse the files.
mimetypes.add_type("text/javascript", ".js")
mimetypes.add_type("font/woff2", ".woff2")


@dataclass(frozen=True, slots=True)
class Catalogue:
    """The words of one language, by dotted key: ``pages.supervision``."""

    language: str
    words: Mapping[str, Any]

    def text(self, key: str) -> str:
        """Return the words of this key.

        Raises
        ------
        KeyError
            If the catalogue has none: a page never shows a key.
        """
        entry: Any = self.words
        for part in key.split("."):
            entry = entry[part]
        return str(entry)


def read_catalogues(dashboards_dir: Path) -> dict[str, Catalogue]:
    """Read the words of every language."""
    return {
        language: Catalogue(
            language, json.loads((dashboards_dir / "words" / f"{language}.json").read_text(encoding="utf-8"))
        )
        for language in LANGUAGES
    }


def static_version(dashboards_dir: Path) -> str:
    """Return a name that changes whenever a static file or a word does; it stands in every address of them."""
    digest = hashlib.sha256()
    for folder in ("static", "words"):
        for path in sorted((dashboards_dir / folder).rglob("*")):
            if path.is_file():
                digest.update(path.relative_to(dashboards_dir).as_posix().encode())
                digest.update(path.read_bytes())
    return digest.hexdigest()[:12]


def modules_of(page: str, scripts: Path) -> list[str]:
    """Return the names of all modules that a page's script imports: a browser then asks for them at once."""
    found: list[str] = []
    waiting = [page]
    while waiting:
        for name in _IMPORT.findall((scripts / f"{waiting.pop()}.js").read_text(encoding="utf-8")):
            if name not in found:
                found.append(name)
                waiting.append(name)
    return sorted(found)


def chosen_language(request: Request) -> str:
    """Return the language that the visitor asks for: by the address, then the cookie, then the browser, else French."""
    for asked in (request.query_params.get("lang"), request.cookies.get(LANGUAGE_COOKIE)):
        if asked in LANGUAGES:
            return str(asked)
    wanted = []
    for part in request.headers.get("accept-language", "").split(","):
        tag, _, weight = part.strip().partition(";q=")
        wanted.append((-_weight(weight), tag[:2].lower()))
    return next((tag for weight, tag in sorted(wanted, key=lambda pair: pair[0]) if tag in LANGUAGES and weight), "fr")


def _weight(text: str) -> float:
    try:
        return float(text or 1)
    except ValueError:
        return 0.0


class VersionedFiles(StaticFiles):
    """Static files under ``/static/<version>/``: kept for a year under their own version, else asked again."""

    def __init__(self, directory: Path, version: str) -> None:
        super().__init__(directory=directory)
        self.version = version

    async def get_response(self, path: str, scope: Scope) -> Response:
        """Return the file that follows the version in ``path``."""
        version, _, name = path.partition("/")
        response = await super().get_response(name, scope)
        response.headers["Cache-Control"] = _FOREVER if version == self.version else "no-cache"
        response.headers["X-Content-Type-Options"] = "nosniff"
        return response


def mount_static(app: FastAPI, dashboards_dir: Path) -> None:
    """Serve the static files; the application compresses them as it does every answer."""
    app.mount("/static", VersionedFiles(dashboards_dir / "static", static_version(dashboards_dir)), name="static")


def page_router(dashboards_dir: Path) -> APIRouter:
    """Return the routes of the HTML pages and of their words."""
    router = APIRouter(include_in_schema=False)
    catalogues = read_catalogues(dashboards_dir)
    version = static_version(dashboards_dir)
    modules = {page: modules_of(page, dashboards_dir / "static" / "js") for page in PAGES}
    templates = Environment(
        loader=FileSystemLoader(dashboards_dir / "pages"),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
    )

    def answer(request: Request) -> HTMLResponse:
        page = request.url.path.strip("/")
        language = chosen_language(request)
        html = templates.get_template(f"{page}.html").render(
            page=page,
            pages=PAGES,
            modules=modules[page],
            language=language,
            languages=LANGUAGES,
            language_urls={code: str(_relative(request, code)) for code in LANGUAGES},
            static=f"/static/{version}",
            words_url=f"/words/{language}.json?v={version}",
            t=catalogues[language].text,
        )
        response = HTMLResponse(html, headers={**PAGE_HEADERS, "Content-Language": language})
        if request.query_params.get("lang") == language:
            response.set_cookie(LANGUAGE_COOKIE, language, max_age=_YEAR_S, samesite="lax", httponly=True)
        return response

    for page in PAGES:
        router.add_api_route(f"/{page}", answer, methods=["GET"], name=page)

    @router.get("/")
    def first_page(request: Request) -> RedirectResponse:
        return RedirectResponse(f"/supervision?{request.url.query}".rstrip("?"), status_code=307)

    @router.get("/words/{language}.json")
    def words(language: str, v: str = "") -> Response:
        if language not in catalogues:
            return Response(status_code=404)
        cache = _FOREVER if v == version else "no-cache"
        body = json.dumps(catalogues[language].words, ensure_ascii=False)
        return Response(body, media_type="application/json", headers={"Cache-Control": cache})

    return router


def _relative(request: Request, language: str) -> str:
    """Return this page's own address in another language, without its host."""
    url = request.url.include_query_params(lang=language)
    return f"{url.path}?{url.query}"
