"""CSV for people: UTF-8 with a byte order mark, fields separated by commas, and no cell that is run as a formula.

The comma is the list separator of a Mexican Excel, and what every program reads. A ``sep=`` line, which would make
any Excel open it in columns, would take the place of the header, and the byte order mark would lose its effect.
"""

import csv
import io
import re
from collections.abc import Iterable, Iterator, Sequence

BYTE_ORDER_MARK = b"\xef\xbb\xbf"
_CHUNK_CHARACTERS = 64 * 1024
_LEADS_A_FORMULA = frozenset("=+-@\t\r\n＝＋－＠")
_HARMLESS = re.compile(r"\+\d{6,15}( \+\d{6,15})*|-?\d+(\.\d+)?", re.ASCII)


def safe_csv_rows(rows: Iterable[Sequence[object]], *, first: bool = True) -> Iterator[bytes]:
    """These rows as pieces of a CSV file. ``first``: the file starts here, with its byte order mark.

    A text that a spreadsheet could take for a formula is led by an apostrophe; phones in E.164 and numbers stay.
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
    """The value as text that no spreadsheet runs; nothing for null."""
    text = "" if value is None else str(value)
    if text[:1] in _LEADS_A_FORMULA and not _HARMLESS.fullmatch(text):
        return "'" + text
    return text


def _taken(text: io.StringIO) -> bytes:
    piece = text.getvalue().encode("utf-8", "replace")
    text.seek(0)
    text.truncate()
    return piece
