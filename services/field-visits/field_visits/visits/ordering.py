"""Ordering a visit: the checks of contract, day and address, and the placement that the visit belongs to."""

from datetime import date
from uuid import UUID

from chassis import Conflict, ContractNotYetKnown, ContractUnknown, FieldError, Invalid, NoContact, Principal
from chassis.transactions import act_for_service
from projections import contracts
from recobro_events import Row, Transaction
from recobro_events.contracts.field_visits import CancelReason, VisitOrdered

from field_visits.visits import queries, reading, rules


class VisitExists(Conflict):
    """An open visit for the contract and the day. ``visit_id`` names it, unless it is not the calling agency's."""

    code = "visit-exists"
    detail = "The contract has an open visit on that day."


class TooManyVisits(Conflict):
    code = "too-many-visits"


SILENT = {
    CancelReason.PAYMENT: "A payment arrived. Nobody may contact the debtor on that day.",
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


async def order(
    tx: Transaction, who: Principal, contract_id: UUID, visitor: str, visit_on: date, address_id: UUID | None
) -> Row:
    """Order a visit. 409 with the reason as its code when the contract is silenced, or has an open visit on that day.

    404 when the contract is unknown, or is not placed with the calling agency for visits.
    """
    placed = who.agency_id is None or await tx.fetchval(queries.IS_PLACED, contract_id, who.agency_id)
    await act_for_service(tx)
    if not placed or not await tx.fetchval(queries.KNOWN, contract_id):
        raise ContractNotYetKnown()
    await contracts.lock(tx, [contract_id])
    standing = await tx.fetchrow(queries.STANDING, contract_id, visit_on)
    assert standing is not None
    placement = await _placement(tx, who, contract_id, visit_on)
    if mistake := rules.day_refused(visit_on, standing["business_date"]):
        raise _bad_day(mistake)
    if placement is not None and not placement["in_force"]:
        if who.agency_id is not None:
            raise _bad_day("must lie within the term of the placement")
        placement = None
    if standing["reason"] is not None:
        reason = CancelReason(standing["reason"])
        raise NoContact(reason, SILENT[reason])
    await _refuse_too_many(tx, who, contract_id, visit_on)
    chosen = await _address(tx, contract_id, address_id)
    agency_id, placement_id = (placement["agency_id"], placement["placement_id"]) if placement else (None, None)
    values = (contract_id, agency_id, placement_id, visitor, visit_on, chosen, who.subject)
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
        raise VisitExists(extra={"visit_id": there["visit_id"]} if seen else {})
    counts = await tx.fetchrow(queries.COUNTS, contract_id)
    assert counts is not None
    if counts["open"] >= rules.MOST_OPEN_VISITS:
        raise TooManyVisits(f"A contract may have at most {rules.MOST_OPEN_VISITS} open visits.")
    if counts["lately"] >= rules.MOST_ORDERS_IN_A_DAY:
        raise TooManyVisits(f"At most {rules.MOST_ORDERS_IN_A_DAY} visits of a contract may be ordered in 24 hours.")


def _bad_day(why: str) -> Invalid:
    return Invalid("No visit can be ordered for that day.", code="day-refused", errors=[FieldError("/visit_on", why)])


async def _address(tx: Transaction, contract_id: UUID, address_id: UUID | None) -> UUID:
    """Return the address to visit. The creditor must have authorised it."""
    known = await tx.fetch(queries.ADDRESSES, contract_id, address_id, rules.ADDRESS_KINDS)
    if address_id is not None and not known:
        mistake = FieldError("/address_id", "must be an address of the contract")
        raise Invalid("The contract has no such address.", code="address-unknown", errors=[mistake])
    authorised = [row["address_id"] for row in known if row["authorised"]]
    if not authorised:
        which = "This address is not" if address_id is not None else "No address of the contract is"
        raise Conflict(f"{which} authorised for visits.", code="no-address")
    chosen: UUID = authorised[0]
    return chosen
