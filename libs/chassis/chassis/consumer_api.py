"""Routes by which a person manages a service's consumer: events that were set aside, and rebuilds."""

import time
from base64 import b64encode
from dataclasses import asdict
from datetime import datetime
from typing import Annotated, Any, Self, cast
from uuid import UUID

from fastapi import Depends, Query, Request
from pydantic import Field, model_validator
from recobro_events import Consumer, Database, Runtime, dead_letters, rebuilding

from chassis.auth import CurrentPrincipal, reads, writes
from chassis.idempotency import IdempotencyKey
from chassis.models import InputModel, OutputModel, Text, WholeParameter
from chassis.paging import Order, Page, PageQuery, page
from chassis.problems import NotFound
from chassis.routes import Router
from chassis.transactions import ReadConnection, Reader, ServiceDatabase, WriteTransaction

KEYS_AT_ONCE = 100
REPLAY_SECONDS = 10.0
"""One request replays at most ``KEYS_AT_ONCE`` keys, and starts no further key after this time."""

MAX_KEY_LENGTH = 1000
_WAITING = "SELECT count(*) FROM dead_letters WHERE key = $1 AND discarded_at IS NULL"
_LATEST = "SELECT rebuild_id FROM rebuild ORDER BY requested_at DESC LIMIT 1"


class KeyNotParked(NotFound):
    code = "key-not-parked"
    detail = "No event of this key waits. Its events have been applied or discarded, or were never set aside."


class LetterUnknown(NotFound):
    code = "letter-unknown"
    detail = "No letter with this id waits. The letter has been applied or discarded, or never existed."


class NoRebuild(NotFound):
    code = "no-rebuild"
    detail = "This service has not asked for a rebuild in the last 30 days."


class ParkedKey(OutputModel):
    """A parked key with ``letters`` waiting events. ``error`` is the reason why the first cannot be applied."""

    key: str
    contract_id: UUID | None
    consumer: str
    parked_at: datetime
    letters: int
    letter_id: int
    event_id: UUID | None
    type: str | None
    error: str | None
    replays: int


class Letter(OutputModel):
    """An event that was set aside.

    ``error`` is null if nothing is wrong with the event itself, and it waits behind an earlier one. ``event_id`` and
    ``type`` are null if the record's headers could not be read.
    """

    letter_id: int
    key: str
    consumer: str
    event_id: UUID | None
    type: str | None
    topic: str
    partition: int
    offset: int
    error: str | None
    set_aside_at: datetime
    replays: int
    discarded_at: datetime | None
    discarded_by: str | None
    discard_reason: str | None


class WholeLetter(Letter):
    """A letter with its record as received. ``body`` is null if it is not UTF-8. All content is deleted
    after 30 days.
    """

    headers: dict[str, str]
    body: str | None
    body_base64: str | None


class NewReplay(InputModel):
    """Either a ``key``, or ``all`` keys that follow the key ``after``; by default from the start."""

    key: Annotated[str, Field(max_length=MAX_KEY_LENGTH)] | None = None
    all: bool = False
    after: Annotated[
        str,
        Field(
            max_length=MAX_KEY_LENGTH,
            description="The last key of the previous answer's `keys`. Allowed with `all` only",
        ),
    ] = ""

    @model_validator(mode="after")
    def _one_of_both(self) -> Self:
        if (self.key is not None) == self.all:
            raise ValueError("must name either a key or all: true")
        if self.after and not self.all:
            raise ValueError("after is allowed only with all: true")
        return self


class KeyReplay(OutputModel):
    """``applied`` events of the key, in order. ``waiting`` events still wait, the first because of ``error``."""

    key: str
    applied: int
    waiting: int
    error: str | None


class Replay(OutputModel):
    """``replayed`` events in all. If ``more`` is true, there are keys after the last of these."""

    replayed: int
    keys: list[KeyReplay]
    more: bool


class NewDiscard(InputModel):
    reason: Text


class DiscardedLetter(OutputModel):
    """``waiting`` events of the key still wait for a replay."""

    letter_id: int
    key: str
    waiting: int


class Rebuild(OutputModel):
    """``waiting_for`` lists the sources that have not republished everything yet."""

    rebuild_id: UUID
    requested_at: datetime
    ended_at: datetime | None
    waiting_for: list[str]


async def _consumer_of(request: Request) -> Consumer:
    return cast(Consumer, cast(Runtime, request.app.state.runtime).consumer)


ServiceConsumer = Annotated[Consumer, Depends(_consumer_of)]


async def list_parked_keys(query: PageQuery, reader: ReadConnection) -> Page[ParkedKey]:
    """The parked keys, each with the event that blocks the others."""
    # The key is read as bytes: a record that is not an event of ours may have control characters in its key.
    after = query.after(bytes)
    turned = query.order is Order.DESC
    rows = await dead_letters.parked_keys(reader, after.decode() if after else None, query.limit + 1, turned=turned)
    return page(rows, query, key=lambda row: (row["key"],))


async def list_letters(
    query: PageQuery,
    reader: ReadConnection,
    key: Annotated[
        str | None,
        Query(max_length=MAX_KEY_LENGTH, description="Only letters of this key. Default: letters of all keys"),
    ] = None,
    *,
    discarded: Annotated[bool, Query(description="Include the letters that a person has discarded")] = False,
) -> Page[Letter]:
    """Events that were set aside, oldest first. Their content is left out, since it may be personal data."""
    after, turned = query.after_number(), query.order is Order.DESC
    rows = await dead_letters.letters(
        reader, after=after, key=key, discarded=discarded, limit=query.limit + 1, turned=turned
    )
    return page(rows, query, key=lambda row: (row["letter_id"],))


async def read_letter(letter_id: WholeParameter, reader: ReadConnection) -> WholeLetter:
    """One event that was set aside, with its record byte for byte. The record may hold personal data."""
    try:
        row = await dead_letters.letter(reader, letter_id)
    except dead_letters.LetterUnknown:
        raise LetterUnknown("There is no letter with this id.") from None
    # A header that is not UTF-8 is kept with surrogates, which JSON cannot represent.
    headers = {_encodable(name): _encodable(value) for name, value in dead_letters.headers_of_letter(row).items()}
    return WholeLetter(**dict(row) | {"headers": headers} | _content(row["body"]))


def _encodable(text: str) -> str:
    return text.encode("utf-8", "backslashreplace").decode()


def _content(body: bytes | None) -> dict[str, str | None]:
    if body is None:
        return {"body": None, "body_base64": None}
    try:
        text = body.decode()
    except UnicodeDecodeError:
        text = None
    return {"body": text, "body_base64": b64encode(body).decode()}


async def replay_letters(new: NewReplay, database: ServiceDatabase, consumer: ServiceConsumer) -> Replay:
    """Apply the waiting events of each key in order, up to a refusal. Events applied before it stay applied.

    If the answer was lost, send the request again: applied events do not wait any more.
    """
    if new.key is None:
        done, more = await _replay_some(database, consumer, new.after)
    else:
        try:
            done, more = [await dead_letters.replay(database, consumer, new.key)], False
        except dead_letters.KeyNotParked:
            raise KeyNotParked() from None
    keys = [KeyReplay(**asdict(each)) for each in done]
    return Replay(replayed=sum(each.applied for each in keys), keys=keys, more=more)


async def _replay_some(database: Database, consumer: Consumer, after: str) -> tuple[list[dead_letters.Replay], bool]:
    """Replay as many keys as one request may take. Returns the replays, and whether there are more keys."""
    async with database.connection() as connection:
        rows = await dead_letters.parked_keys(connection, after, KEYS_AT_ONCE + 1)
    end = time.monotonic() + REPLAY_SECONDS
    done: list[dead_letters.Replay] = []
    for row in rows[:KEYS_AT_ONCE]:
        try:
            done.append(await dead_letters.replay(database, consumer, row["key"]))
        except dead_letters.KeyNotParked:
            # Another request has replayed this key in the meantime.
            done.append(dead_letters.Replay(row["key"], 0, 0, None))
        if time.monotonic() > end:
            break
    return done, len(done) < len(rows)


async def discard_letter(
    letter_id: WholeParameter,
    new: NewDiscard,
    who: CurrentPrincipal,
    database: ServiceDatabase,
    consumer: ServiceConsumer,
    key: IdempotencyKey,
) -> DiscardedLetter:
    """Discard this event, with a reason: it will never be applied. The events behind it still wait for a replay."""
    try:
        done = await dead_letters.discard(database, consumer, letter_id, by=who.subject, reason=new.reason)
    except dead_letters.LetterUnknown:
        async with database.connection() as connection:
            same = await _repeated_discard(connection, letter_id, who.subject, new.reason) if key is not None else None
        if same is None:
            raise LetterUnknown() from None
        return same
    return DiscardedLetter(letter_id=letter_id, key=done.key, waiting=done.waiting)


async def _repeated_discard(reader: Reader, letter_id: int, by: str, reason: str) -> DiscardedLetter | None:
    """Return the first answer to the same discard, if this request repeats one whose answer was lost."""
    try:
        row = await dead_letters.letter(reader, letter_id)
    except dead_letters.LetterUnknown:
        return None
    if (row["discarded_by"], row["discard_reason"]) != (by, reason):
        return None
    return DiscardedLetter(letter_id=letter_id, key=row["key"], waiting=await reader.fetchval(_WAITING, row["key"]))


async def read_rebuild(reader: ReadConnection) -> Rebuild:
    """The open rebuild, else the latest one."""
    rebuild_id = await reader.fetchval(_LATEST)
    if rebuild_id is None:
        raise NoRebuild()
    return await _rebuild(reader, rebuild_id)


async def ask_for_rebuild(tx: WriteTransaction, consumer: ServiceConsumer) -> Rebuild:
    """Ask every source to republish its data. If a rebuild is open already, the answer is that rebuild.

    Until the rebuild ends, no list is built on this service's data.
    """
    return await _rebuild(tx, await rebuilding.request(tx, consumer))


async def _rebuild(reader: Any, rebuild_id: UUID) -> Rebuild:
    return Rebuild(**asdict(await rebuilding.progress(reader, rebuild_id)))


def routers_of(service: str) -> tuple[Router, ...]:
    """Return these routes for a service. Agencies may not use them."""
    read, write = [reads(service)], [writes(service)]
    letters = Router(prefix="/v1", tags=["dead letters"])
    letters.get("/parked-keys", dependencies=read)(list_parked_keys)
    letters.get("/dead-letters", dependencies=read)(list_letters)
    letters.get("/dead-letters/{letter_id}", dependencies=read)(read_letter)
    letters.post("/dead-letters/replay", dependencies=write)(replay_letters)
    letters.post("/dead-letters/{letter_id}/discard", dependencies=write)(discard_letter)
    rebuild = Router(prefix="/v1", tags=["rebuild"])
    rebuild.get("/rebuild", dependencies=read)(read_rebuild)
    rebuild.post("/rebuild", status_code=202, dependencies=write)(ask_for_rebuild)
    return (letters, rebuild)
