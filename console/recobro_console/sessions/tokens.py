"""The token with which a user's session calls the services, renewed before it ends."""

import asyncio
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from typing import Protocol
from weakref import WeakValueDictionary

from recobro_console.sessions.store import Session, Store

_RENEW_BEFORE = timedelta(seconds=60)
_RENEWAL = timedelta(seconds=30)
"""No renewal takes longer: the provider's answer is not awaited any more."""
_LOOK_AGAIN_SECONDS = 0.2


class SignedOut(Exception):
    """The session cannot go on: its user has to sign in again."""


class Issuer(Protocol):
    """The source of a session's tokens: the platform's own key, or an identity provider."""

    async def renewed(self, session: Session) -> Session:
        """Return the session with a fresh token. Raises ``SignedOut`` if there is none to be had."""


class Tokens:
    """Keeps the tokens of sessions fresh. Of several requests of one session, at any process, one renews.

    A provider that gives a new refresh token each time may end the session when an old one is used twice.
    """

    def __init__(self, store: Store, issuer: Issuer, now: Callable[[], datetime] = lambda: datetime.now(UTC)) -> None:
        self._store, self._issuer, self._now = store, issuer, now
        self._locks: WeakValueDictionary[str, asyncio.Lock] = WeakValueDictionary()

    async def fresh(self, key: str, session: Session) -> Session:
        """Return the session with a token that holds for a minute at least. Raises ``SignedOut``."""
        if self._holds(session):
            return session
        # The lock lives while somebody holds it or waits for it.
        lock = self._locks.setdefault(key, asyncio.Lock())
        async with lock:
            while True:
                # Another request of the session may have renewed it meanwhile, here or at another process.
                known = await self._store.find(key)
                if known is None:
                    raise SignedOut
                if self._holds(known):
                    return known
                async with self._store.renewal(key, _RENEWAL) as may:
                    # Between the look and the leave somebody else may have been faster.
                    if may and (known := await self._store.find(key)) and not self._holds(known):
                        async with asyncio.timeout(_RENEWAL.total_seconds() - 5):
                            known = await self._issuer.renewed(known)
                        await self._store.replace(key, known)
                        return known
                if not may:
                    await asyncio.sleep(_LOOK_AGAIN_SECONDS)

    def _holds(self, session: Session) -> bool:
        return session.token_expires_at - _RENEW_BEFORE > self._now()
