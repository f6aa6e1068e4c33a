"""The parts of a table file of any kind: a head, then records. Each record may have faults."""

import re
from dataclasses import dataclass
from typing import NamedTuple

from portfolio.tabular.profiles import FILE_COLUMNS, NAME_PARTS

CONTROL_CHARACTERS = "[\\x00-\\x1f\\x7f-\\x9f\u061c\u200e\u200f\u2028-\u202e\u2066-\u2069]"
"""Control and bidirectional characters. They are not allowed anywhere in a row."""
CONTROL = re.compile(CONTROL_CHARACTERS)


class FileProblem(Exception):
    """Nothing of the file can be loaded. ``code`` names the problem; ``detail`` explains it to a person.

    Codes: empty, unsupported-type, encrypted, macro, external_links, bomb, bad_encoding, bad_header, no_header,
    too_wide, missing_columns, repeated_columns, line_too_long, ambiguous_amounts, ambiguous_dates,
    control_totals_differ, too_many_rejects, out_of_memory.
    """

    def __init__(self, code: str, detail: str) -> None:
        super().__init__(f"{code}: {detail}")
        self.code = code
        self.detail = detail


@dataclass(frozen=True)
class FileHead:
    """The content of the header: the delimiter, the headers as written, and the column that each header means.

    A foreign header means None: its cells are left alone, and come back with rejected rows. ``skipped_lines`` stand
    above the header. A file of rejected rows that comes back has columns of ours besides: ``ours`` says at which
    places, and ``our_columns`` which they are. They are no part of ``header`` and ``columns``. ``amount_of_each``: the
    amount is that of each instalment of a plan, not of all.
    """

    delimiter: str
    header: tuple[str, ...]
    columns: tuple[str | None, ...]
    skipped_lines: int = 0
    ours: tuple[int, ...] = ()
    our_columns: tuple[str, ...] = ()
    amount_of_each: bool = False

    @property
    def known(self) -> tuple[str, ...]:
        """The columns that are not foreign."""
        return tuple(column for column in self.columns if column is not None)

    @property
    def has_foreign(self) -> bool:
        """Whether some cells of a row are not kept, or not as they came."""
        return self.has_plans or any(column not in FILE_COLUMNS for column in self.columns)

    @property
    def has_plans(self) -> bool:
        """Whether a row may describe several instalments."""
        return "instalment_count" in self.columns

    @property
    def name_parts(self) -> tuple[str, ...]:
        """The columns from which the debtor's name is joined."""
        return tuple(part for part in NAME_PARTS if part in self.columns)

    def header_of(self, column: str) -> str:
        """The file's own name of ``column``, or the canonical name where the file lacks the column.

        A name that is joined goes by the header of its first part.
        """
        if column == "debtor_name" and column not in self.columns and self.name_parts:
            column = self.name_parts[0]
        return self.header[self.columns.index(column)] if column in self.columns else column


class Fault(NamedTuple):
    code: str
    reason: str


class Record(NamedTuple):
    """One record. ``number`` counts records as Python's csv does; the header is 1. ``faults`` make it unreadable.

    ``ours`` are the fields of ``FileHead.our_columns``.
    """

    number: int
    fields: list[str]
    faults: list[Fault]
    ours: tuple[str, ...] = ()
