"""Contracts that a file gives to another customer of the creditor.

Status and marks belong to the person, so a contract takes those of its new debtor, and leaves those of the former one.
A person decides first about a contract that would leave a dead or represented debtor.
"""

from collections.abc import Collection, Sequence
from uuid import UUID

from recobro_events import Row, Transaction

from portfolio.debtors.party_queries import REMEMBER_MARKS
from portfolio.files import comparing
from portfolio.files import people_queries as queries
from portfolio.files.work import Work
from portfolio.ledger import history
from portfolio.ledger.history import Line


async def moves(
    tx: Transaction, work: Work, contract_ids: Collection[UUID], *, accepted: bool
) -> tuple[Sequence[Row], set[UUID]]:
    """Return the contracts among these that move to another customer, and the ids of those that must not move yet.

    The contracts are locked. A contract that would leave a dead or represented debtor loses that debtor's silence, so
    it is set aside until a person says yes: ``accepted``. Another customer of the same person has that silence too.
    """
    found = await tx.fetch(queries.MOVES, work.file_id, contract_ids) if contract_ids else []
    leaves = [row for row in found if row["status"] in comparing.LEAVES and not row["stays"]]
    leaving = [] if accepted else leaves
    if leaving:
        refused = await comparing.keep_refused(tx, work, leaving)
        reasons = [comparing.LEAVES[row["status"]] for row in leaving]
        columns = ([row[name] for row in leaving] for name in ("contract_id", "stated", "known"))
        is_refused = [row["contract_id"] in refused for row in leaving]
        await tx.execute(queries.LIST_LEAVING, work.file_id, *columns, reasons, is_refused)
        await comparing.forget_set_aside(tx, [row for row in leaving if row["undecided_by"] != work.file_id])
        for reason in comparing.LEAVES.values():
            ids = [
                row["contract_id"]
                for row, why in zip(leaving, reasons, strict=True)
                if why == reason and row["contract_id"] not in refused
            ]
            await comparing.set_contracts_aside(tx, work, ids, reason)
    held = {row["contract_id"] for row in leaving}
    return [row for row in found if row["contract_id"] not in held], held


async def follow(tx: Transaction, work: Work, moved: Sequence[Row]) -> None:
    """Give these contracts the marks of their new debtors, after the contracts have been given to these.

    The file's findings and the history say from whom to whom.
    """
    if not moved:
        return
    ids = [row["contract_id"] for row in moved]
    await tx.execute(queries.TAKE_MARKS, ids)
    await tx.execute(REMEMBER_MARKS, ids)
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
