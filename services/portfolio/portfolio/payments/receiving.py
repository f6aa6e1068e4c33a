"""Receives a payment of one contract, entered by a person or another system."""

from uuid import UUID

from chassis import OutputModel, Problem
from recobro_events import Money, Transaction
from recobro_events.contracts.portfolio import ContractState, Stage

from portfolio.ledger.locking import lock_contract
from portfolio.payments.booking import Incoming, PaymentFacts, book


class NewPayment(PaymentFacts):
    """A payment of one contract.

    ``again`` says that a payment without a reference is no double of the same payment a moment ago, or that a payment
    whose reference was reversed has arrived on this contract once more. ``payment_id`` is for a payment without a
    reference that is entered again after a restore: the id that its first entry had. A reference gives the id itself.
    """

    again: bool = False
    payment_id: UUID | None = None


class PaymentReceipt(OutputModel):
    """The contract after the payment. ``credit`` is the part of the amount that paid no instalment."""

    payment_id: UUID
    contract_id: UUID
    amount: Money
    credit: Money
    overdue_balance: Money
    total_balance: Money
    state: ContractState
    stage: Stage
    days_past_due: int


async def receive(tx: Transaction, contract_id: UUID, payment: NewPayment) -> PaymentReceipt:
    """Apply a payment to the oldest instalments and publish it. A closed contract keeps the payment as credit.

    Raises ``ContractUnknown``, ``Invalid``, and what ``booking`` refuses.
    """
    contract = await lock_contract(tx, contract_id)
    [booked] = await book(tx, [Incoming(contract, payment, again=payment.again, entered_id=payment.payment_id)])
    if isinstance(booked, Problem):
        raise booked
    position = booked.position
    return PaymentReceipt(
        **{name: position[name] for name in PaymentReceipt.model_fields if name in position},
        payment_id=booked.payment_id,
        amount=payment.amount,
        credit=booked.credit,
    )
