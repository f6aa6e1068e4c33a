"""A service's own PostgreSQL: a bounded pool, and transactions that publish events."""

import asyncio
import json
from collections.abc import AsyncIterator, Callable, Mapping
from contextlib import asynccontextmanager, nullcontext
from contextvars import ContextVar
from decimal import Decimal
from typing import Any

import asyncpg

from recobro_events._database.transaction import Transaction
from recobro_events._errors import TRANSIENT_ERRORS
from recobro_events.contracts.base import Lane

# Types that are sent and received as text. For amounts asyncpg's binary form would take three times as long.
_AS_TEXT: Mapping[str, tuple[Callable[[Any], str], Callable[[str], Any]]] = {
    "json": (json.dumps, json.loads),
    "jsonb": (json.dumps, json.loads),
    "numeric": (str, Decimal),
}

SESSION_SETTINGS: ContextVar[Mapping[str, str]] = ContextVar("SESSION_SETTINGS", default={})  # noqa: B039 - never changed
"""PostgreSQL settings of the connections that the current task takes, ``role`` among them. Empty by default.

A transaction sets them with ``SET LOCAL``. A connection outside of a transaction loses them when it returns to its
pool.
"""

LATER = "later"
"""In a notification this word follows the name of a lane on which no new event is in a hurry."""

_BEGIN_SECONDS = 5.0
_BEGIN = "BEGIN ISOLATION LEVEL READ COMMITTED"
# To plan a statement for every fact costs more than to run it. A statement on thousands of rows deserves its own plan.
_BEGIN_WITH_KEPT_PLANS = f"{_BEGIN}; SET LOCAL plan_cache_mode = force_generic_plan"


class Database:
    """A bounded pool of connections to one service's database.

    ``acquire_timeout_seconds`` bounds the wait for a free connection (``TimeoutError``), ``statement_timeout_seconds``
    every statement, ``lock_timeout_seconds`` every wait for a lock. ``service`` is the service that owns the database.
    ``partitions`` has the number of partitions of the service's own topics, by lane. The ``Runtime`` that uses the
    database sets ``service`` and ``partitions``.
    """

    def __init__(
        self,
        dsn: str,
        *,
        max_connections: int = 10,
        acquire_timeout_seconds: float = 2.0,
        statement_timeout_seconds: float = 60.0,
        lock_timeout_seconds: float = 10.0,
    ) -> None:
        self.dsn = dsn
        self.service = ""
        self.partitions: Mapping[Lane, int] = {}
        self._max_connections = max_connections
        self._acquire_timeout_seconds = acquire_timeout_seconds
        # The server's own timeout ends a statement first. The client's is for a server that no longer answers.
        self._command_timeout_seconds = statement_timeout_seconds + 5
        self._settings = {
            "statement_timeout": str(int(statement_timeout_seconds * 1000)),
            "lock_timeout": str(int(lock_timeout_seconds * 1000)),
            "idle_in_transaction_session_timeout": "60000",
            "timezone": "UTC",
        }
        self._pool: asyncpg.Pool[Any] | None = None
        self._on_outbox: list[Callable[[Mapping[Lane, bool]], None]] = []
        self.local_relays: set[Lane] = set()
        """The lanes whose active relay is in this process. A commit wakes such a relay without a notification."""

    async def open(self) -> None:
        """Connect. Raises an error of asyncpg, or ``OSError``, if the database cannot be reached."""
        self._pool = await asyncpg.create_pool(
            self.dsn,
            min_size=1,
            max_size=self._max_connections,
            init=_use_text_codecs,
            # No code changes a session beyond its transaction, so nothing has to be reset.
            reset=leave_as_it_is,
            server_settings=self._settings,
            timeout=10,
            command_timeout=self._command_timeout_seconds,
        )

    async def close(self) -> None:
        """Close all connections; those that are still in use after 5 s are cut."""
        if self._pool is not None:
            pool, self._pool = self._pool, None
            try:
                await asyncio.wait_for(pool.close(), timeout=5)
            except TimeoutError:
                pool.terminate()

    def on_outbox(self, wake: Callable[[Mapping[Lane, bool]], None]) -> None:
        """Call ``wake`` whenever a transaction of this process has committed events.

        Its argument says for each lane whether an event is in a hurry.
        """
        self._on_outbox.append(wake)

    @asynccontextmanager
    async def connection(self) -> AsyncIterator[Any]:
        """A connection outside of any transaction, for reading. Raises ``TimeoutError`` if none becomes free."""
        settings = SESSION_SETTINGS.get()
        async with self._acquired() as connection:
            if not settings:
                yield connection
                return
            try:
                await connection.execute(_set("SET", settings))
                yield connection
            finally:
                await _or_terminate(connection, "; ".join(f"RESET {name}" for name in settings))

    @asynccontextmanager
    async def _acquired(self) -> AsyncIterator[Any]:
        if self._pool is None:
            raise asyncpg.InterfaceError("the database is not open")
        async with taken(self._pool, self._acquire_timeout_seconds) as connection:
            yield connection

    @asynccontextmanager
    async def transaction(
        self, consumer: str | None = None, *, bulk: bool = False, on: Any = None
    ) -> AsyncIterator[Transaction]:
        """A transaction that commits when the block ends, and rolls back when the block raises.

        ``consumer`` names the consumer whose batch this is. Statements run with generic plans, which a connection
        keeps. With ``bulk``, for statements on thousands of rows, PostgreSQL may plan a statement for its arguments.
        ``on`` is a direct connection to use instead of one of the pool. Raises ``TimeoutError`` if no connection
        becomes free. Raises ``RuntimeError`` if a statement has failed and the block went on without a savepoint.
        """
        begin = [_BEGIN if bulk else _BEGIN_WITH_KEPT_PLANS]
        if settings := SESSION_SETTINGS.get():
            begin.append(_set("SET LOCAL", settings))
        async with self._acquired() if on is None else nullcontext(on) as connection:
            tx = Transaction(connection, service=self.service, partitions=self.partitions, consumer=consumer)
            await _begin(connection, "; ".join(begin))
            try:
                yield tx
                await tx.flush()
                if elsewhere := [
                    str(lane) if in_hurry else f"{lane} {LATER}"
                    for lane, in_hurry in tx.wrote.items()
                    if lane not in self.local_relays
                ]:
                    await tx.execute("SELECT pg_notify('outbox', lane) FROM unnest($1::text[]) AS lane", elsewhere)
                if await connection.execute("COMMIT") != "COMMIT":
                    raise RuntimeError(
                        "PostgreSQL rolled the transaction back, because an earlier statement in it had failed"
                    )
            except BaseException:
                await _roll_back(connection)
                raise
        tx.committed()
        if tx.wrote:
            for wake in self._on_outbox:
                wake(tx.wrote)

    async def direct_connection(self) -> Any:
        """A new connection outside of the pool, for session locks and LISTEN."""
        connection = await asyncpg.connect(self.dsn, timeout=10, server_settings={"timezone": "UTC"})
        await _use_text_codecs(connection)
        return connection


@asynccontextmanager
async def taken(pool: "asyncpg.Pool[Any]", within_seconds: float) -> AsyncIterator[Any]:
    """A connection of the pool; raises ``TimeoutError`` if none becomes free. asyncpg's own would start a task."""
    async with asyncio.timeout(within_seconds):
        connection = await pool.acquire()
    try:
        yield connection
    finally:
        await pool.release(connection)


async def leave_as_it_is(_connection: Any) -> None:
    """Reset nothing when a connection returns to its pool; asyncpg's own reset would cost a statement."""


async def _begin(connection: Any, statement: str) -> None:
    """Begin a transaction. A connection that does not answer within 5 s is taken for dead and closed."""
    try:
        await connection.execute(statement, timeout=_BEGIN_SECONDS)
    except BaseException:
        connection.terminate()
        raise


async def _roll_back(connection: Any) -> None:
    """Roll back. A connection on which that fails is closed, and the server then rolls back."""
    await _or_terminate(connection, "ROLLBACK")


async def _or_terminate(connection: Any, statement: str) -> None:
    """Execute the statement, or close the connection if that fails."""
    if connection.is_closed():
        return
    try:
        await connection.execute(statement, timeout=10)
    except TRANSIENT_ERRORS:
        connection.terminate()
    except BaseException:
        connection.terminate()
        raise


def _set(how: str, settings: Mapping[str, str]) -> str:
    """The statements that give a session these settings. They take no parameters, so the values are quoted here."""
    return "; ".join(f"{how} {name} = '{value.replace(chr(39), chr(39) * 2)}'" for name, value in settings.items())


async def _use_text_codecs(connection: Any) -> None:
    for name, (encoder, decoder) in _AS_TEXT.items():
        await connection.set_type_codec(name, encoder=encoder, decoder=decoder, schema="pg_catalog")
