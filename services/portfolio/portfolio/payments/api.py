"""HTTP in: payments and their reversals."""

from uuid import UUID

from chassis import Page, PageQuery, ReadConnection, Router, WriteTransaction, reads, writes

from portfolio.payments import reading, receiving, reversing
from portfolio.payments.reading import Payment, PaymentItem
from portfolio.payments.receiving import NewPayment, PaymentReceipt
from portfolio.payments.reversing import NewReversal, Reversal

router = Router(prefix="/v1", tags=["contracts"])
_READS = [reads("portfolio")]
_WRITES = [writes("portfolio")]


@router.get("/contracts/{contract_id}/payments", dependencies=_READS)
async def list_payments(contract_id: UUID, query: PageQuery, connection: ReadConnection) -> Page[PaymentItem]:
    """Its payments in the order in which they arrived."""
    return await reading.of_contract(connection, contract_id, query)


@router.post("/contracts/{contract_id}/payments", status_code=201, dependencies=_WRITES)
async def receive_payment(contract_id: UUID, payment: NewPayment, tx: WriteTransaction) -> PaymentReceipt:
    """Apply a payment to the oldest instalments and tell everyone."""
    return await receiving.receive(tx, contract_id, payment)


@router.get("/payments/{payment_id}", dependencies=_READS)
async def read_payment(payment_id: UUID, connection: ReadConnection) -> Payment:
    """A payment, and which instalments it paid."""
    return await reading.read(connection, payment_id)


@router.post("/payments/{payment_id}/reversal", status_code=201, dependencies=_WRITES)
async def reverse_payment(payment_id: UUID, reversal: NewReversal, tx: WriteTransaction) -> Reversal:
    """Undo a payment, as if it had never been; at most once."""
    return await reversing.reverse(tx, payment_id, reversal.reason)
