"""The worker's tasks for mails about alarms: every fifteen seconds what is due is sent; every night the old goes."""

from __future__ import annotations

import procrastinate
import structlog

from core.clock import now
from core.errors import SettingInvalid
from core.settings import WorkerSettings
from core.store.notices import drop_unsent, prune_notices
from core.store.pool import Pool
from services.alarms.mail.sending import Mailing, send_due
from services.alarms.mail.smtp import Post
from services.alarms.mail.unsubscribing import Unsubscribing
from services.jobs.queue import RETRIES
from services.words import read_catalogues

MAIL = "mail"

log = structlog.get_logger(__name__)


def add_mailing(app: procrastinate.App, pool: Pool, settings: WorkerSettings) -> None:
    """Add the tasks; without a mail server in the settings, what waits for three days is settled as not sent.

    Raises
    ------
    SettingInvalid
        If a mail server is named and what belongs to it is not.
    """
    mailing = mailing_of(settings)

    @app.periodic(cron="* * * * * */15", lock=MAIL, queueing_lock=MAIL)
    @app.task(name=MAIL, retry=RETRIES)
    def mail(timestamp: int) -> None:  # noqa: ARG001 - Procrastinate names it
        if mailing is not None:
            send_due(pool, mailing, now())
            return
        with pool.connection() as connection:
            drop_unsent(connection, now())

    @app.periodic(cron="40 2 * * *")
    @app.task(name="daily_notices", queueing_lock="daily_notices", retry=RETRIES)
    def daily_notices(timestamp: int) -> None:  # noqa: ARG001 - as above
        with pool.connection() as connection:
            prune_notices(connection, now())


def mailing_of(settings: WorkerSettings) -> Mailing | None:
    """Return what mails are made and sent with, None where the settings name no mail server, or no secret.

    Raises
    ------
    SettingInvalid
        If a mail server is named and what belongs to it is not.
    """
    settings.check_mail()
    if not settings.sends_mail:
        return None
    try:
        unsubscribing = Unsubscribing(settings.secrets())
    except SettingInvalid as error:
        log.warning("mails_unsent", reason=str(error))
        return None
    return Mailing(settings, Post(settings), read_catalogues(settings.dashboards_dir), unsubscribing)
