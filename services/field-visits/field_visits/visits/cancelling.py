"""Cancelling visits to debtors who have paid, who dispute the debt, or who may not be visited.

The caller's transaction holds the locks of the contracts' rows, here and wherever a visit is ordered or reported. So
an order and a fact that silences it cannot miss each other.
"""

from collections.abc import Sequence
from datetime import date, datetime
from typing import NamedTuple
from uuid import UUID

from chassis import Principal
from recobro_events import ContractEvent, Row, Transaction
from recobro_events.contracts.field_visits import CancelReason, VisitCancelled

from field_visits.visits import queries, reading
from field_visits.visits.refusals import refuse_not_open


class Cause(NamedTuple):
    """Why a contract's open visits are cancelled: all, or those of a placement, up to a day, or ordered before."""

    contract_id: UUID
    reason: CancelReason
    event_id: UUID
    placement_id: UUID | None = None
    until: date | None = None
    ordered_before: datetime | None = None

    @classmethod
    def of(
        cls,
        event: ContractEvent,
        reason: CancelReason,
        *,
        placement_id: UUID | None = None,
        until: date | None = None,
        ordered_before: datetime | None = None,
    ) -> "Cause":
        return cls(event.contract_id, reason, event.event_id, placement_id, until, ordered_before)


async def cancel(tx: Transaction, causes: Sequence[Cause]) -> None:
    """Cancel the open visits that these causes concern, and publish the cancellations."""
    if causes:
        _publish(tx, await tx.fetch(queries.CANCEL, *zip(*causes, strict=True)))


class Paid(NamedTuple):
    """A payment, with the business date and the moment at which it arrived."""

    contract_id: UUID
    payment_id: UUID
    as_of: date
    received_at: datetime


async def cancel_paid(tx: Transaction, payments: Sequence[Paid], causes: Sequence[Cause]) -> None:
    """Cancel every open visit of contracts that were paid. The visits keep by which payments, for a reversal."""
    if payments:
        await tx.execute(queries.PAID_FOR, *zip(*payments, strict=True))
        await cancel(tx, causes)


async def cancel_unfit(tx: Transaction, events: Sequence[ContractEvent]) -> None:
    """Cancel the open visits of these events' contracts whose day is silenced, and publish the cancellations."""
    columns = zip(*((event.contract_id, event.event_id) for event in events), strict=True)
    _publish(tx, await tx.fetch(queries.CANCEL_UNFIT, *columns))


async def cancel_forbidden(tx: Transaction, events: Sequence[ContractEvent]) -> None:
    """Cancel the open visits of these events' contracts that their step forbids, or that are inconvenient.

    They are cancelled as ``operator`` with a detail: readers of earlier releases know no other reason for it.
    """
    columns = zip(*((event.contract_id, event.event_id) for event in events), strict=True)
    _publish(tx, await tx.fetch(queries.CANCEL_FORBIDDEN, *columns))


def _publish(tx: Transaction, cancelled: Sequence[Row]) -> None:
    # Event ids depend on the order of publishing, and RETURNING guarantees no order.
    for row in sorted(cancelled, key=lambda row: (row["contract_id"], row["visit_id"])):
        tx.publish(
            VisitCancelled(
                contract_id=row["contract_id"],
                visit_id=row["visit_id"],
                agency_id=row["agency_id"],
                reason=CancelReason(row["cancel_reason"]),
                detail=row.get("cancel_detail"),
            ),
            cause=row["event_id"],
        )


async def cancel_by_hand(tx: Transaction, who: Principal, visit_id: UUID, detail: str) -> Row:
    """Cancel a visit by hand. 409 when the visit has ended or was cancelled before."""
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
    return await reading.expect(tx, visit_id, who.agency_id)
