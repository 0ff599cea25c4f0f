"""Passes: what somebody shows to be let in, and what is kept of it.

The *secret* is shown: it stands in a cookie, in a program's settings, in a driver's link. The *key* is made of it and
is what a connection says to the database; the *digest* of the key is what the database keeps. Whoever reads the
database knows no key, and whoever overhears a key (in a server's log of statements, say) knows no secret.
"""

from __future__ import annotations

import hashlib
import secrets

SECRET_BYTES = 32
_SECRET_PREFIX = "vigie_"  # noqa: S105 - by which scanners of leaked secrets know one of ours
_KEY_PREFIX = b"vigie-pass-1:"


def new_secret() -> str:
    """Return a secret that nobody can guess: 32 random bytes, as 43 letters after ``vigie_``."""
    return _SECRET_PREFIX + secrets.token_urlsafe(SECRET_BYTES)


def key_of(secret: str) -> str:
    """Return the key of a secret, or of anything that is shown as one: 64 hexadecimal digits."""
    return hashlib.sha256(_KEY_PREFIX + secret.encode(errors="surrogatepass")).hexdigest()


def digest_of(key: str) -> bytes:
    """Return what is kept of a key: the SHA-256 of its 64 digits as text, as the database computes it too."""
    return hashlib.sha256(key.encode()).digest()
