"""Making promises and calling them off: what both single promises and plans go through.

All of it happens under the contract's row lock.
"""

from collections.abc import Sequence
from datetime import date, timedelta
from decimal import Decimal
from typing import NamedTuple
from uuid import UUID

from chassis import Conflict, FieldError, Invalid, NotFound, Principal, heard_of
from recobro_events import Row, Transaction
from recobro_events.contracts.portfolio import DebtorStatus
from recobro_events.contracts.promises import MadeIn, PromiseMade

from promises.outcomes import rules
from promises.taking import queries


class ContractUnknown(NotFound):
    code = "contract-unknown"
    detail = "There is no contract with this id."


class ContractClosed(Conflict):
    code = "contract-closed"
    detail = "The contract is closed: nothing can be promised on it."


class NothingOwed(Conflict):
    code = "nothing-owed"
    detail = "Nothing is owed on this contract."


class DebtorDeceased(Conflict):
    code = "debtor-deceased"
    detail = "The debtor is known to be deceased: nothing can be promised."


class PromiseOpen(Conflict):
    code = "promise-open"


class NotPlaced(Conflict):
    code = "not-placed"
    detail = "The contract is not placed with your agency any more."


class Part(NamedTuple):
    """What is promised for one day, and where in the body that stands."""

    due_on: date
    amount: Decimal
    pointer: str


class Maker(NamedTuple):
    """Who took the promise, and in which contact."""

    made_in: MadeIn
    agency_id: UUID | None


def maker(who: Principal, made_in: MadeIn, agency_id: UUID | None) -> Maker:
    """``Invalid`` when an agency speaks for another, or a promise made in an agency names none."""
    if who.agency_id is not None and agency_id not in (None, who.agency_id):
        raise _mistake("An agency takes promises for itself.", "/agency_id", "must be your own agency, or left out")
    agency_id = who.agency_id or agency_id
    if made_in is MadeIn.AGENCY and agency_id is None:
        raise _mistake("A promise that an agency took names it.", "/agency_id", 'is needed with made_in "agency"')
    return Maker(made_in, agency_id)


async def open_contract(tx: Transaction, contract_id: UUID, who: Principal) -> Row:
    """Lock a contract on which something can be promised, and return it as it is then.

    ``business_date`` is its own, ``day`` the one that promises are judged on. One that was not heard of yet, or whose
    placement was not, is waited for. ``ContractUnknown``, ``ContractClosed``, ``DebtorDeceased``, ``NothingOwed``.
    """
    if not await heard_of(lambda: queries.contract(tx, contract_id, who.agency_id)):
        raise ContractUnknown()
    await queries.lock_contract(tx, contract_id)
    contract = await queries.contract(tx, contract_id, who.agency_id)
    if contract is None:
        raise ContractUnknown()
    if contract["state"] != "open":
        raise ContractClosed()
    if contract["status"] == DebtorStatus.DECEASED:
        raise DebtorDeceased()
    if contract["total_balance"] <= 0:
        raise NothingOwed()
    return contract


async def refuse_misfits(tx: Transaction, contract: Row, parts: Sequence[Part]) -> None:
    """``Invalid`` for a day that is over or too far ahead, ``PromiseOpen`` for one on which another is due already."""
    last = contract["day"] + timedelta(days=rules.MAX_DAYS_AHEAD)
    mistakes = [
        FieldError(f"{part.pointer}/due_on", f"must lie between {contract['day']} and {last}")
        for part in parts
        if not contract["day"] <= part.due_on <= last
    ]
    if mistakes:
        raise Invalid("A promise is made for today or a day of the coming year.", errors=mistakes)
    taken = await queries.first_open_day(tx, contract["contract_id"], [part.due_on for part in parts])
    if taken is not None:
        raise PromiseOpen(f"An open promise of this contract is due on {taken} already.")


def refuse_more_than_owed(contract: Row, amount: Decimal, pointer: str) -> None:
    if amount > contract["total_balance"]:
        raise _mistake("Nobody promises more than is owed.", pointer, "must not be more than the total balance")


async def write(
    tx: Transaction, contract: Row, made: Maker, parts: Sequence[Part], agreement_id: UUID | None = None
) -> list[Row]:
    """Write the promises, open and with nothing paid, and tell everyone; by ``due_on``. Judging them comes next."""
    common = (
        contract["contract_id"],
        contract["portfolio_id"],
        agreement_id,
        made.agency_id,
        contract["currency"],
        contract["business_date"],
        made.made_in,
    )
    schedule = [(part.due_on, rules.silent_until(part.due_on), part.amount) for part in parts]
    rows = await queries.make_promises(tx, common, list(zip(*schedule, strict=True)))
    tx.publish(*(made_event(row) for row in rows))
    return rows


def made_event(row: Row) -> PromiseMade:
    """The event that says that the promise of this row was made, as it stands now."""
    return PromiseMade(
        contract_id=row["contract_id"],
        promise_id=row["promise_id"],
        version=row["version"],
        due_on=row["due_on"],
        silent_until=row["silent_until"],
        promised=row["amount"],
        paid=row["paid"],
        currency=row["currency"],
        agreement_id=row["agreement_id"],
        made_on=row["made_on"],
        made_in=row["made_in"],
        agency_id=row["agency_id"],
    )


async def lock_for_cancelling(tx: Transaction, contract_id: UUID, who: Principal) -> None:
    """Lock the contract of something that is to be called off. ``NotPlaced`` for an agency that has lost it."""
    await queries.lock_contract(tx, contract_id)
    if who.agency_id is not None and await queries.contract(tx, contract_id, who.agency_id) is None:
        raise NotPlaced()


def _mistake(sentence: str, pointer: str, detail: str) -> Invalid:
    return Invalid(sentence, errors=[FieldError(pointer, detail)])
