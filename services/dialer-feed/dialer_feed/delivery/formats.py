"""The file formats of a list's entries."""

import json
from collections.abc import Callable, Iterator, Mapping, Sequence
from types import MappingProxyType
from typing import Any

from chassis.csv import safe_csv_rows

COLUMNS = (
    "contract_number",
    "name",
    "phones",
    "overdue_balance",
    "days_past_due",
    "callable_from",
    "callable_until",
    "timezone",
    "timezones",
    "also",
    "shared_number",
)
_LISTED = ("phones", "timezones", "shared_number")
"""The columns with several values. In CSV a blank separates them."""
Entry = dict[str, Any]
"""The columns of one entry, in their order."""
Write = Callable[[Sequence[Entry], bool], Iterator[bytes]]
"""Writes some entries of a file; the flag states whether these are the file's first entries."""


def as_jsonl(entries: Sequence[Entry], _first: bool) -> Iterator[bytes]:
    if entries:
        yield "".join(json.dumps(entry, ensure_ascii=False) + "\n" for entry in entries).encode()


def as_csv(entries: Sequence[Entry], first: bool) -> Iterator[bytes]:
    header = [COLUMNS] if first else []
    rows = ([*_flat(entry).values()] for entry in entries)
    yield from safe_csv_rows([*header, *rows], first=first)


def _flat(entry: Entry) -> Entry:
    """Return the entry with a text in each column. ``also`` has number and balance of each, separated by semicolons."""
    also = "; ".join(f"{other['contract_number']} {other['overdue_balance']}" for other in entry["also"])
    return {**entry, **{name: " ".join(entry[name]) for name in _LISTED}, "also": also}


FORMATS: Mapping[str, tuple[str, Write]] = MappingProxyType(
    {"jsonl": ("application/jsonl", as_jsonl), "csv": ("text/csv; charset=utf-8", as_csv)}
)
"""The media type and the writer of each format, by the format's name."""
