"""The writes that a restored service has lost for good: entries by people and other systems after its backup.

The service published events about them, which the log still holds. The events cannot bring the writes back by
themselves, but they make a list of what to enter again.
"""

import csv
import json
import os
from collections import Counter
from collections.abc import AsyncIterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any
from uuid import UUID

import asyncpg

from recobro.language import tr
from recobro.terminal import count, out, show_table, table_of

COLUMNS = ("time", "event_id", "event", "key", "content")
_SINCE = """
SELECT record.headers, record.value FROM record JOIN topic USING (topic_id)
WHERE topic.name = $1 AND record.written_at >= $2 ORDER BY record.written_at, record.partition, record."offset"
"""
# The id's version of an event that an outside entry caused. An event caused by another event has version 8.
_ENTERED_VERSION = 7


@dataclass(frozen=True)
class Lost:
    """A service's entries after its dump, as a count of each event. ``entered`` is null if the log was not read."""

    service: str
    since: datetime
    until: datetime
    entered: Counter[str] | None = None
    listing: Path | None = None

    def as_json(self) -> dict[str, Any]:
        return {
            "service": self.service,
            "enter_again_from": self.since.isoformat(),
            "enter_again_to": self.until.isoformat(),
            "entered": self.entered,
            "listing": str(self.listing) if self.listing else None,
        }


async def find_lost(log_dsn: str, service: str, since: datetime, folder: Path) -> Lost:
    """Return the service's lost entries that the embedded log still holds, and write a list of them to ``folder``."""
    until = datetime.now(UTC)
    try:
        connection = await asyncpg.connect(log_dsn, timeout=10)
    except asyncpg.InvalidCatalogNameError:
        return Lost(service, since, until)
    try:
        entries = [line async for line in _entries(connection, service, since)]
    except asyncpg.UndefinedTableError:
        return Lost(service, since, until)
    finally:
        await connection.close()
    if not entries:
        return Lost(service, since, until, Counter())
    listing = folder / f"lost-{service}-{since:%Y%m%dT%H%M%SZ}.csv"
    descriptor = os.open(listing, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600)
    with os.fdopen(descriptor, "w", newline="", encoding="utf-8-sig") as file:
        lines = csv.writer(file)
        lines.writerow(COLUMNS)
        lines.writerows(entries)
    return Lost(service, since, until, Counter(event for _, _, event, _, _ in entries), listing)


async def _entries(connection: Any, service: str, since: datetime) -> AsyncIterator[tuple[str, str, str, str, str]]:
    async with connection.transaction():
        async for row in connection.cursor(_SINCE, f"{service}.events", since, prefetch=1000):
            headers = json.loads(row["headers"])
            if is_entered(headers):
                body = row["value"].decode("utf-8", errors="replace")
                yield (
                    headers.get("ce_time", ""),
                    headers["ce_id"],
                    headers["ce_type"],
                    headers.get("ce_subject", ""),
                    body,
                )


def is_entered(headers: Mapping[str, str]) -> bool:
    """Whether a person or another system entered what the event states. Its id says so."""
    if "ce_audience" in headers or headers.get("ce_type", "runtime.").startswith("runtime."):
        return False
    try:
        return UUID(headers.get("ce_id", "")).version == _ENTERED_VERSION
    except ValueError:
        return False


def print_lost(lost: Sequence[Lost]) -> None:
    """Print the lost entries."""
    out.print(tr("Restored. Data from other services comes back by itself once the platform runs: recobro up"))
    out.print(tr("Entries by people and other systems since the backup are lost. Enter them again:"))
    for one in lost:
        out.print()
        out.print(
            tr(
                "{service}: from {since} to {until} UTC",
                service=one.service,
                since=f"{one.since:%Y-%m-%d %H:%M:%S}",
                until=f"{one.until:%Y-%m-%d %H:%M:%S}",
            ),
            markup=False,
        )
        if one.entered is None:
            out.print("  " + tr("The event log could not be read, so the lost entries are not known."))
        elif not one.entered:
            out.print("  " + tr("The event log holds no lost entries."))
        else:
            table = table_of("  " + tr("event"), tr("times"))
            for event, times in sorted(one.entered.items()):
                table.add_row(f"  {event}", count(times))
            show_table(table)
            out.print("  " + tr("All of them are listed in {file}", file=one.listing), markup=False)
    out.print()
    if listings := [str(one.listing) for one in lost if one.listing]:
        out.print(tr("When the platform runs, enter them with:"), markup=False)
        out.print(f"  recobro reenter {' '.join(listings)}", markup=False)
        out.print()
