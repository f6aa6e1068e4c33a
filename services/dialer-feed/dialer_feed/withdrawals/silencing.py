"""Silencing: the only way to withdraw, so that each withdrawal gets a cursor and an event, and no list is missed.

Three steps surround every withdrawal: ``begin`` shares the silencing lock, ``lock`` locks the contracts and then their
live entries, ``number`` gives cursors under the locks of the lists, and then begins and ends the contracts' silences.
In this order they miss no list and cause no deadlock, and a silence begins when its withdrawal commits. An API
transaction runs these steps by ``async with silencing(tx, contract_ids) as lists``. The consumer runs them by its hooks
for each batch, and its handlers get the lists from ``live_lists``.
"""

from collections.abc import AsyncIterator, Iterable, Sequence
from contextlib import asynccontextmanager
from functools import partial
from uuid import UUID

from projections import contracts
from recobro_events import Note, Row, Transaction, sorted_unique
from recobro_events.contracts.dialer_feed import ListEntryWithdrawn, WithdrawalReason

from dialer_feed import metrics, silences, silencing_lock
from dialer_feed.wakeups import LISTS
from dialer_feed.withdrawals import queries
from dialer_feed.withdrawals.withdrawing import TAKEN, LiveLists, NotSilencing

_SILENCING: Note[list[LiveLists]] = Note(list)
"""The live lists while the transaction is silencing; empty otherwise."""
_LOCKED: Note[set[UUID]] = Note(set)
"""Of the contracts that the transaction has locked, those whose silences may begin or end."""


@asynccontextmanager
async def silencing(
    tx: Transaction, contract_ids: Iterable[UUID], *, beside: Iterable[UUID] = ()
) -> AsyncIterator[LiveLists]:
    """Open a block that may withdraw these contracts. Its withdrawals are numbered and published at its end.

    The contracts ``beside`` them are locked too; what silences these does not change in the block. If the block raises,
    nothing is numbered and the transaction must not commit. The lists cannot be used after the block.
    """
    await begin(tx)
    await lock(tx, contract_ids, beside=beside)
    lists = live_lists(tx)
    try:
        yield lists
        await number(tx)
    finally:
        lists.end()
        tx.note(_SILENCING).clear()


def live_lists(tx: Transaction) -> LiveLists:
    """Return the lists to withdraw from. ``NotSilencing`` where nothing would number the withdrawals."""
    try:
        return tx.note(_SILENCING)[0]
    except IndexError:
        raise NotSilencing from None


async def begin(tx: Transaction) -> None:
    """Share the silencing lock. Either a list's builder waits for this transaction, or this one sees its entries."""
    await tx.execute(silencing_lock.SHARE)
    tx.note(_SILENCING)[:] = [LiveLists(tx)]


async def lock(
    tx: Transaction, contract_ids: Iterable[UUID], *, beside: Iterable[UUID] = (), may_be_new: bool = False
) -> None:
    """Lock contracts in the order of their ids, then their live entries, and what these name, by (contract, list).

    The silences of the contracts ``beside`` them stay as they are. If they ``may_be_new``, a contract that has no row
    gets one.
    """
    silenced = set(contract_ids)
    ordered = sorted_unique(silenced.union(beside))
    tx.note(_LOCKED).update(silenced)
    await (contracts.lock_or_add if may_be_new else contracts.lock)(tx, ordered)
    await tx.execute(queries.LOCK_LIVE_ENTRIES, ordered)


async def number(tx: Transaction) -> None:
    """Number the withdrawals, and begin and end the silences of the locked contracts."""
    await _give_cursors(tx)
    locked = tx.note(_LOCKED)
    await silences.sync(tx, locked)


async def _give_cursors(tx: Transaction) -> None:
    """Give a cursor to each withdrawal and change of the transaction, and publish an event for each withdrawal.

    Cursors are given under the lock of the list's row, so readers see a cursor only when all lower ones are committed.
    """
    taken = tx.note(TAKEN)
    if not taken:
        return
    columns = list(zip(*taken, strict=True))
    taken.clear()
    rows = await tx.fetch(queries.NUMBER, *columns)
    withdrawn = [row for row in rows if row["kind"] == "withdrawn"]
    for row in sorted(withdrawn, key=lambda row: (row["list_id"], row["cursor"])):
        tx.publish(_event(row), cause=row["cause_event_id"])
    tx.after_commit(partial(_committed, rows, set(columns[0])))


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


def _committed(rows: Sequence[Row], list_ids: set[UUID]) -> None:
    LISTS.wake(list_ids)
    for row in rows:
        seconds = (row["withdrawn_at"] - row["caused_at"]).total_seconds()
        if row["kind"] == "withdrawn":
            metrics.WITHDRAWAL_SECONDS.labels(row["reason"]).observe(max(0.0, seconds))
        else:
            metrics.ENTRY_CHANGE_SECONDS.labels(row["kind"]).observe(max(0.0, seconds))
