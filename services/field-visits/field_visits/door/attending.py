"""Recording who attends at the door. Every attendance is a row; only the debtor may learn the balance."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date, datetime
from decimal import Decimal
from typing import NamedTuple
from uuid import UUID

from chassis import Conflict, Principal
from recobro_events import Transaction
from recobro_events.contracts.field_visits import AttendedBy

from field_visits.door import queries, rules
from field_visits.door.judging import judge, record
from field_visits.door.rules import Breach, PaymentOption
from field_visits.visits import reading
from field_visits.visits.refusals import refuse_future, refuse_not_open, refuse_too_early


class TooManyAttendances(Conflict):
    code = "too-many-attendances"
    detail = f"A visit may have at most {rules.MOST_ATTENDANCES} attendances."


@dataclass(frozen=True)
class DisclosedBalance:
    """The balance and options that the visitor may disclose at the door, to the debtor only."""

    overdue_balance: Decimal
    total_balance: Decimal
    currency: str
    days_past_due: int
    as_of: date
    options: Sequence[PaymentOption]


class Attended(NamedTuple):
    """``breaches``: the rules of contact that the visitor broke by being there at that time."""

    balance: DisclosedBalance | None
    breaches: Sequence[Breach]


async def attend(tx: Transaction, who: Principal, visit_id: UUID, attended_by: AttendedBy, at: datetime) -> Attended:
    """Record who attends. Return the balance if the debtor attends. 409 when the visit is not open.

    Nobody learns a balance by an attendance later than a day after the day of the visit, or on a day of silence; nor
    does an agency that no longer has the contract.
    """
    refuse_future(at)
    visit = await reading.locked(tx, visit_id, who.agency_id)
    refuse_not_open(visit)
    refuse_too_early(visit, at)
    if await tx.fetchval(queries.ATTENDANCES, visit_id) >= rules.MOST_ATTENDANCES:
        raise TooManyAttendances()
    day, silent, breaches = await judge(tx, visit, at)
    discloses = (
        rules.may_learn_balance(attended_by)
        and visit["personal"]
        and not silent
        and not rules.is_too_late_for_balance(day, visit["visit_on"])
    )
    await record(tx, visit, attended_by, at, discloses, who.subject, breaches)
    if not discloses:
        return Attended(None, breaches)
    owed = await tx.fetchrow(queries.BALANCE, visit["contract_id"])
    assert owed is not None
    options = rules.payment_options(owed["overdue_balance"], owed["total_balance"], owed["as_of"])
    return Attended(DisclosedBalance(**owed, options=options), breaches)
