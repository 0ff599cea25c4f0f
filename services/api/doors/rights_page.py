"""``docs/rights.md``: who may do what, written from the tables that the application and the database hold to."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import Any

from core.roles import RIGHTS, Right, Role
from services.api.doors.rights import NEEDS, Let, Need, rights_of

_ROLES: Mapping[Role, tuple[str, str]] = {
    Role.TECHNICIAN: ("technicien", "technician"),
    Role.DISPATCHER: ("responsable des tournées", "waste dispatcher"),
    Role.DRIVER: ("conducteur", "driver"),
    Role.BUILDING_MANAGER: ("gestionnaire de bâtiments", "building manager"),
    Role.CURB_MANAGER: ("gestionnaire des livraisons", "curb manager"),
    Role.ANALYST: ("analyste", "analyst"),
    Role.ADMINISTRATOR: ("administrateur", "administrator"),
    Role.AUDITOR: ("auditeur", "auditor"),
}
_RIGHTS: Mapping[Right, tuple[str, str]] = {
    Right.SEE: (
        "voir les lieux, les capteurs, les mesures, les prévisions, les décisions et les messages refusés",
        "see places, sensors, readings, forecasts, decisions, and what was refused",
    ),
    Right.EXPORT: ("emporter mesures et décisions en fichiers", "take readings and decisions away as files"),
    Right.TEND: (
        "adopter, modifier, déplacer, retirer et étalonner les capteurs ; rejouer et rattraper leurs messages",
        "adopt, edit, move, retire and calibrate sensors; replay and back-fill what they sent",
    ),
    Right.DECIDE_ROUND: ("décider des tournées de collecte", "decide on collection rounds"),
    Right.DECIDE_LOAD_SHIFTING: ("décider de l’effacement électrique", "decide on load shifting"),
    Right.DECIDE_VENTILATION: ("décider de la ventilation", "decide on ventilation"),
    Right.DECIDE_BAY: ("décider des aires de livraison", "decide on delivery bays"),
    Right.DRIVE: ("voir la tournée que nomme le lien", "see the one round that the link names"),
    Right.GRANT: (
        "dire qui a quel rôle ; faire et révoquer jetons et webhooks",
        "say who has which role; make and withdraw tokens and webhooks",
    ),
    Right.OPERATE: (
        "voir l’état de la plateforme : files, stockage, exports planifiés",
        "see how the platform does: lanes, storage, scheduled exports",
    ),
    Right.AUDIT: ("lire le registre de qui a fait quoi", "read the record of who did what"),
}
_METHODS = ("get", "post", "put", "patch", "delete")
_HEAD = """# Who may do what · Qui peut faire quoi

Written by `vigie admin rights` from `core/roles.py` and `services/api/doors/rights.py`; a test holds this page equal to
them, and the roles equal to the database's own table. Each role is held somewhere: in the whole Métropole, in a
commune, or on a site; what it gives holds there and nowhere else.

*Écrit par `vigie admin rights`. Chaque rôle vaut quelque part : toute la Métropole, une commune ou un site ; ce qu’il
donne vaut là, et nulle part ailleurs.*
"""
_OPERATIONS = """## Operations of the API · Opérations de l’API

● the role gives what the operation needs · *le rôle donne ce que l’opération demande*; ○ open to everybody, or to
whoever is let in · *ouvert à tous, ou à qui est entré*.
"""
_ELSEWHERE = """## The rest · Le reste

Pages, the door, NGSI-LD and SensorThings, which are no part of the OpenAPI document, by the names of their routes.
"""


def rights_page(document: Mapping[str, Any]) -> str:
    """Return the page; ``document``: the application's OpenAPI document."""
    operations = dict(_operations(document))
    others = [name for name in NEEDS if name not in operations]
    return "\n".join(
        [
            _HEAD,
            "## Roles and rights · Rôles et droits\n",
            *_table(["", *_role_heads()], (_right_row(right) for right in Right)),
            "",
            _OPERATIONS,
            *_table(["", *_role_heads()], (_row(f"`{operations[one]}`", NEEDS[one]) for one in operations)),
            "",
            _ELSEWHERE,
            *_table(["", *_role_heads()], (_row(f"`{one}`", NEEDS[one]) for one in others)),
            "",
        ]
    )


def _operations(document: Mapping[str, Any]) -> Iterator[tuple[str, str]]:
    """Yield each operation's id with its method and path, in the order of the document."""
    for path, methods in document["paths"].items():
        for method in _METHODS:
            if method in methods:
                yield methods[method]["operationId"], f"{method.upper()} {path}"


def _role_heads() -> list[str]:
    return [f"{french}<br>*{english}*" for french, english in (_ROLES[role] for role in Role)]


def _right_row(right: Right) -> list[str]:
    french, english = _RIGHTS[right]
    return [f"`{right}` {french}<br>*{english}*", *("●" if right in RIGHTS[role] else "" for role in Role)]


def _row(name: str, need: Need) -> list[str]:
    if need is None or need is Let.IN:
        return [f"{name} ○ {'tous · *all*' if need is None else 'entrés · *let in*'}", *("" for _ in Role)]
    return [name, *("●" if RIGHTS[role] & set(rights_of(need)) else "" for role in Role)]


def _table(heads: Sequence[str], rows: Iterable[Sequence[str]]) -> Iterator[str]:
    yield f"| {' | '.join(heads)} |"
    yield f"|---|{':---:|' * (len(heads) - 1)}"
    yield from (f"| {' | '.join(row)} |" for row in rows)
