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
)
_LISTED = ("phones", "timezones")
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
    flat = ({**entry, **{name: " ".join(entry[name]) for name in _LISTED}} for entry in entries)
    rows = ([*entry.values()] for entry in flat)
    yield from safe_csv_rows([*header, *rows], first=first)


FORMATS: Mapping[str, tuple[str, Write]] = MappingProxyType(
    {"jsonl": ("application/jsonl", as_jsonl), "csv": ("text/csv; charset=utf-8", as_csv)}
)
"""The media type and the writer of each format, by the format's name."""
