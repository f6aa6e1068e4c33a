"""Lands a file: reads and checks all of it and copies it into staging tables, before anything is applied."""

import asyncio
import shutil
import tempfile
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from pathlib import Path
from uuid import UUID

from recobro_events import Database, Row, Transaction, step

from portfolio.files import code_pages, comparing, landing_queries, queries
from portfolio.files.reader.columns import (
    ACCEPTED_COLUMNS,
    ACCEPTED_FILE,
    ADDRESS_COLUMNS,
    ADDRESSES_FILE,
    CELLS_FILE,
    CONTACT_COLUMNS,
    CONTACTS_FILE,
    CONTRACT_COLUMNS,
    CONTRACTS_FILE,
    PARTIES_FILE,
    PARTY_COLUMNS,
    PARTY_CONTACT_COLUMNS,
    PARTY_CONTACTS_FILE,
    REJECTED_COLUMNS,
    REJECTED_FILE,
)
from portfolio.files.reading import FileRefused, Intake, Landed, ReportRows
from portfolio.files.views import ConfirmationReason
from portfolio.files.work import Work
from portfolio.tabular.code_pages import CodePageUnsure

COPY_TIMEOUT_SECONDS = 600
_TELL_EVERY_SECONDS = 1.0

_COPIES = (
    (ACCEPTED_FILE, "file_row", ACCEPTED_COLUMNS),
    (REJECTED_FILE, "file_reject", REJECTED_COLUMNS),
    (CONTRACTS_FILE, "file_contract", CONTRACT_COLUMNS),
    (CONTACTS_FILE, "file_contact", CONTACT_COLUMNS),
    (ADDRESSES_FILE, "file_address", ADDRESS_COLUMNS),
    (PARTIES_FILE, "file_party", PARTY_COLUMNS),
    (PARTY_CONTACTS_FILE, "file_party_contact", PARTY_CONTACT_COLUMNS),
)
_KEPT_AS = {"due_date": "due_on", "amount_due": "amount"}


async def read(database: Database, work: Work, intake: Intake) -> None:
    """Read the file with ``intake`` and copy its rows into the staging tables.

    Afterwards the file is ``loading`` or ``needs_confirmation``. An interrupted reading starts from the beginning.
    Raises ``FileRefused``.
    """
    await step(database, lambda tx: _start(tx, work))
    async with _folder(work.file_id) as folder:
        source = folder / "portfolio.file"
        await _download(database, work.file_id, source)
        try:
            landed = await intake(work, source, folder, _reporting(database, work))
        except CodePageUnsure as unsure:
            readings = unsure.readings
            await step(database, lambda tx: code_pages.ask(tx, work, readings))
            return
        source.unlink()
        await step(database, lambda tx: _stage(tx, work, folder, landed))
    async with database.connection() as connection:
        for table in landing_queries.STAGING_TABLES:
            await connection.execute(f"ANALYZE {table}")


def _reporting(database: Database, work: Work) -> ReportRows:
    """Write down how many rows have been read, at most once a second."""
    last = asyncio.get_running_loop().time()

    async def report_rows(rows: int) -> None:
        nonlocal last
        now = asyncio.get_running_loop().time()
        if now - last >= _TELL_EVERY_SECONDS:
            last = now
            await step(database, lambda tx: tx.execute(landing_queries.ROWS_READ, work.file_id, rows))

    return report_rows


async def _start(tx: Transaction, work: Work) -> None:
    await tx.fetchrow(queries.LOCKED, work.file_id)
    newest = await tx.fetchval(queries.NEWER_LOADED, work.portfolio_id, work.as_of)
    if newest is not None and work.mode != "amend":
        raise FileRefused("older_file", f"The file is as of {work.as_of}, but a file as of {newest} has been loaded.")
    await tx.execute(landing_queries.START_READING, work.file_id)


@asynccontextmanager
async def _folder(file_id: UUID) -> AsyncIterator[Path]:
    """A folder for this file. Folders that a killed process left for the file are removed first."""
    folder = await asyncio.to_thread(_fresh_folder, f"recobro-{file_id}-")
    try:
        yield folder
    finally:
        shutil.rmtree(folder, ignore_errors=True)


def _fresh_folder(prefix: str) -> Path:
    for left in Path(tempfile.gettempdir()).glob(f"{prefix}*"):
        shutil.rmtree(left, ignore_errors=True)
    return Path(tempfile.mkdtemp(prefix=prefix))


async def _download(database: Database, file_id: UUID, target: Path) -> None:
    part = 0
    with target.open("wb") as file:
        while True:
            async with database.connection() as connection:
                content = await connection.fetchval(landing_queries.PART, file_id, part)
            if content is None:
                return
            await asyncio.to_thread(file.write, content)
            part += 1


async def _stage(tx: Transaction, work: Work, folder: Path, landed: Landed) -> None:
    file = await tx.fetchrow(queries.LOCKED, work.file_id)
    if file is None or file["status"] != "reading":
        return
    for table in (*landing_queries.STAGING_TABLES, "file_reject"):
        await tx.execute(landing_queries.DELETE_ROWS.format(table=table), work.file_id)
    await tx.execute(landing_queries.FOR_COPY, str(work.file_id), str(COPY_TIMEOUT_SECONDS * 1000))
    for name, table, columns in _COPIES:
        await _copy(tx, folder / name, table, columns)
    await _refuse_closed(tx, work.file_id, landed, folder / CELLS_FILE)
    totals = await tx.fetchrow(landing_queries.TOTALS, work.file_id, "instalment_count" in landed.columns)
    assert totals is not None
    closing = await _closing(tx, work)
    reason = None if work.dry_run else await _reason_to_wait(tx, work, closing)
    if closing is not None and (work.dry_run or reason is ConfirmationReason.CLOSES_MANY):
        await tx.execute(landing_queries.LIST_CLOSING, work.file_id, work.portfolio_id)
    await tx.execute(
        landing_queries.READING_ENDED,
        work.file_id,
        "loading" if reason is None else "needs_confirmation",
        landed.header,
        *(totals["rows_accepted"], totals["rows_rejected"], totals["amount_accepted"]),
        *(totals["contracts"], totals["contracts_incomplete"]),
        None if closing is None else closing["closing"],
        reason,
        *(landed.columns, landed.layout, landed.warnings, totals["contracts_stated"]),
    )


async def _copy(tx: Transaction, source: Path, table: str, columns: Sequence[str]) -> None:
    await tx.connection.copy_to_table(
        table, source=source, columns=columns, format="csv", header=True, timeout=COPY_TIMEOUT_SECONDS
    )


async def _reason_to_wait(tx: Transaction, work: Work, closing: Row | None) -> ConfirmationReason | None:
    if work.mode == "amend":
        return None
    if await comparing.repeats(tx, work):
        return ConfirmationReason.REPEATED_FIGURES
    return ConfirmationReason.CLOSES_MANY if closing is not None and _is_many(closing) else None


async def _refuse_closed(tx: Transaction, file_id: UUID, landed: Landed, cells: Path) -> None:
    """Reject the rows of contracts that are closed for good, with their own cells."""
    own_name = next(
        (name for name, column in zip(landed.header, landed.columns, strict=True) if column == "contract_number"), ""
    )
    kept_as = [_KEPT_AS.get(column, column) if column is not None else "" for column in landed.columns]
    refused = await tx.fetch(landing_queries.REFUSE_CLOSED, file_id, kept_as, own_name)
    has_cells: bool = await asyncio.to_thread(cells.exists)
    if refused and has_cells:
        await tx.execute(landing_queries.MAKE_CELLS)
        await _copy(tx, cells, "own_cells", ("row_number", "cells"))
        await tx.execute(landing_queries.PUT_CELLS, file_id, [row["row_number"] for row in refused])


async def _closing(tx: Transaction, work: Work) -> Row | None:
    return (
        await tx.fetchrow(landing_queries.TO_CLOSE, work.file_id, work.portfolio_id)
        if work.mode == "snapshot"
        else None
    )


def _is_many(count: Row) -> bool:
    return bool(count["closing"] * 100 > count["open"] * count["threshold_percent"])
