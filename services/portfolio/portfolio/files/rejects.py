"""The rejected rows of a file."""

from collections.abc import AsyncIterator, Sequence
from uuid import UUID

from chassis import Conflict
from chassis.csv import safe_csv_rows
from recobro_events import Database, Row

from portfolio.files import queries, uploads
from portfolio.files.uploads import COPIES_DAYS

_REJECTS_AT_ONCE = 2_000


async def rejects(database: Database, file_id: UUID) -> AsyncIterator[bytes]:
    """Return the rejected rows as a CSV file: row number, every problem, the file's own columns, and the file's id.

    Corrected, these rows can be sent back as they are: the id makes them an amendment of this file.

    Raises ``Conflict`` while the file has not been read, and after the rows have expired.
    """
    async with database.connection() as connection:
        file = await uploads.find(connection, file_id)
        expired = await connection.fetchval(queries.REJECTS_EXPIRED, file_id, COPIES_DAYS)
        header = await connection.fetchval(queries.HEADER, file_id)
    if file.status in ("received", "reading"):
        raise Conflict("This file has not been read yet.", code="not-read-yet")
    if expired:
        raise Conflict(f"Rejected rows are kept for {COPIES_DAYS} days.", code="rejects-expired")
    return _reject_pages(database, file_id, header or [])


async def _reject_pages(database: Database, file_id: UUID, header: Sequence[str]) -> AsyncIterator[bytes]:
    for piece in safe_csv_rows([["row_number", "errors", *header, "file_id"]]):
        yield piece
    last = 0
    while True:
        async with database.connection() as connection:
            rows = await connection.fetch(queries.REJECTS, file_id, last, _REJECTS_AT_ONCE)
        for piece in safe_csv_rows(
            ([row["row_number"], _formatted(row["errors"]), *_cells(row, header), file_id] for row in rows), first=False
        ):
            yield piece
        if len(rows) < _REJECTS_AT_ONCE:
            return
        last = rows[-1]["row_number"]


def _cells(row: Row, header: Sequence[str]) -> list[str]:
    """The cells of a row. A row with fewer cells than the header is filled up, so that the id stands in its column."""
    return [*row["cells"], *[""] * (len(header) - len(row["cells"]))]


def _formatted(errors: Sequence[dict[str, str | None]]) -> str:
    """Format errors as ``column: reason (code); …``. An error of the whole row names no column."""
    return "; ".join(
        f"{error['column']}: {error['reason']} ({error['code']})"
        if error["column"]
        else f"{error['reason']} ({error['code']})"
        for error in errors
    )
