"""Sign-in by the identity provider as one process does it: bounded in time, and in how many at once."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import anyio
from starlette.requests import Request

from core.clock import now
from core.settings import DoorSettings
from services.api.doors.cookies import Seal
from services.api.doors.oidc_attempt import Attempt, Attempts
from services.api.doors.oidc_flow import Returned, Vouched, signed_out_subject, vouched
from services.api.doors.oidc_provider import Metadata, Provider
from services.api.doors.oidc_settings import registration_of
from services.api.doors.oidc_wire import absent

UNDER_WAY_MAX = 16
"""Sign-ins of one process that may be asking the provider at once."""
STEP_S_MAX = 20.0
"""All that one request asks of the provider, waiting for its turn included."""


class SignIn:
    """Sign-in by one provider, as this process does it."""

    def __init__(self, provider: Provider, attempts: Attempts) -> None:
        self.provider, self.attempts = provider, attempts
        self._free = anyio.Semaphore(UNDER_WAY_MAX)

    @classmethod
    def of(cls, settings: DoorSettings, seal: Seal) -> SignIn | None:
        """Return sign-in by the provider of these settings; None where there is none.

        Raises
        ------
        SettingInvalid
            With the first setting that does not go with the others.
        """
        registration = registration_of(settings)
        return None if registration is None else cls(Provider(registration), Attempts(seal))

    @asynccontextmanager
    async def step(self) -> AsyncIterator[None]:
        """Hold a place among those who ask the provider, for a bounded time.

        Raises
        ------
        SignInRefused
            If all places are taken, or it takes too long.
        """
        try:
            self._free.acquire_nowait()
        except anyio.WouldBlock:
            raise absent("too many sign-ins wait for it") from None
        try:
            with anyio.fail_after(STEP_S_MAX):
                yield
        except TimeoutError:
            raise absent(f"it took over {STEP_S_MAX:g} s") from None
        finally:
            self._free.release()

    async def metadata(self) -> Metadata:
        """Return what the provider says of itself."""
        async with self.step():
            return await self.provider.metadata()

    async def vouched(self, attempt: Attempt, returned: Returned) -> Vouched:
        """Return who came back with a code."""
        async with self.step():
            return await vouched(self.provider, attempt, returned, now())

    async def signed_out(self, logout_token: str) -> str:
        """Return the subject of whom the provider says that they signed out there."""
        async with self.step():
            return await signed_out_subject(self.provider, logout_token, now())


def sign_in_of(request: Request) -> SignIn | None:
    """Return sign-in by the provider, None where no provider is set."""
    found: SignIn | None = request.app.state.oidc
    return found
