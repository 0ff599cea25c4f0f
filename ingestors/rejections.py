"""Rejections through the present decoders: a message that is refused no longer becomes readings after all.

It keeps the time at which it was received, so that a sensor without a clock gets the times that it would have had;
its readings are received at the replay, which is when they were known.
"""

from __future__ import annotations

from core.clock import now
from core.intakes import Counts, RejectionFilter
from core.store.replays import Stretch, count_replayable, settle_rejections, take_replayable
from ingestors.intake_run import IntakeRun

PAGE_MESSAGES_MAX = 500
PAGE_BYTES_MAX = 16 * 2**20


def replay_rejections(run: IntakeRun) -> bool:
    """Replay what the intake asks for, up to the newest rejection of its beginning; return whether all is done.

    Idempotent: what is stored already is a duplicate, and what is refused again for the same reason stays as it was.
    A message refused for another reason is kept as that rejection, and the former one is settled.
    """
    wanted = RejectionFilter.parse(run.intake.arguments)
    if "last" not in run.intake.cursor:
        found = count_replayable(run.connection, wanted)
        with run.transaction():
            run.expect(found.rejections)
            run.move({"after": 0, "last": found.last}, Counts(), now())
    while not run.stop.is_set():
        if not _replay_page(run, wanted):
            # Several rejections may keep one message: only now is it known how many messages there were.
            run.expect(run.intake.counts.messages)
            return True
    return False


def _replay_page(run: IntakeRun, wanted: RejectionFilter) -> bool:
    """Replay the next page; return whether there was one."""
    cursor = run.intake.cursor
    stretch = Stretch(cursor["after"], cursor["last"], PAGE_MESSAGES_MAX, PAGE_BYTES_MAX)
    at = now()
    run.hear()
    with run.transaction():
        page = take_replayable(run.connection, wanted, stretch)
        if page.after is None:
            return False
        account = run.write(page.messages, cursor | {"after": page.after}, at)
        settle_rejections(run.connection, page, account.outcomes, at)
    run.tell(account)
    return True
