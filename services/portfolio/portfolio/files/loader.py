"""The worker that loads files. It loads the files of a portfolio one at a time, in the order of upload.

Any number of processes may run it. The process that loads a portfolio holds a lease on the portfolio. Every step is
resumable: another process continues a file whose process was killed.
"""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress
from uuid import UUID

import structlog
from recobro_events import TRANSIENT_ERRORS, Database, Row, Transaction, end, step

from portfolio import metrics
from portfolio.files import applying, landing, landing_queries, queries, uploads
from portfolio.files.applying import CHUNK_CONTRACTS
from portfolio.files.landing import FileRefused, Intake, Work, read_in_child

POLL_SECONDS = 2.0
"""The longest time until this process finds a file that was uploaded through another process."""

_WORKERS = 2
_MOST_PAUSE_SECONDS = 30.0
_log = structlog.get_logger(__name__)


class Loader:
    """Loads uploaded files inside a ``running`` block. ``wake`` makes it look for new files at once."""

    def __init__(
        self,
        database: Database,
        *,
        intake: Intake = read_in_child,
        chunk_contracts: int = CHUNK_CONTRACTS,
        poll_seconds: float = POLL_SECONDS,
    ) -> None:
        self._database = database
        self._intake = intake
        self._chunk_contracts = chunk_contracts
        self._poll_seconds = poll_seconds
        self._wakeup = asyncio.Event()
        self._busy: set[UUID] = set()

    def wake(self) -> None:
        self._wakeup.set()

    @asynccontextmanager
    async def running(self) -> AsyncIterator[None]:
        """Load until the block ends. A transaction under way is rolled back; its file continues at the next start."""
        tasks = [asyncio.create_task(self._run(), name=f"loader {n}") for n in range(_WORKERS)]
        try:
            yield
        finally:
            await end(*tasks)

    async def _run(self) -> None:
        pause = 0.5
        while True:
            self._wakeup.clear()
            try:
                await self.clear_leftovers()
                worked = await self.load_one()
                pause = 0.5
            except Exception as error:  # noqa: BLE001 - an error stops one attempt, not the worker
                _log.warning("loading_interrupted", error=type(error).__name__, pause_seconds=pause, exc_info=True)
                await asyncio.sleep(pause)
                pause = min(2 * pause, _MOST_PAUSE_SECONDS)
                continue
            if not worked:
                with suppress(TimeoutError):
                    await asyncio.wait_for(self._wakeup.wait(), self._poll_seconds)

    async def load_one(self) -> bool:
        """Load one file whose turn it is and whose portfolio no other worker is loading; False when there is none."""
        async with self._database.connection() as connection:
            waiting = await connection.fetch(queries.UNFINISHED)
        metrics.files_wait(waiting)
        for row in sorted(waiting, key=lambda row: row["sequence"]):
            portfolio_id = row["portfolio_id"]
            if row["status"] == "needs_confirmation" or portfolio_id in self._busy:
                continue
            self._busy.add(portfolio_id)
            try:
                async with self._lease(portfolio_id) as ours:
                    if ours:
                        await self._load(row["file_id"])
                        return True
            finally:
                self._busy.discard(portfolio_id)
        return False

    @asynccontextmanager
    async def _lease(self, portfolio_id: UUID) -> AsyncIterator[bool]:
        # Losing the lease unnoticed is harmless: every step locks the file's row and checks how far it is applied.
        connection = await self._database.direct_connection()
        try:
            yield await connection.fetchval(queries.TRY_LEASE, str(portfolio_id))
        finally:
            with suppress(*TRANSIENT_ERRORS):
                await connection.execute(queries.UNLOCK)
            connection.terminate()

    async def _load(self, file_id: UUID) -> None:
        work = await self._work(file_id)
        try:
            if work.status in ("received", "reading"):
                await landing.read(self._database, work, self._intake)
            await applying.apply(self._database, work, chunk_contracts=self._chunk_contracts)
        except FileRefused as refused:
            code, detail = refused.code, refused.detail
            await step(self._database, lambda tx: applying.fail(tx, work, code, detail))
            _log.info("file_refused", file_id=str(file_id), code=code)
        except TRANSIENT_ERRORS:
            raise
        except Exception:  # noqa: BLE001
            # A defect of this service: the error is logged, the file fails, and the portfolio's next file has its turn.
            _log.exception("file_failed", file_id=str(file_id))
            detail = "An error of the service stopped the loading of this file. Upload the file again to retry."
            await step(self._database, lambda tx: applying.fail(tx, work, applying.INTERNAL, detail))
        await self.clear_leftovers()

    async def _work(self, file_id: UUID) -> Work:
        async with self._database.connection() as connection:
            row = await connection.fetchrow(queries.WORK, file_id)
        return Work(**dict(row))

    async def clear_leftovers(self) -> None:
        """Delete the bytes and the staging rows of files that are loaded or have failed.

        The parts are deleted last, because ``LEFTOVERS`` finds files by their parts.
        """
        async with self._database.connection() as connection:
            finished = await connection.fetch(queries.LEFTOVERS)
        for row in finished:
            await step(self._database, lambda tx: _clear(tx, row))  # noqa: B023


async def _clear(tx: Transaction, file: Row) -> None:
    # Uploads take the same lock: a failed file may be uploaded again at this moment.
    identity = uploads.Identity(file["portfolio_id"], file["sha256"], uploads.Mode(file["mode"]), file["as_of"])
    await tx.execute(queries.LOCK_IDENTITY, str(identity))
    if await tx.fetchval(queries.IS_FINISHED, file["file_id"]):
        for table in (*landing_queries.STAGING_TABLES, "file_part"):
            await tx.execute(landing_queries.DELETE_ROWS.format(table=table), file["file_id"])
