"""A mail in both languages: its subject, its parts, and how it is ended; and what no mail is made of."""

from __future__ import annotations

from datetime import UTC, datetime
from email import message_from_bytes
from email.message import EmailMessage
from email.policy import default
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from pydantic import SecretStr

from core.errors import SettingInvalid
from core.mail_settings import MailSecurity, MailSettings, is_address
from services.alarms.mail.message import TOLD_MAX, Envelope, Told, mail_of, one_line
from services.alarms.mail.unsubscribing import Unsubscribing
from services.alarms.phrasing import Phrasing
from services.alarms.presets import PRESETS
from services.alarms.rule_words import rule_said
from services.alarms.words import AlarmSaid
from services.words import read_catalogues

ROOT = Path(__file__).resolve().parents[4]
WORDS = read_catalogues(ROOT / "dashboards")
AT = datetime(2026, 11, 24, 9, 42, tzinfo=UTC)
ENVELOPE = Envelope("vigie@ville.example", "nadia@ville.example", "1@ville.example", "https://v.example", "/u/1", AT)


def told(what: str = "raised", title: str = "CO₂ élevé, salle 12", origin: str = "field") -> Told:
    said = AlarmSaid(title, "École des Tilleuls", "Règle : CO₂.")
    return Told(what, said, "warning", AT, None if what == "raised" else AT, "/supervision?alarm=1", origin)


def read(mails: list[Told], language: str = "fr") -> EmailMessage:
    """Return a mail as its reader's program takes it apart."""
    message = message_from_bytes(mail_of(ENVELOPE, mails, Phrasing(WORDS[language], AT)).as_bytes(), policy=default)
    assert isinstance(message, EmailMessage)
    return message


def text_of(message: EmailMessage, kind: str = "plain") -> str:
    body = message.get_body((kind,))
    assert body is not None
    text = body.get_content()
    assert isinstance(text, str)
    return text


@pytest.mark.parametrize(
    ("mails", "language", "subject"),
    [
        ([told()], "fr", "[Vigie] Alarme : CO₂ élevé, salle 12"),
        ([told("cleared")], "en", "[Vigie] Over: CO₂ élevé, salle 12"),
        ([told(), told(), told("cleared")], "fr", "[Vigie] 2 alarmes, 1 terminée"),
        ([told("escalated"), told("withdrawn")], "en", "[Vigie] 1 more urgent, 1 false alarm"),
        ([], "fr", "[Vigie] Essai d’e-mail"),
    ],
)
def test_the_subject_says_it(mails: list[Told], language: str, subject: str) -> None:
    assert read(mails, language)["Subject"] == subject


def test_it_says_each_under_its_heading_in_text_and_html_and_tells_what_is_simulated() -> None:
    message = read([told(origin="simulated"), told("cleared", "NO₂ élevé")])
    text, html = text_of(message), text_of(message, "html")
    for part in (text, html):
        assert part.index("À traiter") < part.index("salle 12") < part.index("Terminées") < part.index("NO₂ élevé")
        assert "données simulées" in part
        assert "https://v.example/supervision?alarm=1" in part
        assert "https://v.example/u/1" in part
    assert (message["List-Unsubscribe"].strip(), message["Message-ID"]) == (
        "<https://v.example/u/1>",
        "<1@ville.example>",
    )


def test_of_many_it_tells_the_first_and_how_many_more_there_are() -> None:
    text = text_of(read([told()] * (TOLD_MAX + 7)))
    assert text.count("salle 12") == TOLD_MAX
    assert "Et 7 autres, sur la page" in text


@settings(deadline=None)
@given(st.text(max_size=60))
def test_no_title_begins_a_header_or_markup(title: str) -> None:
    message = read([told(title=title)])
    assert set(message.keys()) == set(read([told()]).keys())
    assert message["To"] == "nadia@ville.example"
    assert "\n" not in one_line(title)
    if "<" in one_line(title):
        assert f"<strong>{one_line(title)}" not in text_of(message, "html")


@settings(deadline=None)
@given(st.integers(1, 2**31 - 1), st.text(max_size=40))
def test_a_link_ends_the_subscription_that_it_was_made_for_and_no_other(subscription_id: int, other: str) -> None:
    signing = Unsubscribing(["a secret of thirty-two characters", "the one before it, as long as it"])
    token = signing.path_of(subscription_id).removeprefix("/unsubscribe/")
    assert signing.subscription_of(token) == subscription_id
    assert Unsubscribing(["another one", "a secret of thirty-two characters"]).subscription_of(token) == subscription_id
    assert Unsubscribing(["another one"]).subscription_of(token) is None
    assert signing.subscription_of(other) is None
    assert signing.subscription_of(f"{token}x") is None


@pytest.mark.parametrize("address", ["a@b.fr", "nadia.b+vigie@mairie.ville.example"])
def test_an_address_is_taken(address: str) -> None:
    assert is_address(address)


@pytest.mark.parametrize(
    "address",
    ["", "a@b", "a b@c.fr", "a@b.fr\n", "a@b.fr, c@d.fr", "<a@b.fr>", "a@-b.fr", "é@b.fr", f"{'a' * 65}@b.fr"],
)
def test_what_is_none_is_not(address: str) -> None:
    assert not is_address(address)


GOOD = {"smtp_host": "mail.ville.example", "smtp_sender": "vigie@ville.example", "public_url": "https://v.example"}


@pytest.mark.parametrize(
    ("change", "named"),
    [
        ({"smtp_sender": "vigie"}, "VIGIE_SMTP_SENDER"),
        ({"public_url": ""}, "VIGIE_PUBLIC_URL"),
        ({"smtp_user": "vigie"}, "VIGIE_SMTP_PASSWORD"),
        (
            {"smtp_user": "vigie", "smtp_password": SecretStr("x"), "smtp_security": MailSecurity.NONE},
            "VIGIE_SMTP_SECURITY",
        ),
    ],
)
def test_settings_that_do_not_go_together_are_refused_and_named(change: dict[str, object], named: str) -> None:
    with pytest.raises(SettingInvalid, match=named):
        MailSettings.model_validate(GOOD | change).check_mail()
    MailSettings.model_validate(GOOD).check_mail()
    MailSettings.model_validate(change | {"smtp_host": ""}).check_mail()


def test_the_guide_has_every_preset_as_it_is() -> None:
    guide = (ROOT / "docs" / "alarms.md").read_text(encoding="utf-8")
    for rule in PRESETS:
        said = rule_said(Phrasing(WORDS["en"], AT), rule).replace("\u202f", " ").replace("\xa0", " ")
        assert f"(`{rule.preset}`) | {said} | {rule.severity} | {'yes' if rule.enabled else 'no'} |" in guide
