"""Reads the sheet of an Excel workbook (XLSX) that holds a table. Nothing in a workbook is run, opened or fetched."""

import re
import zipfile
import zlib
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, replace
from itertools import chain, islice
from pathlib import Path

from python_calamine import CalamineError, CalamineSheet, CalamineWorkbook, SheetVisibleEnum

from portfolio.tabular.headers import Assignment
from portfolio.tabular.heads import (
    MAX_COLUMNS,
    TITLE_LINES,
    checked_head,
    is_wanting,
    meaning_of,
    no_header,
    of_two_lines,
    vocabulary_of,
)
from portfolio.tabular.layouts import Layout
from portfolio.tabular.records import FileHead, FileProblem
from portfolio.tabular.typed import NUMBER_SIGN, text_of_cell

MAX_CELLS = 40_000_000
"""The cells of the rectangle that a sheet spans, empty ones too."""
_MOST_PARTS = 2_000
_PIECE = 1024 * 1024
_HIDDEN_ROW = re.compile(rb"<(?:\w+:)?row\b[^>]*\bhidden=\"(?:1|true)\"")
_ERROR_CELL = re.compile(rb"<(?:\w+:)?c\b[^>]*\bt=\"e\"")
_REFERENCE = re.compile(rb"<(?:\w+:)?c\b[^>]*?\br=\"([A-Z]{1,3})([0-9]{1,7})\"")
_DECLARATION = re.compile(rb"<!(?:DOCTYPE|ENTITY)")
_COUNTS_FROM_1904 = re.compile(rb"<(?:\w+:)?workbookPr\b[^>]*\bdate1904\s*=\s*[\"'](?:1|true)[\"']")
_DAY_NUMBER = re.compile(rf"{NUMBER_SIGN}([0-9]{{5}})(\.[0-9]+)?")
_DAYS_TO_1904 = 1462
"""A workbook that counts days from 1904 has a number that is so much smaller for the same day."""
_DATES = frozenset({"due_date", "first_due_date", "calculated_on", "origination_date", "paid_on"})
"""The fields of portfolio files and of payment files that are days."""


@dataclass(frozen=True)
class Sheet:
    """The rows of a sheet from its header on, as text. ``header_row`` counts rows of the sheet from 1."""

    rows: Iterable[Sequence[str]]
    head: FileHead
    header_row: int
    sheet: str
    warnings: tuple[str, ...]


def refuse_unsafe(path: Path, most_bytes: int) -> None:
    """Raise ``FileProblem`` for a workbook with macros, links to other files or a password, and for one too large."""
    try:
        with zipfile.ZipFile(path) as archive:
            parts = archive.infolist()
            names = [part.filename.lower() for part in parts]
            if any(part.flag_bits & 1 for part in parts):
                raise FileProblem("encrypted", "The workbook has a password. Save it without a password and send it.")
            if any(name.endswith(("vbaproject.bin", ".xlsm")) or "/macrosheets/" in name for name in names):
                raise FileProblem("macro", "The workbook has macros. Save it as a workbook without macros (XLSX).")
            if any("/externallinks/" in name for name in names):
                raise FileProblem(
                    "external_links",
                    "The workbook has links to other files. Paste the cells as values into a new workbook and send it.",
                )
            if "xl/workbook.xml" not in names:
                kind = "an XLSB workbook" if "xl/workbook.bin" in names else "another Office document or archive"
                raise FileProblem("unsupported-type", f"The file is {kind}. Save the table as XLSX or CSV.")
            if len(parts) > _MOST_PARTS or sum(part.file_size for part in parts) > most_bytes:
                raise _bomb()
            _refuse_bombs(archive, parts, most_bytes)
    except (zipfile.BadZipFile, NotImplementedError, zlib.error, EOFError, RuntimeError, OSError) as error:
        raise _damaged() from error


def _refuse_bombs(archive: zipfile.ZipFile, parts: Sequence[zipfile.ZipInfo], most_bytes: int) -> None:
    """Unpack the parts that will be read, and look at their true sizes, the cells they span, and declarations."""
    unpacked = 0
    for part in parts:
        if not part.filename.lower().endswith((".xml", ".rels")):
            continue
        with archive.open(part) as file:
            before = b""
            while piece := file.read(_PIECE):
                unpacked += len(piece)
                if unpacked > most_bytes or _DECLARATION.search(before + piece):
                    raise _bomb()
                before = piece[-16:]


def _bomb() -> FileProblem:
    return FileProblem(
        "bomb", "The file becomes far too large when it is unpacked. Send the table itself, in several smaller files."
    )


def _damaged() -> FileProblem:
    detail = "The file is a ZIP archive or a workbook that is damaged or not complete. Save it again and send it."
    return FileProblem("unsupported-type", detail)


def sheet_rows(path: Path, layout: Layout) -> Sheet:
    """Return the named sheet, or the first with a header that is known, below title rows.

    Raises ``FileProblem`` when no sheet has one.
    """
    try:
        book = CalamineWorkbook.from_path(str(path))
        names = list(book.sheet_names)
        if layout.sheet is not None and layout.sheet not in names and not layout.is_guess:
            shown = ", ".join(repr(name) for name in names[:20])
            raise FileProblem("no_header", f"The workbook has no sheet {layout.sheet!r}. Its sheets are {shown}.")
        wanted = [layout.sheet] if layout.sheet in names else names
        _refuse_wide(path)
        best: FileProblem | None = None
        for name in wanted:
            try:
                return _sheet(book, name, path, replace(layout, is_draft=False))
            except FileProblem as problem:
                best = problem if best is None or problem.code != "no_header" else best
        if layout.is_draft:
            return _sheet(book, max(wanted, key=lambda name: _size(book, name)), path, layout)
    except CalamineError as error:
        raise _damaged() from error
    assert best is not None
    raise best


def _size(book: CalamineWorkbook, name: str) -> int:
    sheet = book.get_sheet_by_name(name)
    return sheet.height * sheet.width


def _refuse_wide(path: Path) -> None:
    """A few cells far apart span a rectangle that would not fit into memory."""
    with zipfile.ZipFile(path) as archive:
        for part in archive.infolist():
            if part.filename.startswith("xl/worksheets/") and part.filename.endswith(".xml"):
                columns = rows = 0
                for column, row in _references(archive, part):
                    columns, rows = max(columns, _number_of(column)), max(rows, int(row))
                    if columns * rows > MAX_CELLS:
                        raise _bomb()


def _references(archive: zipfile.ZipFile, part: zipfile.ZipInfo) -> Iterator[tuple[bytes, bytes]]:
    with archive.open(part) as file:
        before = b""
        while piece := file.read(_PIECE):
            text = before + piece
            yield from ((match[1], match[2]) for match in _REFERENCE.finditer(text))
            before = text[text.rfind(b"<") :][:_PIECE]


def _number_of(column: bytes) -> int:
    number = 0
    for letter in column:
        number = number * 26 + letter - 64
    return number


def _sheet(book: CalamineWorkbook, name: str, path: Path, layout: Layout) -> Sheet:
    sheet = book.get_sheet_by_name(name)
    rows = _text_rows(sheet)
    first = list(islice(rows, TITLE_LINES))
    best, known = _header_among(first, layout)
    if (
        layout.is_draft
        and (best is None or known < 2)
        and (cells := max(map(_header_cells, first), key=len, default=[]))
    ):
        place = next(place for place, row in enumerate(first) if _header_cells(row) == cells)
        best = (place, cells, meaning_of(cells, layout))
    elif best is None or known < 2:
        what = f"None of the first {TITLE_LINES} rows of the sheet {name!r} names columns that are known"
        raise no_header(what, layout)
    if best is None:
        raise FileProblem("empty", f"The sheet {name!r} is empty.")
    place, cells, meaning = best
    if len(cells) > MAX_COLUMNS:
        raise FileProblem(
            "too_wide",
            f"The header has {len(cells):,} columns; a file has at most {MAX_COLUMNS}. Leave out the columns"
            " that are not needed.",
        )
    head = checked_head(cells, meaning, layout, ",", 0)
    width = len(cells)
    body: Iterable[list[str]] = (_fitted(row, width) for row in chain(first[place + 1 :], rows))
    if _counts_from_1904(path):
        dates = [number for number, field in enumerate(meaning.fields) if field in _DATES]
        body = (_counted_from_1900(row, dates) for row in body)
    return Sheet(chain([cells], body), head, place + 1, name, _warnings(book, sheet, path, name))


def _header_among(
    first: Sequence[Sequence[str]], layout: Layout
) -> tuple[tuple[int, list[str], Assignment] | None, float]:
    """The row that names the most columns, with what it means and how much that is. Two rows may be one header."""
    vocabulary = vocabulary_of(layout)
    best, known, wanting = None, 0.0, True
    for of_two in (False, True):
        if of_two and not wanting:
            break
        for place, row in enumerate(first):
            if layout.header_row is not None and not layout.is_guess and place != layout.header_row - 1:
                continue
            cells = _header_cells(row)
            if of_two:
                above = _header_cells(first[place - 1]) if place else []
                if len(above) < 2 or len(cells) < 2:
                    continue
                cells = list(of_two_lines(above, cells, vocabulary))
            meaning = meaning_of(cells, layout)
            score = sum(1 + (field in vocabulary.required) for field in meaning.fields if field is not None)
            is_better = (not (lacks := is_wanting(meaning, vocabulary.required)), score) > (not wanting, known)
            if (is_better if of_two else score > known) and len(cells) > 1:
                best, known, wanting = (place, cells, meaning), score, lacks
    return best, known


def _text_rows(sheet: CalamineSheet) -> Iterator[list[str]]:
    start = sheet.start
    above = start[0] if start is not None else 0
    left = [""] * (start[1] if start is not None else 0)
    yield from ([] for _ in range(above))
    for row in sheet.iter_rows():
        yield left + [text_of_cell(value) for value in row]


def _header_cells(row: Sequence[str]) -> list[str]:
    cells = [cell.replace(NUMBER_SIGN, "").strip() for cell in row]
    while cells and not cells[-1]:
        cells.pop()
    return cells


def _fitted(row: list[str], width: int) -> list[str]:
    """Every row of a sheet has as many cells as its widest. Empty ones beyond the header are none."""
    while len(row) > width and not row[-1].strip():
        row.pop()
    return row + [""] * (width - len(row))


def _counts_from_1904(path: Path) -> bool:
    """Workbooks of old Macs do. Their cells with the format of a date are dates already, other numbers are not."""
    with zipfile.ZipFile(path) as archive:
        return _COUNTS_FROM_1904.search(archive.read("xl/workbook.xml")) is not None


def _counted_from_1900(row: list[str], dates: Sequence[int]) -> list[str]:
    for place in dates:
        if number := _DAY_NUMBER.fullmatch(row[place]):
            row[place] = f"{NUMBER_SIGN}{int(number[1]) + _DAYS_TO_1904}{number[2] or ''}"
    return row


def _warnings(book: CalamineWorkbook, sheet: CalamineSheet, path: Path, name: str) -> tuple[str, ...]:
    warnings = []
    place = list(book.sheet_names).index(name)
    if hidden := _count(path, place, _HIDDEN_ROW):
        warnings.append(f"{hidden} rows of the sheet are hidden. They are read like the others.")
    if errors := _count(path, place, _ERROR_CELL):
        warnings.append(f"{errors} cells of the sheet hold errors such as #N/A. They are read as empty.")
    visible = {one.name: one.visible for one in book.sheets_metadata}
    if visible.get(name) is not SheetVisibleEnum.Visible:
        warnings.append("The sheet that is read is hidden.")
    others = [one for one in book.sheet_names if one != name]
    if others:
        warnings.append(f"The sheet {name!r} is read. Other sheets are left alone: {len(others)}.")
    if sheet.merged_cell_ranges:
        warnings.append("The sheet has merged cells. Only the first cell of each has a value.")
    return tuple(warnings)


def _count(path: Path, place: int, pattern: re.Pattern[bytes]) -> int:
    """How often the pattern is in a sheet. The parts of sheets are in the order of their numbers."""
    with zipfile.ZipFile(path) as archive:
        parts = sorted(
            (part for part in archive.namelist() if re.fullmatch(r"xl/worksheets/sheet[0-9]+\.xml", part)),
            key=lambda part: int(re.findall(r"[0-9]+", part)[-1]),
        )
        if place >= len(parts):
            return 0
        count, before = 0, b""
        with archive.open(parts[place]) as file:
            while piece := file.read(_PIECE):
                text = before + piece
                found = list(pattern.finditer(text))
                count += len(found)
                last = text.rfind(b"<")
                before = text[max(last, found[-1].end() if found else 0) :][:_PIECE]
        return count
