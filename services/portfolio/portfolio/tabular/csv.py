"""Turns the bytes of a portfolio file into records. Nothing about the bytes is trusted.

A record that cannot be read is returned with its fault, and the next line starts a new record. A stray quotation mark
therefore costs one row, not the file.
"""

import csv
import re
from collections import deque
from collections.abc import Iterator
from itertools import repeat
from pathlib import Path
from typing import BinaryIO, NamedTuple

from portfolio.tabular.cells import BLANKS
from portfolio.tabular.code_pages import (
    MOST_WORDS,
    UNKNOWN,
    CodePage,
    CodePages,
    CodePageUnsure,
    readings,
    words_with_accents,
)
from portfolio.tabular.heads import BOM
from portfolio.tabular.records import CONTROL, Fault, FileHead, FileProblem, Record

MAX_LINE_BYTES = 1_000_000
MAX_RECORD_LINES = 50
MAX_FIELD_CHARACTERS = 10_000
MAX_DELIMITERS = 5_000
"""A line with more is not split. The longest cells of a good row hold fewer."""
MAX_KEPT_FIELDS = 100
MAX_KEPT_CHARACTERS = 1_000
"""People see this much of a row that cannot be read."""
_LINE_BREAKS = re.compile(r"[\r\n]+")
_LINES_LOOKED_AT, _ONE_IN = 10_000, 16
"""The first lines with accents are looked at for their code page, and one in so many beyond them."""


def encoding_of(path: Path, code_pages: CodePages = UNKNOWN) -> str:
    """Return ``utf-8`` or the code page, by a majority of the lines with accents. UTF-8 wins a tie.

    The majority keeps a slightly damaged UTF-8 file from being read in a code page, which would garble every name.
    Raises ``CodePageUnsure`` when another code page than Windows-1252 and the usual one reads best.
    """
    with path.open("rb") as file:
        if file.read(len(BOM)) == BOM:
            return "utf-8"
        file.seek(0)
        as_utf8 = as_other = 0
        words: set[bytes] = set()
        for line in _limited_lines(file):
            if line.isascii():
                continue
            if _decodes(line, "utf-8"):
                as_utf8 += 1
                continue
            as_other += 1
            if len(words) < MOST_WORDS and (as_other <= _LINES_LOOKED_AT or as_other % _ONE_IN == 0):
                words |= words_with_accents([line])
    if as_utf8 >= as_other:
        return "utf-8"
    if code_pages.confirmed is not None:
        return code_pages.confirmed
    best, *others = readings(words)
    if best.code_page in (CodePage.CP1252, code_pages.usual):
        return best.code_page
    raise CodePageUnsure([best, *others])


def _decodes(line: bytes, encoding: str) -> bool:
    try:
        line.decode(encoding)
    except UnicodeDecodeError:
        return False
    return True


def _limited_lines(file: BinaryIO) -> Iterator[bytes]:
    number = 0
    while line := file.readline(MAX_LINE_BYTES + 1):
        number += 1
        if len(line) > MAX_LINE_BYTES:
            raise FileProblem(
                "line_too_long",
                f"Line {number} is longer than {MAX_LINE_BYTES:,} bytes. Each row needs a line of its own. Export the"
                " file again, and send it.",
            )
        yield line


class _TooManyFields(csv.Error):
    """A line has far more fields than any file has columns."""


class _Line(NamedTuple):
    text: str
    damaged: bool


class _Lines(Iterator[str]):
    """Lines as text. The iterator keeps the lines of the current record and takes back lines beyond it."""

    def __init__(self, file: BinaryIO, encoding: str, delimiter: str) -> None:
        self._source = _limited_lines(file)
        self._encoding = encoding
        self._delimiter = delimiter
        self._returned: deque[_Line] = deque()
        self.taken: list[_Line] = []

    def __next__(self) -> str:
        if len(self.taken) == MAX_RECORD_LINES:
            raise csv.Error("unexpected end of data")
        line = self._returned.popleft() if self._returned else self._decode(next(self._source))
        self.taken.append(line)
        if line.text.count(self._delimiter) > MAX_DELIMITERS:
            raise _TooManyFields
        return line.text

    def _decode(self, raw: bytes) -> _Line:
        try:
            return _Line(raw.decode(self._encoding), damaged=False)
        except UnicodeDecodeError:
            return _Line(raw.decode(self._encoding, errors="replace"), damaged=True)

    def give_back_all_but_first(self) -> None:
        self._returned.extendleft(reversed(self.taken[1:]))
        del self.taken[1:]


def records(path: Path, encoding: str, head: FileHead) -> Iterator[Record]:
    """Yield every record below the header, without blank rows. Raises ``FileProblem`` for a line beyond the limit."""
    with path.open("rb") as file:
        yield from _records(file, encoding, head)


def _records(file: BinaryIO, encoding: str, head: FileHead) -> Iterator[Record]:
    if file.read(len(BOM)) != BOM:
        file.seek(0)
    for _ in range(head.skipped_lines):
        file.readline()
    width = len(head.columns) + len(head.ours)
    named = width if head.ours else max((n for n, name in enumerate(head.header, 1) if name), default=width)
    lines = _Lines(file, encoding, head.delimiter)
    csv.field_size_limit(MAX_FIELD_CHARACTERS)
    reader = csv.reader(lines, delimiter=head.delimiter, strict=True)
    number = 0
    while True:
        lines.taken.clear()
        number += 1
        faults: list[Fault] = []
        read = _next_of(reader)
        if read is None:
            return
        if isinstance(read, csv.Error):
            lines.give_back_all_but_first()
            reader = csv.reader(lines, delimiter=head.delimiter, strict=True)
            fields = _split_at_delimiters(lines.taken[0].text, head.delimiter)
            faults.append(_fault_of(read))
        else:
            fields = read
        # Spreadsheets export empty rows as delimiters alone.
        if number == 1 or not (faults or _says_something(fields)):
            continue
        if not faults:
            fields = _fitted(fields, width, named, head.delimiter)
        if len(fields) != width and not faults:
            faults.append(Fault("ragged", f"has {len(fields)} fields where the header has {width}"))
            fields = fields[:MAX_KEPT_FIELDS]
        ours = tuple(fields[place] if place < len(fields) else "" for place in head.ours)
        if head.ours:
            fields = [field for place, field in enumerate(fields) if place not in head.ours]
        if any(line.damaged for line in lines.taken):
            faults.append(Fault("bad_encoding", f"contains bytes that are no text in {encoding}"))
        if faults and CONTROL.search("".join(fields)):
            faults.append(Fault("control_character", "contains a control character"))
        yield Record(number, fields, faults, ours)


def _fitted(fields: list[str], width: int, named: int, delimiter: str) -> list[str]:
    """The fields without empty ones beyond the header, with those that the header does not name, each in one line.

    Some systems end each row with the sign between cells, or the header alone.
    """
    if any("\n" in field for field in fields):
        fields = [_in_one_line(field, delimiter) for field in fields]
    if len(fields) > width and not _says_something(fields[width:]):
        return fields[:width]
    return fields + [""] * (width - len(fields)) if named <= len(fields) < width else fields


def _in_one_line(field: str, delimiter: str) -> str:
    """The cell without line breaks. One with delimiters too may have swallowed a row, and is left as it is."""
    return field if delimiter in field else _LINE_BREAKS.sub(" ", field)


def _next_of(reader: Iterator[list[str]]) -> list[str] | csv.Error | None:
    # A function of its own: without memory, CPython 3.11 unwinds for ever where a long function handles exceptions,
    # because it cannot make the number of an instruction beyond the 256th.
    try:
        return next(reader, None)
    except csv.Error as error:
        return error


def _says_something(fields: list[str]) -> bool:
    return any(map(str.strip, fields, repeat(BLANKS)))


def _fault_of(error: csv.Error) -> Fault:
    if isinstance(error, _TooManyFields):
        return Fault("too_many_fields", f"has more than {MAX_DELIMITERS:,} fields")
    if "field limit" in str(error):
        return Fault("too_long", f"contains a field of more than {csv.field_size_limit():,} characters")
    if "new-line character" in str(error):
        return Fault("control_character", "contains a carriage return outside quotation marks")
    return Fault("bad_quotes", "contains a quotation mark that is not closed, or text after a closing quotation mark")


def _split_at_delimiters(line: str, delimiter: str) -> list[str]:
    """The fields of an invalid CSV line, split at every delimiter. People see these fields; they are never loaded."""
    fields = line.rstrip("\r\n").split(delimiter, MAX_KEPT_FIELDS)[:MAX_KEPT_FIELDS]
    return [field[:MAX_KEPT_CHARACTERS] for field in fields]
