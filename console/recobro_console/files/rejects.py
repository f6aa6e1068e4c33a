"""Rejected rows of a file: corrected in place, and sent again as a file of their own that amends the first."""

import csv
import io
import re
from collections.abc import AsyncIterator, Mapping, Sequence
from typing import Any
from uuid import UUID

from fastapi import Request
from starlette.responses import Response

from recobro_console.calls import Refused
from recobro_console.files import known
from recobro_console.guard import FormTooLong
from recobro_console.pages import CurrentPage, Page, Router

ROWS = 25
"""Rows on a page. All of them come back with each form."""

_MOST_BYTES = 8_000_000
_MOST_FIELDS = 10_000
_CELL = re.compile(r"c-(\d{1,9})-(\d{1,4})", re.ASCII)
Cells = Mapping[tuple[int, int], str]
"""What stands in the form, by the number of the row and the place of the column."""

router = Router()


@router.get("/files/{file_id}/rejects")
async def rejects(page: CurrentPage, file_id: UUID, cursor: str | None = None) -> Response:
    """A page of the rows that are still rejected, in which each cell can be corrected."""
    return await _rejects(page, file_id, cursor, {})


@router.get("/files/{file_id}/rejects.csv")
async def download(page: CurrentPage, file_id: UUID) -> Response:
    """All rejected rows, to be corrected in a spreadsheet and loaded again."""
    return await page.pass_on("portfolio", f"/v1/files/{file_id}/rejects")


async def _rejects(
    page: Page, file_id: UUID, cursor: str | None, typed: Cells, wrong: str | None = None, status: int = 200
) -> Response:
    file = await page.services.get("portfolio", f"/v1/files/{file_id}")
    found = await _found(page, file_id, cursor)
    portfolios = await known.portfolios(page)
    return page.show(
        "files/rejects.html",
        status,
        file=file,
        portfolio=portfolios[file["portfolio_id"]],
        zone=portfolios[file["portfolio_id"]]["timezone"],
        found=found,
        places=_places(found),
        typed=typed,
        wrong=wrong,
        cursor=cursor,
        first=cursor is None,
        may_send=page.session.may("portfolio:write") and file["status"] == "loaded" and not file["dry_run"],
    )


async def _found(page: Page, file_id: UUID, cursor: str | None) -> dict[str, Any]:
    path = f"/v1/files/{file_id}/rejected-rows"
    found: dict[str, Any] = await page.services.get("portfolio", path, amended=False, limit=ROWS, cursor=cursor)
    for row in found["items"]:
        row["by_column"] = {error["column"]: error["reason"] for error in row["errors"] if error["column"]}
        row["of_row"] = [error["reason"] for error in row["errors"] if error["column"] not in found["columns"]]
        row["cells"] += [""] * (len(found["columns"]) - len(row["cells"]))
    return found


def _places(found: Mapping[str, Any]) -> list[int]:
    """The order of the columns on the page: those with something to correct first, then the others as in the file."""
    columns: Sequence[str] = found["columns"]
    wrong = {name for row in found["items"] for name in row["by_column"]}
    widest = max((len(row["cells"]) for row in found["items"]), default=0)
    return sorted(range(max(widest, len(columns))), key=lambda place: (_name(columns, place) not in wrong, place))


def _name(columns: Sequence[str], place: int) -> str | None:
    return columns[place] if place < len(columns) else None


@router.post("/files/{file_id}/rejects")
async def send_again(page: CurrentPage, request: Request, file_id: UUID, cursor: str | None = None) -> Response:
    """Send the rows in which something was corrected. What was typed is kept if they are refused."""
    key, typed = await _typed(request)
    found = await _found(page, file_id, cursor)
    rows = _corrected(found, typed)
    if not rows:
        wrong = page.tr("Correct at least one cell first. Nothing was sent.")
        return await _rejects(page, file_id, cursor, typed, wrong, 422)
    file = await page.services.get("portfolio", f"/v1/files/{file_id}")
    try:
        sent = await page.services.upload(
            "portfolio",
            f"/v1/portfolios/{file['portfolio_id']}/files",
            _file(found["columns"], rows),
            key=key,
            mode="amend",
            amends=str(file_id),
            filename=file["filename"],
        )
    except Refused as refusal:
        return await _rejects(page, file_id, cursor, typed, page.said(refusal), 422)
    return page.done(
        f"/files/{sent['file_id']}",
        "{rows} corrected rows were sent. They are read now.",
        rows=page.reader.number(len(rows)),
    )


async def _typed(request: Request) -> tuple[str | None, Cells]:
    """The key of the form and its cells. A page of rows may be longer than other forms."""
    length = request.headers.get("content-length", "")
    if not length.isdecimal() or int(length) > _MOST_BYTES:
        raise FormTooLong
    form = await request.form(max_files=0, max_fields=_MOST_FIELDS)
    cells = {}
    for name, value in form.items():
        if isinstance(value, str) and (match := _CELL.fullmatch(name)):
            cells[int(match[1]), int(match[2])] = value
    key = form.get("_key")
    return (key if isinstance(key, str) else None), cells


def _corrected(found: Mapping[str, Any], typed: Cells) -> list[tuple[int, list[str]]]:
    """The rows in which a cell is not as it came, with their numbers."""
    rows = []
    for row in found["items"]:
        cells = [_kept(typed.get((row["row_number"], place), cell), cell) for place, cell in enumerate(row["cells"])]
        if cells != row["cells"]:
            rows.append((row["row_number"], cells))
    return rows


def _kept(typed: str, cell: str) -> str:
    """What was typed, or the cell as it came if it is that but for ends of lines, which a browser's field has not."""
    return cell if typed == cell.replace("\r", "").replace("\n", "") else typed


async def _file(columns: Sequence[str], rows: Sequence[tuple[int, list[str]]]) -> AsyncIterator[bytes]:
    """The rows as a file with the columns of the first one. Empty cells beyond the header are left out."""
    text = io.StringIO(newline="")
    writer = csv.writer(text)
    writer.writerow(["row_number", *columns])
    for number, cells in rows:
        while len(cells) > len(columns) and not cells[-1].strip():
            cells = cells[:-1]
        writer.writerow([number, *cells])
    yield text.getvalue().encode()
