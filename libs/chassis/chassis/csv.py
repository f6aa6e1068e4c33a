"""CSV for people: UTF-8 with a byte order mark, the separator of their locale, and no cell that runs as a formula.

Without a locale the separator is the comma: the list separator of a Mexican Excel, which every program reads. A
``sep=`` line would make any Excel open the file in columns, but it would take the place of the header, and the byte
order mark would lose its effect. An Excel of another locale separates at another sign, within our cells too. So every
place where some program may begin a cell is guarded.

For a person, a cell that Excel would change is written as ``="04000"``: Excel shows and saves 04000.
"""

import csv
import io
import re
from collections.abc import Iterable, Iterator, Sequence

from chassis.languages import Locale

BYTE_ORDER_MARK = b"\xef\xbb\xbf"
_CHUNK_CHARACTERS = 64 * 1024
_LEADS_A_FORMULA = frozenset("=+-@＝＋－＠")
_BLANK = frozenset("\t\r\n")
_SEPARATOR = re.compile(r"([;,|\t\r\n])")
_HARMLESS = re.compile(r"\+\d{6,15}( \+\d{6,15})*|-?\d+(\.\d+)?", re.ASCII)
_MONTH = "ene|jan|feb|fev|mar|abr|apr|may|mai|jun|jul|ago|aug|sep|set|oct|out|nov|dic|dez|dec"
_CHANGED_BY_EXCEL = re.compile(
    r"0\d+|\d{12,}|\+\d{6,15}|\d+[eE][+-]?\d+"
    r"|\d{1,4}[-/.]\d{1,2}([-/.]\d{1,4})?|\d{1,2}:\d{2}(:\d{2})?"
    rf"|\d{{1,2}}[-/. ]?({_MONTH})[a-z]*([-/. ]?\d{{2,4}})?|({_MONTH})[a-z]*[-/. ]?\d{{1,4}}"
    r"|true|false|verdadero|falso|verdadeiro",
    re.ASCII | re.IGNORECASE,
)
"""What Excel takes for a number or a day: zeros at the start, long digits and phones are lost, 3-4 becomes a date."""
_AMOUNT = re.compile(r"\d+[.,]\d{2}", re.ASCII)


def safe_csv_rows(
    rows: Iterable[Sequence[object]], *, first: bool = True, locale: Locale | None = None
) -> Iterator[bytes]:
    """Yield these rows as pieces of a CSV file. ``first`` is true for the start of the file, with the byte order mark.

    ``locale`` is that of the person who opens the file, None for a program. A text that a spreadsheet could take for a
    formula gets an apostrophe before it, at the start of the cell and after each character that may separate cells.
    Phones in E.164 and numbers stay, for a person as text.
    """
    text = io.StringIO(newline="")
    writer = csv.writer(text, delimiter=locale.separator if locale else ",")
    written = safe_cell if locale is None else _cell_for_excel
    if first:
        yield BYTE_ORDER_MARK
    for row in rows:
        writer.writerow([written(value) for value in row])
        if text.tell() >= _CHUNK_CHARACTERS:
            yield _taken(text)
    if text.tell():
        yield _taken(text)


def safe_cell(value: object) -> str:
    """Return the value as text that no spreadsheet runs, and an empty text for null."""
    text = "" if value is None else str(value)
    first, *others = _SEPARATOR.split(text)
    guarded = [first if _HARMLESS.fullmatch(text) else _guarded(first), *map(_guarded_unless_harmless, others)]
    return "'" + "".join(guarded) if text[:1] in _BLANK else "".join(guarded)


def _cell_for_excel(value: object) -> str:
    """Return the value as text that Excel runs no part of and does not change."""
    text = "" if value is None else str(value)
    if _CHANGED_BY_EXCEL.fullmatch(text) and not _AMOUNT.fullmatch(text):
        return f'="{text}"'
    return safe_cell(text)


def _guarded_unless_harmless(piece: str) -> str:
    return piece if _HARMLESS.fullmatch(piece) else _guarded(piece)


def _guarded(piece: str) -> str:
    return "'" + piece if piece[:1] in _LEADS_A_FORMULA else piece


def _taken(text: io.StringIO) -> bytes:
    piece = text.getvalue().encode("utf-8", "replace")
    text.seek(0)
    text.truncate()
    return piece
