"""The rejected rows of a bank's file."""

from collections.abc import AsyncIterator, Mapping, Sequence
from uuid import UUID

from chassis import Conflict, OutputModel, PageQuery, Reader, page
from chassis.csv import safe_csv_rows
from chassis.languages import Language, Locale, Sentences
from recobro_events import Database, Row

from portfolio.bank_files import queries, views
from portfolio.files.file_sentences import SENTENCES as OF_FILES
from portfolio.files.rejected_rows import CellError
from portfolio.files.rejects import HEADERS
from portfolio.files.uploads import COPIES_DAYS

SENTENCES = Sentences("portfolio.bank_files")
"""What is wrong with banks' files and their rows. What portfolio files say too is with them."""
_AT_ONCE = 2_000


def said(sentence: str, language: Language) -> str:
    """The sentence in this language."""
    return (SENTENCES if SENTENCES.knows(sentence) else OF_FILES).said(sentence, language)


class RejectedPaymentRow(OutputModel):
    """A row with its cells as they came, in the order of ``columns``. The header is row 1."""

    row_number: int
    cells: list[str]
    errors: list[CellError]


class RejectedPaymentRows(OutputModel):
    """A page of rejected rows, and the names of the file's columns."""

    columns: list[str]
    items: list[RejectedPaymentRow]
    next_cursor: str | None


async def listed(reader: Reader, file_id: UUID, query: PageQuery, locale: Locale | None) -> RejectedPaymentRows:
    """Return a page of a file's rejected rows. Raises as ``as_csv``."""
    header = await _header(reader, file_id)
    found = await reader.fetch(queries.REJECTS, file_id, query.after(int) or 0, query.limit + 1)
    shown = page(found, query, key=lambda row: (row["row_number"],))
    language = (locale or Locale()).language
    items = [
        RejectedPaymentRow(
            row_number=row["row_number"],
            cells=row["cells"],
            errors=[_error(error, language) for error in row["errors"]],
        )
        for row in shown["items"]
    ]
    return RejectedPaymentRows(columns=list(header), items=items, next_cursor=shown["next_cursor"])


async def as_csv(database: Database, file_id: UUID, locale: Locale | None) -> AsyncIterator[bytes]:
    """Return the rejected rows as CSV: row number, every problem, the file's own columns, and the file's id.

    Corrected, they are sent as a new payment file: what was booked meanwhile is known. Raises ``PaymentFileUnknown``,
    and ``Conflict`` while the file has not been read and after the rows have expired.
    """
    async with database.connection() as connection:
        header = await _header(connection, file_id)
    return _pages(database, file_id, header, locale)


async def _header(reader: Reader, file_id: UUID) -> Sequence[str]:
    file = await views.find(reader, file_id)
    if file.status in ("received", "reading"):
        raise Conflict("This file has not been read yet.", code="not-read-yet")
    if await reader.fetchval(queries.REJECTS_EXPIRED, file_id, COPIES_DAYS):
        raise Conflict(f"Rejected rows are kept for {COPIES_DAYS} days.", code="rejects-expired")
    return await reader.fetchval(queries.HEADER, file_id) or []


async def _pages(
    database: Database, file_id: UUID, header: Sequence[str], locale: Locale | None
) -> AsyncIterator[bytes]:
    language = (locale or Locale()).language
    row_number, errors, file = HEADERS[language]
    lines: list[list[object]] = [[row_number, errors, *header, file]]
    last, first = 0, True
    while True:
        async with database.connection() as connection:
            rows = await connection.fetch(queries.REJECTS, file_id, last, _AT_ONCE)
        lines += [_line(row, header, file_id, language) for row in rows]
        for piece in safe_csv_rows(lines, first=first, locale=locale):
            yield piece
        if len(rows) < _AT_ONCE:
            return
        lines, first, last = [], False, rows[-1]["row_number"]


def _line(row: Row, header: Sequence[str], file_id: UUID, language: Language) -> list[object]:
    worded = [_error(error, language) for error in row["errors"]]
    reasons = (
        f"{one.column}: {one.reason} ({one.code})" if one.column else f"{one.reason} ({one.code})" for one in worded
    )
    cells = [*row["cells"], *[""] * (len(header) - len(row["cells"]))]
    return [row["row_number"], "; ".join(reasons), *cells, file_id]


def _error(error: Mapping[str, str], language: Language) -> CellError:
    return CellError(column=error["column"] or "", code=error["code"], reason=said(error["reason"], language))
