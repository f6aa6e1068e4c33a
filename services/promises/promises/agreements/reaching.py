"""Reaching a plan. A plan is a schedule of promises that is kept or broken as a whole."""

from collections.abc import Sequence
from decimal import Decimal
from uuid import UUID

from chassis import Conflict, Principal
from recobro_events import Row, Transaction
from recobro_events.contracts.promises import AgreedInstalment, AgreementKind, AgreementReached, MadeIn

from promises.agreements import queries
from promises.agreements.reading import Agreement, read
from promises.agreements.terms import NewAgreement, terms_of
from promises.offers.finding import offer_named
from promises.offers.making import Made
from promises.outcomes.counting import NOTHING
from promises.outcomes.judging import judge
from promises.taking.conditions import (
    Maker,
    Part,
    maker,
    open_contract,
    refuse_bad_due_days,
    refuse_beyond_limits,
    refuse_more_than_owed,
    refuse_stranger,
    refuse_too_many,
)
from promises.taking.making import EntersAgain, write
from promises.taking.rules import MAX_DAYS_AHEAD_OF_PLAN


class PlanOpen(Conflict):
    code = "plan-open"
    detail = "This contract has an open plan already."


class AgreementPending(Conflict):
    code = "agreement-pending"
    detail = "An agreement of this contract waits for a decision. Decide it or cancel it first."


class AgreementKnown(Conflict):
    code = "agreement-known"
    detail = "There is a plan with this id already."


def maker_of(who: Principal, new: NewAgreement) -> Maker:
    made_in = new.made_in or (MadeIn.CALL if who.agency_id is None else MadeIn.AGENCY)
    return maker(who, made_in, new.agency_id, new.party_id)


async def offer_in(tx: Transaction, contract: Row, new: NewAgreement, made: Maker) -> Made | None:
    """Return the offer that the body names, or None. ``NotEligible``, ``OfferExpired``."""
    return None if new.offer_id is None else await offer_named(tx, contract, new.offer_id, made.made_in)


async def refuse_another(tx: Transaction, contract_id: UUID) -> None:
    """``PlanOpen`` or ``AgreementPending`` where the contract has another agreement that has not ended."""
    if await tx.fetchval(queries.HAS_OPEN_PLAN, contract_id):
        raise PlanOpen()
    if (agreement_id := await tx.fetchval(queries.PENDING, contract_id)) is not None:
        raise AgreementPending(extra={"agreement_id": agreement_id})


async def reach(tx: Transaction, who: Principal, new: NewAgreement) -> Agreement:
    """Agree on a plan. Each instalment is a promise and is judged at once. A contract has at most one open plan."""
    await _refuse_known(tx, who, new)
    made = maker_of(who, new)
    contract = await open_contract(tx, new.contract_id, who)
    await refuse_stranger(tx, contract, made.party_id)
    await refuse_another(tx, new.contract_id)
    terms = terms_of(new, contract["total_balance"], await offer_in(tx, contract, new, made))
    total = terms.total
    refuse_more_than_owed(contract, total, new.pointer)
    ids = [one.promise_id for one in new.planned] or [None] * len(terms.schedule)
    parts = [Part(*due, f"{new.pointer}/{n}", ids[n]) for n, due in enumerate(terms.schedule)]
    await refuse_bad_due_days(tx, contract, parts, MAX_DAYS_AHEAD_OF_PLAN)
    await refuse_beyond_limits(tx, contract, who, total, new.pointer)
    await refuse_too_many(tx, contract, len(parts))
    agreement_id = await _write(tx, contract, made, parts, total, new.agreement_id)
    await judge(tx, {new.contract_id: None})
    return await read(tx, agreement_id, who)


async def _refuse_known(tx: Transaction, who: Principal, new: NewAgreement) -> None:
    """Refuse a plan that is entered again by an agency, or that is there already with one of its instalments."""
    if new.agreement_id is None:
        return
    if who.agency_id is not None:
        raise EntersAgain("Only an operator enters a plan again.")
    if await tx.fetchval(queries.IS_KNOWN, new.agreement_id, [one.promise_id for one in new.planned]):
        raise AgreementKnown(extra={"agreement_id": new.agreement_id})


async def _write(
    tx: Transaction, contract: Row, made: Maker, parts: Sequence[Part], total: Decimal, entered_id: UUID | None
) -> UUID:
    settles_in_full = total == contract["total_balance"]
    contract_id, currency = contract["contract_id"], contract["currency"]
    values = (contract_id, AgreementKind.PLAN, currency, total, settles_in_full, contract["made_on"], *made, entered_id)
    written = await tx.fetchrow(queries.REACH, *values)
    assert written is not None
    agreement_id: UUID = written["agreement_id"]
    promises = await write(tx, contract, made, parts, agreement_id)
    tx.publish(
        AgreementReached(
            contract_id=contract_id,
            agreement_id=agreement_id,
            version=written["version"],
            kind=AgreementKind.PLAN,
            schedule=schedule_of(promises),
            discount=NOTHING,
            currency=currency,
            settles_in_full=settles_in_full,
            made_on=contract["made_on"],
        )
    )
    return agreement_id


def schedule_of(promises: Sequence[Row]) -> tuple[AgreedInstalment, ...]:
    """Return the schedule that these rows of ``promise`` make."""
    return tuple(
        AgreedInstalment(promise_id=row["promise_id"], due_on=row["due_on"], amount=row["amount"]) for row in promises
    )
