"""The database inside a request: one transaction for a write, one connection for a read.

Dependencies are coroutines throughout: FastAPI runs plain functions in a thread, which costs more than they do.
"""

from collections.abc import AsyncIterator
from typing import Annotated, Any, Protocol, cast

from fastapi import Depends, Request
from recobro_events import Database, Row, Transaction


class Reader(Protocol):
    """What a query needs: a ``Transaction`` and a ``ReadConnection`` both are one."""

    async def fetch(self, sql: str, /, *arguments: Any) -> list[Row]: ...
    async def fetchrow(self, sql: str, /, *arguments: Any) -> Row | None: ...
    async def fetchval(self, sql: str, /, *arguments: Any) -> Any: ...


async def write_transaction(request: Request) -> Transaction:
    """The request's transaction. ``ServiceRoute`` opened it, and commits it before the answer leaves."""
    return cast(Transaction, request.state.tx)


async def service_database(request: Request) -> Database:
    """The service's database, for what outlives a transaction: streams and long polls."""
    return cast(Database, request.app.state.database)


async def read_connection(database: Annotated[Database, Depends(service_database)]) -> AsyncIterator[Any]:
    async with database.connection() as connection:
        yield connection


WriteTransaction = Annotated[Transaction, Depends(write_transaction)]
"""Commits before the answer leaves; repeated up to three times on deadlock or serialization failure."""

ReadConnection = Annotated[Reader, Depends(read_connection, scope="function")]
"""A connection outside of any transaction, given back before the answer leaves."""

ServiceDatabase = Annotated[Database, Depends(service_database)]
"""The database itself, for streamed answers and long polls: take a connection for each page, not for the stream."""
