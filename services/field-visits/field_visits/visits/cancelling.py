"""Calling visits off: nobody is sent to the door of somebody who has paid, disputes, or may not be visited.

The rows of the contracts are locked by the caller's transaction, here and wherever a visit is ordered or told of, so
that an order and what silences it cannot miss each other.
"""

from collections.abc import Sequence
from datetime import date
from typing import NamedTuple
from uuid import UUID

from chassis import Principal
from recobro_events import ContractEvent, Row, Transaction
from recobro_events.contracts.field_visits import CancelReason, VisitCancelled

from field_visits.visits import queries, reading
from field_visits.visits.refusals import refuse_not_open


class Cause(NamedTuple):
    """Why a contract's open visits do not take place: all of them, or those of a placement, or up to a day."""

    contract_id: UUID
    reason: CancelReason
    event_id: UUID
    placement_id: UUID | None = None
    until: date | None = None

    @classmethod
    def of(
        cls, event: ContractEvent, reason: CancelReason, *, placement_id: UUID | None = None, until: date | None = None
    ) -> "Cause":
        return cls(event.contract_id, reason, event.event_id, placement_id, until)


async def cancel(tx: Transaction, causes: Sequence[Cause]) -> None:
    """Cancel the open visits that these causes mean, and tell everyone."""
    if causes:
        _publish(tx, await tx.fetch(queries.CANCEL, *zip(*causes, strict=True)))


async def cancel_unfit(tx: Transaction, events: Sequence[ContractEvent]) -> None:
    """Cancel the open visits of these events' contracts on whose day there is a reason to keep silent."""
    columns = zip(*((event.contract_id, event.event_id) for event in events), strict=True)
    _publish(tx, await tx.fetch(queries.CANCEL_UNFIT, *columns))


def _publish(tx: Transaction, cancelled: Sequence[Row]) -> None:
    # The order is part of the ids: RETURNING has none.
    for row in sorted(cancelled, key=lambda row: (row["contract_id"], row["visit_id"])):
        tx.publish(
            VisitCancelled(
                contract_id=row["contract_id"],
                visit_id=row["visit_id"],
                agency_id=row["agency_id"],
                reason=CancelReason(row["cancel_reason"]),
            ),
            cause=row["event_id"],
        )


async def call_off(tx: Transaction, who: Principal, visit_id: UUID, detail: str) -> Row:
    """Cancel by hand a visit that has not ended; 409 when it has, or was cancelled before."""
    row = await reading.locked(tx, visit_id, who.agency_id)
    refuse_not_open(row)
    await tx.execute(queries.CANCEL_BY_HAND, visit_id, detail)
    tx.publish(
        VisitCancelled(
            contract_id=row["contract_id"],
            visit_id=visit_id,
            agency_id=row["agency_id"],
            reason=CancelReason.OPERATOR,
            detail=detail,
        )
    )
    return await reading.expect(tx, visit_id, None)
