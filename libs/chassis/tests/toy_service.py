"""A toy service: two counters, a ledger, and routes that do what a service's routes do."""

import hashlib
from collections.abc import AsyncIterator, Callable, Coroutine
from datetime import datetime
from typing import Annotated, Any, cast
from uuid import UUID, uuid4

import asyncpg
from chassis import (
    DIALING,
    Amount,
    Conflict,
    Count,
    CurrentPrincipal,
    Day,
    IdempotencyKey,
    InputModel,
    Moment,
    NotFound,
    OutputModel,
    Page,
    PageQuery,
    ReadConnection,
    Router,
    ServiceDatabase,
    ShortText,
    Text,
    WholeParameter,
    WriteTransaction,
    act_for_service,
    body_limit,
    create_app,
    page,
    reads,
    streamed_body,
    writes,
)
from chassis.app import Lifespan
from chassis.process import Role
from chassis.testing import test_settings
from fastapi import Depends, FastAPI, Query, Request
from pydantic import Field
from recobro_events import Consumer, Database, EventTooLarge, Money, Runtime
from starlette.responses import JSONResponse, Response, StreamingResponse

TABLES = """
CREATE TABLE entry (entry_id uuid PRIMARY KEY, name text NOT NULL, amount numeric(14,2) NOT NULL, n bigint);
CREATE TABLE counter (name text PRIMARY KEY, value integer NOT NULL);
INSERT INTO counter VALUES ('a', 0), ('b', 0);
CREATE TABLE note (agency_id uuid NOT NULL, text text NOT NULL);
ALTER TABLE note ENABLE ROW LEVEL SECURITY;
CREATE POLICY everyone ON note USING (true);
CREATE POLICY own ON note AS RESTRICTIVE TO recobro_agency
    USING (agency_id = current_setting('app.agency_id', true)::uuid);
GRANT SELECT ON note TO recobro_agency;
"""


class NewEntry(InputModel):
    name: ShortText
    amount: Amount
    count: Count = 0
    plain: int = 0
    ratio: float = 0.0
    on: Day | None = None
    at: Moment | None = None
    sure: bool = False
    note: Text | None = None
    parts: list["NewEntry"] = Field(default_factory=list)


class Entry(OutputModel):
    entry_id: UUID
    name: str
    amount: Money


class Lines(InputModel):
    lines: list[Count]


class EntryGone(NotFound):
    """A domain error of the service."""

    code = "entry-gone"


class Toy(Runtime):
    """A runtime that a test may change: a hook inside an endpoint, the runtime's problems, and a record of calls."""

    def __init__(self, consumer: Consumer | None = None) -> None:
        self.consumer = consumer
        self.inside: Callable[[Any], Coroutine[Any, Any, None]] | None = None
        self.calls = 0
        self.wrong: list[str] = []
        self.stuck: list[str] = []
        self.order: list[str] = []

    async def start(self) -> None:
        self.order.append("runtime started")

    async def stop(self) -> None:
        self.order.append("runtime stopped")

    def problems(self) -> list[str]:
        return self.wrong

    def stalled(self) -> list[str]:
        return self.stuck

    async def run_inside(self, tx: Any) -> None:
        self.calls += 1
        if self.inside is not None:
            await self.inside(tx)


def toy_app(toy: Toy, database: Database, *lifespan: Lifespan, role: Role = Role.ALL, **settings: Any) -> FastAPI:
    return create_app(
        service="portfolio",
        title="Toy",
        settings=test_settings(database.dsn, **settings),
        database=database,
        runtime=toy,
        routers=[router],
        lifespan=lifespan,
        role=role,
    )


def _the_toy(request: Request) -> Toy:
    return cast(Toy, request.app.state.runtime)


TheToy = Annotated[Toy, Depends(_the_toy)]
READ, WRITE = [reads("portfolio")], [writes("portfolio")]
router = Router(prefix="/v1")


@router.post("/entries", status_code=201, dependencies=[writes("portfolio", agency=True)])
async def add(entry: NewEntry, tx: WriteTransaction, toy: TheToy) -> Entry:
    entry_id = uuid4()
    await act_for_service(tx)
    await tx.execute("INSERT INTO entry VALUES ($1, $2, $3, $4)", entry_id, entry.name, entry.amount, entry.plain)
    await toy.run_inside(tx)
    return Entry(entry_id=entry_id, name=entry.name, amount=entry.amount)


@router.get("/entries", dependencies=[reads("portfolio", agency=True)])
async def entries(query: PageQuery, connection: ReadConnection, name: str | None = None) -> Page[Entry]:
    after = query.after(str, UUID) or ("", UUID(int=0))
    rows = await connection.fetch(
        "SELECT entry_id, name, amount FROM entry WHERE (name, entry_id) > ($1, $2) AND name = coalesce($4, name)"
        " ORDER BY name, entry_id LIMIT $3",
        *after,
        query.limit + 1,
        name,
    )
    return page(rows, query, key=lambda row: (row["name"], row["entry_id"]))


class Note(InputModel):
    text: Text


# These queries name no agency: PostgreSQL shows each agency its own rows.
_NOTES = "SELECT text FROM note ORDER BY text"


@router.get("/notes", dependencies=[reads("portfolio", agency=True)])
async def notes(connection: ReadConnection) -> list[str]:
    return [row["text"] for row in await connection.fetch(_NOTES)]


@router.get("/notes.txt", dependencies=[reads("portfolio", agency=True)])
async def streamed_notes(database: ServiceDatabase) -> StreamingResponse:
    async def lines() -> AsyncIterator[str]:
        async with database.connection() as connection:
            for row in await connection.fetch(_NOTES):
                yield row["text"] + "\n"

    return StreamingResponse(lines(), media_type="text/plain")


@router.post("/notes", status_code=201, dependencies=[writes("portfolio", agency=True)])
async def add_note(note: Note, who: CurrentPrincipal, tx: WriteTransaction) -> list[str]:
    seen = [row["text"] for row in await tx.fetch(_NOTES)]
    await act_for_service(tx)
    await tx.execute("INSERT INTO note VALUES ($1, $2)", who.agency_id or UUID(int=0), note.text)
    return seen


@router.post("/forgotten-notes", status_code=201, dependencies=[writes("portfolio", agency=True)])
async def forget_to_act_for_the_service(note: Note, who: CurrentPrincipal, tx: WriteTransaction) -> None:
    await tx.execute("INSERT INTO note VALUES ($1, $2)", who.agency_id, note.text)


@router.get("/entries/{entry_id}", dependencies=READ)
async def entry(entry_id: UUID, connection: ReadConnection) -> Entry:
    row = await connection.fetchrow("SELECT entry_id, name, amount FROM entry WHERE entry_id = $1", entry_id)
    if row is None:
        raise EntryGone("No such entry.")
    return Entry(**dict(row))


@router.get("/by-number/{n}", dependencies=READ)
async def by_number(n: WholeParameter, connection: ReadConnection) -> dict[str, int]:
    return {"found": await connection.fetchval("SELECT count(*) FROM entry WHERE n = $1", n)}


@router.get("/unbounded/{n}", dependencies=READ)
async def unbounded(n: int, connection: ReadConnection) -> dict[str, int]:
    return {"found": await connection.fetchval("SELECT count(*) FROM entry WHERE n = $1", n)}


@router.post("/refused", dependencies=WRITE)
async def refused(tx: WriteTransaction, *, returned: bool = False) -> Response:
    await tx.execute("UPDATE counter SET value = value + 1")
    if returned:
        return JSONResponse({"answer": "no"}, status_code=409)
    raise Conflict("It is known.", code="entry-known", extra={"entry_id": UUID(int=7)})


@router.post("/both", dependencies=WRITE)
async def both(tx: WriteTransaction, toy: TheToy, first: str, second: str) -> dict[str, int]:
    toy.calls += 1
    for name in (first, second):
        await tx.execute("UPDATE counter SET value = value + 1 WHERE name = $1", name)
        await toy.run_inside(tx)
    return {"calls": toy.calls}


@router.post("/runs", status_code=202, dependencies=WRITE)
async def run(lines: Lines, database: ServiceDatabase) -> dict[str, int]:
    async with database.transaction() as tx:
        await tx.execute("UPDATE counter SET value = $1 WHERE name = 'a'", sum(lines.lines))
    return {"sum": sum(lines.lines)}


@router.post("/files", status_code=202, dependencies=[*WRITE, streamed_body(3_000_000)])
async def upload(request: Request, database: ServiceDatabase, key: IdempotencyKey) -> dict[str, int]:
    size, digest = 0, hashlib.sha256()
    async for piece in request.stream():
        size += len(piece)
        digest.update(piece)
    async with database.transaction() as tx:
        if key is not None:
            await key.claim(tx, digest.digest())
        await tx.execute("UPDATE counter SET value = value + 1 WHERE name = 'a'")
    return {"size": size}


@router.post("/short", dependencies=[*WRITE, body_limit(50)])
async def short(lines: Lines) -> dict[str, int]:
    return {"sum": sum(lines.lines)}


@router.get("/stream", dependencies=READ)
async def stream(*, broken: bool = False) -> Response:
    async def pieces() -> AsyncIterator[bytes]:
        yield b"one\n"
        if broken:
            raise RuntimeError("half-way, near +525512345678")
        yield b"two\n"

    return StreamingResponse(pieces(), media_type="text/plain")


@router.get("/table", dependencies=READ)
async def table(*, named: bool = False) -> Response:
    headers = {"Content-Disposition": 'attachment; filename="table.csv"', "Cache-Control": "max-age=60"}
    return Response("a,b\n", media_type="text/csv", headers=headers if named else {})


@router.post("/stream", dependencies=WRITE)
async def stream_in_a_transaction(tx: WriteTransaction) -> Response:
    await tx.execute("UPDATE counter SET value = value + 1")
    return StreamingResponse(iter([b"never"]))


@router.get("/fail", dependencies=READ)
async def fail(kind: str, connection: ReadConnection, name: str = "") -> None:  # noqa: ARG001
    await FAILURES[kind](connection)


@router.get("/poll", dependencies=READ)
async def poll(wait: Annotated[WholeParameter, Query(le=60)] = 0) -> dict[str, int]:
    return {"waited": wait}


@router.get("/me", dependencies=[reads("portfolio", agency=True)])
async def me(principal: CurrentPrincipal) -> dict[str, str | None]:
    return {"subject": principal.subject, "agency": str(principal.agency_id) if principal.agency_id else None}


@router.get("/stream-rows", dependencies=READ, response_class=StreamingResponse)
async def stream_rows() -> StreamingResponse:
    return StreamingResponse(iter([b"one\n", b"two\n"]), media_type="text/plain")


@router.get("/held", dependencies=[reads("portfolio", agency=True)])
async def held(connection: ReadConnection, toy: TheToy) -> dict[str, int]:
    await toy.run_inside(connection)
    return {"calls": toy.calls}


@router.get("/dialed", dependencies=[reads("portfolio", agency=True), DIALING])
async def dialed(connection: ReadConnection) -> dict[str, int]:
    return {"found": await connection.fetchval("SELECT 1")}


@router.post("/late", dependencies=[writes("portfolio", agency=True)])
async def late(tx: WriteTransaction, toy: TheToy) -> dict[str, int]:
    await toy.run_inside(tx)
    return {"calls": toy.calls}


@router.get("/forgotten")
async def forgotten() -> dict[str, str]:
    return {"secret": "never shown"}


@router.get("/moment", dependencies=READ)
async def moment(on: Day, at: Moment) -> dict[str, str]:
    assert isinstance(at, datetime)
    return {"on": on.isoformat(), "at": at.isoformat()}


async def _bug(_: Any) -> None:
    raise RuntimeError("Ana López, +525512345678")


async def _event_too_large(_: Any) -> None:
    raise EventTooLarge(
        "portfolio.contract-revised.v1 of the key 4711 has 1000001 bytes, and an event may have 1000000"
    )


async def _row_too_large(connection: Any) -> None:
    await connection.execute(
        "INSERT INTO outbox_events (type, key, body) VALUES ('a.b.v1', 'k', 'Ana López' || repeat('x', 1000000))"
    )


async def _unique(connection: Any) -> None:
    await connection.execute("INSERT INTO counter VALUES ('a', 1)")


async def _division(connection: Any) -> None:
    await connection.fetchval("SELECT 1 / 0")


async def _canceled(connection: Any) -> None:
    await connection.execute("SET statement_timeout = 10")
    try:
        await connection.fetchval("SELECT pg_sleep(20)")
    finally:
        await connection.execute("RESET statement_timeout")


async def _disk(_: Any) -> None:
    raise OSError(28, "No space left on device", "/secret/place")


async def _missing_file(_: Any) -> None:
    raise FileNotFoundError(2, "No such file", "/secret/place")


async def _disk_of_postgres(_: Any) -> None:
    raise asyncpg.DiskFullError("could not extend file")


async def _starting(_: Any) -> None:
    raise asyncpg.CannotConnectNowError("the database system is starting up")


async def _lock(_: Any) -> None:
    raise asyncpg.LockNotAvailableError("canceling statement due to lock timeout")


async def _unnoticed_end(_: Any) -> None:
    raise asyncpg.InternalClientError("cannot switch to state 12; protocol is in fatal state")


FAILURES: dict[str, Callable[[Any], Coroutine[Any, Any, None]]] = {
    "bug": _bug,
    "event-too-large": _event_too_large,
    "row-too-large": _row_too_large,
    "unique": _unique,
    "division": _division,
    "canceled": _canceled,
    "disk": _disk,
    "missing-file": _missing_file,
    "disk-of-postgres": _disk_of_postgres,
    "starting": _starting,
    "lock": _lock,
    "unnoticed-end": _unnoticed_end,
}
