"""``Idempotency-Key``: a repeated POST gets its first answer again, and has no second effect.

The transaction that has the effect also stores the answer, so either both exist or neither. While the transaction runs
it holds an advisory lock. A unique index would make the second request wait; the lock lets it fail at once.
"""

import hashlib
import json
import re
from dataclasses import dataclass
from typing import Annotated, Any

from fastapi import Depends, Request
from recobro_events import Database, Transaction
from starlette.responses import Response

from chassis.auth import principal_of
from chassis.principals import Principal
from chassis.problems import Conflict, FieldError, Invalid

HEADER = "Idempotency-Key"
KEPT_DAYS = 7
_VISIBLE_ASCII = re.compile(r"[\x21-\x7e]{1,200}")
_PURGE_ROWS = 1000

_LOCK = "SELECT pg_try_advisory_xact_lock(hashtextextended($1, 20260101))"
_FIND = """
SELECT request_sha256, status, content_type, body
FROM idempotent_answer
WHERE subject = $1 AND method = $2 AND path = $3 AND key = $4 AND created_at > now() - make_interval(days => $5)
"""
_PURGE = """
DELETE FROM idempotent_answer WHERE ctid = ANY (ARRAY(
    SELECT ctid FROM idempotent_answer
    WHERE created_at <= now() - make_interval(days => $1) ORDER BY created_at LIMIT $2 FOR UPDATE SKIP LOCKED))
"""


def store_from(first: int) -> str:
    """SQL that stores an answer. Its parameters, from the number ``first`` on, are those of ``answer_of``."""
    values = ", ".join(f"${first + n}" for n in range(8))
    return f"""
INSERT INTO idempotent_answer (subject, method, path, key, request_sha256, status, content_type, body)
VALUES ({values})
ON CONFLICT (subject, method, path, key) DO UPDATE
SET request_sha256 = excluded.request_sha256, status = excluded.status, content_type = excluded.content_type,
    body = excluded.body, created_at = now()
"""


_STORE = store_from(1)


@dataclass(frozen=True, slots=True)
class Key:
    """A caller's key for one request, unique within its caller, method and path."""

    caller: str
    method: str
    path: str
    key: str
    query: bytes

    def request_sha256(self, body_sha256: bytes) -> bytes:
        return hashlib.sha256(self.query + b"\0" + body_sha256).digest()

    async def claim(self, tx: Transaction, body_sha256: bytes) -> None:
        """Store the key with this body in the route's own transaction. For routes that stream their body.

        422 if the key came with another body before. The route itself must recognise the same body.
        """
        await find_answer(tx, self, body_sha256)
        await store_answer(tx, self, body_sha256, None)

    @property
    def _name(self) -> tuple[str, str, str, str]:
        return (self.caller, self.method, self.path, self.key)


def key_of(request: Request) -> Key | None:
    """Return the request's key, if it has one. 422 if the key is not 1 to 200 visible ASCII characters."""
    sent = request.headers.getlist(HEADER)
    if not sent:
        return None
    if len(sent) > 1 or not _VISIBLE_ASCII.fullmatch(sent[0]):
        mistake = FieldError(f"/header/{HEADER}", "must be 1 to 200 visible ASCII characters, once")
        raise Invalid("The idempotency key is not usable.", code="idempotency-key-invalid", errors=[mistake])
    return Key(
        _caller_of(principal_of(request)), request.method, request.url.path, sent[0], request.scope["query_string"]
    )


def _caller_of(principal: Principal) -> str:
    """Name the caller. Two agencies may each have an Ana; no name holds a line break."""
    return principal.subject if principal.agency_id is None else f"{principal.agency_id}\n{principal.subject}"


async def idempotency_key(request: Request) -> Key | None:
    return key_of(request)


IdempotencyKey = Annotated[Key | None, Depends(idempotency_key)]
"""For routes with a streamed body, which must ``claim`` the key. For all others the route class does everything."""


async def find_answer(tx: Transaction, key: Key, *body_sha256: bytes) -> Response | None:
    """Return the first answer to this request, if any. Until ``tx`` ends, no other request can use the key.

    Each of the digests may be the stored one. 409 if another request with the key is in progress, 422 if the key was
    used with another body.
    """
    if not await tx.fetchval(_LOCK, json.dumps(key._name)):
        raise Conflict("A request with this idempotency key is still in progress.", code="in-flight")
    row = await tx.fetchrow(_FIND, *key._name, KEPT_DAYS)
    if row is None:
        return None
    if row["request_sha256"] not in {key.request_sha256(digest) for digest in body_sha256}:
        raise Invalid("This idempotency key was used for another request.", code="idempotency-key-reused")
    if row["status"] is None:
        return None
    headers = {"Idempotent-Replayed": "true"}
    if row["content_type"] is not None:
        headers["Content-Type"] = row["content_type"]
    return Response(row["body"], row["status"], headers)


async def store_answer(tx: Transaction, key: Key, body_sha256: bytes, answer: Response | None) -> None:
    """Store the answer if and only if ``tx`` commits. Without an answer, only the hash of the body is stored."""
    await tx.execute(_STORE, *answer_of(key, body_sha256, answer))


def answer_of(key: Key, body_sha256: bytes, answer: Response | None) -> tuple[Any, ...]:
    """The values of a stored answer."""
    kept: tuple[int | None, str | None, bytes | None] = (None, None, None)
    if answer is not None:
        kept = (answer.status_code, answer.headers.get("content-type"), bytes(answer.body))
    return (*key._name, key.request_sha256(body_sha256), *kept)


async def purge(database: Database) -> int:
    """Delete the answers that are older than seven days, and return their number."""
    total = 0
    while True:
        async with database.connection() as connection:
            deleted = int((await connection.execute(_PURGE, KEPT_DAYS, _PURGE_ROWS)).rpartition(" ")[2])
        total += deleted
        if deleted < _PURGE_ROWS:
            return total
