"""Lands a bank's file: reads and checks all of it and copies it into a table, before anything of it is booked."""

import asyncio
import shutil
import tempfile
from collections.abc import AsyncIterator, Awaitable, Callable, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass
from decimal import Decimal
from pathlib import Path

from recobro_events import Database, Transaction, step

from portfolio.bank_files import queries
from portfolio.bank_files.reader.columns import ACCEPTED_COLUMNS, ACCEPTED_FILE, REJECTED_COLUMNS, REJECTED_FILE
from portfolio.bank_files.work import Work
from portfolio.files.reading import READ_TIMEOUT_SECONDS, ReportRows, run_reader

COPY_TIMEOUT_SECONDS = 600
_TELL_EVERY_SECONDS = 1.0


@dataclass(frozen=True)
class Landed:
    """What the reader found."""

    rows_read: int
    rows_accepted: int
    rows_rejected: int
    amount_accepted: Decimal
    format: str
    header: Sequence[str]
    warnings: Sequence[str]


Intake = Callable[[Work, Path, Path, ReportRows], Awaitable[Landed]]
"""Reads a file and writes CSV files for COPY into a folder. Raises ``FileRefused``."""


async def read_in_child(work: Work, source: Path, folder: Path, report_rows: ReportRows) -> Landed:
    """The ``Intake`` that runs ``portfolio.bank_files.reader``."""
    options = [
        *("--jurisdiction", work.jurisdiction, "--currency", work.currency, "--channel", work.channel),
        *("--latest", work.latest.isoformat(), "--channels", *work.payment_channels),
        *(() if work.given_format is None else ("--format", work.given_format)),
        *(() if work.control_rows is None else ("--control-rows", str(work.control_rows))),
        *(() if work.control_amount is None else ("--control-amount", str(work.control_amount))),
    ]
    answer = await run_reader(source, folder, options, READ_TIMEOUT_SECONDS, report_rows, "portfolio.bank_files.reader")
    return Landed(**answer | {"amount_accepted": Decimal(answer["amount_accepted"])})


async def read(database: Database, work: Work, intake: Intake) -> None:
    """Read the file with ``intake`` and copy its rows. An interrupted reading starts from the beginning.

    Afterwards the file is ``loading``. Raises ``FileRefused``.
    """
    await step(database, lambda tx: tx.execute(queries.START_READING, work.file_id))
    async with _folder(f"recobro-bank-{work.file_id}-") as folder:
        source = folder / "payments.file"
        await _download(database, work, source)
        landed = await intake(work, source, folder, _reporting(database, work))
        source.unlink()
        await step(database, lambda tx: _stage(tx, work, folder, landed))
    async with database.connection() as connection:
        await connection.execute("ANALYZE payment_file_row")


def _reporting(database: Database, work: Work) -> ReportRows:
    """Write down how many rows have been read, at most once a second."""
    last = asyncio.get_running_loop().time()

    async def report_rows(rows: int) -> None:
        nonlocal last
        now = asyncio.get_running_loop().time()
        if now - last >= _TELL_EVERY_SECONDS:
            last = now
            await step(database, lambda tx: tx.execute(queries.ROWS_READ, work.file_id, rows))

    return report_rows


@asynccontextmanager
async def _folder(prefix: str) -> AsyncIterator[Path]:
    """A folder for this file. Folders that a killed process left for the file are removed first."""

    def fresh() -> Path:
        for left in Path(tempfile.gettempdir()).glob(f"{prefix}*"):
            shutil.rmtree(left, ignore_errors=True)
        return Path(tempfile.mkdtemp(prefix=prefix))

    folder = await asyncio.to_thread(fresh)
    try:
        yield folder
    finally:
        shutil.rmtree(folder, ignore_errors=True)


async def _download(database: Database, work: Work, target: Path) -> None:
    part = 0
    with target.open("wb") as file:
        while True:
            async with database.connection() as connection:
                content = await connection.fetchval(queries.PART, work.file_id, part)
            if content is None:
                return
            await asyncio.to_thread(file.write, content)
            part += 1


async def _stage(tx: Transaction, work: Work, folder: Path, landed: Landed) -> None:
    file = await tx.fetchrow(queries.LOCKED, work.file_id)
    if file is None or file["status"] != "reading":
        return
    await tx.execute(queries.DELETE_ROWS, work.file_id)
    await tx.execute(queries.DELETE_REJECTS, work.file_id)
    await tx.execute(queries.FOR_COPY, str(work.file_id), str(COPY_TIMEOUT_SECONDS * 1000))
    for name, table, columns in (
        (ACCEPTED_FILE, "payment_file_row", ACCEPTED_COLUMNS),
        (REJECTED_FILE, "payment_file_reject", REJECTED_COLUMNS),
    ):
        await tx.connection.copy_to_table(
            table, source=folder / name, columns=columns, format="csv", header=True, timeout=COPY_TIMEOUT_SECONDS
        )
    await tx.execute(
        queries.READING_ENDED,
        *(work.file_id, landed.format, landed.header, landed.rows_read, landed.rows_accepted, landed.rows_rejected),
        *(landed.amount_accepted, landed.warnings),
    )
