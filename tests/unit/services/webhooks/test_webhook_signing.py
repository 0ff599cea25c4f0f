"""Signatures as the peer's library checks them, and secrets that only the settings' own opens."""

from __future__ import annotations

import json

import pytest
from standardwebhooks.webhooks import Webhook as Peer
from standardwebhooks.webhooks import WebhookVerificationError

from core.clock import now
from services.webhooks.sealing import SealBroken, Sealing
from services.webhooks.signing import new_signing_secret, signed_headers

BODY = json.dumps({"type": "alarm.sensor_flooded", "data": {"words": "Zoé"}}, ensure_ascii=False).encode()


def test_the_peer_takes_what_we_sign_and_nothing_else() -> None:
    secret, other = new_signing_secret(), new_signing_secret()
    headers = signed_headers("0b2f", now(), BODY, [secret])
    assert Peer(secret).verify(BODY, headers)["data"]["words"] == "Zoé"
    for peer, body, told in (
        (other, BODY, headers),
        (secret, BODY + b" ", headers),
        (secret, BODY, headers | {"webhook-id": "0b30"}),
        (secret, BODY, headers | {"webhook-timestamp": "1700000000"}),
    ):
        with pytest.raises(WebhookVerificationError):
            Peer(peer).verify(body, told)


def test_two_secrets_sign_side_by_side() -> None:
    secrets = [new_signing_secret(), new_signing_secret()]
    headers = signed_headers("0b2f", now(), BODY, secrets)
    assert [Peer(secret).verify(BODY, headers)["type"] for secret in secrets] == ["alarm.sensor_flooded"] * 2


def test_a_secret_is_opened_by_what_sealed_it_only() -> None:
    old, new = (
        Sealing(["the settings' old secret, long enough"]),
        Sealing(["another one", "the settings' old secret, long enough"]),
    )
    sealed = old.seal("whsec_abc")
    assert b"whsec" not in sealed
    assert old.seal("whsec_abc") != sealed
    assert old.unseal(sealed) == new.unseal(sealed) == "whsec_abc"
    for broken in (sealed[:-1], b"", sealed[:12], bytes([sealed[0] ^ 1]) + sealed[1:]):
        with pytest.raises(SealBroken):
            old.unseal(broken)
    with pytest.raises(SealBroken):
        Sealing(["a third one"]).unseal(sealed)
