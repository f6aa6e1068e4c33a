"""Turns the bytes of a portfolio file into records. Nothing about the bytes is trusted.

A record that cannot be read is returned with its fault, and the next line starts a new record. A stray quotation mark
therefore costs one row, not the file.
"""

import csv
import re
from collections import deque
from collections.abc import Iterator
from contextlib import suppress
from dataclasses import dataclass
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
from portfolio.tabular.profiles import FILE_COLUMNS, OUR_COLUMNS, REQUIRED_COLUMNS, SPANISH_HEADERS, column_named
from portfolio.tabular.records import CONTROL, Fault, FileHead, FileProblem, Record

MAX_LINE_BYTES = 1_000_000
MAX_RECORD_LINES = 50
MAX_FIELD_CHARACTERS = 10_000
MAX_DELIMITERS = 5_000
"""A line with more is not split. The longest cells of a good row hold fewer."""
MAX_KEPT_FIELDS = 100
MAX_KEPT_CHARACTERS = 1_000
"""People see this much of a row that cannot be read."""
_LINES_LOOKED_AT, _ONE_IN = 10_000, 16
"""The first lines with accents are looked at for their code page, and one in so many beyond them."""
HEAD_BYTES = 65_536
"""The number of first bytes that ``inspect_head`` needs."""

_BOM = b"\xef\xbb\xbf"
_CONTROL_BYTES = re.compile(rb"[\x00-\x08\x0b-\x1f\x7f]")
_DELIMITERS = ",;\t|"
_ABOVE_THE_HEADER = re.compile(rb'\s*("?sep=.?"?)?[\s,;|]*', re.IGNORECASE)
"""A line that tells Excel the delimiter, or a blank row."""
_UTF16_BOMS = (b"\xff\xfe", b"\xfe\xff")
_OTHER_TYPES = {
    b"PK\x03\x04": "a ZIP archive or an Excel workbook (XLSX)",
    b"PAR1": "a Parquet file",
    b"%PDF": "a PDF document",
    b"\xd0\xcf\x11\xe0": "an old Excel workbook (XLS)",
    b"\x1f\x8b": "a gzip archive",
}


def inspect_head(first_bytes: bytes) -> FileHead:
    """Read the head from the first ``HEAD_BYTES`` of a file. Raises ``FileProblem`` when it is not a portfolio file."""
    if not first_bytes.removeprefix(_BOM).strip():
        raise FileProblem("empty", "The file is empty.")
    for magic, file_type in _OTHER_TYPES.items():
        if first_bytes.startswith(magic):
            raise FileProblem("unsupported_type", f"The file is {file_type}. Export the portfolio as CSV.")
    if first_bytes.startswith(_UTF16_BOMS):
        raise FileProblem("bad_encoding", "The file is in UTF-16. Save it as CSV in UTF-8.")
    skipped, rest = 0, first_bytes.removeprefix(_BOM)
    while True:
        first_line, ended, rest = rest.partition(b"\n")
        if not ended or not _ABOVE_THE_HEADER.fullmatch(first_line):
            break
        skipped += 1
    if not ended and len(first_bytes) >= HEAD_BYTES:
        raise FileProblem("bad_header", f"The first {HEAD_BYTES} bytes hold no header, or a part of one.")
    if _CONTROL_BYTES.search(first_line.removesuffix(b"\r")):
        raise FileProblem(
            "unsupported_type", "The first line contains control characters, so the file is not a CSV file."
        )
    lines = _header_lines(first_line.removesuffix(b"\r"))
    return max((_head(line, delimiter) for line in lines for delimiter in _DELIMITERS), key=_columns_known).checked(
        skipped
    )


def named_file(first_bytes: bytes, head: FileHead) -> str | None:
    """The id in the column ``file_id`` of the first row that has one, among the first ``HEAD_BYTES`` of a file."""
    if "file_id" not in head.our_columns:
        return None
    place = head.ours[head.our_columns.index("file_id")]
    text = first_bytes.removeprefix(_BOM).decode("utf-8", errors="replace")
    lines = text.splitlines(keepends=True)[head.skipped_lines + 1 :]
    with suppress(csv.Error):
        for fields in csv.reader(lines, delimiter=head.delimiter):
            if len(fields) > place and (named := fields[place].strip()):
                return named
    return None


def _header_lines(line: bytes) -> list[str]:
    """The line in UTF-8, else in each code page in which it is text. The right one names the columns."""
    if _decodes(line, "utf-8"):
        return [line.decode("utf-8")]
    return [line.decode(page) for page in CodePage if _decodes(line, page)]


@dataclass(frozen=True)
class _Candidate:
    """The first line, split at one delimiter."""

    delimiter: str
    header: tuple[str, ...]
    columns: tuple[str | None, ...]

    def checked(self, skipped_lines: int) -> FileHead:
        known = [column for column in self.columns if column is not None]
        missing = [column for column in REQUIRED_COLUMNS if column not in known]
        if missing:
            names = ", ".join(f"{SPANISH_HEADERS[column]!r} ({column})" for column in missing)
            raise FileProblem("missing_columns", f"The first line does not name the columns {names}.")
        doubled = [column for column in (*FILE_COLUMNS, *OUR_COLUMNS) if known.count(column) > 1]
        if doubled:
            raise FileProblem(
                "repeated_columns", f"The first line names these columns more than once: {', '.join(doubled)}."
            )
        unknown = [name for name, column in zip(self.header, self.columns, strict=True) if column is None]
        if unknown:
            names = ", ".join(repr(name[:100]) for name in unknown[:20])
            raise FileProblem(
                "unknown_columns", f"The first line names unknown columns: {names}. Remove or correct them."
            )
        ours = tuple(place for place, column in enumerate(self.columns) if column in OUR_COLUMNS)
        header = tuple(name for place, name in enumerate(self.header) if place not in ours)
        columns = tuple(column for column in known if column not in OUR_COLUMNS)
        our_columns = tuple(column for column in known if column in OUR_COLUMNS)
        return FileHead(self.delimiter, header, columns, skipped_lines, ours, our_columns)


def _head(line: str, delimiter: str) -> _Candidate:
    try:
        names = next(csv.reader([line], delimiter=delimiter, strict=True), [])
    except csv.Error:
        return _Candidate(delimiter, (), ())
    return _Candidate(delimiter, tuple(name.strip() for name in names), tuple(map(column_named, names)))


def _columns_known(candidate: _Candidate) -> int:
    return sum(column is not None for column in candidate.columns)


def encoding_of(path: Path, code_pages: CodePages = UNKNOWN) -> str:
    """Return ``utf-8`` or the code page, by a majority of the lines with accents. UTF-8 wins a tie.

    The majority keeps a slightly damaged UTF-8 file from being read in a code page, which would garble every name.
    Raises ``CodePageUnsure`` when another code page than Windows-1252 and the usual one reads best.
    """
    with path.open("rb") as file:
        if file.read(len(_BOM)) == _BOM:
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
            raise FileProblem("line_too_long", f"Line {number} is longer than {MAX_LINE_BYTES:,} bytes.")
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
    if file.read(len(_BOM)) != _BOM:
        file.seek(0)
    for _ in range(head.skipped_lines):
        file.readline()
    width = len(head.columns) + len(head.ours)
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
