"""A mail to a subscriber: what it says, as text and as plain HTML, and how programs may end it. Pure."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime
from email.message import EmailMessage
from email.policy import SMTP
from email.utils import format_datetime, formataddr
from html import escape

from core.alarms import ActOnAlarm
from services.alarms.phrasing import Phrasing, sentence
from services.alarms.words import AlarmSaid

TOLD_MAX = 50
"""Alarms in one mail; the others stand on the page."""
SUBJECT_CHARACTERS_MAX = 150
TEST = "test"
"""What a notice says that tells of no alarm: the mail was asked for to see whether it comes."""
_ORDER = (
    ActOnAlarm.RAISED,
    ActOnAlarm.ESCALATED,
    ActOnAlarm.CLEARED,
    ActOnAlarm.WITHDRAWN,
    ActOnAlarm.ACKNOWLEDGED,
)


@dataclass(frozen=True, slots=True)
class Told:
    """One alarm in a mail.

    Parameters
    ----------
    what
        What happened to it.
    path
        Of the page that shows it.
    origin
        Of its sensor: whatever is not from the field is told so.
    """

    what: str
    said: AlarmSaid
    severity: str
    since: datetime
    until: datetime | None
    path: str
    origin: str = "field"


@dataclass(frozen=True, slots=True)
class Envelope:
    """Who writes to whom, and where the links lead.

    Parameters
    ----------
    message_id
        Of the mail, without brackets: the same when it is sent again, so that a mailbox shows it once.
    public_url
        Without a slash at its end.
    unsubscribe_path
        Ends the subscription, for whoever holds it.
    """

    sender: str
    address: str
    message_id: str
    public_url: str
    unsubscribe_path: str
    at: datetime


def mail_of(envelope: Envelope, told: Sequence[Told], phrasing: Phrasing) -> EmailMessage:
    """Return the mail that tells of these alarms; of none, it is a test."""
    message = EmailMessage(policy=SMTP)
    message["From"] = formataddr(("Vigie", envelope.sender))
    message["To"] = envelope.address
    message["Subject"] = one_line(phrasing.said("mail.brand", subject=_subject(told, phrasing)))[
        :SUBJECT_CHARACTERS_MAX
    ]
    message["Date"] = format_datetime(envelope.at)
    message["Message-ID"] = f"<{envelope.message_id}>"
    # RFC 3834: no absence note comes back; RFC 8058: one click in the mail program ends it.
    message["Auto-Submitted"] = "auto-generated"
    message["List-Unsubscribe"] = f"<{envelope.public_url}{envelope.unsubscribe_path}>"
    message["List-Unsubscribe-Post"] = "List-Unsubscribe=One-Click"
    message["Content-Language"] = phrasing.words.language
    message.set_content("\n".join(_text(envelope, told, phrasing)) + "\n")
    message.add_alternative("\n".join(_html(envelope, told, phrasing)) + "\n", subtype="html")
    return message


def one_line(text: str) -> str:
    """Return a text without what would begin another line or another header."""
    return " ".join("".join(letter if letter.isprintable() else " " for letter in text).split())


def _subject(told: Sequence[Told], phrasing: Phrasing) -> str:
    if not told:
        return phrasing.said("mail.subject.test")
    if len(told) == 1:
        return phrasing.said(f"mail.subject.{told[0].what}", title=told[0].said.title)
    counts = Counter(one.what for one in told)
    counted = [phrasing.said(f"mail.subject.count_{what}", counts[what]) for what in _ORDER if counts[what]]
    return phrasing.said("mail.subject.join").join(counted)


def _parts(told: Sequence[Told], phrasing: Phrasing) -> Iterator[tuple[str, list[Told]]]:
    """Yield what is told under each heading, as far as a mail tells it."""
    for what in _ORDER:
        some = [one for one in told[:TOLD_MAX] if one.what == what]
        if some:
            yield phrasing.said(f"mail.heading.{what}"), some


def _facts(one: Told, phrasing: Phrasing) -> str:
    """Return when, how urgent, and whether it is invented."""
    if one.until is None:
        facts = [phrasing.said("mail.since", moment=phrasing.moment(one.since))]
    else:
        facts = [phrasing.said("mail.ended", moment=phrasing.moment(one.until))]
    facts.append(phrasing.said("mail.severity", severity=phrasing.said(f"severity.{one.severity}")))
    if phrasing.knows(f"mail.origin_{one.origin}"):
        facts.append(phrasing.said(f"mail.origin_{one.origin}"))
    return phrasing.said("lines").join(facts)


def _text(envelope: Envelope, told: Sequence[Told], phrasing: Phrasing) -> Iterator[str]:
    if not told:
        yield phrasing.said("mail.test")
    for heading, some in _parts(told, phrasing):
        yield from (heading, "=" * len(heading), "")
        for one in some:
            yield from (one_line(one.said.title), *_lines(one, phrasing), envelope.public_url + one.path, "")
    if len(told) > TOLD_MAX:
        yield from (sentence(phrasing.said("mail.rest", len(told) - TOLD_MAX)), "")
    yield from ("", "-- ", phrasing.said("mail.why_you"))
    yield phrasing.said("mail.unsubscribe_at", url=envelope.public_url + envelope.unsubscribe_path)


def _lines(one: Told, phrasing: Phrasing) -> list[str]:
    told = [one.said.detail, _facts(one, phrasing), one.said.why if one.what in _ORDER[:2] else ""]
    return [one_line(line) for line in told if line]


def _html(envelope: Envelope, told: Sequence[Told], phrasing: Phrasing) -> Iterator[str]:
    yield f'<!doctype html><html lang="{phrasing.words.language}"><head><meta charset="utf-8"></head>'
    yield '<body style="font:15px/1.5 sans-serif;color:#1a1a1a;max-width:40em">'
    if not told:
        yield f"<p>{escape(phrasing.said('mail.test'))}</p>"
    for heading, some in _parts(told, phrasing):
        yield f'<h2 style="font-size:15px;border-bottom:1px solid #888">{escape(heading)}</h2>'
        for one in some:
            lines = "<br>".join(escape(line) for line in _lines(one, phrasing))
            link = f'<a href="{escape(envelope.public_url + one.path)}">{escape(phrasing.said("mail.open"))}</a>'
            yield f"<p><strong>{escape(one_line(one.said.title))}</strong><br>{lines}<br>{link}</p>"
    if len(told) > TOLD_MAX:
        yield f"<p>{escape(sentence(phrasing.said('mail.rest', len(told) - TOLD_MAX)))}</p>"
    end = escape(envelope.public_url + envelope.unsubscribe_path)
    yield f'<p style="color:#666;font-size:13px">{escape(phrasing.said("mail.why_you"))}<br>'
    yield f'<a href="{end}">{escape(phrasing.said("mail.unsubscribe"))}</a></p></body></html>'
