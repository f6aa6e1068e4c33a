"""The rejected rows of a file."""

from collections.abc import AsyncIterator, Mapping, Sequence
from types import MappingProxyType
from uuid import UUID

from chassis import Conflict
from chassis.csv import safe_csv_rows
from chassis.languages import Language, Locale
from recobro_events import Database, Row

from portfolio.files import queries, uploads
from portfolio.files.file_sentences import SENTENCES
from portfolio.files.uploads import COPIES_DAYS
from portfolio.tabular.profiles import OUR_COLUMNS, OUR_PORTUGUESE_HEADERS, OUR_SPANISH_HEADERS

_REJECTS_AT_ONCE = 2_000
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
    async with database.connection() as connection:
        file = await uploads.find(connection, file_id)
        expired = await connection.fetchval(queries.REJECTS_EXPIRED, file_id, COPIES_DAYS)
        header = await connection.fetchrow(queries.HEADER, file_id)
    if file.status in ("received", "reading"):
        raise Conflict("This file has not been read yet.", code="not-read-yet")
    if expired:
        raise Conflict(f"Rejected rows are kept for {COPIES_DAYS} days.", code="rejects-expired")
    return _reject_pages(database, file_id, (header and header["header"]) or [], locale)


async def _reject_pages(
    database: Database, file_id: UUID, header: Sequence[str], locale: Locale | None
) -> AsyncIterator[bytes]:
    language = (locale or Locale()).language
    row_number, errors, file = HEADERS[language]
    for piece in safe_csv_rows([[row_number, errors, *header, file]], locale=locale):
        yield piece
    last = 0
    while True:
        async with database.connection() as connection:
            rows = await connection.fetch(queries.REJECTS, file_id, last, _REJECTS_AT_ONCE)
        lines = (
            [row["row_number"], _formatted(row["errors"], language), *_cells(row, header), file_id] for row in rows
        )
        for piece in safe_csv_rows(lines, first=False, locale=locale):
            yield piece
        if len(rows) < _REJECTS_AT_ONCE:
            return
        last = rows[-1]["row_number"]


def _cells(row: Row, header: Sequence[str]) -> list[str]:
    """The cells of a row. A row with fewer cells than the header is filled up, so that the id stands in its column."""
    return [*row["cells"], *[""] * (len(header) - len(row["cells"]))]


def _formatted(errors: Sequence[dict[str, str]], language: Language) -> str:
    """Format errors as ``column: reason (code); …``. An error of the whole row names no column."""
    said = [(error["column"], SENTENCES.said(error["reason"], language), error["code"]) for error in errors]
    return "; ".join(
        f"{column}: {reason} ({code})" if column else f"{reason} ({code})" for column, reason, code in said
    )
