"""Amends a file that was loaded: rows add single instalments or replace them, and never remove any.

So come the corrected rows of a file's rejects. A contract that the file left as it was, because of its rejected rows,
is stated by the file when the last of these rows is in. Every other contract is amended row by row: no payment is
absorbed, nothing is reopened, and a contract that a later file has stated since is set aside.
"""

from collections.abc import Collection, Sequence
from dataclasses import dataclass
from datetime import date
from uuid import UUID

from recobro_events import Row, Transaction
from recobro_events.contracts.portfolio import StageCause

from portfolio.charges import laying, laying_queries
from portfolio.files import amending_queries as queries
from portfolio.files import applying_queries, comparing_queries, contacts, landing_queries, parties
from portfolio.files import queries as file_queries
from portfolio.files.work import Work, columns_of
from portfolio.ledger import history
from portfolio.ledger.changes import record_whole
from portfolio.ledger.limits import INSTALMENTS, LARGEST_BALANCE
from portfolio.ledger.positions import publish_reapplied, reapply_payments


@dataclass(frozen=True)
class Amendment:
    """What the caller applies as a file states it: ``new`` contracts, and those that ``root`` states completely now."""

    root: Work
    root_columns: Sequence[str | None]
    new: Sequence[Row]
    complete: Sequence[Row]


async def amend(
    tx: Transaction, work: Work, columns: Sequence[str | None], day: date, contract_ids: Collection[UUID]
) -> Amendment:
    """Amend these contracts, whose rows are locked."""
    assert work.amended_root is not None
    root = Work(**dict(await tx.fetchrow(file_queries.WORK, work.amended_root)))  # type: ignore[arg-type]
    stated_by_root = await tx.fetchrow(file_queries.HEADER, root.file_id)
    assert stated_by_root is not None
    root_columns = columns_of(stated_by_root)
    if "instalment_number" not in columns:
        await tx.execute(queries.NUMBER_BY_DAY, work.file_id, contract_ids, root.file_id)
    judged = await tx.fetch(queries.JUDGE, work.file_id, contract_ids, root.file_id, INSTALMENTS, LARGEST_BALANCE)
    if aside := [row for row in judged if row["why"] is not None]:
        ids, reasons = [row["contract_id"] for row in aside], [row["why"] for row in aside]
        await tx.execute(queries.LIST_SET_ASIDE, work.file_id, ids, reasons)
    stated = [row for row in judged if row["why"] is None]
    lacking = await _still_lacking(tx, work, root, root_columns, stated)
    if known := [row for row in stated if not row["is_new"] and not row["waits"]]:
        await _amend_known(tx, work, columns, day, known, lacking)
    if new := [row for row in stated if row["is_new"]]:
        await tx.execute(queries.FLAG_NEW, work.file_id, list(lacking))
    complete: Sequence[Row] = ()
    if waiting := [row for row in stated if row["waits"]]:
        ids = [row["contract_id"] for row in waiting]
        for statement in queries.JOIN_WAITING:
            await tx.execute(statement, work.file_id, ids, root.file_id)
        whole = [row["contract_id"] for row in waiting if row["contract_number"] not in lacking]
        complete = await tx.fetch(queries.COMPLETE, root.file_id, whole)
    return Amendment(root, root_columns, new, complete)


async def forget_complete(tx: Transaction, root: Work, contract_ids: Sequence[UUID]) -> None:
    """Delete the rows that waited for these contracts, unless the contracts wait for a person's decision."""
    decided = [row["contract_id"] for row in await tx.fetch(queries.DECIDED, root.file_id, contract_ids)]
    for statement in landing_queries.DELETE_STAGED_OF:
        await tx.execute(statement, root.file_id, decided)


async def _still_lacking(
    tx: Transaction, work: Work, root: Work, root_columns: Sequence[str | None], stated: Sequence[Row]
) -> set[str]:
    """Mark the rejected rows that are in now. Returns the numbers of the contracts with rows that are not."""
    place = list(root_columns).index("instalment_number") if "instalment_number" in root_columns else None
    numbers = [row["contract_number"] for row in stated]
    says_rows = work.amends == root.file_id
    await tx.execute(queries.MARK_AMENDED, work.file_id, numbers, root.file_id, says_rows, place)
    rejected = await tx.fetch(queries.STILL_REJECTED, root.file_id, numbers)
    again = {row["contract_number"] for row in stated if row["incomplete"]}
    return again | {row["contract_number"] for row in rejected}


async def _amend_known(
    tx: Transaction,
    work: Work,
    columns: Sequence[str | None],
    day: date,
    known: Sequence[Row],
    lacking: Collection[str],
) -> None:
    ids = [row["contract_id"] for row in known]
    await tx.execute(comparing_queries.LIST_DECISIONS, work.file_id, ids, work.as_of)
    await tx.execute(comparing_queries.APPLY_DECISIONS, work.file_id, ids, work.as_of)
    await tx.execute(queries.PUT_INSTALMENTS, work.file_id, ids, work.as_of)
    if charged := [row["contract_id"] for row in await tx.fetch(laying_queries.WITH_CHARGES, ids)]:
        await tx.execute(laying_queries.FORGET_LAID, charged, work.file_id)
        await laying.lay(tx, charged)
    incomplete = [row["contract_number"] in lacking for row in known]
    await tx.execute(queries.AMEND, work.file_id, ids, incomplete, work.amended_root)
    await contacts.add(tx, work, columns, ids)
    await parties.add(tx, work, columns, ids)
    paying = [row["contract_id"] for row in await tx.fetch(applying_queries.STILL_PAYING, ids)]
    reapplied = await reapply_payments(tx, paying) if paying else ()
    await record_whole(tx, StageCause.REVISION, ids, day)
    await publish_reapplied(tx, reapplied)
    data = {"file_id": work.file_id, "amends": work.amends, "as_of": work.as_of}
    await history.record_each(tx, ids, "amended", "corrected rows of a file add or replace instalments", data)
