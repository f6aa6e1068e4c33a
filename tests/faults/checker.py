"""Compares the answers that clients got with all stored data: nothing is lost, doubled, invented or out of order."""

import asyncio
import time
from collections import Counter
from collections.abc import Awaitable, Callable, Iterator, Mapping, Sequence
from decimal import Decimal
from itertools import islice
from typing import TypeVar
from uuid import UUID

from faults import history
from faults.books import Books
from faults.findings import Finding
from faults.ledger import Kind, Write
from faults.writers import AMOUNT
from recobro_platform import SERVICE_NAMES

LISTENERS = tuple(name for name in SERVICE_NAMES if name != "portfolio")
SETTLE_SECONDS = 180.0
_CALM_SECONDS = 0.3
V = TypeVar("V")
Repeat = Callable[[Write], Awaitable[UUID | None]]

# The rows of each kind of write by service, the acknowledging service first: the write's id, and whether it holds.
_PAYMENTS = {
    "portfolio": "SELECT payment_id, reversed_at IS NULL FROM payment",
    "assignment": "SELECT payment_id, bool_or(reversed_on IS NULL) FROM commission GROUP BY payment_id",
    "dialer-feed": "SELECT payment_id, NOT reversed FROM payment WHERE NOT claimed",
    "promises": "SELECT payment_id, NOT reversed FROM payment",
}
_DISPUTES = {
    "portfolio": "SELECT clarification_id, state = 'open' FROM clarification",
    "assignment": "SELECT clarification_id, silent FROM clarification",
    "dialer-feed": "SELECT clarification_id, silent FROM clarification",
}
_PROMISES = {
    "promises": "SELECT promise_id, state = 'open' FROM promise",
    "dialer-feed": "SELECT promise_id, open FROM promise",
}
_POSITIONS = "SELECT contract_id, (version, overdue_balance)::text FROM contract WHERE contract_id = ANY($1)"
_ENTRIES = "SELECT contract_id, status, cursor FROM list_entry WHERE list_id = $1"
_WITHDRAWN = "SELECT key::uuid FROM outbox_witness WHERE type = 'dialer-feed.list-entry-withdrawn.v1'"
_APPLIED = "SELECT event_id FROM inbox WHERE consumer = $1 AND event_id = ANY($2)"
_READ = "SELECT topic, partition, next_offset FROM consumer_position"
_IN_OUTBOX = "SELECT count(*) FROM outbox_{lane}"


class NotSettled(Exception):
    """The platform has not become idle in time. The message names a service that is behind."""


async def settled(books: Books, within_seconds: float = SETTLE_SECONDS) -> None:
    """Return once every outbox is empty and every consumer has read the whole log. Raises ``NotSettled``."""
    deadline = time.monotonic() + within_seconds
    while True:
        try:
            behind = await _behind(books)
        except OSError as error:
            behind = f"a database or the log cannot be read: {error!r}"
        if behind is None:
            return
        if time.monotonic() > deadline:
            raise NotSettled(behind)
        await asyncio.sleep(_CALM_SECONDS)


async def _behind(books: Books) -> str | None:
    ends = await books.log.ends()
    for service in SERVICE_NAMES:
        for row in await books.rows(service, _READ):
            if (end := ends.get((row["topic"], row["partition"]), 0)) != row["next_offset"]:
                return f"{service} has read {row['topic']}[{row['partition']}] to {row['next_offset']} of {end}"
    for service in SERVICE_NAMES:
        for lane in books.lanes(service):
            if (waiting := (await books.rows(service, _IN_OUTBOX.format(lane=lane)))[0][0]) > 0:
                return f"{service} has {waiting} events of the lane {lane} to publish"
    # Every consumer was at the end of the log, with empty outboxes. If the log has not grown since, all is idle.
    return None if await books.log.ends() == ends else "the log is growing"


async def check(books: Books) -> list[Finding]:
    """Return all differences from the ledger. The platform must have settled, and no client may write."""
    findings = [*_answers(books)]
    findings += await _rows_of_writes(books, everywhere=True)
    findings += await _balances(books)
    findings += await _same_everywhere(books)
    findings += await _lists(books)
    findings += await _inboxes(books)
    findings += await _set_aside(books)
    findings += await history.check(books)
    return findings


async def check_sources(books: Books) -> list[Finding]:
    """Check acknowledged writes only in the service that acknowledged them. Others may not have applied them yet."""
    return await _rows_of_writes(books, everywhere=False)


def _answers(books: Books) -> Iterator[Finding]:
    for write in books.ledger.unresolved():
        yield Finding(
            "unresolved", f"{write.kind.name} {write.key}", f"{write.service}: {write.refused or 'no answer'}"
        )


async def _rows_of_writes(books: Books, *, everywhere: bool) -> list[Finding]:
    """Each payment, dispute and promise has one row in each service that stores it, and holds unless it was undone."""
    ledger = books.ledger
    undone = ledger.acknowledged(Kind.REVERSAL)
    payments = {made: made not in undone for made in ledger.acknowledged(Kind.PAYMENT)}
    found: list[Finding] = []
    for kind, tables, expected in (
        ("payment", _PAYMENTS, payments),
        ("dispute", _DISPUTES, dict.fromkeys(ledger.acknowledged(Kind.DISPUTE), True)),
        ("promise", _PROMISES, dict.fromkeys(ledger.acknowledged(Kind.PROMISE), True)),
    ):
        for service, query in islice(tables.items(), None if everywhere else 1):
            rows = [(row[0], row[1]) for row in await books.rows(service, query)]
            found += _compared(f"{kind} in {service}", expected, rows)
    return found


def _compared(where: str, expected: Mapping[UUID, V], rows: Sequence[tuple[UUID, V]]) -> Iterator[Finding]:
    times = Counter(key for key, _ in rows)
    for key in expected:
        if times[key] != 1:
            yield Finding("doubled" if times[key] else "lost", str(key), where)
    for key, value in rows:
        if key not in expected:
            yield Finding("phantom", str(key), where)
        elif value != expected[key]:
            yield Finding("differs", f"{key} is {value}, not {expected[key]}", where)


async def _balances(books: Books) -> list[Finding]:
    """Each acknowledged payment has changed its contract's balance once, unless it was undone."""
    undone = books.ledger.acknowledged(Kind.REVERSAL)
    paid = Counter(w.contract_id for made, w in books.ledger.acknowledged(Kind.PAYMENT).items() if made not in undone)
    found = []
    for contract_id, balance in (await books.balances()).items():
        times = (books.balances_before[contract_id] - balance) / Decimal(AMOUNT)
        if times != paid[contract_id]:
            kind = "lost" if times < paid[contract_id] else "doubled"
            what = f"{contract_id}: {times} payments have changed it, {paid[contract_id]} were acknowledged"
            found.append(Finding(kind, what, "balance in portfolio"))
    return found


async def _same_everywhere(books: Books) -> list[Finding]:
    contracts = list(books.balances_before)
    known = {row[0]: row[1] for row in await books.rows("portfolio", _POSITIONS, contracts)}
    found: list[Finding] = []
    for service in LISTENERS:
        rows = [(row[0], row[1]) for row in await books.rows(service, _POSITIONS, contracts)]
        found += _compared(f"position in {service}", known, rows)
    return found


async def _lists(books: Books) -> list[Finding]:
    """Each contract with a payment, dispute or promise is withdrawn once, and the cursors have no gap."""
    found = []
    silenced = {write.contract_id for write in books.ledger.writes if write.made is not None} | books.silenced
    rows = await books.rows("dialer-feed", _ENTRIES, books.list_id)
    entries = {row["contract_id"]: row["status"] == "withdrawn" for row in rows}
    published = Counter(row[0] for row in await books.rows("dialer-feed", _WITHDRAWN))
    for contract_id, withdrawn in entries.items():
        if withdrawn != (contract_id in silenced):
            found.append(Finding("phantom" if withdrawn else "lost", str(contract_id), "withdrawal in dialer-feed"))
        if published[contract_id] != int(withdrawn):
            found.append(Finding("doubled", f"{contract_id} ({published[contract_id]} times)", "withdrawal published"))
    cursors = sorted(row["cursor"] for row in rows if row["cursor"] is not None)
    first = cursors[0] if cursors else 0
    if cursors != list(range(first, first + sum(entries.values()))):
        found.append(Finding("order", f"cursors {cursors[:3]} to {cursors[-3:]} of {len(cursors)}", "dialing list"))
    return found


async def _inboxes(books: Books) -> list[Finding]:
    """Every service that applies the portfolio's events has applied each payment and each reversal once."""
    rows = await books.rows("portfolio", "SELECT event_id FROM outbox_witness WHERE payment_id IS NOT NULL")
    events = dict.fromkeys((row["event_id"] for row in rows), True)
    found: list[Finding] = []
    for service in LISTENERS:
        applied = await books.rows(service, _APPLIED, f"{service}.events", list(events))
        found += _compared(f"inbox of {service}", events, [(row["event_id"], True) for row in applied])
    return found


async def _set_aside(books: Books) -> list[Finding]:
    return [
        Finding("set aside", row["key"], service)
        for service in SERVICE_NAMES
        for row in await books.rows(service, "SELECT key FROM parked_keys")
    ]


async def check_answers(books: Books, repeat: Repeat) -> list[Finding]:
    """Every write that was ambiguous before gets the same answer when it is sent once more."""
    found = []
    for write in books.ledger.writes:
        if write.ambiguous and write.made is not None and not write.repeated:
            write.repeated = True
            if (second := await repeat(write)) != write.made:
                found.append(Finding("doubled", f"{write.kind.name} {write.key} made {second} too", write.service))
    return found
