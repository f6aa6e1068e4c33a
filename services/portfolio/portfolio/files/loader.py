"""The worker that loads files. It loads the files of a portfolio one at a time, in the order of upload.

Any number of processes may run it. The process that loads a portfolio holds a lease on the portfolio. Every step is
resumable: another process continues a file whose process was killed.
"""

import asyncio
from contextlib import suppress
from functools import partial
from typing import NamedTuple
from uuid import UUID

import asyncpg
import structlog
from chassis.background import Kept, keep
from recobro_events import TRANSIENT_ERRORS, Backoff, Database, Row, Transaction, step

from portfolio import metrics
from portfolio.files import applying, dry_runs, expiry, landing, landing_queries, queries, uploads, views
from portfolio.files.applying import CHUNK_CONTRACTS
from portfolio.files.profiles import ProfileVersion
from portfolio.files.reading import FileRefused, Intake, read_in_child
from portfolio.files.work import Work
from portfolio.ledger.leases import leased

POLL_SECONDS = 2.0
"""The longest time until this process finds a file that was uploaded through another process."""

ATTEMPTS = 3
"""The number of times that loading a file may end without any progress, such as by the death of its process."""
_WORKERS = 2
_PAUSE_SECONDS, _MOST_PAUSE_SECONDS = 0.5, 30.0
_INTERRUPTED = (
    f"Loading this file was interrupted {ATTEMPTS} times without any progress. The file may be too large for the"
    " service. Split it into smaller files."
)
_log = structlog.get_logger(__name__)


class _Interruption(NamedTuple):
    """The next attempt at a file is made at ``until``, on the loop's clock."""

    until: float
    pause: float
    counts: bool


class Loader:
    """Loads uploaded files by its ``kept`` tasks. ``wake`` makes it look for new files at once."""

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
        self._interrupted: dict[UUID, _Interruption] = {}

    def wake(self) -> None:
        self._wakeup.set()

    def kept(self) -> list[Kept]:
        """The tasks of the loader. If one ends, its transaction is rolled back, and its file continues later."""
        workers = [keep(f"loader {n}", self._run) for n in range(1, _WORKERS + 1)]
        return [*workers, keep("expiry of files", partial(expiry.for_ever, self._database))]

    async def _run(self) -> None:
        backoff = Backoff(_PAUSE_SECONDS, _MOST_PAUSE_SECONDS)
        while True:
            self._wakeup.clear()
            try:
                await self.clear_leftovers()
                worked = await self.load_one()
                backoff.reset()
            except TRANSIENT_ERRORS as error:
                _log.warning("loading_interrupted", error=type(error).__name__, exc_info=True)
                await backoff.wait()
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
            if row["status"] == "needs_confirmation" or portfolio_id in self._busy or self._rests(row["file_id"]):
                continue
            self._busy.add(portfolio_id)
            try:
                # Losing the lease is harmless: every step locks the file's row and checks how far it is applied.
                async with leased(self._database, f"loading:{portfolio_id}") as ours:
                    if ours:
                        await self._load_alone(row["file_id"])
                        return True
            finally:
                self._busy.discard(portfolio_id)
        return False

    def _rests(self, file_id: UUID) -> bool:
        known = self._interrupted.get(file_id)
        return known is not None and known.until > asyncio.get_running_loop().time()

    async def _load_alone(self, file_id: UUID) -> None:
        """Load the file. If that is interrupted, the file rests for a moment, and the others have their turn."""
        try:
            await self._load(file_id)
            self._interrupted.pop(file_id, None)
        except Exception as error:  # noqa: BLE001 - an error stops one attempt at one file
            known = self._interrupted.get(file_id)
            pause = min(2 * known.pause, _MOST_PAUSE_SECONDS) if known is not None else _PAUSE_SECONDS
            _log.warning("loading_interrupted", file_id=str(file_id), pause_seconds=pause, exc_info=True)
            counts = not isinstance(error, TRANSIENT_ERRORS) or isinstance(error, asyncpg.QueryCanceledError)
            until = asyncio.get_running_loop().time() + pause
            self._interrupted[file_id] = _Interruption(until, pause, counts)

    async def _load(self, file_id: UUID) -> None:
        work = await self._work(file_id)
        known = self._interrupted.get(file_id)
        # An attempt that the database's absence ended is not the file's fault.
        if (known is None or known.counts) and await self._attempt(file_id) > ATTEMPTS:
            await step(self._database, lambda tx: applying.fail(tx, work, "interrupted", _INTERRUPTED))
            _log.error("file_interrupted", file_id=str(file_id), attempts=ATTEMPTS)
            return
        try:
            if work.status in ("received", "reading"):
                await landing.read(self._database, work, self._intake)
            apply = dry_runs.run if work.dry_run else applying.apply
            await apply(self._database, work, self._chunk_contracts)
        except FileRefused as refused:
            code, detail = refused.code, refused.detail
            await step(self._database, lambda tx: applying.fail(tx, work, code, detail))
            _log.info("file_refused", file_id=str(file_id), code=code)
        except asyncio.CancelledError:
            # The process is ending in order, which is not the file's fault.
            await step(self._database, lambda tx: tx.execute(queries.FORGET_ATTEMPT, file_id))
            raise
        except TRANSIENT_ERRORS:
            raise
        except Exception:  # noqa: BLE001
            # A defect of this service: the error is logged, the file fails, and the portfolio's next file has its turn.
            _log.exception("file_failed", file_id=str(file_id))
            detail = "An error of the service stopped the loading of this file. Upload the file again to retry."
            await step(self._database, lambda tx: applying.fail(tx, work, applying.INTERNAL, detail))
        await self.clear_leftovers()

    async def _attempt(self, file_id: UUID) -> int:
        return int(await step(self._database, lambda tx: tx.fetchval(queries.COUNT_ATTEMPT, file_id)))

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
            try:
                await step(self._database, lambda tx: _clear(tx, row))  # noqa: B023
            except TRANSIENT_ERRORS:
                raise
            except Exception:  # noqa: BLE001 - the leftovers of one file must not stop the others' loading
                _log.exception("leftovers_not_deleted", file_id=str(row["file_id"]))


async def _clear(tx: Transaction, file: Row) -> None:
    # Uploads take the same lock: a failed file may be uploaded again at this moment.
    identity = uploads.Identity(
        file["portfolio_id"],
        file["sha256"],
        views.Mode(file["mode"]),
        file["as_of"],
        file["amends"],
        dry_run=file["dry_run"],
        profile=ProfileVersion.of(file),
    )
    await tx.execute(queries.LOCK_IDENTITY, str(identity))
    if await tx.fetchval(queries.IS_FINISHED, file["file_id"]):
        for statement in landing_queries.DELETE_STAGED:
            await tx.execute(statement, file["file_id"])
        await tx.execute(queries.DELETE_PARTS, file["file_id"])
