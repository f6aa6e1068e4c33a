"""Payments and their reversals over HTTP."""

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

from portfolio.payments import batches, reading, receiving, reversing
from portfolio.payments.batches import BatchOutcome, PaymentBatch
from portfolio.payments.reading import Payment, PaymentItem
from portfolio.payments.receiving import NewPayment, PaymentReceipt
from portfolio.payments.reversing import NewReversal, Reversal

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
async def receive_payments(batch: PaymentBatch, database: ServiceDatabase) -> BatchOutcome:
    """Book up to 5,000 payments, each for itself. The same batch may be sent again: its payments are then known."""
    return await batches.receive_batch(database, batch)


@router.get("/payments/{payment_id}", dependencies=_READS)
async def read_payment(payment_id: UUID, connection: ReadConnection) -> Payment:
    """Read a payment and the instalments that it paid."""
    return await reading.read(connection, payment_id)


@router.post("/payments/{payment_id}/reversal", status_code=201, dependencies=_WRITES)
async def reverse_payment(payment_id: UUID, reversal: NewReversal, tx: WriteTransaction) -> Reversal:
    """Reverse a payment, at most once. The contract is then as if the payment had never been made."""
    return await reversing.reverse(tx, payment_id, reversal)
