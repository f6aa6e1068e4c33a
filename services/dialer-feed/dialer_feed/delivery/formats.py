"""The file formats of a list's entries."""

from collections.abc import Callable, Iterator, Sequence
from datetime import datetime
from typing import Any
from zoneinfo import ZoneInfo

from chassis.csv import safe_csv_rows
from chassis.languages import Locale, Sentences
from pydantic_core import to_json

Entry = dict[str, Any]
"""One entry, by the names of the JSON members."""
Write = Callable[[Sequence[Entry], bool], Iterator[bytes]]
"""Writes some entries of a file; the flag states whether these are the file's first entries."""
FORMATS = ("jsonl", "csv")
FEWEST_PHONES = 2
COLUMNS = (
    "contract_number",
    "name",
    "overdue_balance",
    "days_past_due",
    "callable_from_local",
    "callable_until_local",
    "timezone",
    "callable_from",
    "callable_until",
    "timezones",
    "also",
    "shared_number",
)
"""The columns of a CSV file. The columns ``phone_1``, ``phone_2`` and so on follow, then the parts of the balance.

Where an entry has phones of parties, ``party_phone_1``, ``party_1`` and ``party_name_1`` and so on come after them.

``also`` has number and balance of each other contract of the person, separated by semicolons.
"""
COMPONENTS = (
    *("principal", "ordinary_interest", "default_interest", "fees", "tax", "other"),
    "calculated_on",
)
"""The last columns of a CSV file, if the creditor of some entry has stated parts: what is unpaid of the whole contract.
"""
FALLING_DUE = ("total_balance", "due_on")
"""The columns before ``COMPONENTS`` on the list of a preventive campaign."""
_OF_PARTY = ("party_phone_{n}", "party_{n}", "party_name_{n}")
_SENTENCES = Sentences("dialer_feed.delivery")


def as_jsonl(entries: Sequence[Entry], _first: bool) -> Iterator[bytes]:
    if entries:
        yield b"".join(to_json(entry) + b"\n" for entry in entries)


def as_csv(
    phones: int, party_phones: int, locale: Locale | None, *, is_split: bool = False, falls_due: bool = False
) -> Write:
    """Return a writer of CSV for a person of this locale, or for a program. The numbers are the most of an entry.

    ``is_split``: some entry has the parts of its balance. ``falls_due``: the campaign is preventive.
    """
    columns = max(phones, FEWEST_PHONES)
    reader = locale or Locale()

    def header() -> list[str]:
        names = [*COLUMNS, *(f"phone_{n}" for n in range(1, columns + 1))]
        names += [name.format(n=n) for n in range(1, party_phones + 1) for name in _OF_PARTY]
        names += FALLING_DUE if falls_due else ()
        names += COMPONENTS if is_split else ()
        return [_SENTENCES.said(name, reader.language) for name in names]

    def row(entry: Entry) -> list[object]:
        numbers = entry["phones"][:columns]
        local = {
            "overdue_balance": reader.amount(entry["overdue_balance"]),
            "callable_from_local": _local(entry["callable_from"], entry["timezone"]),
            "callable_until_local": _local(entry["callable_until"], entry["timezone"]),
            "timezones": " ".join(entry["timezones"]),
            "also": "; ".join(f"{o['contract_number']} {reader.amount(o['overdue_balance'])}" for o in entry["also"]),
            "shared_number": " ".join(entry["shared_number"]),
        }
        theirs = [
            text
            for one in entry["party_phones"][:party_phones]
            for text in (one["phone"], _SENTENCES.said(one["party"], reader.language), one["name"])
        ]
        own = [*numbers, *[""] * (columns - len(numbers))]
        known = [*((entry | local)[name] for name in COLUMNS), *own, *theirs, *[""] * (3 * party_phones - len(theirs))]
        due = [reader.amount(entry["total_balance"]), entry["due_on"]] if falls_due else []
        return [*known, *due, *(parts(entry) if is_split else ())]

    def parts(entry: Entry) -> list[object]:
        if (stated := entry.get("components")) is None:
            return [""] * len(COMPONENTS)
        *amounts, calculated_on = COMPONENTS
        return [*(reader.amount(stated[name]) for name in amounts), stated[calculated_on]]

    def write(entries: Sequence[Entry], first: bool) -> Iterator[bytes]:
        rows = map(row, entries)
        yield from safe_csv_rows([header(), *rows] if first else rows, first=first, locale=locale)

    return write


def _local(moment: str | None, timezone: str) -> str | None:
    """``2026-11-22 08:00``, which a spreadsheet reads as a day and an hour."""
    return moment and f"{datetime.fromisoformat(moment).astimezone(ZoneInfo(timezone)):%Y-%m-%d %H:%M}"
