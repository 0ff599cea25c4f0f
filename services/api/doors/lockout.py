"""Who tried too often to sign in waits: by account, so that one is not guessed; by address, so that many are not.

Counted in the database, for all api processes together. A one-time link opens an account that others locked.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from math import ceil

from core.store.people import sign_in_name
from core.store.pool import Connection
from core.store.sign_in import TRIES_COUNTED, bound_tries, count_try, forget_tries

ACCOUNT_TRIES_MAX = 8
ADDRESS_TRIES_MAX = 40
"""Tries in fifteen minutes; many people may come from one address."""


@dataclass(frozen=True, slots=True)
class Wait:
    """How long to wait until another try is looked at, 0 if this one is; and whether that begins with this one."""

    seconds: int
    is_new: bool


def tried(connection: Connection, name: str, network: str, now: datetime) -> Wait:
    """Count a try to sign in, of an account from an address; return how long to wait."""
    account, address = _account(name), f"address:{network}"
    maxima = {account: ACCOUNT_TRIES_MAX, address: ADDRESS_TRIES_MAX}
    counted = count_try(connection, [address], now)
    # Whoever waits by their address locks no more accounts of others.
    if counted[address][0] <= ADDRESS_TRIES_MAX:
        counted |= count_try(connection, [account], now)
    bound_tries(connection, now)
    over = {who: (tries, since) for who, (tries, since) in counted.items() if tries > maxima[who]}
    waits = [(since + TRIES_COUNTED - now).total_seconds() for _, since in over.values()]
    return Wait(ceil(max(waits, default=0)), any(tries == maxima[who] + 1 for who, (tries, _) in over.items()))


def came_in(connection: Connection, name: str) -> None:
    """Forget the tries of an account whose person came in; those of their address stay counted."""
    forget_tries(connection, _account(name))


def _account(name: str) -> str:
    return f"account:{sign_in_name(name)}"
