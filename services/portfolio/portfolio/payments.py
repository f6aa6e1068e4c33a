"""Money that arrives for a contract, and payments that are undone."""

from datetime import date, datetime
from uuid import UUID
from zoneinfo import ZoneInfo

from chassis import (
    Amount,
    Conflict,
    Day,
    FieldError,
    InputModel,
    Invalid,
    NotFound,
    OutputModel,
    Reader,
    ShortText,
    Text,
)
from recobro_events import Money, Row, Transaction
from recobro_events.contracts.portfolio import (
    ContractClosed,
    ContractRevised,
    ContractState,
    PaymentReceived,
    PaymentReversed,
    Stage,
    StageCause,
)

from portfolio import payments_queries as queries
from portfolio.history import Line, remember
from portfolio.identities import payment_id_of
from portfolio.locking import lock_contract
from portfolio.positions import next_versions, position_of, publish_whole, reapply_payments, reposition
from portfolio.rules import DatedPayment, episodes_of, latest_paid_on, stage_cause_of_payment, takes_money


class NewPayment(InputModel):
    """``reference`` is the channel's own; it makes the payment unique in its portfolio."""

    amount: Amount
    paid_on: Day
    channel: ShortText
    reference: ShortText | None = None


class NewReversal(InputModel):
    reason: Text


class PaymentReceipt(OutputModel):
    """What is left after the payment; ``credit`` is what it held beyond that."""

    payment_id: UUID
    contract_id: UUID
    amount: Money
    credit: Money
    overdue_balance: Money
    total_balance: Money
    state: ContractState
    stage: Stage
    days_past_due: int


class Reversal(OutputModel):
    """The contract as if the payment had never been."""

    payment_id: UUID
    contract_id: UUID
    overdue_balance: Money
    total_balance: Money
    state: ContractState
    stage: Stage
    days_past_due: int


class Allocation(OutputModel):
    instalment: int
    due_on: date
    amount: Money


class Payment(OutputModel):
    payment_id: UUID
    contract_id: UUID
    amount: Money
    currency: str
    paid_on: date
    received_at: datetime
    business_date: date
    channel: str
    reference: str | None
    credit: Money
    reversed_at: datetime | None
    reversal_reason: str | None
    allocations: list[Allocation]


class PaymentUnknown(NotFound):
    code = "payment-unknown"
    detail = "There is no payment with this id."


class PaymentKnown(Conflict):
    code = "payment-known"
    detail = "This portfolio has a payment with this channel and reference already."


class PaymentReversedAlready(Conflict):
    code = "payment-reversed"
    detail = "This payment has been reversed; a payment is reversed at most once."


async def receive(tx: Transaction, contract_id: UUID, payment: NewPayment) -> PaymentReceipt:
    """Apply a payment to the oldest instalments and tell everyone; a closed contract keeps it as credit.

    ``ContractUnknown``, ``PaymentKnown``, ``Invalid`` when it is dated later than ``latest_paid_on``.
    """
    contract = await lock_contract(tx, contract_id)
    _check_paid_on(payment.paid_on, contract)
    received = await _apply(tx, contract, payment)
    [position] = await reposition(
        tx,
        [contract_id],
        cause=stage_cause_of_payment(payment.paid_on, contract["business_date"]),
        events_to_follow=1,
    )
    tx.publish(
        PaymentReceived(
            **position_of(position),
            payment_id=received["payment_id"],
            amount=payment.amount,
            currency=contract["currency"],
            paid_on=payment.paid_on,
            received_at=received["received_at"],
            channel=payment.channel,
            reference=payment.reference,
            credit=received["credit"],
            settled=position["total_balance"] == 0,
            days_past_due_before=contract["days_today"],
        )
    )
    what = {"payment_id": received["payment_id"], "amount": payment.amount, "credit": received["credit"]}
    story = [Line(contract_id, "payment_received", f"{payment.amount:.2f} through {payment.channel}", what)]
    await remember(tx, story + await close_if_settled(tx, position))
    return PaymentReceipt(
        **{name: position[name] for name in Reversal.model_fields if name != "payment_id"},
        payment_id=received["payment_id"],
        amount=payment.amount,
        credit=received["credit"],
    )


async def close_if_settled(tx: Transaction, position: Row) -> list[Line]:
    """Say that a contract is closed when its new position has just settled it; returns the line of history."""
    if not (position["was_state"] == "open" and position["state"] == "settled"):
        return []
    contract_id = position["contract_id"]
    closed = (await next_versions(tx, [contract_id]))[contract_id]
    tx.publish(ContractClosed(**position_of(closed), reason=ContractState.SETTLED))
    return [Line(contract_id, "closed", "settled: nothing is owed any more", {"reason": "settled"})]


async def reverse(tx: Transaction, payment_id: UUID, reason: str) -> Reversal:
    """Undo a payment: the contract is as if it had never been. ``PaymentUnknown``, ``PaymentReversedAlready``."""
    contract_id = await tx.fetchval("SELECT contract_id FROM payment WHERE payment_id = $1", payment_id)
    if contract_id is None:
        raise PaymentUnknown()
    contract = await lock_contract(tx, contract_id)
    payment = await tx.fetchrow(queries.REVERSE, payment_id, reason)
    if payment is None:
        raise PaymentReversedAlready()
    episode = await _restore(tx, contract, payment)
    [position] = await reposition(tx, [contract_id], cause=StageCause.REVERSAL, events_to_follow=1, episode=episode)
    tx.publish(
        PaymentReversed(
            **position_of(position),
            payment_id=payment_id,
            amount=payment["amount"],
            currency=contract["currency"],
            reason=reason,
        )
    )
    what = {"payment_id": payment_id, "amount": payment["amount"], "reason": reason}
    await remember(tx, [Line(contract_id, "payment_reversed", f"{payment['amount']} taken back", what)])
    if payment["absorbed_by"] is not None or position["state"] != position["was_state"]:
        await publish_whole(tx, [contract_id], ContractRevised)
    return Reversal(
        **{name: position[name] for name in Reversal.model_fields if name != "payment_id"}, payment_id=payment_id
    )


async def read(reader: Reader, payment_id: UUID) -> Payment:
    """A payment and what it paid. ``PaymentUnknown``."""
    row = await reader.fetchrow(queries.READ, payment_id)
    if row is None:
        raise PaymentUnknown()
    return Payment(**{name: row[name] for name in Payment.model_fields})


def _check_paid_on(paid_on: date, contract: Row) -> None:
    latest = latest_paid_on(contract["business_date"], datetime.now(ZoneInfo(contract["timezone"])).date())
    if paid_on > latest:
        raise Invalid(
            "A payment cannot have been made in the future.",
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
    )
    if received is None:
        known = await tx.fetchval(queries.KNOWN, contract["portfolio_id"], payment.channel, payment.reference)
        raise PaymentKnown(extra={"payment_id": known})
    return received


async def _restore(tx: Transaction, contract: Row, payment: Row) -> int:
    """Give the instalments back what the payment had paid; returns the episode that the contract is in then."""
    contract_id = contract["contract_id"]
    if payment["absorbed_by"] is not None:
        await tx.execute(queries.PUT_BACK, payment["payment_id"], contract_id)
    if not takes_money(ContractState(contract["state"])):
        if payment["absorbed_by"] is None:
            await tx.execute(queries.GIVE_BACK, payment["payment_id"])
        return int(contract["episode"])
    await reapply_payments(tx, [contract_id])
    return await _episode_without(tx, contract, payment)


async def _episode_without(tx: Transaction, contract: Row, payment: Row) -> int:
    """Replay the episodes since the reversed payment without it, and correct what later payments remember."""
    instalments = await tx.fetch(queries.INSTALMENTS, contract["contract_id"])
    counted = await tx.fetch(queries.COUNTED_PAYMENTS, contract["contract_id"])
    later = [row for row in counted if row["sequence"] > payment["sequence"]]
    *before, now = episodes_of(
        [(row["due_on"], row["amount"]) for row in instalments],
        sum(row["amount"] for row in counted if row["sequence"] < payment["sequence"]),
        [DatedPayment(row["amount"], row["business_date"]) for row in later],
        payment["episode_before"],
        payment["business_date"],
        contract["business_date"],
    )
    if later:
        await tx.execute(queries.EPISODES_BEFORE, [row["payment_id"] for row in later], before)
    return now
