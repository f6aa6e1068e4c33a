"""Reverses charges. The contract is then as if the charge had never been taken."""

from datetime import date, datetime
from functools import partial
from typing import Any
from uuid import UUID
from zoneinfo import ZoneInfo

import asyncpg
from chassis import Conflict, Day, FieldError, InputModel, Invalid, NotFound, Text
from recobro_events import Row, Transaction
from recobro_events.contracts.portfolio import ChargeReversed, ContractState

from portfolio.charges import laying, queries
from portfolio.charges.taking import ChargeReceipt, ContractTakesNoCharge, publish
from portfolio.ledger import limits
from portfolio.ledger.history import Line
from portfolio.ledger.locking import lock_contract
from portfolio.ledger.rules import takes_money
from portfolio.payments.reversing import BalanceTooLarge, TooManyInstalments
from portfolio.payments.rules import day_heard, has_counted_reversal


class NewChargeReversal(InputModel):
    """``reversed_on`` is the day from which the charge no longer holds, by default today in the portfolio's zone."""

    reason: Text
    reversed_on: Day | None = None


class ChargeUnknown(NotFound):
    code = "charge-unknown"
    detail = "There is no charge with this id."


class ChargeReversedAlready(Conflict):
    code = "charge-reversed"
    detail = "This charge has been reversed already."


async def reverse(
    tx: Transaction, charge_id: UUID, reversal: NewChargeReversal, received: UUID | None = None
) -> ChargeReceipt:
    """Reverse a charge, at most once. In a consumer ``received`` is the id of the event behind the reversal.

    Raises ``ChargeUnknown``, ``ChargeReversedAlready``, ``ContractTakesNoCharge``, ``TooManyInstalments``,
    ``BalanceTooLarge``, and ``Invalid`` for a day before the charge or in the future.
    """
    known = await tx.fetchrow(queries.CONTRACT_OF, charge_id)
    if known is None:
        raise ChargeUnknown()
    contract = await lock_contract(tx, known["contract_id"])
    if not takes_money(ContractState(contract["state"])):
        raise ContractTakesNoCharge()
    reversed_on = _day_of(reversal, known["charged_on"], contract)
    charge = await tx.fetchrow(queries.REVERSE, charge_id, reversal.reason, reversed_on)
    if charge is None:
        raise ChargeReversedAlready()
    is_in_amounts = charge["absorbed_by"] is not None and not charge["unposted"]
    if is_in_amounts and not has_counted_reversal(contract["stated_as_of"], charge["absorbed_as_of"], reversed_on):
        try:
            await laying.undo_absorbed(tx, [charge_id])
        except asyncpg.NumericValueOutOfRangeError:
            raise BalanceTooLarge() from None
        owed = await tx.fetch(queries.INSTALMENTS, contract["contract_id"])
        if len(owed) > limits.INSTALMENTS:
            raise TooManyInstalments()
        if sum(row["amount"] for row in owed) > limits.LARGEST_BALANCE:
            raise BalanceTooLarge()
    names = ("charge_id", "kind", "amount", "charged_on")
    data = {name: charge[name] for name in names} | {"reason": reversal.reason, "reversed_on": reversed_on}
    line = Line(charge["contract_id"], "charge_reversed", f"{charge['kind']} of {charge['amount']} reversed", data)
    return await publish(tx, charge, partial(_event, charge, contract["currency"]), line, received)


def _day_of(reversal: NewChargeReversal, charged_on: date, contract: Row) -> date:
    latest = day_heard(contract["business_date"], charged_on, datetime.now(ZoneInfo(contract["timezone"])).date())
    day = reversal.reversed_on or latest
    if not charged_on <= day <= latest:
        mistake = f"must lie between {charged_on} and {latest}"
        raise Invalid("The charge cannot have been reversed on this day.", errors=[FieldError("/reversed_on", mistake)])
    return day


def _event(charge: Row, currency: str, fields: dict[str, Any]) -> ChargeReversed:
    names = ("charge_id", "kind", "amount", "reversed_on")
    return ChargeReversed(
        **fields, **{name: charge[name] for name in names}, currency=currency, reason=charge["reversal_reason"]
    )
