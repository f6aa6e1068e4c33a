"""The audit table: who changed what. The route writes an entry for every change, in the change's own transaction.

Entries are only ever added. A background task seals them in order: a seal holds the digest of the seal before it and of
its entries, so that an entry which was altered, removed or slipped in later no longer fits. Only the tables' owner can
delete old entries, by whole seals; the seal before the first that is left is kept, so the chain stays whole.
"""

import asyncio
import hashlib
import json
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any
from uuid import UUID

import structlog
from fastapi import Depends, Request
from recobro_events import TRANSIENT_ERRORS, Database, Transaction
from starlette.responses import Response

from chassis import idempotency, metrics
from chassis.principals import Principal
from chassis.transactions import act_for_service

SEAL_EVERY_SECONDS = 10.0
SEALED_AT_ONCE = 1000
PRUNED_SEALS_AT_ONCE = 50
LEAST_YEARS = 3
"""Records are kept for three years after the last activity (12 CFR 1006.100)."""
MOST_OBJECTS = 100
MOST_FAULTS = 100
_SEAL_LOCK = 7_203_550_119
_log = structlog.get_logger(__name__)

_ENTRY = """entry AS (
    INSERT INTO audit_entry (method, route, path, status, objects) VALUES ($1, $2, $3, $4, $5) RETURNING entry_id)"""
_UNSEALED = "INSERT INTO audit_unsealed SELECT entry_id FROM entry"
_RECORD = f"WITH {_ENTRY} {_UNSEALED}"
_RECORD_AND_STORE = f"WITH {_ENTRY}, stored AS ({idempotency.store_from(6)}) {_UNSEALED}"
DIGEST = """sha256(convert_to(jsonb_build_array(entry.entry_id, extract(epoch FROM entry.occurred_at), entry.actor,
    entry.method, entry.route, entry.path, entry.status, entry.objects)::text, 'UTF8'))"""
"""SQL: the digest of a row of ``audit_entry AS entry``."""
_TAKE = f"""
WITH taken AS (
    DELETE FROM audit_unsealed WHERE entry_id = ANY (ARRAY(
        SELECT entry_id FROM audit_unsealed ORDER BY entry_id LIMIT {SEALED_AT_ONCE}))
    RETURNING entry_id)
SELECT entry.entry_id, {DIGEST} AS digest FROM taken JOIN audit_entry AS entry USING (entry_id) ORDER BY entry_id
"""
_PRUNED = "SELECT seal_id, digest, entries, newest_at FROM audit_pruned"
_OLDEST_SEALS = f"""
SELECT seal_id, digest, newest_at, digests
FROM (
    SELECT * FROM audit_seal WHERE seal_id < (SELECT max(seal_id) FROM audit_seal) ORDER BY seal_id LIMIT $1) AS seal,
    LATERAL (
        SELECT max(occurred_at) AS newest_at, coalesce(array_agg({DIGEST} ORDER BY entry_id), '{{}}') AS digests
        FROM audit_entry AS entry WHERE entry_id = ANY(entries)) AS sealed
ORDER BY seal_id
"""
_PRUNE = """
WITH gone AS (DELETE FROM audit_seal WHERE seal_id = ANY($1) RETURNING entries)
DELETE FROM audit_entry WHERE entry_id IN (SELECT unnest(entries) FROM gone)
"""
_NOTE_PRUNING = """
INSERT INTO audit_pruned (seal_id, digest, entries, newest_at, pruned_at) VALUES ($1, $2, $3, $4, clock_timestamp())
ON CONFLICT (one) DO UPDATE SET seal_id = excluded.seal_id, digest = excluded.digest, newest_at = excluded.newest_at,
    entries = audit_pruned.entries + excluded.entries, pruned_at = excluded.pruned_at
"""
_LAST_SEAL = "SELECT seal_id, digest FROM audit_seal ORDER BY seal_id DESC LIMIT 1"
_SEAL = "INSERT INTO audit_seal (seal_id, entries, digest) VALUES ($1, $2, $3)"


_SEALS = f"""
SELECT seal_id, digest, ARRAY(
    SELECT {DIGEST} FROM audit_entry AS entry WHERE entry_id = ANY(entries) ORDER BY entry_id) AS digests
FROM audit_seal ORDER BY seal_id
"""
_LOOSE = """
SELECT entry_id FROM audit_entry
WHERE NOT EXISTS (SELECT FROM audit_unsealed AS waiting WHERE waiting.entry_id = audit_entry.entry_id)
    AND entry_id NOT IN (SELECT unnest(entries) FROM audit_seal)
ORDER BY entry_id LIMIT $1
"""
_COUNT = """
SELECT (SELECT count(*) FROM audit_entry) AS entries, (SELECT count(*) FROM audit_unsealed) AS unsealed
"""


def actor_setting(principal: Principal, request_id: str) -> Mapping[str, str]:
    """The setting ``app.actor``, which is the default of every column ``actor``: who acts, as a JSON object.

    It holds the token's subject, client, agency and id, the delegate who acts for the subject, and the request's id.
    """
    known = {
        "subject": principal.subject,
        "client": principal.client,
        "agency_id": principal.agency_id and str(principal.agency_id),
        "delegate": principal.delegate,
        "token_id": principal.token_id,
        "request_id": request_id,
    }
    return {"app.actor": json.dumps({name: value for name, value in known.items() if value is not None})}


async def record(
    tx: Transaction,
    request: Request,
    status: int | None,
    answer: Response | None,
    stored: Sequence[Any] | None = None,
    about: Iterable[UUID] = (),
) -> None:
    """Write the entry of this request. ``status`` is None before the work begins; the answer names what was made.

    ``stored`` are the values of an ``idempotency.answer_of``, which the same statement stores. ``about`` are objects
    that neither the path nor the answer names.
    """
    objects = [*_ids(request.path_params.values()), *_ids(_members_of(answer)), *about]
    route = getattr(request.scope.get("route"), "path_format", request.url.path)
    kept = list(dict.fromkeys(objects))[:MOST_OBJECTS]
    entry = (request.method, route, request.url.path, status, kept)
    if stored is None:
        await tx.execute(_RECORD, *entry)
    else:
        await tx.execute(_RECORD_AND_STORE, *entry, *stored)


async def record_alone(database: Database, request: Request, status: int | None, answer: Response | None) -> None:
    """Write the entry of a request whose work has no transaction, or several, in a transaction of its own."""
    async with database.transaction() as tx:
        await act_for_service(tx)
        await record(tx, request, status, answer)


def _members_of(answer: Response | None) -> Iterable[Any]:
    """The members of the answer's JSON object, if it is one."""
    if answer is None or not answer.headers.get("content-type", "").startswith("application/json"):
        return ()
    value = json.loads(bytes(answer.body)) if answer.body else None
    return value.values() if isinstance(value, dict) else ()


def _ids(values: Iterable[Any]) -> Iterable[UUID]:
    for value in values:
        if isinstance(value, UUID):
            yield value
        elif isinstance(value, str) and len(value) == 36:
            try:
                yield UUID(value)
            except ValueError:
                continue


class _ReadsInBulk:
    """Marks a route that reads personal data of many at once."""

    async def __call__(self) -> None:
        """Does nothing: the route writes the entry."""


BULK_READ = _ReadsInBulk()


def reads_in_bulk() -> Any:
    """For ``dependencies=[…]`` of a route that returns personal data of many debtors: each read is an entry."""
    return Depends(BULK_READ)


async def seal(database: Database) -> int:
    """Seal the oldest entries that are not sealed yet, a thousand at most. Returns their number."""
    async with database.transaction() as tx:
        # One seal follows another. The lock is taken before the last seal is read.
        await tx.execute("SELECT pg_advisory_xact_lock($1)", _SEAL_LOCK)
        rows = await tx.fetch(_TAKE)
        if not rows:
            return 0
        last = await tx.fetchrow(_LAST_SEAL)
        number, before = (last["seal_id"] + 1, last["digest"]) if last is not None else (1, b"")
        digest = sealed(before, (row["digest"] for row in rows))
        await tx.execute(_SEAL, number, [row["entry_id"] for row in rows], digest)
    metrics.AUDIT_SEALED.inc(len(rows))
    # Outside of the database, so that a chain which somebody made anew is found out.
    _log.info("audit_sealed", seal_id=number, entries=len(rows), digest=digest.hex())
    return len(rows)


def sealed(before: bytes, digests: Iterable[bytes]) -> bytes:
    """The digest of a seal: of the digest of the seal before it, and those of its entries in order."""
    return hashlib.sha256(before + b"".join(digests)).digest()


@dataclass(frozen=True)
class Verdict:
    """What the audit table holds. ``head`` is the last seal's digest; ``faults`` are sentences, none if it is whole.

    Entries of the last seconds may not be sealed yet; they count as ``unsealed``. ``pruned`` entries were deleted; they
    are all older than ``pruned_until``.
    """

    entries: int
    unsealed: int
    seals: int
    head: bytes
    faults: tuple[str, ...]
    pruned: int = 0
    pruned_until: datetime | None = None


async def verify(connection: Any) -> Verdict:
    """Compute every seal anew from the entries. ``connection`` is asyncpg's; the read is one snapshot."""
    faults: list[str] = []
    async with connection.transaction(isolation="repeatable_read", readonly=True):
        pruned = await connection.fetchrow(_PRUNED)
        number, before = (pruned["seal_id"], pruned["digest"]) if pruned is not None else (0, b"")
        async for row in connection.cursor(_SEALS):
            faults += [f"seal {missing} is missing" for missing in range(number + 1, row["seal_id"])]
            if sealed(before, row["digests"]) != row["digest"]:
                faults.append(f"seal {row['seal_id']} does not fit its entries and the seal before it")
            number, before = row["seal_id"], row["digest"]
        loose = await connection.fetch(_LOOSE, MOST_FAULTS)
        counted = await connection.fetchrow(_COUNT)
    faults += [f"entry {row['entry_id']} is in no seal" for row in loose]
    return Verdict(
        counted["entries"],
        counted["unsealed"],
        number,
        before,
        tuple(faults[:MOST_FAULTS]),
        pruned["entries"] if pruned is not None else 0,
        pruned["newest_at"] if pruned is not None else None,
    )


class NotWhole(Exception):
    """A seal does not fit its entries and the seal before it. It is evidence, and nothing was deleted."""


async def prune(connection: Any, before: datetime, person: str) -> int:
    """Delete the oldest seals with their entries, if all of these are from ``before``. Returns the number of entries.

    It deletes a few seals in one transaction, never the last one; call it until it returns 0. An entry says who did it.
    ``connection`` is asyncpg's, of the tables' owner. Raises ``NotWhole``.
    """
    async with connection.transaction():
        await connection.execute("SELECT pg_advisory_xact_lock($1)", _SEAL_LOCK)
        last = await connection.fetchrow(_PRUNED)
        number, digest = (last["seal_id"], last["digest"]) if last is not None else (0, b"")
        newest_at, entries, seals = None, 0, []
        for row in await connection.fetch(_OLDEST_SEALS, PRUNED_SEALS_AT_ONCE):
            if row["newest_at"] is not None and row["newest_at"] >= before:
                break
            if row["seal_id"] != number + 1 or sealed(digest, row["digests"]) != row["digest"]:
                raise NotWhole(f"seal {row['seal_id']} does not fit its entries and the seal before it")
            number, digest = row["seal_id"], row["digest"]
            newest_at, entries = max(newest_at or row["newest_at"], row["newest_at"]), entries + len(row["digests"])
            seals.append(number)
        if seals:
            await connection.execute(_PRUNE, seals)
            await connection.execute(_NOTE_PRUNING, number, digest, entries, newest_at)
            await connection.execute("SELECT set_config('app.actor', $1, true)", json.dumps({"subject": person}))
            path = f"/v1/audit?to={before.isoformat()}"
            await connection.execute(_RECORD, "DELETE", "/v1/audit", path, 200, [])
    return entries


async def seal_for_ever(database: Database) -> None:
    """Seal the entries of the last seconds, again and again."""
    while True:
        try:
            while await seal(database) == SEALED_AT_ONCE:
                pass
        except TRANSIENT_ERRORS:
            _log.warning("audit_not_sealed", exc_info=True)
        await asyncio.sleep(SEAL_EVERY_SECONDS)
