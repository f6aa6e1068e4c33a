"""Takes charges of a contract: default interest, fees and chargebacks raise what is owed, others lower it."""

from datetime import date, datetime
from decimal import Decimal
from functools import partial
from typing import Any
from uuid import UUID
from zoneinfo import ZoneInfo

from chassis import Amount, Conflict, Count, Day, FieldError, InputModel, Invalid, OutputModel, ShortText, Text
from recobro_events import Money, Row, Transaction, new_event_id
from recobro_events.contracts.portfolio import (
    ChargeKind,
    ChargeTaken,
    Components,
    ContractRevised,
    ContractState,
    Stage,
    StageCause,
)

from portfolio import metrics
from portfolio.charges import laying, queries
from portfolio.charges.rules import raises
from portfolio.ledger import limits
from portfolio.ledger.changes import Change, record_each
from portfolio.ledger.history import Line
from portfolio.ledger.locking import lock_contract
from portfolio.ledger.positions import publish_reapplied, reapply_payments
from portfolio.ledger.rules import takes_money
from portfolio.ledger.whole import publish_whole
from portfolio.payments.reversing import BalanceTooLarge, TooManyInstalments
from portfolio.payments.rules import latest_paid_on


class NewCharge(InputModel):
    """A charge of one contract.

    ``reference`` is the creditor's own number of the charge; kind and reference are the key of a charge in its
    contract. ``instalment`` is the instalment that a raising charge is added to, by default the oldest unpaid one.
    ``charge_id`` is for a charge that is entered again after a restore: the id that its first entry had.
    """

    kind: ChargeKind
    amount: Amount
    charged_on: Day
    reason: Text
    reference: ShortText | None = None
    instalment: Count | None = None
    charge_id: UUID | None = None


class ChargeReceipt(OutputModel):
    """The contract after the charge, or after its reversal."""

    charge_id: UUID
    contract_id: UUID
    kind: ChargeKind
    amount: Money
    charged_on: date
    reversed_on: date | None
    overdue_balance: Money
    total_balance: Money
    components: Components | None
    state: ContractState
    stage: Stage
    days_past_due: int


class ChargeKnown(Conflict):
    code = "charge-known"
    detail = "The contract has a charge of this kind with this reference already, or a charge with this id."


class TooManyCharges(Conflict):
    code = "too-many-charges"
    detail = f"The contract has {limits.CHARGES} charges. No more can be added."


class InterestStandsStill(Conflict):
    code = "contract-paused"
    detail = "The contract is paused on this day. Interest and fees stand still."


class ContractTakesNoCharge(Conflict):
    code = "contract-closed"
    detail = "The contract is closed, and takes no charge."


async def take(tx: Transaction, contract_id: UUID, new: NewCharge, received: UUID | None = None) -> ChargeReceipt:
    """Take a charge and publish it. In a consumer ``received`` is the id of the event behind the charge.

    Raises ``ContractUnknown``, ``ContractTakesNoCharge``, ``InterestStandsStill``, ``ChargeKnown``, ``TooManyCharges``,
    ``TooManyInstalments``, ``BalanceTooLarge``, and ``Invalid`` for a day in the future, an unknown instalment, or more
    relief than is owed.
    """
    contract = await lock_contract(tx, contract_id)
    await _refuse(tx, contract, new)
    place = await _place(tx, contract_id, new)
    charge = await tx.fetchrow(
        queries.ADD,
        *(new.charge_id or new_event_id(), contract_id, contract["portfolio_id"], new.kind, new.amount),
        *(new.charged_on, new.reason, new.reference, place and place["number"], place and place["due_on"]),
        contract["business_date"],
    )
    assert charge is not None
    event = partial(_event, charge, contract["currency"])
    return await publish(tx, charge, event, _line(charge, "charge_taken", "taken"), received)


async def publish(tx: Transaction, charge: Row, event: Any, line: Line, received: UUID | None) -> ChargeReceipt:
    """Put the charges of the contract into its amounts, and publish the change. The contract's row is locked."""
    contract_id = charge["contract_id"]
    await laying.lay(tx, [contract_id])
    reapplied = await reapply_payments(tx, [contract_id])
    positions = await record_each(tx, StageCause.REVISION, [Change(event, line, received)])
    because = {} if received is None else {contract_id: received}
    await publish_whole(tx, [contract_id], ContractRevised, received=because)
    await publish_reapplied(tx, reapplied, because)
    change = "taken" if charge["reversed_at"] is None else "reversed"
    tx.after_commit(metrics.CHARGES.labels(charge["kind"], change).inc)
    known = {name: charge[name] for name in ("charge_id", "kind", "amount", "charged_on", "reversed_on")}
    position = positions[contract_id]
    return ChargeReceipt.model_validate(
        {name: position[name] for name in ChargeReceipt.model_fields if name in position} | known
    )


async def _refuse(tx: Transaction, contract: Row, new: NewCharge) -> None:
    if not takes_money(ContractState(contract["state"])):
        raise ContractTakesNoCharge()
    found = await tx.fetchrow(queries.LOOK_UP, contract["contract_id"], new.kind, new.reference, new.charge_id)
    assert found is not None
    if not found["is_legible"]:
        raise _invalid("The reference cannot be recognised.", "/reference", "must have a visible character")
    if (known := found["known"] or found["entered"]) is not None:
        raise ChargeKnown(extra={"charge_id": known})
    if found["held"] >= limits.CHARGES:
        raise TooManyCharges()
    latest = latest_paid_on(contract["business_date"], datetime.now(ZoneInfo(contract["timezone"])).date())
    if new.charged_on > latest:
        raise _invalid("The day of the charge is in the future.", "/charged_on", f"must not be later than {latest}")
    grows = new.kind in (ChargeKind.DEFAULT_INTEREST, ChargeKind.FEE)
    if grows and await tx.fetchval(queries.IS_PAUSED, contract["contract_id"], new.charged_on):
        raise InterestStandsStill()
    total: Decimal = contract["total_balance"]
    if raises(new.kind):
        if total + new.amount > limits.LARGEST_BALANCE:
            raise BalanceTooLarge()
    elif new.amount > total:
        raise _invalid("The contract owes less than this.", "/amount", f"must not be above {total}")
    elif new.instalment is not None:
        mistake = "is not allowed here: the oldest instalments are lowered first"
        raise _invalid("A charge that lowers the debt names no instalment.", "/instalment", mistake)


async def _place(tx: Transaction, contract_id: UUID, new: NewCharge) -> Row | None:
    """The instalment that the charge is added to; None for one that lowers the debt."""
    if not raises(new.kind):
        return None
    if new.instalment is not None:
        named = await tx.fetchrow(queries.INSTALMENT, contract_id, new.instalment)
        if named is None:
            mistake = "is not an instalment of this contract"
            raise _invalid("The contract does not have this instalment.", "/instalment", mistake)
        return named
    if (oldest := await tx.fetchrow(queries.OLDEST_UNPAID, contract_id)) is not None:
        return oldest
    if await tx.fetchval(queries.COUNT_INSTALMENTS, contract_id) >= limits.INSTALMENTS:
        raise TooManyInstalments()
    return await tx.fetchrow(queries.ADD_INSTALMENT, contract_id, new.charged_on)


def _invalid(detail: str, pointer: str, mistake: str) -> Invalid:
    return Invalid(detail, errors=[FieldError(pointer, mistake)])


def _event(charge: Row, currency: str, fields: dict[str, Any]) -> ChargeTaken:
    names = ("charge_id", "kind", "amount", "charged_on", "reason", "reference")
    return ChargeTaken(**fields, **{name: charge[name] for name in names}, currency=currency)


def _line(charge: Row, kind: str, what: str) -> Line:
    data = {name: charge[name] for name in ("charge_id", "kind", "amount", "charged_on", "reason", "reference")}
    return Line(charge["contract_id"], kind, f"{charge['kind']} of {charge['amount']} {what}", data)
