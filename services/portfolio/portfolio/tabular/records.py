"""The parts of a table file of any kind: a head, then records. Each record may have faults."""

import re
from dataclasses import dataclass
from typing import NamedTuple

CONTROL_CHARACTERS = "[\\x00-\\x1f\\x7f-\\x9f\u061c\u200e\u200f\u202a-\u202e\u2066-\u2069]"
"""Control and bidirectional characters. They are not allowed anywhere in a row."""
CONTROL = re.compile(CONTROL_CHARACTERS)


class FileProblem(Exception):
    """Nothing of the file can be loaded. ``code`` names the problem; ``detail`` explains it to a person.

    Codes: empty, unsupported_type, bad_encoding, bad_header, missing_columns, repeated_columns, unknown_columns,
    line_too_long, too_many_rejects, out_of_memory.
    """

    def __init__(self, code: str, detail: str) -> None:
        super().__init__(f"{code}: {detail}")
        self.code = code
        self.detail = detail


@dataclass(frozen=True)
class FileHead:
    """The content of the first line: the delimiter, the headers as written, and the column that each header means."""

    delimiter: str
    header: tuple[str, ...]
    columns: tuple[str, ...]

    def header_of(self, column: str) -> str:
        """The file's own name of ``column``, or the canonical name where the file lacks the column."""
        return self.header[self.columns.index(column)] if column in self.columns else column


class Fault(NamedTuple):
    code: str
    reason: str


class Record(NamedTuple):
    """One record. ``number`` counts records as Python's csv does; the header is 1. ``faults`` make it unreadable."""

    number: int
    fields: list[str]
    faults: list[Fault]
