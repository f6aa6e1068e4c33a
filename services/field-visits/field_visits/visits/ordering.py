"""Ordering a visit: the checks of contract, day and address, and the placement that the visit belongs to."""

from datetime import date
from uuid import UUID

from chassis import (
    Conflict,
    ContractNotYetKnown,
    ContractUnknown,
    FieldError,
    Forbidden,
    Invalid,
    NoContact,
    Principal,
)
from chassis.transactions import act_for_service
from projections import contracts
from recobro_events import Row, Transaction
from recobro_events.contracts.field_visits import CancelReason, VisitOrdered

from field_visits.visits import queries, reading, rules
from field_visits.visits.hours import allowed_window, convenient_hours, visits_limit


class OverrideRefused(Forbidden):
    code = "override-refused"
    detail = "Only an operator may order a visit to an address that was not checked."


class TooManyVisits(Conflict):
    code = "too-many-visits"


class VisitKnown(Conflict):
    code = "visit-known"
    detail = "There is a visit with this id already."


class EntersAgain(Forbidden):
    code = "operators-only"
    detail = "Only an operator enters a visit again."


SILENT = {
    CancelReason.PAYMENT: "A payment arrived, or the debtor says so. Nobody may contact the debtor on that day.",
    CancelReason.UNKNOWN_STATE: (
        "The contract's true state is not known: an event of it was set aside, or its figures wait for a decision."
    ),
    CancelReason.CLOSED: "The contract is closed.",
    CancelReason.DECEASED: "The debtor has died.",
    CancelReason.REPRESENTED: "The debtor has a representative. Contact the representative instead.",
    CancelReason.CLARIFICATION: "A clarification is open. Nobody may contact the debtor about the contract.",
    CancelReason.PAUSED: "The contract is paused on that day.",
    CancelReason.PROMISE: "A promise to pay silences the contract on that day.",
    CancelReason.NOTHING_OVERDUE: "Nothing is overdue.",
}


def refuse_silence(reason: str | None) -> None:
    """409 with the reason for silence, if there is one."""
    if reason is not None:
        raise NoContact(reason, SILENT[CancelReason(reason)])


async def order(
    tx: Transaction,
    who: Principal,
    contract_id: UUID,
    visitor: str,
    visit_on: date,
    address_id: UUID | None,
    override: str | None = None,
    entered_id: UUID | None = None,
) -> Row:
    """Order a visit. 409 with the reason as its code when the contract is silenced, or has an open visit on that day.

    ``override`` is an operator's reason to visit an address that was not checked. ``entered_id`` is the id of a visit
    that an operator enters again. If its day is over, nobody goes there, and silence does not matter. 404 when the
    contract is unknown, or is not placed with the calling agency for visits.
    """
    if who.agency_id is not None and override is not None:
        raise OverrideRefused()
    await _refuse_known(tx, who, entered_id)
    placed = who.agency_id is None or await tx.fetchval(queries.IS_PLACED, contract_id, who.agency_id)
    await act_for_service(tx)
    if not placed or not await tx.fetchval(queries.KNOWN, contract_id):
        raise ContractNotYetKnown()
    person_id = await tx.fetchval(queries.PERSON, contract_id)
    await tx.execute(queries.LOCK_PERSON, str(person_id))
    await contracts.lock(tx, [contract_id])
    standing = await tx.fetchrow(queries.STANDING, contract_id, visit_on)
    assert standing is not None
    placement = await _placement(tx, who, contract_id, visit_on)
    is_over = entered_id is not None and visit_on < standing["business_date"]
    if not is_over and (mistake := rules.day_refused(visit_on, standing["business_date"])):
        raise _bad_day(mistake)
    if placement is not None and not placement["in_force"]:
        if who.agency_id is not None:
            raise _bad_day("must lie within the term of the placement")
        placement = None
    if not is_over:
        refuse_silence(standing["reason"])
        if standing["step_forbids"]:
            raise NoContact("step", rules.STEP_FORBIDS)
    await _refuse_too_many(tx, who, contract_id, visit_on)
    chosen = await _address(tx, contract_id, address_id, visit_on, person_id, checked=override is None)
    agency_id, placement_id = (placement["agency_id"], placement["placement_id"]) if placement else (None, None)
    values = (contract_id, agency_id, placement_id, visitor, visit_on, chosen, who.subject, override, entered_id)
    visit_id = await tx.fetchval(queries.ORDER, *values)
    tx.publish(
        VisitOrdered(
            contract_id=contract_id,
            visit_id=visit_id,
            agency_id=agency_id,
            visitor=visitor,
            address_id=chosen,
            visit_on=visit_on,
        )
    )
    return await reading.expect(tx, visit_id, who.agency_id)


async def _refuse_known(tx: Transaction, who: Principal, entered_id: UUID | None) -> None:
    if entered_id is None:
        return
    if who.agency_id is not None:
        raise EntersAgain()
    if await tx.fetchval(queries.IS_KNOWN, entered_id):
        raise VisitKnown(extra={"visit_id": entered_id})


async def _placement(tx: Transaction, who: Principal, contract_id: UUID, visit_on: date) -> Row | None:
    """Return the placement. It is read under the contract's lock, because a recall may have come meanwhile."""
    placement = await tx.fetchrow(queries.PLACEMENT, contract_id, who.agency_id, visit_on)
    if placement is None and who.agency_id is not None:
        raise ContractUnknown()
    return placement


async def _refuse_too_many(tx: Transaction, who: Principal, contract_id: UUID, visit_on: date) -> None:
    """409 when a visit is open on that day, or too many are. The contract's lock keeps another order from coming."""
    there = await tx.fetchrow(queries.OPEN_ON, contract_id, visit_on)
    if there is not None:
        seen = who.agency_id in (None, there["agency_id"])
        extra = {"visit_id": there["visit_id"]} if seen else {}
        raise NoContact("visit_exists", "The contract has an open visit on that day.", extra=extra)
    counts = await tx.fetchrow(queries.COUNTS, contract_id)
    assert counts is not None
    if counts["open"] >= rules.MOST_OPEN_VISITS:
        raise TooManyVisits(f"A contract may have at most {rules.MOST_OPEN_VISITS} open visits.")
    if counts["lately"] >= rules.MOST_ORDERS_IN_A_DAY:
        raise TooManyVisits(f"At most {rules.MOST_ORDERS_IN_A_DAY} visits of a contract may be ordered in 24 hours.")


def _bad_day(why: str) -> Invalid:
    return Invalid("No visit can be ordered for that day.", code="day-refused", errors=[FieldError("/visit_on", why)])


async def _address(
    tx: Transaction, contract_id: UUID, address_id: UUID | None, visit_on: date, person_id: UUID, *, checked: bool
) -> UUID:
    """Return the address to visit: authorised by the creditor, with allowed hours on that day, and no doubt about it.

    Unless ``checked``, it may have no street, or have been found wrong.
    """
    known = await tx.fetch(queries.ADDRESSES, contract_id, address_id, rules.ADDRESS_KINDS)
    which = "This address" if address_id is not None else "No address of the contract"
    if address_id is not None and not known:
        mistake = FieldError("/address_id", "must be an address of the contract")
        raise Invalid("The contract has no such address.", code="address-unknown", errors=[mistake])
    authorised = [row for row in known if row["authorised"] or row["wrong"]]
    if not authorised:
        raise NoContact("no_address", f"{which} is {'not ' if address_id else ''}authorised for visits.")
    safe = [row for row in authorised if not checked or (row["has_street"] and not row["wrong"])]
    if not safe:
        detail = "has no street, is unchecked or was found wrong" if address_id else "has a street and is free of doubt"
        raise NoContact("address_unchecked", f"{which} {detail}. An operator may override this with a reason.")
    for row in safe:
        if convenient_hours(row, visit_on):
            await _refuse_too_frequent(tx, row, person_id, visit_on)
            chosen: UUID = row["address_id"]
            return chosen
    if any(allowed_window(row, visit_on) is not None for row in safe):
        raise NoContact("inconvenient", "The debtor has called a visit on that day, or there, inconvenient.")
    raise NoContact("outside_hours", "The address has no hours on that day in which somebody may come.")


async def _refuse_too_frequent(tx: Transaction, address: Row, person_id: UUID, visit_on: date) -> None:
    """409 where the state of the address allows no further visit to the person about that day."""
    limit = visits_limit(address)
    if limit is not None and await tx.fetchval(queries.NEAR, person_id, visit_on, limit[1]) >= limit[0]:
        raise NoContact("frequency", "The person is visited as often as is allowed there, over all contracts.")
