"""Judging when a visitor was at the door: against the allowed hours there, and the silences of the contract."""

from collections.abc import Sequence
from datetime import date, datetime
from typing import NamedTuple

from recobro_events import Row, Transaction

from field_visits import metrics
from field_visits.door import queries, rules
from field_visits.door.rules import Breach
from field_visits.visits.hours import allowed_window, convenient_hours, local_day


class Moment(NamedTuple):
    """The day at the door, whether the contract is silenced on it, and the rules of contact that were broken."""

    day: date
    silent: bool
    breaches: Sequence[Breach]


async def judge(tx: Transaction, visit: Row, at: datetime) -> Moment:
    """Judge an attendance at this moment. The caller has locked the contract."""
    place = await tx.fetchrow(queries.PLACE, visit["visit_id"])
    assert place is not None
    day = local_day(place, at)
    silent: bool = await tx.fetchval(queries.SILENT_ON, visit["contract_id"], day)
    window, convenient = allowed_window(place, day), convenient_hours(place, day)
    return Moment(day, silent, rules.breaches(at, window, convenient, silent=silent))


async def record(
    tx: Transaction,
    visit: Row,
    attended_by: str,
    at: datetime,
    learns_balance: bool,
    recorded_by: str,
    breaches: Sequence[Breach],
) -> None:
    """Record an attendance, and count the rules that it broke."""
    await tx.execute(queries.ATTEND, visit["visit_id"], attended_by, at, learns_balance, recorded_by, list(breaches))
    for breach in breaches:
        tx.after_commit(metrics.BREACHES.labels(breach).inc)
