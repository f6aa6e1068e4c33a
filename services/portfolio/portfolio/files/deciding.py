"""Decides about the contracts that a file has set aside."""

from collections.abc import Sequence
from uuid import UUID

from chassis import Conflict, FieldError, Invalid
from recobro_events import Row, Transaction
from recobro_events.contracts.portfolio import ContractRevised

from portfolio.files import applying, code_pages, comparing, findings, queries, uploads, views
from portfolio.files.views import MOST_CONTRACTS, Confirmation, FileUnknown, FileView
from portfolio.files.work import Work, columns_of
from portfolio.ledger import history
from portfolio.ledger.locking import lock_contracts
from portfolio.ledger.whole import publish_whole
from portfolio.people import linking
from portfolio.portfolios import portfolios
from portfolio.portfolios.portfolios import DeltaRows, PortfolioSettings


async def confirm(tx: Transaction, file_id: UUID, confirmation: Confirmation) -> FileView:
    """Accept or refuse a file that waits, or else the contracts that it has set aside.

    Accepted contracts owe what the file states. Refused ones keep their figures. Raises ``FileUnknown``, ``Conflict``
    when nothing waits, and ``Invalid`` when a contract does not.
    """
    file = await tx.fetchrow(queries.FILE, file_id)
    if file is None:
        raise FileUnknown()
    if confirmation.code_page is not None or code_pages.waits(file):
        return await code_pages.answer(tx, file_id, confirmation)
    if not file["undecided"]:
        if confirmation.contracts is not None or confirmation.remember:
            raise Conflict("No contract of this file waits for a decision.", code="nothing-to-confirm")
        return await uploads.confirm(tx, file_id, confirmation)
    if confirmation.remember:
        settings = PortfolioSettings(delta_rows=DeltaRows.WHOLE)
        await portfolios.locked(tx, file["portfolio_id"])
        await portfolios.change(tx, file["portfolio_id"], settings)
    await portfolios.held_business_date(tx, file["portfolio_id"])
    locked = await tx.fetchrow(queries.LOCKED, file_id)
    assert locked is not None
    waiting = await _waiting(tx, file_id, confirmation.contracts)
    work = Work(**dict(await tx.fetchrow(queries.WORK, file_id)))  # type: ignore[arg-type]
    for start in range(0, len(waiting), applying.CHUNK_CONTRACTS):
        piece = waiting[start : start + applying.CHUNK_CONTRACTS]
        if confirmation.accept:
            await _accept(tx, work, columns_of(locked), piece)
            await linking.link(tx, work.creditor_id, piece)
        else:
            await _refuse(tx, work, piece)
    return await views.find(tx, file_id)


async def _waiting(tx: Transaction, file_id: UUID, contracts: Sequence[str] | None) -> list[UUID]:
    found = await tx.fetch(queries.UNDECIDED, file_id, contracts, MOST_CONTRACTS)
    if contracts is not None:
        named = {str(row["contract_id"]) for row in found} | {row["contract_number"] for row in found}
        errors = [
            FieldError(f"/contracts/{place}", "does not wait for a decision about this file")
            for place, name in enumerate(contracts)
            if name not in named
        ]
        if errors:
            raise Invalid("Some of these contracts do not wait for a decision about this file.", errors=errors)
    return [row["contract_id"] for row in found]


async def _still_waiting(tx: Transaction, work: Work, contract_ids: Sequence[UUID]) -> Sequence[Row]:
    """These contracts, which are locked, without those that a later file has stated meanwhile."""
    return await tx.fetch(queries.STILL_UNDECIDED, work.file_id, contract_ids)


async def _accept(tx: Transaction, work: Work, columns: Sequence[str | None], contract_ids: Sequence[UUID]) -> None:
    day = await portfolios.held_business_date(tx, work.portfolio_id)
    await applying.locked_chunk(tx, work, day, await tx.fetch(queries.SET_ASIDE_ROWS, work.file_id, contract_ids))
    waiting = await _still_waiting(tx, work, contract_ids)
    rows = await tx.fetch(queries.SET_ASIDE_ROWS, work.file_id, [row["contract_id"] for row in waiting])
    await applying.state(tx, work, columns, day, rows, accepted=True)
    await findings.decide(tx, work.file_id, [row["contract_id"] for row in waiting], accepted=True)
    await comparing.forget_set_aside(tx, waiting)


async def _refuse(tx: Transaction, work: Work, contract_ids: Sequence[UUID]) -> None:
    await lock_contracts(tx, contract_ids)
    waiting = await _still_waiting(tx, work, contract_ids)
    ids = [row["contract_id"] for row in waiting]
    await findings.decide(tx, work.file_id, ids, accepted=False)
    await tx.execute(queries.KEEP_REFUSALS, work.file_id, ids)
    await comparing.forget_set_aside(tx, waiting)
    await tx.execute(queries.DECIDED, ids)
    if ids:
        await publish_whole(tx, ids, ContractRevised)
    stated = {"file_id": work.file_id, "as_of": work.as_of}
    summary = "unchanged: a person refused what a file states of the contract"
    await history.record_each(tx, ids, "set_aside_refused", summary, stated)
