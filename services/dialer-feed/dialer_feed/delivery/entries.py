"""A list's entries as a file, page by page. No database connection is held while a dialer reads a page."""

from collections.abc import AsyncIterator
from datetime import date, datetime
from functools import lru_cache
from uuid import UUID

from recobro_events import Database, Row

from dialer_feed.campaigns.rules import Kind
from dialer_feed.delivery import queries
from dialer_feed.delivery.formats import Entry, Write
from dialer_feed.delivery.windows import CallableTime, windows_of

_PAGE_ENTRIES = 1000


async def entries(
    database: Database, list_id: UUID, day: date, write: Write, *, is_ordered: bool
) -> AsyncIterator[bytes]:
    """Yield the list's entries page by page. A page is read when it is due, so it lacks entries withdrawn by then.

    ``is_ordered``: the list has an order; else they come by contract number.
    """
    time_of = windows_of(day)
    sql = queries.ENTRIES_IN_ORDER if is_ordered else queries.ENTRIES
    key = ("place",) if is_ordered else ("contract_number", "contract_id")
    after: tuple[object, ...] = (None,) * len(key)
    first = True
    while True:
        async with database.connection() as connection:
            rows = await connection.fetch(sql, list_id, *after, _PAGE_ENTRIES)
        for piece in write([_entry(row, time_of(row)) for row in rows], first):
            yield piece
        if len(rows) < _PAGE_ENTRIES:
            return
        first = False
        after = tuple(rows[-1][name] for name in key)


def _entry(row: Row, time: CallableTime) -> Entry:
    return {
        "contract_number": row["contract_number"],
        "name": row["name"],
        "phones": row["phones"] or [],
        "party_phones": row["party_phones"] or [],
        "overdue_balance": f"{row['overdue_balance']:.2f}",
        "days_past_due": row["days_past_due"],
        "callable_from": time.opens and _utc(time.opens),
        "callable_until": time.closes and _utc(time.closes),
        "timezone": time.timezone,
        "timezones": time.timezones,
        "also": row["also"] or [],
        "shared_number": row["shared_number"] or [],
        **(_falling_due(row) if row["kind"] == Kind.PREVENTIVE else {}),
        **({"components": row["components"]} if row["components"] is not None else {}),
    }


def _falling_due(row: Row) -> dict[str, object]:
    due_on = row["due_on"]
    return {"total_balance": f"{row['total_balance']:.2f}", "due_on": due_on and due_on.isoformat()}


@lru_cache(maxsize=1000)
def _utc(moment: datetime) -> str:
    return moment.isoformat().replace("+00:00", "Z")
