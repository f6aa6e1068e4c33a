"""Taking contracts off live lists: whoever has paid, disputes, or may not be called is gone at once.

Every transaction that silences works in this order, which is what makes it miss no list and deadlock with nobody:
``begin`` (the shared advisory lock), ``lock`` (contracts, then their live entries), facts and withdrawals, ``number``
(list rows). A list that is being built counts as live; what is taken off it was never published and gets no cursor.
"""

from collections.abc import Iterable, Sequence
from datetime import UTC, date, datetime
from functools import partial
from typing import NamedTuple
from uuid import UUID

from recobro_events import ContractEvent, Note, Row, Transaction, sorted_unique
from recobro_events.contracts.dialer_feed import ListEntryWithdrawn, WithdrawalReason
from recobro_events.contracts.portfolio import PaymentReceived

from dialer_feed import metrics
from dialer_feed.projection import queries as projection_queries
from dialer_feed.wakeups import Bells
from dialer_feed.withdrawals import queries

NEWS = Bells()
"""Rings, by list, when a transaction of this process has withdrawn something or changed a list."""

_TAKEN: Note[list[tuple[UUID, UUID]]] = Note(list)
"""List and contract of every entry that the transaction has withdrawn."""


class Cause(NamedTuple):
    """Why a contract leaves its lists, and since when that was true. No event: a dialer said so."""

    contract_id: UUID
    reason: WithdrawalReason
    event_id: UUID | None
    caused_at: datetime

    @classmethod
    def of(cls, event: ContractEvent, reason: WithdrawalReason) -> "Cause":
        happened = event.received_at if isinstance(event, PaymentReceived) else event.occurred_at
        return cls(event.contract_id, reason, event.event_id, happened)


class Reach(NamedTuple):
    """Which live lists a cause concerns: an agency's (null: everybody's), of days from ``starts_on`` to ``ends_on``."""

    agency_id: UUID | None = None
    starts_on: date | None = None
    ends_on: date | None = None


async def begin(tx: Transaction) -> None:
    """First statement of every transaction that may silence: the builder waits for us, or we see its entries."""
    await queries.share_silencing(tx)


async def lock(tx: Transaction, contract_ids: Iterable[UUID]) -> None:
    """Lock contracts in the order of their ids, then their live entries by (contract, list)."""
    ordered = sorted_unique(contract_ids)
    await projection_queries.lock_contracts(tx, ordered)
    await queries.lock_live_entries(tx, ordered)


async def withdraw(tx: Transaction, causes: Sequence[Cause]) -> None:
    """Take these contracts off every live list."""
    if causes:
        _note(tx, await queries.withdraw(tx, _columns(causes)))


async def withdraw_from(tx: Transaction, list_id: UUID, causes: Sequence[Cause], *, elsewhere: bool) -> None:
    """Take these contracts off this list, live or not, and with ``elsewhere`` off every live one."""
    if causes:
        _note(tx, await queries.withdraw(tx, _columns(causes), list_id, only_there=not elsewhere))


async def withdraw_within(tx: Transaction, causes: Sequence[Cause], reaches: Sequence[Reach]) -> None:
    """Take these contracts off the live lists within their reach."""
    if causes:
        _note(tx, await queries.withdraw_within(tx, [*_columns(causes), *zip(*reaches, strict=True)]))


async def withdraw_numbers(tx: Transaction, causes: Sequence[Cause], contact_ids: Sequence[UUID]) -> None:
    """Take off the entries that would dial these (now unusable) numbers: ``no_phone`` where no other is left."""
    if causes:
        _note(tx, await queries.withdraw_numbers(tx, [*_columns(causes), contact_ids]))


async def withdraw_unfit(tx: Transaction, events: Sequence[ContractEvent]) -> None:
    """Take the contracts of these events off the live lists that they may no longer be on."""
    columns = zip(*((e.contract_id, e.event_id, e.occurred_at) for e in events), strict=True)
    _note(tx, await queries.withdraw_unfit(tx, list(columns)))


def _columns(causes: Sequence[Cause]) -> list[tuple[object, ...]]:
    return list(zip(*causes, strict=True))


def _note(tx: Transaction, taken: Sequence[Row]) -> None:
    tx.note(_TAKEN).extend(sorted((row["list_id"], row["contract_id"]) for row in taken))


async def number(tx: Transaction) -> None:
    """Last step of every transaction that silences: cursors for what it withdrew, and an event for each.

    Cursors are given under the lock of the list's row, so a cursor is seen only when all before it are committed.
    """
    taken = tx.note(_TAKEN)
    if not taken:
        return
    list_ids, contract_ids = zip(*taken, strict=True)
    taken.clear()
    rows = await queries.number(tx, contract_ids, list_ids)
    for row in sorted(rows, key=lambda row: (row["list_id"], row["cursor"])):
        tx.publish(_event(row), cause=row["cause_event_id"])
    tx.after_commit(partial(_committed, rows))


def _event(row: Row) -> ListEntryWithdrawn:
    return ListEntryWithdrawn(
        contract_id=row["contract_id"],
        list_id=row["list_id"],
        agency_id=row["agency_id"],
        contract_number=row["contract_number"],
        reason=WithdrawalReason(row["reason"]),
        cause_event_id=row["cause_event_id"],
        caused_at=row["caused_at"],
        withdrawn_at=row["withdrawn_at"],
    )


def _committed(rows: Sequence[Row]) -> None:
    NEWS.ring({row["list_id"] for row in rows})
    for row in rows:
        seconds = (row["withdrawn_at"] - row["caused_at"]).total_seconds()
        metrics.WITHDRAWAL_SECONDS.labels(row["reason"]).observe(max(0.0, seconds))


def now() -> datetime:
    return datetime.now(UTC)
