"""What happens to one contract, over HTTP."""

from typing import Annotated
from uuid import UUID

from chassis import CurrentPrincipal, Page, PageQuery, ReadConnection, Router, WriteTransaction, reads, writes
from fastapi import Depends

from portfolio import clarifications, contact_points, contracts, debtors, history, pauses, payments

router = Router(prefix="/v1", tags=["contracts"])
_READS = [reads("portfolio")]
_AGENCIES_READ = [reads("portfolio", agency=True)]
_WRITES = [writes("portfolio")]


@router.get("/contracts", dependencies=_AGENCIES_READ)
async def find_contracts(
    wanted: Annotated[contracts.ContractFilter, Depends()],
    query: PageQuery,
    connection: ReadConnection,
    who: CurrentPrincipal,
) -> Page[contracts.ContractItem]:
    """Contracts by portfolio and contract number. An agency finds those that are placed with it."""
    return await contracts.find(connection, wanted, query, who.agency_id)


@router.get("/contracts/{contract_id}", dependencies=_AGENCIES_READ)
async def read_contract(contract_id: UUID, connection: ReadConnection, who: CurrentPrincipal) -> contracts.ContractView:
    """The whole contract as of its portfolio's business date. An agency sees its own placements only."""
    return await contracts.read(connection, contract_id, who.agency_id)


@router.get("/contracts/{contract_id}/history", dependencies=_AGENCIES_READ)
async def read_history(
    contract_id: UUID, query: PageQuery, connection: ReadConnection, who: CurrentPrincipal
) -> Page[history.HistoryItem]:
    """What happened to it, oldest first. An agency is not told what other agencies did."""
    return await history.read(connection, contract_id, query, who.agency_id)


@router.get("/contracts/{contract_id}/payments", dependencies=_READS)
async def list_payments(contract_id: UUID, query: PageQuery, connection: ReadConnection) -> Page[contracts.PaymentItem]:
    """Its payments in the order in which they arrived."""
    return await contracts.payments(connection, contract_id, query)


@router.post("/contracts/{contract_id}/payments", status_code=201, dependencies=_WRITES)
async def receive_payment(
    contract_id: UUID, payment: payments.NewPayment, tx: WriteTransaction
) -> payments.PaymentReceipt:
    """Apply a payment to the oldest instalments and tell everyone."""
    return await payments.receive(tx, contract_id, payment)


@router.get("/payments/{payment_id}", dependencies=_READS)
async def read_payment(payment_id: UUID, connection: ReadConnection) -> payments.Payment:
    """A payment, and which instalments it paid."""
    return await payments.read(connection, payment_id)


@router.post("/payments/{payment_id}/reversal", status_code=201, dependencies=_WRITES)
async def reverse_payment(payment_id: UUID, reversal: payments.NewReversal, tx: WriteTransaction) -> payments.Reversal:
    """Undo a payment, as if it had never been; at most once."""
    return await payments.reverse(tx, payment_id, reversal.reason)


@router.post("/contracts/{contract_id}/clarifications", status_code=201, dependencies=_WRITES)
async def open_clarification(
    contract_id: UUID, new: clarifications.NewClarification, tx: WriteTransaction
) -> clarifications.Clarification:
    """The debt is disputed: contact about it stops now."""
    return await clarifications.open_one(tx, contract_id, new)


@router.get("/clarifications/{clarification_id}", dependencies=_READS)
async def read_clarification(clarification_id: UUID, connection: ReadConnection) -> clarifications.Clarification:
    return await clarifications.read(connection, clarification_id)


@router.post("/clarifications/{clarification_id}/resolution", status_code=201, dependencies=_WRITES)
async def resolve_clarification(
    clarification_id: UUID, new: clarifications.NewResolution, tx: WriteTransaction
) -> clarifications.Resolution:
    """End a dispute, with the corrected amounts where it was right."""
    return await clarifications.resolve(tx, clarification_id, new)


@router.post("/contracts/{contract_id}/pauses", status_code=201, dependencies=_WRITES)
async def start_pause(contract_id: UUID, new: pauses.NewPause, tx: WriteTransaction) -> pauses.PauseOutcome:
    """Stop the delinquency clock, from the past on as well."""
    return await pauses.start(tx, contract_id, new)


@router.post("/pauses/{pause_id}/end", dependencies=_WRITES)
async def end_pause(pause_id: UUID, tx: WriteTransaction, new: pauses.PauseEnd | None = None) -> pauses.PauseOutcome:
    """Give a pause its last day, by default the business date; one that has not begun is called off."""
    return await pauses.end(tx, pause_id, new or pauses.PauseEnd())


@router.post("/contracts/{contract_id}/debtor-status", status_code=201, dependencies=_WRITES)
async def set_debtor_status(
    contract_id: UUID, new: debtors.NewDebtorStatus, tx: WriteTransaction
) -> debtors.DebtorStatusOutcome:
    """What is known of the debtor, for every contract of theirs."""
    return await debtors.set_status(tx, contract_id, new)


@router.post("/contracts/{contract_id}/contact-points", status_code=201, dependencies=_WRITES)
async def add_contact_point(
    contract_id: UUID, new: contact_points.NewContactPoint, tx: WriteTransaction
) -> contact_points.ContactPoint:
    """Add a phone or an e-mail."""
    return await contact_points.add(tx, contract_id, new)


@router.get("/contact-points/{contact_id}", dependencies=_READS)
async def read_contact_point(contact_id: UUID, connection: ReadConnection) -> contact_points.ContactPoint:
    return await contact_points.read(connection, contact_id)


@router.patch("/contact-points/{contact_id}", dependencies=_WRITES)
async def change_contact_point(
    contact_id: UUID, change: contact_points.ContactPatch, tx: WriteTransaction
) -> contact_points.ContactPoint:
    """Verified, wrong, or refused by the debtor; the last two hold for every contract of theirs."""
    return await contact_points.patch(tx, contact_id, change)
