"""How the columns of a creditor's files become fields: a mapping profile, as the reader of files takes it."""

from collections.abc import Mapping
from dataclasses import asdict, dataclass, field
from typing import Any, Self


@dataclass(frozen=True)
class MappedColumn:
    """``source`` is the header in the file. A column without a field is left alone."""

    source: str
    field: str | None


@dataclass(frozen=True)
class Trailer:
    """The last row, with the file's totals. ``marker`` is its first cell; the others are numbers of cells, from 1."""

    marker: str
    rows_cell: int | None = None
    amount_cell: int | None = None


@dataclass(frozen=True)
class Layout:
    """What is known of a file before it is read. What is None is found in the file.

    ``constants`` are values that hold for every row, ``defaults`` those of empty cells, both by field. ``header_row``
    counts lines or rows of the sheet from 1. ``is_guess`` is set for what was found in an earlier file: it gives way
    when the headers are others. ``is_draft``: columns that are missing or doubled are shown and not refused.
    ``is_of_payments``: the file is a bank's, and its columns are those of payments.
    """

    columns: tuple[MappedColumn, ...] = ()
    constants: Mapping[str, str] = field(default_factory=dict)
    defaults: Mapping[str, str] = field(default_factory=dict)
    decimal: str | None = None
    dates: str | None = None
    encoding: str | None = None
    separator: str | None = None
    sheet: str | None = None
    header_row: int | None = None
    trailer: Trailer | None = None
    is_guess: bool = False
    is_draft: bool = False
    is_of_payments: bool = False

    @classmethod
    def of(cls, stored: Mapping[str, Any]) -> Self:
        """The layout from JSON, which was checked when it was stored."""
        known = {name: stored[name] for name in cls.__dataclass_fields__ if stored.get(name) is not None}
        known["columns"] = tuple(
            MappedColumn(column["source"], column.get("field")) for column in known.get("columns", ())
        )
        if trailer := known.get("trailer"):
            known["trailer"] = Trailer(**{name: trailer.get(name) for name in Trailer.__dataclass_fields__})
        return cls(**known)

    def stored(self) -> dict[str, Any]:
        return asdict(self)


UNKNOWN_LAYOUT = Layout()
