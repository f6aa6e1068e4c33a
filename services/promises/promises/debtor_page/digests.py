"""Digests under the key of the debtor's page: of tokens, sessions, forms, and of what proves who the debtor is.

Of a token and a session the database has only the digest, so nobody who reads it can open a page.
"""

import base64
import hashlib
import hmac
import secrets

from chassis import Reader
from recobro_events import Transaction

from promises.debtor_page import queries


async def key_of(tx: Transaction) -> bytes:
    """Return the key. The first caller makes it."""
    key: bytes | None = await tx.fetchval(queries.KEY)
    if key is None:
        await tx.execute(queries.MAKE_KEY, secrets.token_bytes(32))
        key = await tx.fetchval(queries.KEY)
    assert key is not None
    return key


async def known_key(reader: Reader) -> bytes:
    """Return the key, or one that fits nothing while there is none."""
    key: bytes | None = await reader.fetchval(queries.KEY)
    return key or secrets.token_bytes(32)


def new_token() -> str:
    """A token that nobody guesses: 256 random bits."""
    return secrets.token_urlsafe(32)


def of_token(token: str) -> bytes:
    """The digest by which a link or a session is found. The token is random, so it needs no key."""
    return hashlib.sha256(token.encode("utf-8", "replace")).digest()


def signed(key: bytes, *parts: str) -> str:
    """A signature of these parts. ``equals`` compares it."""
    digest = hmac.new(key, "\0".join(parts).encode("utf-8", "replace"), hashlib.sha256).digest()
    return base64.urlsafe_b64encode(digest).rstrip(b"=").decode()


def equals(one: str, other: str) -> bool:
    """Compare in a time that does not reveal where the two differ."""
    return hmac.compare_digest(one.encode("utf-8", "replace"), other.encode("utf-8", "replace"))
