"""Reverses payments. The contract is then as if the payment had never been made."""

from collections.abc import Sequence
from datetime import date, datetime
from uuid import UUID
from zoneinfo import ZoneInfo

import asyncpg
from chassis import Conflict, Day, FieldError, InputModel, Invalid, OutputModel, Text
from recobro_events import Money, Row, Transaction
from recobro_events.contracts.portfolio import ContractRevised, ContractState, PaymentReversed, Stage, StageCause

from portfolio.ledger import limits
from portfolio.ledger.changes import record
from portfolio.ledger.history import Line
from portfolio.ledger.locking import lock_contract
from portfolio.ledger.positions import publish_reapplied, reapply_payments
from portfolio.ledger.rules import takes_money
from portfolio.ledger.whole import publish_whole
from portfolio.payments import queries, unidentified_queries
from portfolio.payments.reading import PaymentUnknown
from portfolio.payments.rules import DatedPayment, day_heard, episodes_of, has_counted_reversal


class NewReversal(InputModel):
    """``reversed_on`` is the day on which the money went back, by default today in the portfolio's time zone.

    A file whose ``as_of`` is later says what is owed without the payment.
    """

    reason: Text
    reversed_on: Day | None = None


class Reversal(OutputModel):
    """The contract after the reversal."""

    payment_id: UUID
    contract_id: UUID
    reversed_on: date
    overdue_balance: Money
    total_balance: Money
    state: ContractState
    stage: Stage
    days_past_due: int


class PaymentReversedAlready(Conflict):
    code = "payment-reversed"
    detail = "This payment has been reversed already."


class TooManyInstalments(Conflict):
    code = "too-many-instalments"
    detail = f"The contract would have more than {limits.INSTALMENTS:,} instalments."


class BalanceTooLarge(Conflict):
    code = "balance-too-large"
    detail = f"The contract would owe more than {limits.LARGEST_BALANCE}."


async def reverse(tx: Transaction, payment_id: UUID, reversal: NewReversal) -> Reversal:
    """Reverse a payment.

    Raises ``PaymentUnknown``, ``PaymentReversedAlready``, ``TooManyInstalments``, ``BalanceTooLarge``, and ``Invalid``
    for a day before the payment or in the future.
    """
    known = await tx.fetchrow(queries.TO_REVERSE, payment_id)
    if known is None:
        raise PaymentUnknown()
    contract = await lock_contract(tx, known["contract_id"])
    reversed_on = _day_of(reversal, known["paid_on"], contract)
    payment = await tx.fetchrow(queries.REVERSE, payment_id, reversal.reason, reversed_on)
    if payment is None:
        raise PaymentReversedAlready()
    if payment["unidentified_id"] is not None:
        await tx.execute(unidentified_queries.TAKE_BACK, payment["unidentified_id"], payment["amount"])
    episode, reapplied = await _restore(tx, contract, payment)
    data = {"payment_id": payment_id, "amount": payment["amount"], "reason": reversal.reason}
    position = await record(
        tx,
        StageCause.REVERSAL,
        lambda fields: PaymentReversed(
            **fields,
            payment_id=payment_id,
            amount=payment["amount"],
            currency=contract["currency"],
            reason=reversal.reason,
            reversed_on=reversed_on,
        ),
        Line(contract["contract_id"], "payment_reversed", f"{payment['amount']} reversed", data),
        episode=episode,
    )
    revised = payment["absorbed_by"] is not None or payment["silent_until"] is not None
    if revised or position["state"] != position["was_state"]:
        await publish_whole(tx, [contract["contract_id"]], ContractRevised)
    await publish_reapplied(tx, reapplied)
    return Reversal(
        **{name: position[name] for name in Reversal.model_fields if name in position},
        payment_id=payment_id,
        reversed_on=reversed_on,
    )


def _day_of(reversal: NewReversal, paid_on: date, contract: Row) -> date:
    latest = day_heard(contract["business_date"], paid_on, datetime.now(ZoneInfo(contract["timezone"])).date())
    day = reversal.reversed_on or latest
    if not paid_on <= day <= latest:
        raise Invalid(
            "The payment cannot have been reversed on this day.",
            errors=[FieldError("/reversed_on", f"must lie between {paid_on} and {latest}")],
        )
    return day


async def _restore(tx: Transaction, contract: Row, payment: Row) -> tuple[int | None, Sequence[Row]]:
    """Make the amounts that the payment had paid unpaid again, unless the creditor's newest statement has done so.

    Returns the contract's episode afterwards, None where its position tells it, and the payments whose credit has
    changed.
    """
    contract_id = contract["contract_id"]
    is_in_amounts = payment["absorbed_by"] is not None and not payment["unposted"]
    if is_in_amounts and not has_counted_reversal(
        contract["stated_as_of"], payment["absorbed_as_of"], payment["reversed_on"]
    ):
        try:
            await tx.execute(queries.RESTORE_ABSORBED, [payment["payment_id"]])
        except asyncpg.NumericValueOutOfRangeError:
            raise BalanceTooLarge() from None
        owed = await tx.fetch(queries.INSTALMENTS, contract_id)
        if len(owed) > limits.INSTALMENTS:
            raise TooManyInstalments()
        if sum(row["amount"] for row in owed) > limits.LARGEST_BALANCE:
            raise BalanceTooLarge()
    if not takes_money(ContractState(contract["state"])):
        if payment["absorbed_by"] is None:
            await tx.execute(queries.RESTORE_ALLOCATED, payment["payment_id"])
        return int(contract["episode"]), []
    reapplied = await reapply_payments(tx, [contract_id])
    if contract["rescheduled_by"] is not None:
        return None, reapplied
    return await _episode_without(tx, contract, payment), reapplied


async def _episode_without(tx: Transaction, contract: Row, payment: Row) -> int:
    """Count the episodes again without the reversed payment, and correct the counts stored with later payments."""
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
