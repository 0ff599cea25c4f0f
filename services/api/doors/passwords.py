"""Passwords of local people: which are taken, and how they are kept and looked at.

Argon2id with the parameters of RFC 9106 (argon2-cffi's own); which passwords are taken follows NIST SP 800-63B: their
length, and none of the commonest; no rules on their signs. The commonest: those of 12 signs and more, and those of 8
letters and more to which people add a year or two, of the list that Django brings (by Royce Williams), and ours.
"""

from __future__ import annotations

from functools import cache
from pathlib import Path

import anyio
from anyio.to_thread import run_sync
from argon2 import PasswordHasher
from argon2.exceptions import InvalidHashError, VerificationError

LENGTH_MIN, LENGTH_MAX = 12, 200
DIFFERENT_MIN = 5
"""Different signs in a password, at least."""
_COMMON = Path(__file__).with_name("common_passwords.txt")
_AT_ONCE = 2
"""Each takes 64 MiB and tens of milliseconds of a core."""
_hasher = PasswordHasher()
_turns = anyio.CapacityLimiter(_AT_ONCE)


@cache
def _common() -> frozenset[str]:
    return frozenset(_COMMON.read_text(encoding="utf-8").split())


def fault_of(password: str, name: str) -> str | None:
    """Return why a password is not taken, None if it is: ``short``, or ``common``, which anybody would try."""
    if len(password) < LENGTH_MIN:
        return "short"
    plain = password.casefold()
    letters = "".join(sign for sign in plain if sign.isalpha())
    is_name = bool(name) and "".join(name.casefold().split()) in {"".join(plain.split()), letters}
    is_common = plain in _common() or letters in _common() or len(set(plain)) < DIFFERENT_MIN
    return "common" if is_name or is_common else None


async def hashed(password: str) -> str:
    """Return what is kept of a password."""
    return await run_sync(_hasher.hash, password, limiter=_turns)


async def is_password(password: str, kept: str | None) -> bool:
    """Whether this is the password whose hash is kept; it takes as long where nothing is."""
    return await run_sync(_verified, password, kept, limiter=_turns)


def is_outdated(kept: str) -> bool:
    """Whether a hash was made with other parameters than today's: then it is made anew when the password is given."""
    return _hasher.check_needs_rehash(kept)


def _verified(password: str, kept: str | None) -> bool:
    try:
        _hasher.verify(kept or _nobodys(), password[:LENGTH_MAX])
    except (VerificationError, InvalidHashError):
        return False
    return kept is not None


@cache
def _nobodys() -> str:
    return _hasher.hash("nobody's")
