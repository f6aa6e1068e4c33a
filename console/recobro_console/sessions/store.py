"""Sessions in the console's database, each sealed with a key that only its browser has.

====================================  ================================================================
a stolen copy of the table            opens no session and shows no token
a cookie whose session has ended      finds nothing: the user signs in again
a session after its last hour         is not found, and its row is deleted within the hour
====================================  ================================================================
"""

import hashlib
import json
import secrets
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import asdict, dataclass, field, replace
from datetime import UTC, datetime, timedelta
from enum import StrEnum
from typing import Any
from uuid import UUID

from joserfc import jwe
from joserfc.errors import JoseError
from joserfc.jwk import OctKey
from recobro_events import Database

_INSERT = "INSERT INTO session (key_hash, sealed, expires_at) VALUES ($1, $2, $3)"
_FIND = "SELECT sealed FROM session WHERE key_hash = $1 AND expires_at > now()"
_REPLACE = "UPDATE session SET sealed = $2 WHERE key_hash = $1"
_BEGIN_RENEWAL = """
UPDATE session SET renewing_until = now() + $2 WHERE key_hash = $1 AND coalesce(renewing_until <= now(), true)
RETURNING key_hash
"""
_END_RENEWAL = "UPDATE session SET renewing_until = NULL WHERE key_hash = $1"
_DELETE = "DELETE FROM session WHERE key_hash = $1"
_PURGE = "WITH links AS (DELETE FROM used_link WHERE expires_at < now()) DELETE FROM session WHERE expires_at < now()"
_USE_LINK = "INSERT INTO used_link (token_id, expires_at) VALUES ($1, $2) ON CONFLICT DO NOTHING RETURNING token_id"
_NEVER = datetime.min.replace(tzinfo=UTC)
_HEADER = {"alg": "dir", "enc": "A256GCM"}


class Role(StrEnum):
    """What a user does here. The services decide by the token's scopes; the role decides which pages are shown."""

    OPERATOR = "operator"
    SUPERVISOR = "supervisor"
    AUDITOR = "auditor"
    AGENCY = "agency"


@dataclass(frozen=True)
class Session:
    """A user who has signed in. ``access_token`` is for the services, valid until ``token_expires_at``.

    ``csrf`` is the value that every form carries. ``refresh_token`` is the identity provider's, null without one.
    """

    subject: str
    name: str
    role: Role
    scopes: tuple[str, ...]
    expires_at: datetime
    agency_id: UUID | None = None
    access_token: str = field(default="", repr=False)
    token_expires_at: datetime = _NEVER
    refresh_token: str | None = field(default=None, repr=False)
    id_token: str | None = field(default=None, repr=False)
    csrf: str = field(default_factory=lambda: secrets.token_urlsafe(24), repr=False)

    def may(self, scope: str) -> bool:
        """Whether the user's token carries the scope, such as ``portfolio:write``."""
        return scope in self.scopes

    def with_token(self, token: str, lifetime_seconds: int, refresh_token: str | None = None) -> "Session":
        """Return the session with a fresh token for the services."""
        return replace(
            self,
            access_token=token,
            token_expires_at=datetime.now(UTC) + timedelta(seconds=lifetime_seconds),
            refresh_token=refresh_token or self.refresh_token,
        )


class Store:
    """The sessions of all users."""

    def __init__(self, database: Database) -> None:
        self._database = database

    async def open(self, session: Session) -> str:
        """Keep a new session. Return the value of its cookie."""
        key = secrets.token_urlsafe(32)
        async with self._database.connection() as connection:
            await connection.execute(_INSERT, _hash(key), _seal(session, key), session.expires_at)
        return key

    async def find(self, key: str) -> Session | None:
        """Return the session of a cookie, or None if there is none that still runs."""
        async with self._database.connection() as connection:
            sealed = await connection.fetchval(_FIND, _hash(key))
        return None if sealed is None else _opened(sealed, key)

    async def replace(self, key: str, session: Session) -> None:
        """Keep what has changed in a session. A session that has ended meanwhile stays ended."""
        async with self._database.connection() as connection:
            await connection.execute(_REPLACE, _hash(key), _seal(session, key))

    @asynccontextmanager
    async def renewal(self, key: str, at_most: timedelta) -> AsyncIterator[bool]:
        """Whether this process may renew the session's token while the block runs; of several processes one may.

        No other may before the block ends, or before ``at_most`` has passed if this process dies in it.
        """
        async with self._database.connection() as connection:
            may = await connection.fetchval(_BEGIN_RENEWAL, _hash(key), at_most) is not None
        try:
            yield may
        finally:
            if may:
                async with self._database.connection() as connection:
                    await connection.execute(_END_RENEWAL, _hash(key))

    async def close(self, key: str) -> None:
        """End a session: the user has signed out."""
        async with self._database.connection() as connection:
            await connection.execute(_DELETE, _hash(key))

    async def use_link(self, token_id: str, expires_at: datetime) -> bool:
        """Whether a login link is used for the first time. Of two who use it at once, one gets in."""
        async with self._database.connection() as connection:
            return await connection.fetchval(_USE_LINK, token_id, expires_at) is not None

    async def purge(self) -> None:
        """Delete what has expired."""
        async with self._database.connection() as connection:
            await connection.execute(_PURGE)


def _hash(key: str) -> bytes:
    return hashlib.sha256(key.encode()).digest()


def _sealing_key(key: str) -> OctKey:
    return OctKey.import_key(hashlib.sha256(b"recobro console session" + key.encode()).digest())


def _seal(session: Session, key: str) -> bytes:
    content = json.dumps(asdict(session), default=str).encode()
    return jwe.encrypt_compact(_HEADER, content, _sealing_key(key)).encode()


def _opened(sealed: bytes, key: str) -> Session | None:
    try:
        content: dict[str, Any] = json.loads(jwe.decrypt_compact(bytes(sealed), _sealing_key(key)).plaintext or b"")
    except JoseError:
        return None
    agency = content["agency_id"]
    return Session(
        **content
        | {
            "role": Role(content["role"]),
            "scopes": tuple(content["scopes"]),
            "agency_id": UUID(agency) if agency else None,
            "expires_at": datetime.fromisoformat(content["expires_at"]),
            "token_expires_at": datetime.fromisoformat(content["token_expires_at"]),
        }
    )
