"""Payments and their reversals over HTTP."""

from typing import Annotated
from uuid import UUID

from chassis import (
    Page,
    PageQuery,
    ReadConnection,
    Router,
    ServiceDatabase,
    WriteTransaction,
    body_limit,
    reads,
    writes,
)
from chassis.audit import reads_in_bulk
from chassis.spoken import speaker_for
from fastapi import Depends, Request

from portfolio.payments import allocating, batches, payment_names, reading, receiving, reversing, unidentified
from portfolio.payments.allocating import AllocatedPayment, NewAllocation, NewGivingBack
from portfolio.payments.batches import BatchOutcome, PaymentBatch
from portfolio.payments.payment_names import NewPaymentNames, PaymentNames
from portfolio.payments.reading import Payment, PaymentItem
from portfolio.payments.receiving import NewPayment, PaymentReceipt
from portfolio.payments.reversing import NewReversal, Reversal
from portfolio.payments.unidentified import UnidentifiedPayment, Wanted

router = Router(prefix="/v1", tags=["contracts"])
_READS = [reads("portfolio")]
_WRITES = [writes("portfolio")]


@router.get("/contracts/{contract_id}/payments", dependencies=_READS)
async def list_payments(contract_id: UUID, query: PageQuery, connection: ReadConnection) -> Page[PaymentItem]:
    """List the payments of the contract in the order of arrival."""
    return await reading.of_contract(connection, contract_id, query)


@router.post("/contracts/{contract_id}/payments", status_code=201, dependencies=_WRITES)
async def receive_payment(contract_id: UUID, payment: NewPayment, tx: WriteTransaction) -> PaymentReceipt:
    """Apply a payment to the oldest instalments and publish it."""
    return await receiving.receive(tx, contract_id, payment)


@router.post("/payments", dependencies=[*_WRITES, body_limit(batches.MOST_BYTES)])
async def receive_payments(request: Request, batch: PaymentBatch, database: ServiceDatabase) -> BatchOutcome:
    """Book up to 5,000 payments, each for itself. The same batch may be sent again: its payments are then known."""
    return await batches.receive_batch(database, batch, speaker_for(request))


@router.get("/payments/{payment_id}", dependencies=_READS)
async def read_payment(payment_id: UUID, connection: ReadConnection) -> Payment:
    """Read a payment and the instalments that it paid."""
    return await reading.read(connection, payment_id)


@router.post("/payments/{payment_id}/reversal", status_code=201, dependencies=_WRITES)
async def reverse_payment(payment_id: UUID, reversal: NewReversal, tx: WriteTransaction) -> Reversal:
    """Reverse a payment, at most once. The contract is then as if the payment had never been made."""
    return await reversing.reverse(tx, payment_id, reversal)


@router.get("/unidentified-payments", dependencies=[*_READS, reads_in_bulk()])
async def list_unidentified_payments(
    wanted: Annotated[Wanted, Depends()], query: PageQuery, connection: ReadConnection
) -> Page[UnidentifiedPayment]:
    """List the payments that banks' files have brought and no contract could be found for, in the order of arrival."""
    return await unidentified.listed(connection, wanted, query)


@router.get("/unidentified-payments/{unidentified_id}", dependencies=_READS)
async def read_unidentified_payment(unidentified_id: UUID, connection: ReadConnection) -> UnidentifiedPayment:
    """Read an unidentified payment and what became of it."""
    return await unidentified.read(connection, unidentified_id)


@router.post("/unidentified-payments/{unidentified_id}/allocation", status_code=201, dependencies=_WRITES)
async def allocate_unidentified_payment(
    unidentified_id: UUID, allocation: NewAllocation, tx: WriteTransaction
) -> AllocatedPayment:
    """Book the money, or a part of it, as a payment of its contract, with the bank's ``paid_on``.

    When that payment is reversed, the money is unidentified again.
    """
    return await allocating.allocate(tx, unidentified_id, allocation)


@router.post("/unidentified-payments/{unidentified_id}/return", dependencies=_WRITES)
async def return_unidentified_payment(
    unidentified_id: UUID, giving_back: NewGivingBack, tx: WriteTransaction
) -> UnidentifiedPayment:
    """Note that the money that is left goes back to its payer. It waits no longer."""
    return await allocating.give_back(tx, unidentified_id, giving_back)


@router.get("/contracts/{contract_id}/payment-names", dependencies=_READS)
async def read_payment_names(contract_id: UUID, connection: ReadConnection) -> PaymentNames:
    """Read by which reference and which account a payer names the contract."""
    return await payment_names.read(connection, contract_id)


@router.put("/contracts/{contract_id}/payment-names", dependencies=_WRITES)
async def state_payment_names(contract_id: UUID, names: NewPaymentNames, tx: WriteTransaction) -> PaymentNames:
    """State by which reference and which account a payer names the contract, for banks' files that arrive from now."""
    return await payment_names.state(tx, contract_id, names)
