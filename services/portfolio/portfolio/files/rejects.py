"""The rejected rows of a file."""

import asyncio
import io
from collections.abc import AsyncIterator, Mapping, Sequence
from types import MappingProxyType
from typing import Any
from uuid import UUID

from chassis import Conflict
from chassis.csv import safe_csv_rows
from chassis.languages import Language, Locale
from openpyxl import Workbook
from openpyxl.cell import WriteOnlyCell
from openpyxl.cell.cell import ILLEGAL_CHARACTERS_RE
from recobro_events import Database, Row

from portfolio.files import queries, views
from portfolio.files.file_sentences import SENTENCES
from portfolio.files.uploads import COPIES_DAYS
from portfolio.tabular.profiles import OUR_COLUMNS, OUR_PORTUGUESE_HEADERS, OUR_SPANISH_HEADERS

_REJECTS_AT_ONCE = 2_000
MOST_IN_WORKBOOK = 20_000
"""Rejected rows in a workbook. Making one takes about a millisecond a row."""
HEADERS: Mapping[Language, Sequence[str]] = MappingProxyType(
    {
        Language.ES: tuple(OUR_SPANISH_HEADERS.values()),
        Language.PT: tuple(OUR_PORTUGUESE_HEADERS.values()),
        Language.EN: OUR_COLUMNS,
    }
)


async def rejects(database: Database, file_id: UUID, locale: Locale | None = None) -> AsyncIterator[bytes]:
    """Return the rejected rows as a CSV file: row number, every problem, the file's own columns, and the file's id.

    Corrected, these rows can be sent back as they are: the id makes them an amendment of this file. Our headers and the
    problems are in the language of ``locale``.

    Raises ``Conflict`` while the file has not been read, and after the rows have expired.
    """
    header = await _header(database, file_id)
    return _csv_pages(_lines(database, file_id, header, _language(locale)), locale)


async def rejects_workbook(database: Database, file_id: UUID, locale: Locale | None = None) -> bytes:
    """Return the same as a workbook (XLSX), whose cells are all text: Excel changes none of them.

    Raises ``Conflict`` as ``rejects`` does, and for more rows than a person corrects in a workbook.
    """
    header = await _header(database, file_id)
    book = Workbook(write_only=True)
    sheet = book.create_sheet("rejects")
    sheet.freeze_panes = "A2"
    count = 0
    async for lines in _lines(database, file_id, header, _language(locale)):
        count += len(lines)
        if count > MOST_IN_WORKBOOK:
            raise Conflict(
                f"More than {MOST_IN_WORKBOOK:,} rows are rejected. Take them as CSV.", code="too-many-for-workbook"
            )
        await asyncio.to_thread(_append, sheet, lines)
    content = io.BytesIO()
    await asyncio.to_thread(book.save, content)
    return content.getvalue()


def _append(sheet: Any, lines: Sequence[Sequence[object]]) -> None:
    for line in lines:
        cells = [WriteOnlyCell(sheet, ILLEGAL_CHARACTERS_RE.sub("\ufffd", str(cell))) for cell in line]
        for cell in cells:
            # A cell that begins with = is no formula.
            cell.data_type, cell.number_format = "s", "@"
        sheet.append(cells)


async def _header(database: Database, file_id: UUID) -> Sequence[str]:
    async with database.connection() as connection:
        file = await views.find(connection, file_id)
        expired = await connection.fetchval(queries.REJECTS_EXPIRED, file_id, COPIES_DAYS)
        header = await connection.fetchrow(queries.HEADER, file_id)
    if file.status in ("received", "reading"):
        raise Conflict("This file has not been read yet.", code="not-read-yet")
    if expired:
        raise Conflict(f"Rejected rows are kept for {COPIES_DAYS} days.", code="rejects-expired")
    return (header and header["header"]) or []


async def _csv_pages(pages: AsyncIterator[Sequence[Sequence[object]]], locale: Locale | None) -> AsyncIterator[bytes]:
    first = True
    async for lines in pages:
        for piece in safe_csv_rows(lines, first=first, locale=locale):
            yield piece
        first = False


async def _lines(
    database: Database, file_id: UUID, header: Sequence[str], language: Language
) -> AsyncIterator[Sequence[Sequence[object]]]:
    """The header, and then the rows by pages."""
    row_number, errors, file = HEADERS[language]
    yield [[row_number, errors, *header, file]]
    last = 0
    while True:
        async with database.connection() as connection:
            rows = await connection.fetch(queries.REJECTS, file_id, last, _REJECTS_AT_ONCE)
        yield [[row["row_number"], _formatted(row["errors"], language), *_cells(row, header), file_id] for row in rows]
        if len(rows) < _REJECTS_AT_ONCE:
            return
        last = rows[-1]["row_number"]


def _language(locale: Locale | None) -> Language:
    return (locale or Locale()).language


def _cells(row: Row, header: Sequence[str]) -> list[str]:
    """The cells of a row. A row with fewer cells than the header is filled up, so that the id stands in its column."""
    return [*row["cells"], *[""] * (len(header) - len(row["cells"]))]


def _formatted(errors: Sequence[dict[str, str]], language: Language) -> str:
    """Format errors as ``column: reason (code); …``. An error of the whole row names no column."""
    said = [(error["column"], SENTENCES.said(error["reason"], language), error["code"]) for error in errors]
    return "; ".join(
        f"{column}: {reason} ({code})" if column else f"{reason} ({code})" for column, reason, code in said
    )
