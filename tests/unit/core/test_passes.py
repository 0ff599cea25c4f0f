"""Secrets, keys and digests of passes."""

from __future__ import annotations

import hashlib
import re

from core.passes import digest_of, key_of, new_secret


def test_a_secret_is_long_and_never_the_same() -> None:
    secrets = {new_secret() for _ in range(100)}
    assert len(secrets) == 100
    assert all(re.fullmatch(r"vigie_[A-Za-z0-9_-]{43}", secret) for secret in secrets)


def test_a_key_is_what_a_connection_says_and_its_digest_what_is_kept() -> None:
    key = key_of("vigie_x")
    assert re.fullmatch("[0-9a-f]{64}", key)
    assert key != hashlib.sha256(b"vigie_x").hexdigest(), "a digest of the secret alone is none"
    assert digest_of(key) == hashlib.sha256(key.encode()).digest()
    assert key_of("\udcff vigie") != key_of("vigie"), "whatever is shown has a key"
