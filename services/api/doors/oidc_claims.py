"""Who the provider says it is: name, address and groups, from claims in the forms of Keycloak and of ProConnect.

Keycloak: ``name``, ``email``, and groups wherever its mapper puts them (``groups``, ``realm_access.roles``).
ProConnect: ``given_name``, ``usual_name``, ``email``, ``siret``; it knows no groups, and one's organisation may stand
for one.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from core.store.identities import Identity

GROUPS_MAX = 200
"""Of one person; those that come after are not looked at."""
GROUP_CHARACTERS_MAX = 200
NAME_CHARACTERS_MAX = 120
EMAIL_CHARACTERS_MAX = 254


def claim_at(claims: Mapping[str, Any], path: str) -> Any:
    """Return the claim at a path whose dots lead into objects; a claim that has dots in its name comes first."""
    if path in claims:
        return claims[path]
    head, _, rest = path.partition(".")
    inner = claims.get(head)
    return claim_at(inner, rest) if rest and isinstance(inner, Mapping) else None


def lacks(claims: Mapping[str, Any], groups_claim: str) -> bool:
    """Whether a token leaves out who it is or their groups, so that userinfo is worth a call."""
    return not _named(claims) or claim_at(claims, groups_claim) is None


def identity_of(issuer: str, said: Sequence[Mapping[str, Any]], groups_claim: str) -> Identity:
    """Return who it is by what was said of them, the most trusted first: the ID token, then userinfo.

    A name that nobody said is the subject.
    """
    subject = str(said[0]["sub"])
    name = next((found for claims in said if (found := _named(claims))), subject)
    email = next((found for claims in said if (found := _text(claims, "email"))), "")
    groups = next((found for claims in said if (found := claim_at(claims, groups_claim)) is not None), None)
    return Identity(
        issuer=issuer,
        subject=subject,
        name=name[:NAME_CHARACTERS_MAX],
        email=email if len(email) <= EMAIL_CHARACTERS_MAX else "",
        groups=_groups(groups),
    )


def _named(claims: Mapping[str, Any]) -> str:
    family = _text(claims, "usual_name") or _text(claims, "family_name")
    whole = f"{_text(claims, 'given_name')} {family}".strip()
    return _text(claims, "name") or whole or _text(claims, "preferred_username")


def _text(claims: Mapping[str, Any], name: str) -> str:
    said = claims.get(name)
    if not isinstance(said, str):
        return ""
    return " ".join("".join(letter if letter.isprintable() else " " for letter in said).split())


def _groups(said: Any) -> tuple[str, ...]:
    listed = said if isinstance(said, list) else [said]
    fit = (one for one in listed if isinstance(one, str) and 0 < len(one) <= GROUP_CHARACTERS_MAX)
    return tuple(dict.fromkeys(fit))[:GROUPS_MAX]
