"""Compares the log with the committed outboxes: it has every committed event and no other, in order."""

from collections import Counter, defaultdict
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from faults.books import Books
from faults.findings import Finding
from faults.logs import LogRecord
from faults.witness import READ

RECEIVED = "portfolio.payment-received.v1"
EARNED = "assignment.commission-earned.v1"


async def check(books: Books) -> list[Finding]:
    # Markers are published at any time. What was committed before the log was read is in it; what is in the log was
    # committed before it was read again.
    earlier = {service: await books.rows(service, READ) for service in books.dsns}
    records = await books.log.records()
    committed = {service: await books.rows(service, READ) for service in books.dsns}
    found = [*_published(earlier, committed, records, books.planted | books.earlier)]
    found += _in_order(committed, records)
    found += _one_event_a_payment(committed["portfolio"])
    found += _applied_in_order(committed["portfolio"], committed["assignment"])
    return found


def _published(
    earlier: Mapping[str, Sequence[Any]],
    committed: Mapping[str, Sequence[Any]],
    records: Sequence[LogRecord],
    without_witness: set[str],
) -> Iterator[Finding]:
    """An event is in the log if and only if its transaction committed."""
    there = {record.event_id for record in records}
    ids = {str(row["event_id"]) for rows in committed.values() for row in rows}
    for service, rows in earlier.items():
        for row in rows:
            if str(row["event_id"]) not in there:
                yield Finding("lost", f"{row['type']} {row['event_id']}", f"{row['topic']}, committed by {service}")
    for record in records:
        if record.event_id not in ids and record.event_id not in without_witness:
            what = f"{record.headers.get('ce_type')} {record.event_id}"
            yield Finding("phantom", what, f"{record.topic}[{record.partition}] at {record.offset}, never committed")


def _in_order(committed: Mapping[str, Sequence[Any]], records: Sequence[LogRecord]) -> Iterator[Finding]:
    """The first copies of a key's events on a topic are in one partition, in the order of the source's outbox."""
    turns = {str(row["event_id"]): (row["id"], row["partition"] is None) for rows in committed.values() for row in rows}
    seen: set[str] = set()
    last: dict[tuple[str, int, str], int] = {}
    homes: dict[tuple[str, str], int] = {}
    for record in records:
        if record.event_id in seen or record.event_id not in turns:
            continue
        seen.add(record.event_id)
        turn, has_home = turns[record.event_id]
        where = f"{record.topic}[{record.partition}] at {record.offset}"
        place = (record.topic, record.partition, record.key)
        if turn < last.get(place, 0):
            yield Finding("order", f"{record.event_id} of {record.key} comes after a later event", where)
        last[place] = turn
        if has_home and homes.setdefault((record.topic, record.key), record.partition) != record.partition:
            yield Finding("order", f"{record.key} is in two partitions", where)


def _one_event_a_payment(rows: Sequence[Any]) -> Iterator[Finding]:
    times = Counter(row["payment_id"] for row in rows if row["type"] == RECEIVED)
    for payment_id, n in times.items():
        if n > 1:
            yield Finding("doubled", f"payment {payment_id} was published as {n} events", "outbox of portfolio")


def _applied_in_order(received: Sequence[Any], earned: Sequence[Any]) -> Iterator[Finding]:
    """Commissions are published in the order in which the payments of their contract were applied."""
    paid, applied = _payments_by_key(received, RECEIVED), _payments_by_key(earned, EARNED)
    for key, payments in applied.items():
        known = set(payments)
        if payments != [payment for payment in paid[key] if payment in known]:
            yield Finding("order", f"payments of {key}", "applied by assignment")


def _payments_by_key(rows: Sequence[Any], event_type: str) -> Mapping[str, list[Any]]:
    found: dict[str, list[Any]] = defaultdict(list)
    for row in rows:
        if row["lane"] == "events" and row["type"] == event_type:
            found[row["key"]].append(row["payment_id"])
    return found
