"""Finds the header of a table: below title lines, at any separator, in three languages or as a profile names it."""

import csv
import re
from collections.abc import Iterable, Sequence
from contextlib import suppress
from typing import NamedTuple

from portfolio.tabular.code_pages import CodePage
from portfolio.tabular.headers import CERTAIN, PORTFOLIO_COLUMNS, Assignment, Vocabulary, assigned, recognised
from portfolio.tabular.layouts import UNKNOWN_LAYOUT, Layout
from portfolio.tabular.payment_headers import PAYMENT_COLUMNS
from portfolio.tabular.profiles import INSTEAD, OUR_COLUMNS, lacking, named, plain, wanted
from portfolio.tabular.records import FileHead, FileProblem

HEAD_BYTES = 65_536
"""The number of first bytes that ``inspect_head`` needs."""
MAX_COLUMNS = 500
TITLE_LINES = 50
"""The header is looked for among so many first lines."""

ZIP, GZIP, PARQUET, OLE = (b"PK\x03\x04", b"PK\x05\x06"), b"\x1f\x8b", b"PAR1", b"\xd0\xcf\x11\xe0"
PACKED = (*ZIP, GZIP, PARQUET, OLE)
"""How files begin that are no text."""
BOM = b"\xef\xbb\xbf"
UTF16_BOMS = {b"\xff\xfe": "utf-16-le", b"\xfe\xff": "utf-16-be"}
_CONTROL_BYTES = re.compile(r"[\x00-\x08\x0b\x0c\x0e-\x1f\x7f]")
_DELIMITERS = ",;\t|"
_ABOVE_THE_HEADER = re.compile(r'\s*("?sep=.?"?)?[\s,;|]*', re.IGNORECASE)
"""A line that tells Excel the delimiter, or a blank row."""
_OTHER_TYPES = {
    b"%PDF": "a PDF document",
    b"{\\rtf": "a text document (RTF)",
    b"\x89PNG": "an image",
    b"\xff\xd8\xff": "an image",
    b"GIF8": "an image",
    b"7z\xbc\xaf": "a 7-Zip archive",
    b"Rar!": "a RAR archive",
    b"\x7fELF": "a program",
}
_OTHER_TEXTS = {
    b"<html": "a web page",
    b"<!doctype html": "a web page",
    b"<table": "a web page",
    b"<?xml": "an XML document",
    b"{": "a JSON document",
    b"[": "a JSON document",
}
"""How texts begin that are no tables. Some systems call a web page XLS."""


def encoding_of_head(first_bytes: bytes) -> str | None:
    """UTF-16 or UTF-8, as a byte order mark says it or the zeros of UTF-16 do. None where neither is sure."""
    if first_bytes.startswith(BOM):
        return "utf-8"
    for bom, encoding in UTF16_BOMS.items():
        if first_bytes.startswith(bom):
            return encoding
    some = first_bytes[:2_000]
    if len(some) >= 8:
        even, odd = some[0::2].count(0), some[1::2].count(0)
        if odd > 0.3 * len(some) / 2 and even == 0:
            return "utf-16-le"
        if even > 0.3 * len(some) / 2 and odd == 0:
            return "utf-16-be"
    return None


class _Found(NamedTuple):
    """A line that may be the header, split at a delimiter."""

    skipped: int
    delimiter: str
    names: tuple[str, ...]
    meaning: Assignment
    required: tuple[str, ...]

    @property
    def known(self) -> float:
        required = {*self.required, *(column for columns in INSTEAD.values() for column in columns)}
        return sum(1 + (field in required) for field in self.meaning.fields if field is not None)

    @property
    def is_wanting(self) -> bool:
        """Whether a file with this header would be refused."""
        return is_wanting(self.meaning, self.required)

    @property
    def rank(self) -> tuple[bool, float]:
        return not self.is_wanting, self.known


def is_wanting(meaning: Assignment, required: Sequence[str]) -> bool:
    """Whether a required column is missing, or two are the same."""
    return bool(lacking(required, meaning.fields)) or bool(meaning.doubled)


def of_two_lines(above: Sequence[str], below: Sequence[str], vocabulary: Vocabulary) -> tuple[str, ...]:
    """The headers that two rows make: merged cells above groups of columns, or names that are cut in two.

    A column has the words of both rows where these mean something, else those of the lower row.
    """
    names, group = [], ""
    for place in range(max(len(above), len(below))):
        high = above[place] if place < len(above) else ""
        low = below[place] if place < len(below) else ""
        group = high or group
        both = next((one for one in (f"{group} {low}", low) if low and recognised(one, vocabulary)), low or high)
        names.append(both.strip())
    return tuple(names)


def inspect_head(first_bytes: bytes, layout: Layout = UNKNOWN_LAYOUT) -> FileHead:
    """Read the head from the first ``HEAD_BYTES`` of a text file.

    Raises ``FileProblem`` when it is not a portfolio file.
    """
    _refuse_other_types(first_bytes)
    whole_lines = first_bytes if len(first_bytes) < HEAD_BYTES else first_bytes[: HEAD_BYTES - HEAD_BYTES % 2]
    texts = _texts(whole_lines, layout)
    if not texts[0].strip("\ufeff \t\r\n\0"):
        raise FileProblem("empty", "The file is empty. Export it again, and send it.")
    if len(first_bytes) >= HEAD_BYTES:
        texts = [text[: text.rfind("\n") + 1] for text in texts]
        if not texts[0]:
            detail = f"The first {HEAD_BYTES:,} characters hold no end of a line. The file needs one line for each row."
            raise FileProblem("bad_header", detail)
    found = [one for text in texts for one in _candidates(text, layout)]
    best = max(found, key=lambda one: one.known, default=None)
    if best is None or best.is_wanting:
        of_two = [one for text in texts for one in _candidates_of_two_lines(text, layout)]
        best = max([*([] if best is None else [best]), *of_two], key=lambda one: one.rank, default=None)
    widest = max(found, key=lambda one: len(one.names), default=None)
    if layout.is_draft and widest is not None and len(widest.names) > 1 and (best is None or best.known < 2):
        best = widest
    elif best is None or best.known < 2:
        if _CONTROL_BYTES.search(texts[0].partition("\n")[0]):
            detail = "The first line contains control characters. Export the portfolio as CSV or XLSX."
            raise FileProblem("unsupported-type", detail)
        raise no_header(f"None of the first {TITLE_LINES} lines names columns that are known", layout)
    assert best is not None
    if _CONTROL_BYTES.search("".join(best.names)):
        raise FileProblem(
            "unsupported-type", "The header contains control characters. Export the portfolio as CSV or XLSX."
        )
    return checked_head(best.names, best.meaning, layout, best.delimiter, best.skipped)


def _refuse_other_types(first_bytes: bytes) -> None:
    text = first_bytes.removeprefix(BOM)[:1_000].lstrip().lower()
    for begin, types in ((first_bytes, _OTHER_TYPES), (text, _OTHER_TEXTS)):
        for mark, file_type in types.items():
            if begin.startswith(mark):
                raise FileProblem("unsupported-type", f"The file is {file_type}. Export the portfolio as CSV or XLSX.")


def vocabulary_of(layout: Layout) -> Vocabulary:
    """The columns that the file may have: those of portfolio files, or those of payments."""
    return PAYMENT_COLUMNS if layout.is_of_payments else PORTFOLIO_COLUMNS


def no_header(what: str, layout: Layout = UNKNOWN_LAYOUT) -> FileProblem:
    vocabulary = vocabulary_of(layout)
    names = ", ".join(f"{vocabulary.spanish[column]!r} ({column})" for column in vocabulary.required)
    return FileProblem("no_header", f"{what}. The file needs a row with the headers {names}, or a profile.")


def _texts(first_bytes: bytes, layout: Layout) -> list[str]:
    """The text, in each code page in which it is text if it is not in Unicode. The right one names the columns."""
    sure = layout.encoding or encoding_of_head(first_bytes)
    if sure is not None:
        return [first_bytes.decode(sure, errors="replace").removeprefix("\ufeff")]
    for cut in range(4):
        with suppress(UnicodeDecodeError):
            return [first_bytes[: len(first_bytes) - cut].decode("utf-8")]
    pages = [first_bytes.decode(page, errors="replace") for page in CodePage]
    return [*pages, first_bytes.decode("utf-8", errors="replace")]


def _candidates(text: str, layout: Layout) -> Iterable[_Found]:
    lines = [f"{line}\n" for line in text.split("\n", TITLE_LINES + 20)[: TITLE_LINES + 20]]
    for skipped in range(min(len(lines), TITLE_LINES)):
        if layout.header_row is not None and skipped != layout.header_row - 1 and not layout.is_guess:
            continue
        if _ABOVE_THE_HEADER.fullmatch(lines[skipped]):
            continue
        for delimiter in layout.separator or _DELIMITERS:
            names = _split(lines[skipped:], delimiter)
            if names:
                required = vocabulary_of(layout).required
                yield _Found(skipped, delimiter, names, meaning_of(names, layout), required)


def _candidates_of_two_lines(text: str, layout: Layout) -> Iterable[_Found]:
    """Each two lines together. Rows are counted from the lower one, which a profile names as the header."""
    lines = [f"{line}\n" for line in text.split("\n", TITLE_LINES + 20)[: TITLE_LINES + 20]]
    vocabulary = vocabulary_of(layout)
    for skipped in range(1, min(len(lines), TITLE_LINES)):
        if layout.header_row is not None and skipped != layout.header_row - 1 and not layout.is_guess:
            continue
        for delimiter in layout.separator or _DELIMITERS:
            above, below = _split(lines[skipped - 1 :], delimiter), _split(lines[skipped:], delimiter)
            if len(above) > 1 and len(below) > 1:
                names = of_two_lines(above, below, vocabulary)
                yield _Found(skipped, delimiter, names, meaning_of(names, layout), vocabulary.required)


def _split(lines: Sequence[str], delimiter: str) -> tuple[str, ...]:
    try:
        return tuple(name.strip() for name in next(csv.reader(lines, delimiter=delimiter, strict=True), []))
    except csv.Error:
        return ()


def meaning_of(names: Sequence[str], layout: Layout) -> Assignment:
    """What the headers mean: as the profile says, else as they are recognised."""
    if not layout.columns:
        return assigned(names, vocabulary_of(layout))
    mapped = {plain(column.source): column.field for column in layout.columns}
    ours = {plain(name): one for name, one in zip(names, assigned(names).fields, strict=True) if one in OUR_COLUMNS}
    known = ours | mapped
    needed = {plain(column.source) for column in layout.columns if column.field is not None}
    if layout.is_guess and not needed <= {plain(name) for name in names}:
        return assigned(names)
    fields = tuple(known.get(plain(name)) for name in names)
    doubled = {
        field: tuple(name for name, one in zip(names, fields, strict=True) if one == field)
        for field in set(fields)
        if field is not None and fields.count(field) > 1
    }
    return Assignment(fields, tuple(CERTAIN if one is not None else 0.0 for one in fields), doubled)


def checked_head(
    names: Sequence[str], meaning: Assignment, layout: Layout, delimiter: str, skipped_lines: int
) -> FileHead:
    """The head of a file with these headers. Raises ``FileProblem`` when the file cannot be loaded with them."""
    if len(names) > MAX_COLUMNS:
        raise FileProblem(
            "too_wide",
            f"The header has {len(names):,} columns; a file has at most {MAX_COLUMNS}. Leave out the columns"
            " that are not needed.",
        )
    if layout.is_draft:
        return head_of(names, meaning.fields, delimiter, skipped_lines)
    vocabulary = vocabulary_of(layout)
    known = {one for one in meaning.fields if one is not None} | set(layout.constants)
    missing = lacking(vocabulary.required, known)
    if layout.columns and not layout.is_guess:
        there = {plain(name) for name in names}
        needed = {*vocabulary.required, *(() if "debtor_name" in known else INSTEAD["debtor_name"])}
        absent = [c.source for c in layout.columns if c.field in needed and plain(c.source) not in there]
        if absent:
            detail = f"The profile needs the columns {', '.join(map(repr, absent))}, which the file does not have."
            raise FileProblem("missing_columns", detail)
    if missing:
        lacked = ", ".join(wanted(column, vocabulary.spanish) for column in missing)
        raise FileProblem(
            "missing_columns",
            f"The header does not name the columns {lacked}. Name them so, or send the file with a profile that says"
            " which columns they are.",
        )
    if meaning.doubled:
        doubled = "; ".join(
            f"{named(field, vocabulary.spanish)}: {', '.join(repr(name[:100]) for name in headers)}"
            for field, headers in sorted(
                meaning.doubled.items(), key=lambda one: (*vocabulary.fields, *OUR_COLUMNS).index(one[0])
            )
        )
        raise FileProblem(
            "repeated_columns",
            f"The header names these columns more than once: {doubled}. Leave one of each, or send the file with a"
            " profile that says which one counts.",
        )
    return head_of(names, meaning.fields, delimiter, skipped_lines)


def head_of(names: Sequence[str], fields: Sequence[str | None], delimiter: str, skipped_lines: int) -> FileHead:
    ours = tuple(place for place, field in enumerate(fields) if field in OUR_COLUMNS)
    # A plan's columns take the place of those of a single instalment, where there are none.
    takes = {"first_due_date": "due_date", "instalment_amount": "amount_due"}
    is_plan = "instalment_count" in fields
    columns: list[str | None] = []
    for field in fields:
        if field == "first_due_date":
            columns.append("due_date" if is_plan or "due_date" not in fields else None)
        elif field == "due_date" and is_plan and "first_due_date" in fields:
            columns.append(None)
        elif field == "instalment_amount":
            columns.append(takes[field] if "amount_due" not in fields else None)
        elif field not in OUR_COLUMNS:
            columns.append(field)
    return FileHead(
        delimiter,
        tuple(name for place, name in enumerate(names) if place not in ours),
        tuple(columns),
        skipped_lines,
        ours,
        tuple(field for field in fields if field in OUR_COLUMNS),
        amount_of_each="instalment_amount" in fields and "amount_due" not in fields,
    )


def named_file(first_bytes: bytes, head: FileHead, layout: Layout = UNKNOWN_LAYOUT) -> str | None:
    """The id in the column ``file_id`` of the first row that has one, among the first ``HEAD_BYTES`` of a file."""
    if "file_id" not in head.our_columns:
        return None
    place = head.ours[head.our_columns.index("file_id")]
    text = _texts(first_bytes, layout)[-1]
    lines = text.splitlines(keepends=True)[head.skipped_lines + 1 :]
    with suppress(csv.Error):
        for fields in csv.reader(lines, delimiter=head.delimiter):
            if len(fields) > place and (named := fields[place].strip()):
                return named
    return None


def profile_fields(head: FileHead) -> tuple[str | None, ...]:
    """The fields of ``head.columns`` as a profile names them."""
    return tuple(
        "instalment_amount" if column == "amount_due" and head.amount_of_each else column for column in head.columns
    )
