"""The rejected rows of a file, page by page, for a person who corrects them cell by cell."""

from uuid import UUID

from chassis import Conflict, OutputModel, PageQuery, Reader, page
from chassis.languages import Language, Locale

from portfolio.files import queries, views
from portfolio.files.file_sentences import SENTENCES
from portfolio.files.uploads import COPIES_DAYS

# $3 whether a later file has brought the row, or null for all rows.
_ROWS = """
SELECT row_number, errors, cells, amended_by FROM file_reject
WHERE file_id = $1 AND row_number > $2 AND ($3::boolean IS NULL OR (amended_by IS NOT NULL) = $3)
ORDER BY row_number LIMIT $4
"""


class CellError(OutputModel):
    """What is wrong with the cell of this column, or with the whole row if ``column`` is empty."""

    column: str
    code: str
    reason: str


class RejectedRow(OutputModel):
    """A row with its cells as they came, in the order of ``columns``. The header is row 1.

    ``amended_by`` is the file that has brought the row corrected.
    """

    row_number: int
    cells: list[str]
    errors: list[CellError]
    amended_by: UUID | None


class RejectedRows(OutputModel):
    """A page of rejected rows, and the names of the file's columns."""

    columns: list[str]
    items: list[RejectedRow]
    next_cursor: str | None


async def listed(
    reader: Reader, file_id: UUID, query: PageQuery, amended: bool | None, locale: Locale | None
) -> RejectedRows:
    """Return a page of a file's rejected rows. The reasons are in the language of ``locale``.

    Raises ``FileUnknown``, and ``Conflict`` while the file has not been read, and after the rows have expired.
    """
    file = await views.find(reader, file_id)
    if file.status in ("received", "reading"):
        raise Conflict("This file has not been read yet.", code="not-read-yet")
    if await reader.fetchval(queries.REJECTS_EXPIRED, file_id, COPIES_DAYS):
        raise Conflict(f"Rejected rows are kept for {COPIES_DAYS} days.", code="rejects-expired")
    header = await reader.fetchval(queries.HEADER, file_id)
    found = await reader.fetch(_ROWS, file_id, query.after(int) or 0, amended, query.limit + 1)
    shown = page(found, query, key=lambda row: (row["row_number"],))
    language = (locale or Locale()).language
    items = [
        RejectedRow(
            row_number=row["row_number"],
            cells=row["cells"],
            errors=[_error(error, language) for error in row["errors"]],
            amended_by=row["amended_by"],
        )
        for row in shown["items"]
    ]
    return RejectedRows(columns=header or [], items=items, next_cursor=shown["next_cursor"])


def _error(error: dict[str, str], language: Language) -> CellError:
    reason = SENTENCES.said(error["reason"], language)
    return CellError(column=error["column"] or "", code=error["code"], reason=reason)
