"""Sending: what subscribers wait to be told, as mails, each when it may leave; nothing is lost while nobody takes them.

At least once: a worker that is killed between handing a mail over and noting it sends it again, under the same
Message-ID, by which mailboxes show it once.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

import structlog

from core.alarms import ActOnAlarm
from core.decisions import Value
from core.events import EventName, PlatformAlarm, Severity
from core.instruments import MAILS, MAILS_GIVEN_UP
from core.mail_settings import MailSettings
from core.store.alarms import KeptAlarm, read_alarms_of
from core.store.events import DAILY, raise_alarm
from core.store.notices import (
    TRIED_WITHIN,
    Notice,
    Waiting,
    drop_paused,
    hold_notices,
    read_waiting,
    write_given_up,
    write_sent,
    write_untaken,
)
from core.store.pool import Connection, Pool
from core.store.subscriptions import pause_subscription
from services.alarms.mail.message import Envelope, Told, mail_of
from services.alarms.mail.plan import Pace, leaves_at
from services.alarms.mail.smtp import MailAbsent, MailLater, MailRefused, Post
from services.alarms.mail.unsubscribing import Unsubscribing
from services.alarms.phrasing import Phrasing
from services.alarms.words import said_of
from services.words import Catalogue

WAIT_FIRST, WAIT_MAX = timedelta(minutes=1), timedelta(hours=1)
NEVER_TOLD = "it was found never to have been before it was told"
NOT_SEEN = "the person may see its place no longer"

log = structlog.get_logger(__name__)


@dataclass(frozen=True, slots=True)
class Mailing:
    """What mails are made and handed over with."""

    settings: MailSettings
    post: Post
    words: Mapping[str, Catalogue]
    unsubscribing: Unsubscribing


def send_due(pool: Pool, mailing: Mailing, at: datetime) -> int:
    """Send the mails that may leave now, each in a transaction of its own; return how many were taken.

    Where the server takes none, the turn ends: what waits is tried again at the next.
    """
    with pool.connection() as connection:
        drop_paused(connection, at)
        waiting = [one for one in read_waiting(connection, at) if _leaves_at(one) <= at]
    sent = 0
    for one in waiting:
        with pool.connection() as connection:
            try:
                sent += _send(connection, mailing, one, at)
            except MailAbsent as error:
                log.warning("mails_held_back", reason=str(error))
                return sent
    return sent


def _leaves_at(waiting: Waiting) -> datetime:
    spans = () if waiting.is_test else waiting.timetable
    pace = Pace(0 if waiting.is_test else waiting.digest_min, waiting.mails_per_hour_max, spans)
    return leaves_at(pace, waiting.oldest_at, waiting.sent, gathers=not waiting.is_test)


def _send(connection: Connection, mailing: Mailing, waiting: Waiting, at: datetime) -> int:
    """Send what waits for one subscriber as one mail; return 1 if it was taken.

    Raises
    ------
    MailAbsent
        If nobody takes mails at present; that it was tried is kept.
    """
    held = hold_notices(connection, waiting)
    told = _settled_aside(connection, held, at)
    if not told:
        return 0
    ids = [notice.notice_id for notice in told]
    try:
        message = mail_of(_envelope(mailing, waiting, ids, at), *_said(connection, mailing, waiting, told, at))
    except (LookupError, TypeError, ValueError, ArithmeticError) as error:
        # An odd alarm holds back the mails of one subscriber, not those of all who come after.
        log.exception("mail_unwritten", subscription_id=waiting.subscription_id)
        _untaken(connection, waiting, ids, f"the mail could not be written: {type(error).__name__}", at)
        return 0
    try:
        mailing.post.send(message, waiting.address)
    except MailRefused as error:
        _refused(connection, waiting, ids, str(error), at)
        return 0
    except (MailLater, MailAbsent) as error:
        _untaken(connection, waiting, ids, str(error), at)
        if isinstance(error, MailAbsent):
            connection.commit()
            raise
        return 0
    write_sent(connection, ids, at)
    MAILS.labels("taken").inc()
    log.info("mail_sent", subscription_id=waiting.subscription_id, notices=len(ids), tries=waiting.tries + 1)
    return 1


def _settled_aside(connection: Connection, held: Sequence[Notice], at: datetime) -> list[Notice]:
    """Return the notices that are to be told; what is not to be told any more is settled."""
    unseen = [notice.notice_id for notice in held if not notice.is_seen]
    if unseen:
        write_given_up(connection, unseen, at, NOT_SEEN)
    seen = [notice for notice in held if notice.is_seen]
    raised = {notice.alarm_id for notice in seen if notice.what == ActOnAlarm.RAISED}
    never = {notice.alarm_id for notice in seen if notice.what == ActOnAlarm.WITHDRAWN} & raised
    if never:
        write_given_up(connection, [one.notice_id for one in seen if one.alarm_id in never], at, NEVER_TOLD)
    return [notice for notice in seen if notice.alarm_id not in never]


def _said(
    connection: Connection, mailing: Mailing, waiting: Waiting, notices: Sequence[Notice], at: datetime
) -> tuple[list[Told], Phrasing]:
    """Return what a mail tells: of each alarm the newest that happened to it; of a test nothing."""
    words = mailing.words[waiting.language]
    newest = {notice.alarm_id: notice.what for notice in notices if notice.alarm_id is not None}
    kept = {one.alarm.alarm_id: one for one in read_alarms_of(connection, list(newest))}
    told = [_told(kept[alarm_id], what, words, at) for alarm_id, what in newest.items()]
    return told, Phrasing(words, at)


def _told(kept: KeptAlarm, what: str, words: Catalogue, at: datetime) -> Told:
    alarm = kept.alarm
    commune = f"commune={alarm.commune_insee}&" if alarm.commune_insee else ""
    return Told(
        what,
        said_of(words, kept, at),
        alarm.severity.value,
        alarm.since,
        alarm.until,
        f"/supervision?{commune}alarm={alarm.alarm_id}",
        kept.sensor.origin if kept.sensor else "field",
    )


def _envelope(mailing: Mailing, waiting: Waiting, notice_ids: Sequence[int], at: datetime) -> Envelope:
    settings = mailing.settings
    host = settings.smtp_sender.rpartition("@")[2]
    return Envelope(
        settings.smtp_sender,
        waiting.address,
        f"vigie.{waiting.subscription_id}.{notice_ids[0]}.{notice_ids[-1]}@{host}",
        settings.public_url.rstrip("/"),
        mailing.unsubscribing.path_of(waiting.subscription_id),
        at,
    )


def _refused(connection: Connection, waiting: Waiting, ids: Sequence[int], failure: str, at: datetime) -> None:
    """Give up what an address is not to be told, and pause it: to send on there would spoil our name."""
    pause_subscription(connection, waiting.subscription_id)
    _give_up(connection, waiting, ids, failure, at)


def _untaken(connection: Connection, waiting: Waiting, ids: Sequence[int], failure: str, at: datetime) -> None:
    MAILS.labels("untaken").inc()
    if waiting.tries and at - waiting.oldest_at > TRIED_WITHIN:
        _give_up(connection, waiting, ids, failure, at)
        return
    again_at = at + min(WAIT_FIRST * 2 ** min(waiting.tries, 10), WAIT_MAX)
    write_untaken(connection, ids, again_at, failure)
    log.warning("mail_untaken", subscription_id=waiting.subscription_id, reason=failure, tries=waiting.tries + 1)


def _give_up(connection: Connection, waiting: Waiting, ids: Sequence[int], failure: str, at: datetime) -> None:
    """Give notices up; it is an alarm of the platform, which names no address."""
    write_given_up(connection, ids, at, failure)
    MAILS.labels("given_up").inc()
    MAILS_GIVEN_UP.inc(len(ids))
    subject = f"subscription:{waiting.subscription_id}"
    values: dict[str, Value] = {"n": len(ids), "reason": failure}
    alarm = PlatformAlarm(EventName.ALARM_MAIL_GIVEN_UP, Severity.WARNING, at, subject, values=values)
    raise_alarm(connection, alarm, at, reminded=DAILY)
    log.warning("mail_given_up", subscription_id=waiting.subscription_id, notices=len(ids), reason=failure)
