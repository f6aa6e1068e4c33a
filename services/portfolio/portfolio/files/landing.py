"""Lands a file: reads and checks all of it and copies it into staging tables, before anything is applied."""

import asyncio
import json
import os
import shutil
import signal
import sys
import tempfile
from collections.abc import AsyncIterator, Awaitable, Callable, Sequence
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any
from uuid import UUID

from recobro_events import Database, Row, Transaction, step

from portfolio.files import code_pages, comparing, landing_queries, queries
from portfolio.files.reader.columns import (
    ACCEPTED_COLUMNS,
    ACCEPTED_FILE,
    ADDRESS_COLUMNS,
    ADDRESSES_FILE,
    CONTACT_COLUMNS,
    CONTACTS_FILE,
    CONTRACT_COLUMNS,
    CONTRACTS_FILE,
    OUT_OF_MEMORY,
    REJECTED_COLUMNS,
    REJECTED_FILE,
)
from portfolio.files.uploads import ConfirmationReason
from portfolio.files.work import Work
from portfolio.tabular.code_pages import CodePageUnsure, Reading
from portfolio.tabular.profiles import column_named

READ_TIMEOUT_SECONDS = 900
MEMORY_BASE = 512 * 1024 * 1024
MEMORY_PER_BYTE = 12
"""Reading takes about eight bytes of memory for each byte of a file, beside what polars takes for itself."""
_READER_THREADS = "4"
_OUT_OF_MEMORY_CODES = {OUT_OF_MEMORY, -signal.SIGABRT, -signal.SIGSEGV}
COPY_TIMEOUT_SECONDS = 600
CONFIRM_ABOVE_PERCENT = 20
"""A snapshot that closes a larger share of the open contracts waits for a person's confirmation."""

_COPIES = (
    (ACCEPTED_FILE, "file_row", ACCEPTED_COLUMNS),
    (REJECTED_FILE, "file_reject", REJECTED_COLUMNS),
    (CONTRACTS_FILE, "file_contract", CONTRACT_COLUMNS),
    (CONTACTS_FILE, "file_contact", CONTACT_COLUMNS),
    (ADDRESSES_FILE, "file_address", ADDRESS_COLUMNS),
)
_KEPT_AS = {"due_date": "due_on", "amount_due": "amount"}


class FileRefused(Exception):
    """The file cannot be loaded. ``code`` and ``detail`` are for the person who uploaded the file."""

    def __init__(self, code: str, detail: str) -> None:
        super().__init__(f"{code}: {detail}")
        self.code = code
        self.detail = detail


Intake = Callable[[Work, Path, Path], Awaitable[Sequence[str]]]
"""Reads a file and writes CSV files for COPY into a folder. Returns the file's header.

Raises ``FileRefused``, and ``CodePageUnsure`` when a person has to say in which code page the file is.
"""


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
            header = await intake(work, source, folder)
        except CodePageUnsure as unsure:
            readings = unsure.readings
            await step(database, lambda tx: code_pages.ask(tx, work, readings))
            return
        source.unlink()
        await step(database, lambda tx: _stage(tx, work, folder, header))
    async with database.connection() as connection:
        for table in landing_queries.STAGING_TABLES:
            await connection.execute(f"ANALYZE {table}")


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


async def read_in_child(work: Work, source: Path, folder: Path) -> Sequence[str]:
    """The ``Intake`` that runs ``portfolio.files.reader`` in a process of its own."""
    size = (await asyncio.to_thread(source.stat)).st_size
    process = await asyncio.create_subprocess_exec(
        *(sys.executable, "-m", "portfolio.files.reader", str(source), str(folder)),
        *("--jurisdiction", work.jurisdiction, "--portfolio", str(work.portfolio_id)),
        *("--creditor", str(work.creditor_id)),
        *(() if work.code_page is None else ("--code-page", work.code_page)),
        *(() if work.usual_code_page is None else ("--usual-code-page", work.usual_code_page)),
        *(() if work.amends is None else ("--amends", str(work.amends))),
        *("--memory", str(MEMORY_BASE + MEMORY_PER_BYTE * size)),
        env=os.environ | {"POLARS_MAX_THREADS": _READER_THREADS},
        stdin=asyncio.subprocess.DEVNULL,
        stdout=asyncio.subprocess.PIPE,
        start_new_session=True,
    )
    try:
        async with asyncio.timeout(READ_TIMEOUT_SECONDS):
            output, _ = await process.communicate()
    except TimeoutError:
        raise FileRefused("too_slow", f"Reading the file took longer than {READ_TIMEOUT_SECONDS} seconds.") from None
    finally:
        if process.returncode is None:
            process.kill()
            await process.wait()
    if process.returncode in _OUT_OF_MEMORY_CODES:
        raise FileRefused("out_of_memory", "Reading the file takes too much memory. Split it into smaller files.")
    answer: dict[str, Any] = json.loads(output) if output else {}
    if problem := answer.get("problem"):
        raise FileRefused(problem["code"], problem["detail"])
    if readings := answer.get("code_pages"):
        raise CodePageUnsure([Reading(**reading) for reading in readings])
    if process.returncode != 0:
        raise FileRefused(
            "reading_failed", f"The process that reads the file ended with exit code {process.returncode}."
        )
    return list(answer["header"])


async def _stage(tx: Transaction, work: Work, folder: Path, header: Sequence[str]) -> None:
    file = await tx.fetchrow(queries.LOCKED, work.file_id)
    if file is None or file["status"] != "reading":
        return
    for table in (*landing_queries.STAGING_TABLES, "file_reject"):
        await tx.execute(landing_queries.DELETE_ROWS.format(table=table), work.file_id)
    await tx.execute(landing_queries.FOR_COPY, str(work.file_id), str(COPY_TIMEOUT_SECONDS * 1000))
    for name, table, columns in _COPIES:
        await tx.connection.copy_to_table(
            table, source=folder / name, columns=columns, format="csv", header=True, timeout=COPY_TIMEOUT_SECONDS
        )
    await _refuse_closed(tx, work.file_id, header)
    totals = await tx.fetchrow(landing_queries.TOTALS, work.file_id)
    assert totals is not None
    closing = await _closing(tx, work)
    reason = await _reason_to_wait(tx, work, closing)
    await tx.execute(
        landing_queries.READING_ENDED,
        work.file_id,
        "loading" if reason is None else "needs_confirmation",
        header,
        *(totals["rows_accepted"], totals["rows_rejected"], totals["amount_accepted"]),
        *(totals["contracts"], totals["contracts_incomplete"]),
        None if closing is None else closing["closing"],
        reason,
    )


async def _reason_to_wait(tx: Transaction, work: Work, closing: Row | None) -> ConfirmationReason | None:
    if work.mode == "amend":
        return None
    if await comparing.repeats(tx, work):
        return ConfirmationReason.REPEATED_FIGURES
    return ConfirmationReason.CLOSES_MANY if closing is not None and _is_many(closing) else None


async def _refuse_closed(tx: Transaction, file_id: UUID, header: Sequence[str]) -> None:
    columns = [column_named(name) or "" for name in header]
    own_name = header[columns.index("contract_number")]
    await tx.execute(landing_queries.REFUSE_CLOSED, file_id, [_KEPT_AS.get(name, name) for name in columns], own_name)


async def _closing(tx: Transaction, work: Work) -> Row | None:
    return (
        await tx.fetchrow(landing_queries.TO_CLOSE, work.file_id, work.portfolio_id)
        if work.mode == "snapshot"
        else None
    )


def _is_many(count: Row) -> bool:
    return bool(count["closing"] * 100 > count["open"] * CONFIRM_ABOVE_PERCENT)
