"""The record of who did what, for its auditors: a page at a time, and as a file that ends with the chain's head."""

from __future__ import annotations

import json
from collections.abc import Callable, Generator
from datetime import datetime
from itertools import islice
from typing import Annotated, Any

from fastapi import Query, Request
from pydantic import Field, StringConstraints

from core.audit import Act, Entry, What, WhoKind, canonical_json
from core.store.audit import WantedActs, chain_read, read_acts, read_chain, record
from core.store.pool import connected, store_absence_told, under
from services.api.acting import Acting
from services.api.answers import Answer, Items, Store, api_router, documented
from services.api.doors.visiting import Visiting, door_of
from services.api.export_stream import ExportResponse, ExportTurns
from services.api.parameters import LONG_ID_MAX, InseeCode, Instant
from services.audit_files import AUDIT_FILES, AuditFile, AuditFormat, entry_told

router = api_router("audit")

_LINES_AT_ONCE = 500
_ENTRY = {
    "number": 1_204,
    "at": "2026-03-02T09:12:00.104233Z",
    "who": {
        "kind": "session",
        "name": "Nadia Benali",
        "person_id": 3,
        "pass_id": 41,
        "address": "192.0.2.7",
        "agent": "Mozilla/5.0",
    },
    "what": "decision_approved",
    "target": "decision:31",
    "commune_insee": "93051",
    "before": {"state": "proposed"},
    "after": {"state": "approved", "kind": "round", "subject": "93051:bacs", "note": "", "actions": []},
    "hash": "9f86d081884c7d659a2feaa0c55ad015a3bf4f1b2b0b822cd15d6c15b0f00a08",
}
Text = Annotated[str, StringConstraints(strip_whitespace=True, max_length=300, pattern=r"^[^\x00]*$")]


class WhoAnswer(Answer):
    """Who acted, and from where."""

    kind: WhoKind = Field(description="By which pass, or without one: at the door, at the command line, by itself.")
    name: str
    person_id: int | None
    pass_id: int | None
    address: str = Field(description="Network address of the request, empty where there was none.")
    agent: str = Field(description="What the program called itself.")


class ActAnswer(Answer):
    """An act on record."""

    model_config = documented(_ENTRY)

    number: int = Field(description="Its place in the record, without gaps over all communes.")
    at: datetime
    who: WhoAnswer
    what: str = Field(description="What was done: a word of the pages' catalogue, `audit.what.{word}`.")
    target: str = Field(description="What it was done to, kind and name: `decision:31`.")
    commune_insee: str | None = Field(description="Where; null for what is of the whole Métropole.")
    before: dict[str, Any] | None
    after: dict[str, Any] | None
    hash: str = Field(description="SHA-256 over the hash of the act before it and this act.")


class Verified(Answer):
    """The last time that the whole record was computed anew and held."""

    number: int = Field(description="The last act then.")
    at: datetime


class Acts(Items[ActAnswer]):
    """Acts, the newest first; `next` is given as `before`."""

    model_config = documented(
        {"items": [_ENTRY], "next": None, "verified": {"number": 1_198, "at": "2026-03-02T03:10:04Z"}}
    )

    verified: Verified | None = Field(description="Null before the first night.")


class ActsQuery(Answer):
    """Of whom, what, where and when."""

    who: Text | None = Field(default=None, description="A part of the name of who acted.")
    what: What | None = None
    target: Text | None = Field(default=None, description="Exactly: `sensor:12`.")
    commune: InseeCode | None = Field(default=None, description="INSEE code.")
    start: Annotated[Instant | None, Field(alias="from", description="From then on.")] = None
    until: Instant | None = Field(default=None, description="Before then.")

    def wanted(self) -> WantedActs:
        """Return it as the store takes it."""
        return WantedActs(self.who or None, self.what, self.target or None, self.commune, self.start, self.until)


class ActsPageQuery(ActsQuery):
    """A page of what is asked for."""

    before: int | None = Field(default=None, ge=1, le=LONG_ID_MAX, description="The `next` of the page before.")
    limit: int = Field(default=50, ge=1, le=500, description="Items on a page at most.")


class ActsFileQuery(ActsQuery):
    """What is asked for, as a file."""

    format: AuditFormat = Field(default=AuditFormat.CSV, description="`csv-fr` opens in a French spreadsheet.")


@router.get("/audit", operation_id="read_audit")
def read_audit(asked: Annotated[ActsPageQuery, Query()], store: Store) -> Acts:
    """List who did what: in the communes that the visitor audits, or everywhere; the newest first."""
    page = read_acts(store, asked.wanted(), before=asked.before, limit=asked.limit + 1)
    items = [_act(entry) for entry in page[: asked.limit]]
    chain = read_chain(store)
    verified = None if chain.verified_at is None else Verified(number=chain.verified_number, at=chain.verified_at)
    return Acts(items=items, next=items[-1].number if len(page) > asked.limit else None, verified=verified)


@router.get(
    "/audit/export",
    operation_id="export_audit",
    response_class=ExportResponse,
    status_code=200,
    responses={
        200: {
            "description": "The file, as it is made.",
            "content": {
                "text/csv": {"schema": {"type": "string"}, "examples": {"csv": {"value": "number,at,kind,name\r\n"}}},
                "application/x-ndjson": {
                    "schema": {"type": "string"},
                    "examples": {"jsonl": {"value": '{"number": 1204}\n{"head": "1204:9f86…", "rows": 1}\n'}},
                },
            },
        }
    },
)
def export_audit(
    asked: Annotated[ActsFileQuery, Query()], store: Acting, visitor: Visiting, request: Request
) -> ExportResponse:
    """Export acts as a file, the oldest first; that it was taken is an act itself.

    Its last line is the head of the whole chain, by which `vigie audit verify --head` tells later whether all up to it
    is as it was.
    """
    wanted = asked.wanted()
    told = {name: value for name, value in wanted.told().items() if value is not None}
    number = read_chain(store).head.number
    record(store, Act(What.AUDIT_EXPORTED, "audit", wanted.commune, after=told | {"format": asked.format}))
    turns: ExportTurns = request.app.state.export_turns
    file = AUDIT_FILES[asked.format]
    flow = AuditFlow(under(door_of(request).settings.dsn, visitor.key), wanted, file)
    return ExportResponse(turns, flow, file, f"vigie-audit-{number}")


class AuditFlow:
    """A file of acts as it comes out of the store, on a connection of its own.

    Parameters
    ----------
    dsn
        The address to read from, under the visitor's pass.
    """

    def __init__(self, dsn: str, wanted: WantedActs, file: AuditFile) -> None:
        self._dsn, self._wanted, self._file = dsn, wanted, file
        self._cancel: Callable[[], object] | None = None
        self.rows = 0

    def pieces(self) -> Generator[bytes]:
        """Yield the file piece by piece; it is whole when the iterator ended by itself, and only then."""
        try:
            with store_absence_told(), connected(self._dsn) as connection:
                self._cancel = connection.cancel_safe
                connection.commit()
                with chain_read(connection, self._wanted) as (chain, entries):
                    if heading := self._file.heading():
                        yield heading
                    while some := list(islice(entries, _LINES_AT_ONCE)):
                        self.rows += len(some)
                        yield self._file.lines(some)
                    yield self._file.ending(chain.head, self.rows)
        finally:
            self._cancel = None

    def cancel(self) -> None:
        """Have the server end the statement under way, from any thread."""
        if (cancel := self._cancel) is not None:
            cancel()


def _act(entry: Entry) -> ActAnswer:
    return ActAnswer.model_validate(json.loads(canonical_json(entry_told(entry))))
