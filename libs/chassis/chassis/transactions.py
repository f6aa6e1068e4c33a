"""The database inside a request: one transaction for a write, one connection for a read.

All dependencies are coroutines: FastAPI runs plain functions in a thread, which costs more than they do.
"""

from collections.abc import AsyncIterator
from typing import Annotated, Any, Protocol, cast

from fastapi import Depends, Request
from recobro_events import SESSION_SETTINGS, Database, Row, Transaction


async def act_for_agency(tx: Transaction) -> None:
    """Continue with the agency's rights. Nothing happens unless the request is an agency's."""
    if role := SESSION_SETTINGS.get().get("role"):
        await tx.execute("SELECT set_config('role', $1, true)", role)


async def act_for_service(tx: Transaction) -> None:
    """Continue with the service's rights: what the agency may see has been read, and its effects reach further.

    Nothing happens unless the request is an agency's.
    """
    if "role" in SESSION_SETTINGS.get():
        await tx.execute("SET LOCAL ROLE NONE")


class Reader(Protocol):
    """The interface of a query's connection. A ``Transaction`` and a ``ReadConnection`` both have it."""

    async def fetch(self, sql: str, /, *arguments: Any) -> list[Row]: ...
    async def fetchrow(self, sql: str, /, *arguments: Any) -> Row | None: ...
    async def fetchval(self, sql: str, /, *arguments: Any) -> Any: ...


async def write_transaction(request: Request) -> Transaction:
    """The request's transaction. ``ServiceRoute`` opens it, and commits it before the answer leaves."""
    return cast(Transaction, request.state.tx)


async def service_database(request: Request) -> Database:
    """The service's database, for work that outlives a transaction: streams and long polls."""
    return cast(Database, request.app.state.database)


async def read_connection(database: Annotated[Database, Depends(service_database)]) -> AsyncIterator[Any]:
    async with database.connection() as connection:
        yield connection


WriteTransaction = Annotated[Transaction, Depends(write_transaction)]
"""Commits before the answer leaves. It is tried up to three times on deadlock or serialization failure."""

ReadConnection = Annotated[Reader, Depends(read_connection, scope="function")]
"""A connection outside of any transaction. It is returned to the pool before the answer leaves."""

ServiceDatabase = Annotated[Database, Depends(service_database)]
"""The database itself, for streamed answers and long polls. Take a connection per page, not per stream."""
