"""What delivery bays say: each one a spot, those of a site an on-street parking.

A spot is closed or unknown before it is free or occupied: a bay that cannot be used is never shown as free, nor one
whose sensor is silent.
"""

from __future__ import annotations

from collections import Counter

from core.clock import format_instant
from services.api.ngsi_ld.said import Json, Saying, Subject, Teller, is_silent, label, related, told, worth
from services.api.ngsi_ld.urns import format_urn


def status_now(subject: Subject, teller: Teller) -> str:
    """Return ``closed``, ``unknown``, ``occupied`` or ``free``: the first that holds."""
    if not is_silent(subject, teller, "closed") and subject.values["closed"].value >= 0.5:
        return "closed"
    if is_silent(subject, teller, "occupied"):
        return "unknown"
    return "occupied" if subject.values["occupied"].value >= 0.5 else "free"


def status(subject: Subject, teller: Teller) -> Json:
    """Return the state of a bay, with what the reading behind it is worth."""
    said = status_now(subject, teller)
    value = subject.values.get("closed" if said == "closed" else "occupied")
    if value is None:
        return {**told(said), **label(subject.origin)}
    return {**told(said, value.observed_at), **worth(value.quality, value.flags), **label(subject.origin)}


def spot_category(_: Subject, __: Teller) -> Json:
    """Return on-street: where Vigie's bays are."""
    return told(["onStreet"])


def parking_site(subject: Subject, _: Teller) -> Json:
    """Return the on-street parking that the bay is part of."""
    assert subject.site.site_id is not None, "a site of the store has its id"
    return related(format_urn("OnStreetParking", subject.site.site_id))


def parking_category(_: Subject, __: Teller) -> Json:
    """Return that one may stop there to load and unload."""
    return told(["forLoadUnload"])


def usage_scenario(_: Subject, __: Teller) -> Json:
    """Return that it is a delivery bay."""
    return told("loadingBay")


def detection(_: Subject, __: Teller) -> Json:
    """Return that every bay has a sensor of its own."""
    return told(["singleSpaceDetection"])


def parking_spots(subject: Subject, _: Teller) -> Json:
    """Return the bays of the site."""
    return related([format_urn("ParkingSpot", member.number) for member in subject.members])


def total_spots(subject: Subject, _: Teller) -> Json:
    """Return how many bays the site has."""
    return {**told(len(subject.members)), "unitCode": "C62"}


def spots_that_are(wanted: str) -> Saying:
    """Return what counts the bays in this state; nothing is said where no bay of the site is known."""

    def spots(subject: Subject, teller: Teller) -> Json | None:
        states = Counter(status_now(member, teller) for member in subject.members)
        newest = _newest(subject)
        if newest is None or states["unknown"] == len(subject.members):
            return None
        observed = {"observedAt": newest}
        return {**told(states[wanted]), "unitCode": "C62", **observed, **label(subject.origin)}

    return spots


def observation_time(subject: Subject, _: Teller) -> Json | None:
    """Return when the newest of the bays' values was observed."""
    newest = _newest(subject)
    return None if newest is None else told(newest)


def _newest(subject: Subject) -> str | None:
    times = [at for member in subject.members if (at := member.newest_at(("occupied", "closed"))) is not None]
    return format_instant(max(times)) if times else None
