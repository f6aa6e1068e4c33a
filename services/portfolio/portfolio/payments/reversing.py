"""Reverses payments. The contract is then as if the payment had never been made."""

from uuid import UUID

import asyncpg
from chassis import Conflict, InputModel, OutputModel, Text
from recobro_events import Money, Row, Transaction
from recobro_events.contracts.portfolio import ContractRevised, ContractState, PaymentReversed, Stage, StageCause

from portfolio.ledger import limits
from portfolio.ledger.changes import record
from portfolio.ledger.history import Line
from portfolio.ledger.locking import lock_contract
from portfolio.ledger.positions import reapply_payments
from portfolio.ledger.rules import takes_money
from portfolio.ledger.whole import publish_whole
from portfolio.payments import queries
from portfolio.payments.reading import PaymentUnknown
from portfolio.payments.rules import DatedPayment, episodes_of


class NewReversal(InputModel):
    reason: Text


class Reversal(OutputModel):
    """The contract after the reversal."""

    payment_id: UUID
    contract_id: UUID
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


async def reverse(tx: Transaction, payment_id: UUID, reason: str) -> Reversal:
    """Reverse a payment.

    Raises ``PaymentUnknown``, ``PaymentReversedAlready``, ``TooManyInstalments`` and ``BalanceTooLarge``.
    """
    contract_id = await tx.fetchval(queries.CONTRACT_OF, payment_id)
    if contract_id is None:
        raise PaymentUnknown()
    contract = await lock_contract(tx, contract_id)
    payment = await tx.fetchrow(queries.REVERSE, payment_id, reason)
    if payment is None:
        raise PaymentReversedAlready()
    episode = await _restore(tx, contract, payment)
    data = {"payment_id": payment_id, "amount": payment["amount"], "reason": reason}
    position = await record(
        tx,
        StageCause.REVERSAL,
        lambda fields: PaymentReversed(
            **fields,
            payment_id=payment_id,
            amount=payment["amount"],
            currency=contract["currency"],
            reason=reason,
        ),
        Line(contract_id, "payment_reversed", f"{payment['amount']} reversed", data),
        episode=episode,
    )
    if payment["absorbed_by"] is not None or position["state"] != position["was_state"]:
        await publish_whole(tx, [contract_id], ContractRevised)
    return Reversal(
        **{name: position[name] for name in Reversal.model_fields if name in position}, payment_id=payment_id
    )


async def _restore(tx: Transaction, contract: Row, payment: Row) -> int:
    """Make the amounts that the payment had paid unpaid again. Returns the contract's episode afterwards."""
    contract_id = contract["contract_id"]
    if payment["absorbed_by"] is not None:
        try:
            await tx.execute(queries.RESTORE_ABSORBED, payment["payment_id"], contract_id)
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
        return int(contract["episode"])
    await reapply_payments(tx, [contract_id])
    return await _episode_without(tx, contract, payment)


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
