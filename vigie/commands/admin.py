"""`vigie admin`: who may come in, from the machine itself; by the owner's address of the database."""

from __future__ import annotations

from typing import Annotated

import typer
from pydantic import SecretStr

from core.audit import Act, What
from core.clock import format_instant, now
from core.errors import SettingInvalid, VigieError
from core.passes import key_of, new_secret
from core.places import communes, current_commune
from core.roles import Grant, Role
from core.settings import AdminSettings, ApiSettings
from core.store.audit import record
from core.store.people import (
    Person,
    add_local_person,
    enable_person,
    find_local_person,
    read_people,
    read_person,
    read_site_communes,
    write_person_grants,
)
from core.store.pool import Connection, connected
from core.store.sign_in import make_entry_link
from vigie.commands.tables import table_lines

app = typer.Typer(no_args_is_help=True, help="Who may come in, and do what.")

ADMINISTRATOR = "admin"
"""The local administrator: whoever has the machine lets themselves in under this name."""
EVERYTHING = tuple(Grant(role) for role in Role if role is not Role.DRIVER)
_PAGE = 500

PersonName = Annotated[str, typer.Argument(help="The name they sign in by, or `#` and their id.")]
RoleNamed = Annotated[Role, typer.Argument(help="What they are to be.")]
Commune = Annotated[str | None, typer.Option(help="INSEE code; without it, the whole Métropole.")]
SiteId = Annotated[int | None, typer.Option("--site", help="Id of a site of the commune; without it, all of them.")]


class UnknownPerson(VigieError):
    """Nobody is known by this name."""


def administrator_link(connection: Connection, made_by: str) -> str:
    """Make a one-time link for the local administrator, who is added if needed; return its secret."""
    person_id = find_local_person(connection, ADMINISTRATOR)
    if person_id is None:
        person_id = add_local_person(connection, ADMINISTRATOR, now())
        write_person_grants(connection, person_id, (), EVERYTHING, now())
        record(connection, Act(What.PERSON_ADDED, f"person:{person_id}", after={"name": ADMINISTRATOR}))
        for grant in EVERYTHING:
            record(connection, Act(What.GRANT_GIVEN, f"person:{person_id}", after=_told(grant)))
    _enable(connection, person_id)
    return _entry(connection, person_id, made_by)


def _enable(connection: Connection, person_id: int) -> None:
    if enable_person(connection, person_id):
        record(connection, Act(What.PERSON_ENABLED, f"person:{person_id}"))


def _entry(connection: Connection, person_id: int, made_by: str) -> str:
    secret = new_secret()
    make_entry_link(connection, person_id, key_of(secret), made_by, now())
    record(connection, Act(What.LINK_MADE, f"person:{person_id}"))
    return secret


@app.command("link")
def print_link(
    person: Annotated[str | None, typer.Option(help="Whom it lets in; else the local administrator.")] = None,
) -> None:
    """Print a link that lets somebody in once, within 24 h, and lets them set a password; older ones end."""
    settings = AdminSettings.from_environment()
    with connected(settings.dsn) as connection:
        if person is None:
            secret = administrator_link(connection, "vigie admin")
        else:
            known = _person(connection, person)
            if not known.is_local:
                raise UnknownPerson(f"{known.name} signs in by the identity provider, not by a link")
            _enable(connection, known.person_id)
            secret = _entry(connection, known.person_id, "vigie admin")
    print(f"open {settings.public_url.rstrip('/')}/enter/{secret}")


@app.command("people")
def list_people() -> None:
    """Print everybody, with their roles and where these hold."""
    rows = [("id", "name", "signs in", "last seen", "roles")]
    with connected(AdminSettings.from_environment().dsn) as connection:
        after = 0
        while page := read_people(connection, after=after, limit=_PAGE):
            rows += [_row(one) for one in page]
            after = page[-1].person_id
    for line in table_lines(rows):
        print(line)


def _row(person: Person) -> tuple[str, str, str, str, str]:
    way = "shut out" if person.disabled_at else "here" if person.is_local else person.issuer
    seen = format_instant(person.seen_at) if person.seen_at else "never"
    return f"#{person.person_id}", person.name, way, seen, ", ".join(map(_place, person.grants)) or "none"


def _place(grant: Grant) -> str:
    site = f" site {grant.site_id}" if grant.site_id else ""
    return f"{grant.role} ({grant.commune_insee or 'everywhere'}{site})"


@app.command("grant")
def give(person: PersonName, role: RoleNamed, commune: Commune = None, site: SiteId = None) -> None:
    """Give somebody a role; a local person is added if nobody is known by the name."""
    with connected(AdminSettings.from_environment().dsn) as connection:
        grant = _grant(connection, role, commune, site)
        person_id = find_local_person(connection, person)
        if person_id is None and not person.startswith("#"):
            person_id = add_local_person(connection, person, now())
            record(connection, Act(What.PERSON_ADDED, f"person:{person_id}", after={"name": person}))
        known = _person(connection, person)
        write_person_grants(connection, known.person_id, (), (grant,), now())
        record(connection, Act(What.GRANT_GIVEN, f"person:{known.person_id}", grant.commune_insee, after=_told(grant)))
    print(f"{known.name}: {_place(grant)}")


@app.command("revoke")
def take(person: PersonName, role: RoleNamed, commune: Commune = None, site: SiteId = None) -> None:
    """Take a role from somebody; their sessions and tokens lose it at once."""
    with connected(AdminSettings.from_environment().dsn) as connection:
        grant = _grant(connection, role, commune, site)
        known = _person(connection, person)
        if grant not in known.grants:
            raise UnknownPerson(f"{known.name} does not hold {_place(grant)}")
        write_person_grants(connection, known.person_id, (grant,), (), now())
        record(connection, Act(What.GRANT_TAKEN, f"person:{known.person_id}", grant.commune_insee, before=_told(grant)))
    print(f"{known.name}: no longer {_place(grant)}")


@app.command("rights")
def print_rights() -> None:
    """Print who may do what, as docs/rights.md has it."""
    from services.api.app import create_app
    from services.api.doors.rights_page import rights_page

    # The document is the same whatever the settings; nothing is opened for it.
    nowhere = SecretStr("postgresql://")
    settings = ApiSettings(database_url=nowhere, database_door_url=nowhere, secret=SecretStr(new_secret()))
    print(rights_page(create_app(settings).openapi()), end="")


def _person(connection: Connection, name: str) -> Person:
    person_id = int(name[1:]) if name.startswith("#") and name[1:].isdecimal() else find_local_person(connection, name)
    person = None if person_id is None else read_person(connection, person_id)
    if person is None:
        raise UnknownPerson(f"nobody is known by the name {name!r}; `vigie admin people` lists them with their ids")
    return person


def _grant(connection: Connection, role: Role, commune: str | None, site: int | None) -> Grant:
    if role is Role.DRIVER:
        raise SettingInvalid("a driver is let in by the link to one round")
    if commune is not None and commune not in communes():
        raise SettingInvalid(f"--commune: {commune!r} is the INSEE code of no commune of the Métropole du Grand Paris")
    insee = None if commune is None else current_commune(commune).insee
    if site is not None and insee is None:
        raise SettingInvalid("--site needs the --commune that it lies in")
    if site is not None and read_site_communes(connection, [site]).get(site, ("", ""))[0] != insee:
        raise SettingInvalid(f"--site: the commune {insee} has no site {site}")
    return Grant(role, insee, site)


def _told(grant: Grant) -> dict[str, object]:
    return {"role": grant.role.value, "commune_insee": grant.commune_insee, "site_id": grant.site_id}
