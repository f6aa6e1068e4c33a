"""What every kind of table file comes down to: a head, then records, each of which may have faults."""

import re
from dataclasses import dataclass
from typing import NamedTuple

CONTROL_CHARACTERS = "[\\x00-\\x1f\\x7f-\\x9f\u061c\u200e\u200f\u202a-\u202e\u2066-\u2069]"
"""Control and bidirectional characters: none is allowed anywhere in a row."""
CONTROL = re.compile(CONTROL_CHARACTERS)


class FileProblem(Exception):
    """Nothing of the file can be loaded. ``code`` names the problem, ``detail`` tells a person what to do about it.

    Codes: empty, unsupported_type, bad_encoding, bad_header, missing_columns, repeated_columns, unknown_columns,
    line_too_long, total_too_large.
    """

    def __init__(self, code: str, detail: str) -> None:
        super().__init__(f"{code}: {detail}")
        self.code = code
        self.detail = detail


@dataclass(frozen=True)
class FileHead:
    """What the first line says: the delimiter, the headers as written, and the column that each one means."""

    delimiter: str
    header: tuple[str, ...]
    columns: tuple[str, ...]

    def header_of(self, column: str) -> str:
        """The file's own name of ``column``; the canonical one where the file does not have it."""
        return self.header[self.columns.index(column)] if column in self.columns else column


class Fault(NamedTuple):
    code: str
    reason: str


class Record(NamedTuple):
    """One record; its number as Python's csv counts them, the header being 1. ``faults`` make the row unreadable."""

    number: int
    fields: list[str]
    faults: list[Fault]
