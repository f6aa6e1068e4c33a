"""What dialers read: the entries of a list as a file, its withdrawals as a feed. Neither keeps a connection waiting."""

import asyncio
import json
from collections.abc import AsyncIterator, Callable, Iterator, Sequence
from datetime import date, datetime
from typing import Any
from uuid import UUID

from chassis.csv import safe_csv_rows
from jurisdictions import Profile, UnknownJurisdiction, callable_window, profile, timezone_of_place
from recobro_events import Database, Row

from dialer_feed.campaigns.rules import in_all_windows
from dialer_feed.lists import queries
from dialer_feed.wakeups import heard
from dialer_feed.withdrawals import queries as withdrawal_queries
from dialer_feed.withdrawals.withdrawing import NEWS

_PAGE_ENTRIES = 1000
_POLL_SECONDS = 0.5
COLUMNS = (
    "contract_number",
    "name",
    "phones",
    "overdue_balance",
    "days_past_due",
    "callable_from",
    "callable_until",
    "timezone",
)
Entry = dict[str, Any]
Window = tuple[datetime, datetime] | None
Write = Callable[[Sequence[Entry], bool], Iterator[bytes]]


def windows_of(day: date) -> Callable[[Row], tuple[str, Window]]:
    """Tells an entry's time zone and when it may be called on ``day``; each combination is worked out once.

    With phones in several zones, only the hours that all of them allow. No window where no zone is known, or no rule.
    """
    known: dict[tuple[Any, ...], tuple[str, Window]] = {}

    def of(row: Row) -> tuple[str, Window]:
        place = (row["jurisdiction"], row["region"], row["creditor_kind"], *row["timezones"])
        if place not in known:
            known[place] = _zone_and_window(row, day)
        return known[place]

    return of


def _zone_and_window(row: Row, day: date) -> tuple[str, Window]:
    try:
        rules = profile(row["jurisdiction"])
        elsewhere = timezone_of_place(rules.code, row["region"], None)
    except UnknownJurisdiction:
        return row["portfolio_timezone"], None
    zones = list(dict.fromkeys(zone or elsewhere for zone in row["timezones"]))
    named = next((zone for zone in zones if zone), row["portfolio_timezone"])
    region = _region_code(rules, row["region"])
    windows = (callable_window(rules, day, zone, row["creditor_kind"], region) if zone else None for zone in zones)
    return named, in_all_windows(windows)


def _region_code(rules: Profile, state: str | None) -> str | None:
    """The two letters of a state, where it has them."""
    if state is None:
        return None
    return next((written for written in rules.states[state].also if len(written) == 2 and written.isupper()), None)


async def entries(database: Database, list_id: UUID, day: date, write: Write) -> AsyncIterator[bytes]:
    """The list's entries, page by page as they are at that moment: one withdrawn meanwhile may be missing."""
    window_of = windows_of(day)
    after: tuple[str, UUID] | None = None
    first = True
    while True:
        async with database.connection() as connection:
            rows = await queries.listed_entries(connection, list_id, after, _PAGE_ENTRIES)
        for piece in write([_entry(row, *window_of(row)) for row in rows], first):
            yield piece
        if len(rows) < _PAGE_ENTRIES:
            return
        first = False
        after = (rows[-1]["contract_number"], rows[-1]["contract_id"])


def _entry(row: Row, timezone: str, window: Window) -> Entry:
    opens, closes = window or (None, None)
    return {
        "contract_number": row["contract_number"],
        "name": row["name"],
        "phones": row["phones"],
        "overdue_balance": f"{row['overdue_balance']:.2f}",
        "days_past_due": row["days_past_due"],
        "callable_from": opens and _utc(opens),
        "callable_until": closes and _utc(closes),
        "timezone": timezone,
    }


def _utc(moment: datetime) -> str:
    return moment.isoformat().replace("+00:00", "Z")


def as_jsonl(entries: Sequence[Entry], _first: bool) -> Iterator[bytes]:
    if entries:
        yield "".join(json.dumps(entry, ensure_ascii=False) + "\n" for entry in entries).encode()


def as_csv(entries: Sequence[Entry], first: bool) -> Iterator[bytes]:
    header = [COLUMNS] if first else []
    rows = ([*entry.values()] for entry in ({**entry, "phones": " ".join(entry["phones"])} for entry in entries))
    yield from safe_csv_rows([*header, *rows], first=first)


async def withdrawals(
    database: Database, list_id: UUID, after: int, limit: int, wait_seconds: float, stopping: asyncio.Event
) -> list[Row]:
    """The withdrawals after that cursor; waits up to ``wait_seconds`` for the first one, not longer than we run."""
    clock = asyncio.get_running_loop().time
    deadline = clock() + wait_seconds
    while True:
        news = NEWS.listen(list_id)
        try:
            async with database.connection() as connection:
                found = await withdrawal_queries.withdrawals_after(connection, list_id, after, limit)
            left = deadline - clock()
            if found or left <= 0 or stopping.is_set():
                return found
            await heard(news, min(left, _POLL_SECONDS))
        finally:
            news.cancel()
