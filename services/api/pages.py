"""The web pages: HTML in the visitor's language, their words and their static files, under a strict policy.

The pages hold no figures of their own: their scripts ask the public API, as anybody may. Nobody gets one without being
let in; which pages the rail offers follows from what the visitor may do somewhere.
"""

from __future__ import annotations

import hashlib
import json
import mimetypes
import re
from collections.abc import Mapping
from pathlib import Path
from typing import Any
from urllib.parse import urlencode

from fastapi import APIRouter, FastAPI, Request, Response
from fastapi.responses import HTMLResponse, RedirectResponse
from jinja2 import Environment, FileSystemLoader, StrictUndefined
from starlette.staticfiles import StaticFiles
from starlette.types import Scope

from core.roles import PassKind, Right, Visitor
from services.api.doors.visiting import MaybeVisiting
from services.api.page_policy import NO_TILES, Tiles, page_headers
from services.api.page_words import LANGUAGE_COOKIE, chosen_language
from services.words import LANGUAGES, read_catalogues

_IMPORT = re.compile(r'^import [^"]*"\./(\w+)\.js"', re.MULTILINE)
_YEAR_S = 365 * 24 * 3600
_FOREVER = f"public, max-age={_YEAR_S}, immutable"

PAGES: Mapping[str, Right] = {
    "supervision": Right.SEE,
    "tournees": Right.SEE,
    "energie": Right.SEE,
    "air": Right.SEE,
    "livraisons": Right.SEE,
    "donnees": Right.SEE,
    "modeles": Right.SEE,
    "acces": Right.GRANT,
    "audit": Right.AUDIT,
}
"""The pages of the rail in order, and the right that each asks for somewhere; each has a template, a script, a name."""
BEHIND: Mapping[str, str] = {"capteur": "supervision", "alarmes": "supervision"}
"""The pages that the rail does not show, and the one of the rail that each is a part of, with its right."""
ROUND_PAGE = "round"
"""The page of a driver's link; it has no rail: its visitor may see nothing else."""

# Some systems' tables lack these, and a browser told not to sniff would refuse the files.
mimetypes.add_type("text/javascript", ".js")
mimetypes.add_type("font/woff2", ".woff2")


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


def first_page_of(visitor: Visitor) -> str:
    """Return the page that a visitor meets first: that of their link, else the first of the rail that they may open."""
    if visitor.kind is PassKind.LINK:
        return ROUND_PAGE
    return next((page for page, right in PAGES.items() if visitor.may_somewhere(right)), "supervision")


class Pages:
    """The templates with their words; every page, the door's too, is drawn here."""

    def __init__(self, dashboards_dir: Path, tiles: Tiles = NO_TILES) -> None:
        self._tiles, self._headers = tiles, page_headers(tiles)
        self.catalogues = read_catalogues(dashboards_dir)
        self.version = static_version(dashboards_dir)
        self._scripts = dashboards_dir / "static" / "js"
        self._modules = {page: modules_of(page, self._scripts) for page in (*PAGES, *BEHIND, ROUND_PAGE)}
        self._templates = Environment(
            loader=FileSystemLoader(dashboards_dir / "pages"),
            autoescape=True,
            undefined=StrictUndefined,
            trim_blocks=True,
        )

    def answer(self, request: Request, page: str, status: int = 200, **shown: Any) -> HTMLResponse:
        """Return a page in the visitor's language; ``shown`` is what its template names beside the words."""
        language = chosen_language(request)
        html = self._templates.get_template(f"{page}.html").render(
            page=page,
            current=BEHIND.get(page, page),
            modules=self._modules.get(page, []),
            language=language,
            tiles=self._tiles,
            languages=LANGUAGES,
            language_urls={code: _in_language(request, code) for code in LANGUAGES},
            static=f"/static/{self.version}",
            words_url=f"/words/{language}.json?v={self.version}",
            t=self.catalogues[language].text,
            **shown,
        )
        response = HTMLResponse(html, status, headers={**self._headers, "Content-Language": language})
        if request.query_params.get("lang") == language:
            response.set_cookie(LANGUAGE_COOKIE, language, max_age=_YEAR_S, samesite="lax", httponly=True)
        return response


def page_router(pages: Pages) -> APIRouter:
    """Return the routes of the HTML pages and of their words."""
    router = APIRouter(include_in_schema=False)

    def answer(request: Request, visitor: MaybeVisiting) -> Response:
        page = request.url.path.strip("/")
        if visitor is None:
            # A driver has nowhere to sign in: whose link is gone is told so.
            return pages.answer(request, "gone", status=410) if page == ROUND_PAGE else _to_the_door(request)
        wanted = Right.DRIVE if page == ROUND_PAGE else PAGES[BEHIND.get(page, page)]
        if not visitor.may_somewhere(wanted):
            return RedirectResponse(f"/{first_page_of(visitor)}", status_code=303)
        offered = [name for name, right in PAGES.items() if visitor.may_somewhere(right)]
        return pages.answer(request, page, pages=offered)

    for page in (*PAGES, *BEHIND, ROUND_PAGE):
        router.add_api_route(f"/{page}", answer, methods=["GET"], name=page)

    @router.get("/")
    def first_page(request: Request, visitor: MaybeVisiting) -> RedirectResponse:
        if visitor is None:
            return _to_the_door(request)
        return RedirectResponse(f"/{first_page_of(visitor)}?{request.url.query}".rstrip("?"), status_code=303)

    @router.get("/words/{language}.json")
    def words(language: str, v: str = "") -> Response:
        if language not in pages.catalogues:
            return Response(status_code=404)
        cache = _FOREVER if v == pages.version else "no-cache"
        body = json.dumps(pages.catalogues[language].words, ensure_ascii=False)
        return Response(body, media_type="application/json", headers={"Cache-Control": cache})

    return router


def _to_the_door(request: Request) -> RedirectResponse:
    """Send whoever is not signed in to the sign-in, from where they come back to the address that they asked."""
    asked = f"{request.url.path}?{request.url.query}".rstrip("?")
    return RedirectResponse(f"/signin?{urlencode({'next': asked})}", status_code=303)


def _in_language(request: Request, language: str) -> str:
    """Return this page's own address in another language, without its host."""
    url = request.url.include_query_params(lang=language)
    return f"{url.path}?{url.query}"
