"""The worker that books banks' files. It books the files of a portfolio one at a time, in the order of upload.

Any number of processes may run it. Every step is resumable: another process continues a file whose process was killed.
"""

import asyncio
import json
from contextlib import suppress
from functools import partial
from uuid import UUID

import asyncpg
import structlog
from chassis.background import Kept, keep
from recobro_events import SESSION_SETTINGS, TRANSIENT_ERRORS, Backoff, Database, Row, Transaction, step

from portfolio import metrics
from portfolio.bank_files import applying, dry_runs, landing, queries
from portfolio.bank_files.applying import CHUNK_ROWS
from portfolio.bank_files.landing import Intake, read_in_child
from portfolio.bank_files.work import Work
from portfolio.files.reading import FileRefused
from portfolio.files.uploads import COPIES_DAYS
from portfolio.ledger.leases import leased
from portfolio.payments import unidentified_queries

POLL_SECONDS = 2.0
ATTEMPTS = 3
_WORKERS = 2
_PAUSE_SECONDS, _MOST_PAUSE_SECONDS = 0.5, 30.0
_EXPIRE_EVERY_SECONDS = 600.0
_STEP_ROWS = 1_000
_INTERRUPTED = (
    f"Loading this file was interrupted {ATTEMPTS} times without any progress. The file may be too large for the"
    " service. Split it into smaller files."
)
_OUR_FAULT = frozenset({"internal", "reading_failed", "interrupted"})
_log = structlog.get_logger(__name__)


class BankLoader:
    """Books uploaded files by its ``kept`` tasks. ``wake`` makes it look for new files at once."""

    def __init__(self, database: Database, *, intake: Intake = read_in_child, chunk_rows: int = CHUNK_ROWS) -> None:
        self._database = database
        self._intake = intake
        self._chunk_rows = chunk_rows
        self._wakeup = asyncio.Event()
        self._rests: dict[UUID, tuple[float, float]] = {}

    def wake(self) -> None:
        self._wakeup.set()

    def kept(self) -> list[Kept]:
        """The tasks of the loader. If one ends, its transaction is rolled back, and its file continues later."""
        workers = [keep(f"bank files {n}", self._run) for n in range(1, _WORKERS + 1)]
        return [*workers, keep("expiry of bank files", self._expire_for_ever)]

    async def _run(self) -> None:
        backoff = Backoff(_PAUSE_SECONDS, _MOST_PAUSE_SECONDS)
        while True:
            self._wakeup.clear()
            try:
                worked = await self.load_one()
                await self.clear_leftovers()
                await self.measure()
                backoff.reset()
            except TRANSIENT_ERRORS as error:
                _log.warning("bank_files_interrupted", error=type(error).__name__, exc_info=True)
                await backoff.wait()
                continue
            if not worked:
                with suppress(TimeoutError):
                    await asyncio.wait_for(self._wakeup.wait(), POLL_SECONDS)

    async def measure(self) -> None:
        """Report what waits: files for the loader, unidentified payments for a person."""
        async with self._database.connection() as connection:
            files = await connection.fetch(queries.UNFINISHED)
            waiting = await connection.fetchrow(unidentified_queries.WAITING)
        metrics.payment_files_wait(files)
        metrics.unidentified_wait(waiting["count"], waiting["oldest"])

    async def load_one(self) -> bool:
        """Book one file whose turn it is and on which no other process works; False when there is none."""
        async with self._database.connection() as connection:
            waiting = await connection.fetch(queries.UNFINISHED)
        for row in sorted(waiting, key=lambda row: row["sequence"]):
            until, _ = self._rests.get(row["file_id"], (0.0, 0.0))
            if until > asyncio.get_running_loop().time():
                continue
            # Losing the lease is harmless: every step locks the file's row and finds the rows that are done.
            async with leased(self._database, f"bank-file:{row['portfolio_id']}") as ours:
                if ours:
                    await self._load_alone(row["file_id"])
                    return True
        return False

    async def _load_alone(self, file_id: UUID) -> None:
        """Book the file. If that is interrupted, the file rests for a moment, and the others have their turn."""
        work = await self._work(file_id)
        # Payments and history name the person who sent the file.
        before = SESSION_SETTINGS.set({"app.actor": json.dumps(dict(work.actor))} if work.actor else {})
        try:
            await self._load(work)
            self._rests.pop(file_id, None)
        except Exception as error:  # noqa: BLE001 - an error stops one attempt at one file
            _, pause = self._rests.get(file_id, (0.0, _PAUSE_SECONDS / 2))
            pause = min(2 * pause, _MOST_PAUSE_SECONDS)
            _log.warning("bank_file_interrupted", file_id=str(file_id), pause_seconds=pause, exc_info=True)
            if isinstance(error, TRANSIENT_ERRORS) and not isinstance(error, asyncpg.QueryCanceledError):
                # An attempt that the database's absence ended is not the file's fault.
                with suppress(*TRANSIENT_ERRORS):
                    await step(self._database, lambda tx: tx.execute(queries.FORGET_ATTEMPT, file_id))
            self._rests[file_id] = (asyncio.get_running_loop().time() + pause, pause)
        finally:
            SESSION_SETTINGS.reset(before)

    async def _load(self, work: Work) -> None:
        attempts = await step(self._database, lambda tx: tx.fetchval(queries.COUNT_ATTEMPT, work.file_id))
        if attempts > ATTEMPTS:
            await self._fail(work, "interrupted", _INTERRUPTED)
            return
        try:
            if work.status in ("received", "reading"):
                await landing.read(self._database, work, self._intake)
            await (dry_runs.run if work.dry_run else applying.apply)(self._database, work, self._chunk_rows)
        except FileRefused as refused:
            await self._fail(work, refused.code, refused.detail)
        except asyncio.CancelledError:
            # The process is ending in order, which is not the file's fault.
            await step(self._database, lambda tx: tx.execute(queries.FORGET_ATTEMPT, work.file_id))
            raise
        except TRANSIENT_ERRORS:
            raise
        except Exception:  # noqa: BLE001
            # A defect of this service: the error is logged, the file fails, and the portfolio's next file has its turn.
            _log.exception("bank_file_failed", file_id=str(work.file_id))
            detail = "An error of the service stopped the loading of this file. Upload the file again to retry."
            await self._fail(work, "internal", detail)

    async def _fail(self, work: Work, code: str, detail: str) -> None:
        async def fail(tx: Transaction) -> None:
            seconds = await tx.fetchval(queries.FAIL, work.file_id, code, detail)
            if seconds is not None:
                outcome = "failed" if code in _OUR_FAULT else "refused"
                tx.after_commit(partial(metrics.payment_file_ended, outcome, seconds))

        await step(self._database, fail)
        _log.info("bank_file_refused", file_id=str(work.file_id), code=code)

    async def _work(self, file_id: UUID) -> Work:
        async with self._database.connection() as connection:
            row = await connection.fetchrow(queries.WORK, file_id)
        return Work(**dict(row))

    async def clear_leftovers(self) -> None:
        """Delete the bytes of files that are booked or have failed, and of tried ones after some days."""
        async with self._database.connection() as connection:
            finished = await connection.fetch(queries.LEFTOVERS, COPIES_DAYS, None)
        for row in finished:
            await step(self._database, lambda tx: _clear(tx, row))  # noqa: B023

    async def expire(self) -> None:
        """Delete what the banks' files say of payers, 30 days after the file or after the money has its place."""
        for statement in (queries.EXPIRE_REJECTS, queries.EXPIRE_ROWS, unidentified_queries.EXPIRE):
            while await step(self._database, lambda tx: _expire(tx, statement)) == _STEP_ROWS:  # noqa: B023
                pass

    async def _expire_for_ever(self) -> None:
        while True:
            try:
                await self.expire()
            except TRANSIENT_ERRORS:
                _log.warning("bank_files_not_expired", exc_info=True)
            await asyncio.sleep(_EXPIRE_EVERY_SECONDS)


async def _clear(tx: Transaction, file: Row) -> None:
    # Uploads take the same lock: a failed file may be sent again at this moment.
    await tx.execute(queries.LOCK_IDENTITY, f"{file['portfolio_id']}|{file['sha256'].hex()}")
    if await tx.fetchrow(queries.LEFTOVERS, COPIES_DAYS, file["file_id"]) is not None:
        await tx.execute(queries.DELETE_PARTS, file["file_id"])


async def _expire(tx: Transaction, statement: str) -> int:
    return int((await tx.execute(statement, COPIES_DAYS, _STEP_ROWS)).rpartition(" ")[2])
