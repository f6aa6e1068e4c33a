"""CSV for people: UTF-8 with a byte order mark, fields separated by commas, and no cell that runs as a formula.

The comma is the list separator of a Mexican Excel, and every program reads it. A ``sep=`` line would make any Excel
open the file in columns, but it would take the place of the header, and the byte order mark would lose its effect.
An Excel of another locale separates at semicolons, within our cells too. So every place where some program may begin a
cell is guarded.
"""

import csv
import io
import re
from collections.abc import Iterable, Iterator, Sequence

BYTE_ORDER_MARK = b"\xef\xbb\xbf"
_CHUNK_CHARACTERS = 64 * 1024
_LEADS_A_FORMULA = frozenset("=+-@＝＋－＠")
_BLANK = frozenset("\t\r\n")
_SEPARATOR = re.compile(r"([;,|\t\r\n])")
_HARMLESS = re.compile(r"\+\d{6,15}( \+\d{6,15})*|-?\d+(\.\d+)?", re.ASCII)


def safe_csv_rows(rows: Iterable[Sequence[object]], *, first: bool = True) -> Iterator[bytes]:
    """Yield these rows as pieces of a CSV file. ``first`` is true for the start of the file, with the byte order mark.

    A text that a spreadsheet could take for a formula gets an apostrophe before it, at the start of the cell and after
    each character that may separate cells. Phones in E.164 and numbers stay.
    """
    text = io.StringIO(newline="")
    writer = csv.writer(text)
    if first:
        yield BYTE_ORDER_MARK
    for row in rows:
        writer.writerow([safe_cell(value) for value in row])
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


def _guarded_unless_harmless(piece: str) -> str:
    return piece if _HARMLESS.fullmatch(piece) else _guarded(piece)


def _guarded(piece: str) -> str:
    return "'" + piece if piece[:1] in _LEADS_A_FORMULA else piece


def _taken(text: io.StringIO) -> bytes:
    piece = text.getvalue().encode("utf-8", "replace")
    text.seek(0)
    text.truncate()
    return piece
