"""Runs the reader of files in a process of its own, whose memory and time are bounded."""

import asyncio
import json
import os
import signal
import sys
from collections.abc import AsyncIterator, Awaitable, Callable, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from portfolio.files.reader.columns import OUT_OF_MEMORY
from portfolio.files.work import Work
from portfolio.tabular.code_pages import CodePageUnsure
from portfolio.tabular.code_pages import Reading as CodePageReading
from portfolio.tabular.heads import PACKED

READ_TIMEOUT_SECONDS = 900
MEMORY_BASE = 768 * 1024 * 1024
MEMORY_PER_BYTE = 6
"""A file is checked in partitions. Beside them, reading takes about two bytes of memory for each byte of the file."""
MEMORY_PER_PACKED_BYTE = 120
MOST_MEMORY = 4 * 1024 * 1024 * 1024
"""Packed files, workbooks and Parquet files become about ten times as large."""
_READER_THREADS = "2"
_OUT_OF_MEMORY_CODES = {OUT_OF_MEMORY, -signal.SIGABRT, -signal.SIGSEGV, -signal.SIGKILL}
_ANSWER_BYTES = 16 * 1024 * 1024
LAYOUT_FILE = "layout.json"

ReportRows = Callable[[int], Awaitable[None]]
"""Gets the number of rows that have been read."""


async def report_nothing(rows: int) -> None:
    """For a reading that nobody watches."""


class FileRefused(Exception):
    """The file cannot be loaded. ``code`` and ``detail`` are for the person who uploaded the file."""

    def __init__(self, code: str, detail: str) -> None:
        super().__init__(f"{code}: {detail}")
        self.code = code
        self.detail = detail


@dataclass(frozen=True)
class Landed:
    """What the reader found: the file's header, the field of each of its columns, how it was read, and warnings."""

    header: Sequence[str]
    columns: Sequence[str | None]
    layout: dict[str, Any] = field(default_factory=dict)
    warnings: Sequence[str] = ()


Intake = Callable[[Work, Path, Path, ReportRows], Awaitable[Landed]]
"""Reads a file and writes CSV files for COPY into a folder.

Raises ``FileRefused``, and ``CodePageUnsure`` when a person has to say in which code page the file is.
"""


async def read_in_child(work: Work, source: Path, folder: Path, report_rows: ReportRows = report_nothing) -> Landed:
    """The ``Intake`` that runs ``portfolio.files.reader``."""
    options = [
        *("--jurisdiction", work.jurisdiction, "--portfolio", str(work.portfolio_id)),
        *("--creditor", str(work.creditor_id)),
        *(() if work.currency is None else ("--currency", work.currency)),
        *(() if work.code_page is None else ("--code-page", work.code_page)),
        *(() if work.usual_code_page is None else ("--usual-code-page", work.usual_code_page)),
        *(() if work.amends is None else ("--amends", str(work.amends))),
        *(() if work.control_rows is None else ("--control-rows", str(work.control_rows))),
        *(() if work.control_amount is None else ("--control-amount", str(work.control_amount))),
        *await asyncio.to_thread(layout_options, work, folder),
    ]
    answer = await run_reader(source, folder, options, READ_TIMEOUT_SECONDS, report_rows)
    return Landed(answer["header"], answer["columns"], answer["layout"], answer["warnings"])


def layout_options(work: Work, folder: Path) -> Sequence[str]:
    """Write down how the file is laid out, as its profile says, or as the file was read that this one amends."""
    layout = dict(work.layout) if work.layout is not None else None
    if layout is None and work.amended_layout is not None:
        layout = {**work.amended_layout, "is_guess": True, "separator": None, "encoding": None, "trailer": None}
    if layout is None:
        return ()
    (folder / LAYOUT_FILE).write_text(json.dumps(layout), encoding="utf-8")
    return ("--layout", str(folder / LAYOUT_FILE))


async def run_reader(
    source: Path,
    folder: Path,
    options: Sequence[str],
    timeout_seconds: float,
    report_rows: ReportRows = report_nothing,
    module: str = "portfolio.files.reader",
) -> dict[str, Any]:
    """Run the reader ``module`` and return its answer. The process is killed when this is cancelled.

    Raises ``FileRefused`` and ``CodePageUnsure``.
    """
    memory = await asyncio.to_thread(_memory_for, source)
    async with _process(module, source, folder, [*options, "--memory", str(memory)]) as process:
        try:
            async with asyncio.timeout(timeout_seconds):
                answer = await _last_line(process, report_rows)
                await process.wait()
        except TimeoutError:
            detail = f"Reading the file took longer than {timeout_seconds:,.0f} seconds. Split it into smaller files."
            raise FileRefused("too_slow", detail) from None
    if process.returncode in _OUT_OF_MEMORY_CODES:
        raise FileRefused("out_of_memory", "Reading the file takes too much memory. Split it into smaller files.")
    if problem := answer.get("problem"):
        raise FileRefused(problem["code"], problem["detail"])
    if readings := answer.get("code_pages"):
        raise CodePageUnsure([CodePageReading(**reading) for reading in readings])
    if process.returncode != 0 or "answer" not in answer:
        raise FileRefused(
            "reading_failed", f"The process that reads the file ended with exit code {process.returncode}."
        )
    found: dict[str, Any] = answer["answer"]
    return found


def _memory_for(source: Path) -> int:
    with source.open("rb") as file:
        is_packed = file.read(8).startswith(PACKED)
    size = source.stat().st_size
    return min(MOST_MEMORY, MEMORY_BASE + (MEMORY_PER_PACKED_BYTE if is_packed else MEMORY_PER_BYTE) * size)


@asynccontextmanager
async def _process(
    module: str, source: Path, folder: Path, options: Sequence[str]
) -> AsyncIterator[asyncio.subprocess.Process]:
    process = await asyncio.create_subprocess_exec(
        *(sys.executable, "-m", module, str(source), str(folder), *options),
        env=os.environ | {"POLARS_MAX_THREADS": _READER_THREADS},
        stdin=asyncio.subprocess.DEVNULL,
        stdout=asyncio.subprocess.PIPE,
        start_new_session=True,
        limit=_ANSWER_BYTES,
    )
    try:
        yield process
    finally:
        if process.returncode is None:
            process.kill()
            await process.wait()


async def _last_line(process: asyncio.subprocess.Process, report_rows: ReportRows) -> dict[str, Any]:
    """The answer of the process. What it says before is how far it is."""
    assert process.stdout is not None
    answer: dict[str, Any] = {}
    async for line in process.stdout:
        answer = json.loads(line)
        if "rows_done" in answer:
            await report_rows(answer["rows_done"])
    return answer
