"""Receives payments, which pay the oldest instalments of a contract."""

from datetime import date, datetime
from uuid import UUID
from zoneinfo import ZoneInfo

from chassis import Amount, Conflict, Day, FieldError, InputModel, Invalid, OutputModel, ShortText
from recobro_events import Money, Row, Transaction
from recobro_events.contracts.portfolio import ContractState, PaymentReceived, Stage

from portfolio.ledger import limits
from portfolio.ledger.changes import record
from portfolio.ledger.history import Line
from portfolio.ledger.identities import payment_id_of
from portfolio.ledger.locking import lock_contract
from portfolio.ledger.rules import takes_money
from portfolio.payments import queries
from portfolio.payments.rules import latest_paid_on, stage_cause_of_payment


class NewPayment(InputModel):
    """``reference`` is given by the channel. Channel and reference identify the payment in its portfolio.

    ``again`` says that a payment without a reference is no double of the same payment a moment ago.
    """

    amount: Amount
    paid_on: Day
    channel: ShortText
    reference: ShortText | None = None
    again: bool = False


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


class PaymentKnown(Conflict):
    code = "payment-known"
    detail = "This portfolio has a payment with this channel and reference already."


class PaymentDoubtful(Conflict):
    code = "payment-doubtful"
    detail = (
        "The same payment without a reference arrived less than 60 seconds ago. If this is another one, send it with"
        ' "again": true.'
    )


class TooManyPayments(Conflict):
    code = "too-many-payments"
    detail = f"The contract has {limits.PAYMENTS} payments. No more can be added."


async def receive(tx: Transaction, contract_id: UUID, payment: NewPayment) -> PaymentReceipt:
    """Apply a payment to the oldest instalments and publish it. A closed contract keeps the payment as credit.

    Raises ``ContractUnknown``, ``PaymentKnown``, ``PaymentDoubtful``, ``TooManyPayments``, and ``Invalid`` when the
    payment is dated after ``latest_paid_on``.
    """
    contract = await lock_contract(tx, contract_id)
    _check_paid_on(payment.paid_on, contract)
    received = await _apply(tx, contract, payment)
    data = {"payment_id": received["payment_id"], "amount": payment.amount, "credit": received["credit"]}
    position = await record(
        tx,
        stage_cause_of_payment(payment.paid_on, contract["business_date"]),
        lambda fields: PaymentReceived(
            **fields,
            payment_id=received["payment_id"],
            amount=payment.amount,
            currency=contract["currency"],
            paid_on=payment.paid_on,
            received_at=received["received_at"],
            channel=payment.channel,
            reference=payment.reference,
            credit=received["credit"],
            settled=fields["total_balance"] == 0,
            days_past_due_before=contract["days_today"],
        ),
        Line(contract_id, "payment_received", f"{payment.amount:.2f} through {payment.channel}", data),
    )
    return PaymentReceipt(
        **{name: position[name] for name in PaymentReceipt.model_fields if name in position},
        payment_id=received["payment_id"],
        amount=payment.amount,
        credit=received["credit"],
    )


def _check_paid_on(paid_on: date, contract: Row) -> None:
    latest = latest_paid_on(contract["business_date"], datetime.now(ZoneInfo(contract["timezone"])).date())
    if paid_on > latest:
        raise Invalid(
            "The date of the payment is in the future.",
            errors=[FieldError("/paid_on", f"must not be later than {latest}")],
        )


async def _apply(tx: Transaction, contract: Row, payment: NewPayment) -> Row:
    received = await tx.fetchrow(
        queries.RECEIVE,
        contract["contract_id"],
        payment.amount,
        payment.paid_on,
        contract["business_date"],
        payment.channel,
        payment.reference,
        contract["days_today"],
        contract["episode"],
        takes_money(ContractState(contract["state"])),
        payment_id_of(contract["portfolio_id"], payment.channel, payment.reference),
        limits.PAYMENTS,
        payment.again,
    )
    if received is None:
        raise await _refusal(tx, contract, payment)
    return received


async def _refusal(tx: Transaction, contract: Row, payment: NewPayment) -> Conflict:
    found = await tx.fetchrow(
        queries.REFUSED,
        *(contract["contract_id"], payment.amount, payment.paid_on),
        *(contract["portfolio_id"], payment.channel, payment.reference),
    )
    assert found is not None
    if found["known"] is not None:
        return PaymentKnown(extra={"payment_id": found["known"]})
    if found["double"] is not None and payment.reference is None and not payment.again:
        return PaymentDoubtful(extra={"payment_id": found["double"]})
    return TooManyPayments()
