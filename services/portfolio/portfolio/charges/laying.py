"""Puts charges into the amounts of instalments, and takes them out again."""

from collections.abc import Collection
from uuid import UUID

from recobro_events import Transaction, sorted_unique

from portfolio.charges import laying_queries as queries
from portfolio.payments.queries import restore_absorbed

_RESTORE = restore_absorbed(queries.RETURNED_BY_CHARGES)


async def lay(tx: Transaction, contract_ids: Collection[UUID]) -> None:
    """Put the charges that no file has counted into the amounts of these contracts, whose rows are locked.

    The caller then applies the payments of these contracts again.
    """
    await tx.execute(queries.LAY, sorted_unique(contract_ids))


async def undo_absorbed(tx: Transaction, charge_ids: Collection[UUID]) -> None:
    """Take these charges, which a file has counted, out of the amounts of that file."""
    await tx.execute(_RESTORE, list(charge_ids))
    await tx.execute(queries.TAKE_OFF, list(charge_ids))
