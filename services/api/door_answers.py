"""What the API says of people, passes and what they may do, and what it is told of them."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from datetime import datetime
from typing import Annotated, Any, Self

from pydantic import BaseModel, ConfigDict, Field, model_validator

from core.places import communes
from core.roles import Grant, PassKind, Right, Role
from core.store.doors import KeptPass
from core.store.people import Person, read_site_communes
from core.store.pool import Connection
from services.api.answers import Answer, Items, documented
from services.api.parameters import ID_MAX, InseeCode, Instant, WholeNumber
from services.api.problems import BodyInvalid

GRANTS_MAX = 200
NAME_MAX = 120
_GRANT = {
    "role": "technician",
    "commune_insee": "93051",
    "commune_name": "Noisy-le-Grand",
    "site_id": None,
    "site_name": None,
}
_PERSON = {
    "person_id": 4,
    "name": "Amina Diallo",
    "email": "",
    "local": True,
    "added_at": "2026-03-02T08:00:00Z",
    "seen_at": None,
    "disabled_at": None,
    "grants": [_GRANT],
}
_LINK = {
    "link": "https://vigie.example.org/enter/vigie_8mZ0S0mX2sJw7Qb3V1cT4dY5eR6fU7gH8iJ9kL0mN1o",
    "expires_at": "2026-03-03T08:00:00Z",
}
_TOKEN = {
    "pass_id": 12,
    "name": "entrepôt de données",
    "made_at": "2026-03-02T08:00:00Z",
    "made_by": "Amina Diallo",
    "expires_at": "2026-06-02T08:00:00Z",
    "used_at": None,
    "revoked_at": None,
    "grants": [_GRANT],
}


class GrantBody(BaseModel):
    """A role somewhere: in the whole Métropole (no commune), in a commune, or on one of its sites."""

    model_config = ConfigDict(
        extra="forbid", json_schema_extra={"examples": [{"role": "technician", "commune_insee": "93051"}]}
    )

    role: Role
    commune_insee: InseeCode | None = Field(default=None, description="INSEE code; null: the whole Métropole.")
    site_id: Annotated[int, WholeNumber, Field(ge=1, le=ID_MAX)] | None = Field(
        default=None, description="Null: all sites."
    )

    @model_validator(mode="after")
    def _site_of_a_commune(self) -> Self:
        if self.site_id is not None and self.commune_insee is None:
            raise ValueError("a site needs its commune")
        return self


class GrantAnswer(Answer):
    """A role somewhere."""

    model_config = documented(_GRANT)

    role: Role
    commune_insee: str | None = Field(description="INSEE code; null: the whole Métropole.")
    commune_name: str | None
    site_id: int | None = Field(description="Null: all sites of the commune.")
    site_name: str | None


Grants = Annotated[list[GrantBody], Field(max_length=GRANTS_MAX)]
GrantsNeeded = Annotated[list[GrantBody], Field(min_length=1, max_length=GRANTS_MAX)]
Name = Annotated[str, Field(min_length=1, max_length=NAME_MAX, pattern=r"\S")]


def asked_grants(connection: Connection, bodies: Iterable[GrantBody]) -> tuple[Grant, ...]:
    """Return the grants that a body names, each once.

    Raises
    ------
    BodyInvalid
        A site is not one of its commune.
    """
    grants = tuple(dict.fromkeys(Grant(one.role, one.commune_insee, one.site_id) for one in bodies))
    sites = read_site_communes(connection, [one.site_id for one in grants if one.site_id is not None])
    for one in grants:
        if one.site_id is not None and sites.get(one.site_id, ("", ""))[0] != one.commune_insee:
            raise BodyInvalid("grants", f"the commune {one.commune_insee} has no site {one.site_id}")
    return grants


def site_names(connection: Connection, grants: Iterable[Grant]) -> dict[int, str]:
    """Return the names of the sites that grants name."""
    found = read_site_communes(connection, sorted({one.site_id for one in grants if one.site_id is not None}))
    return {site_id: name for site_id, (_, name) in found.items()}


def grant_answers(grants: Iterable[Grant], names: Mapping[int, str]) -> list[GrantAnswer]:
    """Return grants with the names of their places."""
    known = communes()
    return [
        GrantAnswer(
            role=one.role,
            commune_insee=one.commune_insee,
            commune_name=known[one.commune_insee].name if one.commune_insee in known else None,
            site_id=one.site_id,
            site_name=None if one.site_id is None else names.get(one.site_id),
        )
        for one in grants
    ]


class PersonAnswer(Answer):
    """A person, with those of their roles that whoever asks gives and takes."""

    model_config = documented(_PERSON)

    person_id: int
    name: str
    email: str = Field(description="As their identity provider says it, else empty.")
    local: bool = Field(description="Whether they sign in here, by a password, and not by the identity provider.")
    added_at: datetime
    seen_at: datetime | None = Field(description="When they last signed in.")
    disabled_at: datetime | None
    grants: list[GrantAnswer]


def person_answer(person: Person, shown: Iterable[Grant], names: Mapping[int, str]) -> PersonAnswer:
    """Return a person with these grants of theirs."""
    return PersonAnswer(
        person_id=person.person_id,
        name=person.name,
        email=person.email,
        local=person.is_local,
        added_at=person.added_at,
        seen_at=person.seen_at,
        disabled_at=person.disabled_at,
        grants=grant_answers(shown, names),
    )


class People(Items[PersonAnswer]):
    """People, in the order in which they came."""

    model_config = documented({"items": [_PERSON], "next": None})


class LinkAnswer(Answer):
    """A link that lets somebody in, shown this once."""

    model_config = documented(_LINK)

    link: str = Field(description="Its address; nobody can read it again.")
    expires_at: datetime


class AddedPerson(PersonAnswer, LinkAnswer):
    """A person who was added, with the one-time link by which they first come in."""

    model_config = documented({**_PERSON, **_LINK})


class PersonBody(BaseModel):
    """Somebody who will sign in here, by a password."""

    model_config = ConfigDict(
        extra="forbid",
        json_schema_extra={
            "examples": [{"name": "Amina Diallo", "grants": [{"role": "technician", "commune_insee": "93051"}]}]
        },
    )

    name: Name = Field(description="By which they sign in, and are named in answers and in the record of acts.")
    grants: GrantsNeeded


class GrantsBody(BaseModel):
    """All that somebody is to hold of what whoever asks gives and takes."""

    model_config = ConfigDict(
        extra="forbid",
        json_schema_extra={"examples": [{"grants": [{"role": "technician", "commune_insee": "93051"}]}]},
    )

    grants: Grants


class PassAnswer(Answer):
    """What is told of a pass that a program or a driver shows."""

    pass_id: int
    name: str
    made_at: datetime
    made_by: str
    expires_at: datetime
    used_at: datetime | None = Field(description="Its last use, to the minute.")
    revoked_at: datetime | None


class TokenAnswer(PassAnswer):
    """A program's token; nobody can read its secret again."""

    model_config = documented(_TOKEN)

    grants: list[GrantAnswer]


def token_answer(kept: KeptPass, names: Mapping[int, str]) -> TokenAnswer:
    """Return a token as the API shows it."""
    return TokenAnswer(**pass_fields(kept), grants=grant_answers(kept.grants, names))


def pass_fields(kept: KeptPass) -> dict[str, Any]:
    """Return the fields of `PassAnswer`, as a pass is kept."""
    return {name: getattr(kept, name) for name in PassAnswer.model_fields}


class MadeToken(TokenAnswer):
    """A new token, with its secret, shown this once."""

    model_config = documented({**_TOKEN, "secret": "vigie_8mZ0S0mX2sJw7Qb3V1cT4dY5eR6fU7gH8iJ9kL0mN1o"})

    secret: str = Field(description="To be shown as `Authorization: Bearer`; nobody can read it again.")


class Tokens(Items[TokenAnswer]):
    """Tokens, the newest first."""

    model_config = documented({"items": [_TOKEN], "next": None})


class TokenBody(BaseModel):
    """A program that is to be let in."""

    model_config = ConfigDict(
        extra="forbid",
        json_schema_extra={
            "examples": [
                {
                    "name": "entrepôt de données",
                    "grants": [{"role": "analyst", "commune_insee": "93051"}],
                    "expires_at": "2026-06-02T08:00:00Z",
                }
            ]
        },
    )

    name: Name = Field(description="What it is, for those who look after it and for the record of acts.")
    grants: GrantsNeeded
    expires_at: Instant = Field(description="At most 400 days from now.")


class RightAnswer(Answer):
    """A right, and one place where it holds."""

    model_config = documented({"right": "tend", "commune_insee": "93051", "site_id": None})

    right: Right
    commune_insee: str | None = Field(description="INSEE code; null: the whole Métropole.")
    site_id: int | None = Field(description="Null: all sites of the commune.")


class Me(Answer):
    """Who asks, and what they may do where."""

    model_config = documented(
        {
            "name": "Amina Diallo",
            "kind": "session",
            "grants": [_GRANT],
            "rights": [{"right": "see", "commune_insee": "93051", "site_id": None}],
            "csrf": "5f0c3a1d9be27c4f8a6d1e0b7c9f2a3d5f0c3a1d9be27c4f8a6d1e0b7c9f2a3d",
            "expires_at": "2026-03-02T20:00:00Z",
            "language": "fr",
            "local": True,
            "decision_id": None,
        }
    )

    name: str
    kind: PassKind
    grants: list[GrantAnswer]
    rights: list[RightAnswer]
    csrf: str | None = Field(
        description="Where a cookie lets in: what requests that change something show as `X-CSRF-Token`."
    )
    expires_at: datetime = Field(description="From then on the pass lets nobody in.")
    language: str = Field(description="Of the screen: `fr` or `en`.")
    local: bool = Field(description="Whether they sign in here, by a password that they can change.")
    decision_id: int | None = Field(description="The one round that a driver's link shows.")


class SessionAnswer(Answer):
    """A browser that somebody is signed in with."""

    model_config = documented(
        {
            "pass_id": 31,
            "current": True,
            "made_at": "2026-03-02T08:00:00Z",
            "used_at": "2026-03-02T08:31:00Z",
            "expires_at": "2026-03-02T20:00:00Z",
        }
    )

    pass_id: int
    current: bool = Field(description="Whether it is the one that asks.")
    made_at: datetime
    used_at: datetime | None = Field(description="Its last use, to the minute.")
    expires_at: datetime


class Sessions(Items[SessionAnswer]):
    """Sessions, the newest first."""

    model_config = documented({"items": [SessionAnswer.model_config["json_schema_extra"]["examples"][0]], "next": None})  # type: ignore[index]


class PasswordBody(BaseModel):
    """A new password in place of the present one."""

    model_config = ConfigDict(
        extra="forbid",
        json_schema_extra={"examples": [{"current": "une phrase assez longue", "password": "une autre, plus longue"}]},
    )

    current: str = Field(default="", max_length=200, description="Empty where none is set yet.")
    password: str = Field(min_length=12, max_length=200)
