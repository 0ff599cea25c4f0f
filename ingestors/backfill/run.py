"""A back-fill, carried out: page by page from a network server's store through the one way in."""

from __future__ import annotations

from contextlib import closing

from core.clock import now
from core.intakes import BackfillAsked
from core.settings import StorageSettings
from ingestors.backfill.pages import PagingStuck, Place, turn
from ingestors.backfill.storage import Interrupted, Storage, StorageAbsent, StorageAccess, StorageRefused
from ingestors.intake_run import IntakeFailed, IntakeRun


def backfill(run: IntakeRun) -> bool:
    """Fetch what the intake asks for, from where it is; return whether all is done, False when it was stopped.

    A page and the place behind it are committed as one: whatever ends the process, the next one goes on there.

    Raises
    ------
    IntakeFailed
        If the store refuses, or did not answer however often it was asked.
    """
    asked = BackfillAsked.parse(run.intake.arguments)
    place = Place.parse(run.intake.cursor)
    with closing(Storage(_access(run.settings), run.stop.wait)) as storage:
        while not run.stop.is_set():
            try:
                page = turn(place, storage.page(asked, place.ask_after(asked)), asked, now())
            except Interrupted:
                return False
            except (StorageAbsent, StorageRefused, PagingStuck) as fault:
                raise IntakeFailed(str(fault)) from None
            if not page.messages:
                return True
            run.take(page.messages, page.place.cursor(), now())
            place = page.place
    return False


def _access(settings: StorageSettings) -> StorageAccess:
    if not settings.tts_url or not settings.tts_api_key.get_secret_value():
        raise IntakeFailed("VIGIE_TTS_URL and VIGIE_TTS_API_KEY say which store to ask: they are not set")
    return StorageAccess(settings.tts_url, settings.tts_api_key, requests_per_min=settings.tts_requests_per_min)
