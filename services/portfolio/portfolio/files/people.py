"""Contracts that a file gives to another customer of the creditor.

Status and marks belong to the person, so a contract takes those of its new debtor, and leaves those of the former one.
"""

from collections.abc import Collection, Sequence
from uuid import UUID

from recobro_events import Row, Transaction

from portfolio.files import people_queries as queries
from portfolio.files.work import Work
from portfolio.ledger import history
from portfolio.ledger.history import Line


async def moves(tx: Transaction, work: Work, contract_ids: Collection[UUID]) -> Sequence[Row]:
    """Return the contracts among these that the file gives to another customer. Their rows are locked."""
    return await tx.fetch(queries.MOVES, work.file_id, contract_ids)


async def follow(tx: Transaction, work: Work, moved: Sequence[Row]) -> None:
    """Give these contracts the marks of their new debtors, after the contracts have been given to these.

    The file's findings and the history say from whom to whom.
    """
    if not moved:
        return
    ids = [row["contract_id"] for row in moved]
    await tx.execute(queries.TAKE_MARKS, ids)
    await tx.execute(queries.LIST_MOVES, work.file_id, ids, [row["known"] for row in moved])
    data = {"file_id": work.file_id, "as_of": work.as_of}
    await history.record(
        tx,
        [
            Line(
                row["contract_id"],
                "person_changed",
                "a file gives the contract to another customer",
                data | {"from_debtor_id": row["from_debtor_id"], "to_debtor_id": row["to_debtor_id"]},
            )
            for row in moved
        ],
    )
