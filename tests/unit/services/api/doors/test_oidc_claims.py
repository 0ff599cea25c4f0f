"""Who it is, from the claims of Keycloak and of ProConnect."""

from __future__ import annotations

from typing import Any

import pytest

from services.api.doors.oidc_claims import GROUPS_MAX, claim_at, identity_of, lacks

KEYCLOAK = {
    "sub": "f3a1",
    "name": "Amina Diallo",
    "preferred_username": "amina",
    "given_name": "Amina",
    "family_name": "Diallo",
    "email": "amina@example.org",
    "realm_access": {"roles": ["vigie-93066-dispatcher", "offline_access"]},
}
PROCONNECT = {
    "sub": "9c0e",
    "given_name": "Jean Paul",
    "usual_name": "Durand",
    "family_name": "Martin",
    "email": "jp@example.org",
    "siret": "21930066300012",
}


def test_a_person_of_keycloak() -> None:
    who = identity_of("https://id.example.org", [KEYCLOAK], "realm_access.roles")
    assert (who.subject, who.name, who.email) == ("f3a1", "Amina Diallo", "amina@example.org")
    assert who.groups == ("vigie-93066-dispatcher", "offline_access")


def test_a_person_of_proconnect_whose_organisation_stands_for_a_group() -> None:
    who = identity_of("https://id.example.org", [{"sub": "9c0e"}, PROCONNECT], "siret")
    assert (who.subject, who.name, who.email) == ("9c0e", "Jean Paul Durand", "jp@example.org")
    assert who.groups == ("21930066300012",)


@pytest.mark.parametrize(
    ("said", "groups_claim", "is_lacking"),
    [
        (KEYCLOAK, "realm_access.roles", False),
        (KEYCLOAK, "groups", True),
        ({"sub": "a", "groups": []}, "groups", True),
        ({"sub": "a", "name": "A", "groups": []}, "groups", False),
    ],
)
def test_userinfo_is_asked_where_the_token_leaves_something_out(
    said: dict[str, Any], groups_claim: str, *, is_lacking: bool
) -> None:
    assert lacks(said, groups_claim) is is_lacking


def test_the_token_is_believed_before_userinfo() -> None:
    who = identity_of("i", [{"sub": "a", "groups": []}, {"sub": "a", "name": "A", "groups": ["all"]}], "groups")
    assert (who.name, who.groups) == ("A", ())


@pytest.mark.parametrize(
    ("claims", "path", "found"),
    [
        ({"a": {"b": {"c": 1}}}, "a.b.c", 1),
        ({"https://example.org/groups": ["x"]}, "https://example.org/groups", ["x"]),
        (
            {"resource_access": {"vigie.example.org": {"roles": ["x"]}}},
            "resource_access.vigie.example.org",
            {"roles": ["x"]},
        ),
        ({"a": 1}, "a.b", None),
        ({"a": {}}, "a.", None),
        ({}, "groups", None),
    ],
)
def test_dots_lead_into_objects(claims: dict[str, Any], path: str, found: Any) -> None:
    assert claim_at(claims, path) == found


@pytest.mark.parametrize(
    ("groups", "kept"),
    [
        (["a", "a", "b"], ("a", "b")),
        (["a", 7, None, "", "x" * 201], ("a",)),
        ({"a": 1}, ()),
        (None, ()),
        ([str(number) for number in range(1_000)], tuple(str(number) for number in range(GROUPS_MAX))),
    ],
)
def test_groups_are_bounded_and_of_text(groups: Any, kept: tuple[str, ...]) -> None:
    assert identity_of("i", [{"sub": "a", "groups": groups}], "groups").groups == kept


@pytest.mark.parametrize(
    ("said", "name"),
    [
        ({"preferred_username": "amina"}, "amina"),
        ({"given_name": "Amina"}, "Amina"),
        ({"name": "  Amina\u202e\n<b>Diallo "}, "Amina <b>Diallo"),
        ({"name": 7}, "the subject"),
        ({}, "the subject"),
        ({"name": "x" * 500}, "x" * 120),
    ],
)
def test_a_name_is_one_line_of_text(said: dict[str, Any], name: str) -> None:
    assert identity_of("i", [{"sub": "the subject", **said}], "groups").name == name


def test_an_address_that_is_too_long_is_none() -> None:
    assert identity_of("i", [{"sub": "a", "email": "x" * 255}], "groups").email == ""
