"""The conditions of a new promise or plan: on which contract, by whom, for which days and how much.

The conditions on the contract are checked under its row lock.
"""

from collections.abc import Sequence
from datetime import date, timedelta
from decimal import Decimal
from typing import NamedTuple
from uuid import UUID

import jurisdictions
from chassis import Conflict, ContractNotYetKnown, ContractUnknown, FieldError, Invalid, NoContact, Principal, clock
from chassis.transactions import act_for_service
from projections import contracts
from recobro_events import Row, Transaction
from recobro_events.contracts.portfolio import DebtorStatus
from recobro_events.contracts.promises import MadeIn

from promises.taking import queries, rules


class ContractClosed(NoContact):
    code = "contract-closed"
    detail = "The contract is closed, so no promise can be made on it."


class NothingOwed(Conflict):
    code = "nothing-owed"
    detail = "Nothing is owed on this contract."


class DebtorDeceased(NoContact):
    code = "debtor-deceased"
    detail = "The debtor is deceased, so no promise can be made."


class DebtorRepresented(NoContact):
    code = "represented"
    detail = "The debtor has a representative, so no promise can be made. Contact the representative instead."


class ContractDisputed(NoContact):
    code = "clarification"
    detail = "A clarification is open, so no promise can be made."


class PromiseTooFar(Invalid):
    code = "promise-too-far"


class PromiseTooSmall(Invalid):
    code = "promise-too-small"


class PromisesExceedBalance(Conflict):
    code = "promises-exceed-balance"


class TooManyBroken(Conflict):
    code = "too-many-broken"


class PromiseOpen(Conflict):
    code = "promise-open"


class TooManyPromises(Conflict):
    code = "too-many-promises"


class Part(NamedTuple):
    """A day and an amount promised for it, with the JSON pointer to both in the request's body.

    A promise that is entered again has its ``promise_id`` already. A new one gets it when it is written.
    """

    due_on: date
    amount: Decimal
    pointer: str
    promise_id: UUID | None = None


class Maker(NamedTuple):
    """Who took the promise, in which contact, and which party made it; null: the debtor."""

    made_in: MadeIn
    agency_id: UUID | None
    party_id: UUID | None


def maker(who: Principal, made_in: MadeIn, agency_id: UUID | None, party_id: UUID | None) -> Maker:
    """Return who took and who made the promise.

    ``Invalid`` when an agency names another agency, or when ``made_in`` is ``agency`` and none is named.
    """
    if who.agency_id is not None and agency_id not in (None, who.agency_id):
        raise _mistake(
            "An agency can take promises only for itself.", "/agency_id", "must be your own agency, or left out"
        )
    agency_id = who.agency_id or agency_id
    if made_in is MadeIn.AGENCY and agency_id is None:
        raise _mistake(
            "A promise that an agency took must name that agency.", "/agency_id", 'is required with made_in "agency"'
        )
    return Maker(made_in, agency_id, party_id)


async def open_contract(tx: Transaction, contract_id: UUID, who: Principal) -> Row:
    """Lock a contract on which a promise is possible, and return it.

    ``business_date`` is the contract's business date; ``day`` is the day that promises are judged on; ``made_on``, on
    which a promise is made now, is the earlier of the business date and today.
    ``ContractNotYetKnown`` when the contract, or its placement, is not known; ``ContractClosed``, ``DebtorDeceased``,
    ``DebtorRepresented``, ``ContractDisputed``, ``NothingOwed``.
    """
    if not await tx.fetchval(queries.IS_OPEN_TO, contract_id, who.agency_id):
        raise ContractNotYetKnown()
    await act_for_service(tx)
    await contracts.lock(tx, [contract_id])
    contract: Row | None = await tx.fetchrow(queries.CONTRACT, contract_id, who.agency_id, clock.now())
    if contract is None:
        raise ContractUnknown()
    if contract["state"] != "open":
        raise ContractClosed()
    if contract["status"] == DebtorStatus.DECEASED:
        raise DebtorDeceased()
    if contract["status"] == DebtorStatus.REPRESENTED:
        raise DebtorRepresented()
    if contract["disputed"]:
        raise ContractDisputed()
    if contract["total_balance"] <= 0:
        raise NothingOwed()
    return contract


async def refuse_stranger(tx: Transaction, contract: Row, party_id: UUID | None) -> None:
    """``Invalid`` for a party that the contract has not, or that the rules of its jurisdiction let nobody ask."""
    if party_id is None:
        return
    role = await tx.fetchval(queries.PARTY_ROLE, party_id, contract["contract_id"])
    if role is None:
        raise _mistake("This contract has no such party.", "/party_id", "must be a party of the contract")
    country = contract["jurisdiction"]
    if country is None or not jurisdictions.may_be_contacted(jurisdictions.profile(country), role, represented=False):
        raise _mistake(
            "Nobody may ask this party to pay.", "/party_id", "must be a party whom the jurisdiction lets us contact"
        )


async def refuse_bad_due_days(
    tx: Transaction, contract: Row, parts: Sequence[Part], max_days_ahead: int, *, may_replace: bool = False
) -> None:
    """``Invalid`` for a day that is past; ``PromiseTooFar``; ``PromiseOpen`` for a day with an open promise.

    ``may_replace``: an open promise of the same day is no obstacle, because it will be replaced.
    """
    first = rules.first_due_day(contract["made_on"], contract["business_date"], contract["checked_to"])
    last = contract["day"] + timedelta(days=max_days_ahead)
    if mistakes := _outside(parts, first, date.max):
        raise Invalid(f"A promise cannot be due before {first}.", errors=mistakes)
    if mistakes := _outside(parts, first, last):
        raise PromiseTooFar(f"A promise can be due at most {max_days_ahead} days ahead.", errors=mistakes)
    if may_replace:
        return
    due_days = [part.due_on for part in parts]
    taken = await tx.fetchval(queries.FIRST_OPEN_DAY, contract["contract_id"], due_days)
    if taken is not None:
        raise PromiseOpen(f"Another open promise of this contract is due on {taken}.")


def _outside(parts: Sequence[Part], first: date, last: date) -> list[FieldError]:
    why = f"must be {first} or later" if last == date.max else f"must lie between {first} and {last}"
    return [FieldError(f"{part.pointer}/due_on", why) for part in parts if not first <= part.due_on <= last]


async def refuse_beyond_limits(tx: Transaction, contract: Row, who: Principal, amount: Decimal, pointer: str) -> None:
    """``PromiseTooSmall``, ``PromisesExceedBalance`` or ``TooManyBroken``, by the portfolio's limits.

    An agency learns no balance, and nothing of promises that others took.
    """
    limits = rules.limits_of(contract["promise_limits"])
    [[outstanding, broken]] = await tx.fetch(queries.PROMISED, contract["contract_id"], contract["episode"])
    not_promised = max(Decimal(0), contract["total_balance"] - outstanding)
    smallest = rules.smallest(limits, contract["overdue_balance"], not_promised)
    is_agency = who.agency_id is not None
    if amount > not_promised:
        figures = (
            f" They ask for {outstanding} of {contract['total_balance']}, so at most {not_promised} can be promised."
        )
        raise PromisesExceedBalance(
            f"The open promises of this contract would be above the total balance.{'' if is_agency else figures}"
        )
    if amount < smallest:
        least = f"{limits.min_share_percent} % of the overdue balance" if is_agency else str(smallest)
        raise PromiseTooSmall(
            f"A promise must be for {limits.min_share_percent} % of the overdue balance or more.",
            errors=[FieldError(pointer, f"must be {least} or more")],
        )
    if broken >= limits.max_broken_per_episode:
        raise TooManyBroken(
            f"At most {limits.max_broken_per_episode} promises of this contract may be broken since it fell behind, and"
            " as many are. No further one is taken."
        )


async def refuse_too_many(tx: Transaction, contract: Row, new: int) -> None:
    """``TooManyPromises`` when the contract can have no further ``new`` promises."""
    [[made_on_day, of_contract]] = await tx.fetch(queries.COUNTS, contract["contract_id"], contract["made_on"])
    if refused := rules.count_refused(made_on_day, of_contract, new):
        raise TooManyPromises(refused)


def refuse_more_than_owed(contract: Row, amount: Decimal, pointer: str) -> None:
    if amount > contract["total_balance"]:
        raise _mistake("A promise cannot be for more than is owed.", pointer, "must not be more than the total balance")


def _mistake(sentence: str, pointer: str, detail: str) -> Invalid:
    return Invalid(sentence, errors=[FieldError(pointer, detail)])
