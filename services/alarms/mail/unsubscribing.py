"""The link that ends a subscription without signing in: whoever holds the mail may. Signed, and it names no address."""

from __future__ import annotations

from collections.abc import Sequence

from itsdangerous import BadData, URLSafeSerializer

PATH = "/unsubscribe/"
TOKEN_CHARACTERS_MAX = 200
_SALT = "vigie.unsubscribe"


class Unsubscribing:
    """Signs, and knows again, the names of subscriptions.

    Parameters
    ----------
    secrets_known
        Of the settings, the newest first: that one signs, what any of them signed holds.
    """

    def __init__(self, secrets_known: Sequence[str]) -> None:
        self._signer = URLSafeSerializer(list(reversed(secrets_known)), salt=_SALT)

    def path_of(self, subscription_id: int) -> str:
        """Return the path that ends this subscription."""
        return f"{PATH}{self._signer.dumps(subscription_id)}"

    def subscription_of(self, token: str) -> int | None:
        """Return which subscription a token ends, None if it is none of ours."""
        try:
            found = self._signer.loads(token)
        except BadData:
            return None
        return found if isinstance(found, int) else None
