"""A placement's way from active to recalled or ended. Whoever changes one holds its contract's row."""

from collections.abc import Sequence
from datetime import date
from typing import NamedTuple
from uuid import UUID

from recobro_events import Lane, Transaction
from recobro_events.contracts.assignment import PlacementState
from recobro_events.tracing import current_traceparent

from assignment.placements import changing_queries as queries


class Change(NamedTuple):
    """What a placement becomes on the business date ``day``.

    ``reason`` null keeps the one that it has; ``decision`` is what an operator says about an objection. ``by_date``:
    its grace or term is over. ``on_request``: an operator recalls it. ``cause``: the event that is being applied.
    """

    placement_id: UUID
    state: PlacementState
    day: date
    reason: str | None = None
    decision: str | None = None
    by_date: bool = False
    on_request: bool = False
    cause: UUID | None = None


async def change(tx: Transaction, changes: Sequence[Change]) -> None:
    """Change these placements, raise their versions, and tell everyone and the agencies."""
    if changes:
        # What agencies were told before stands before this in their streams.
        await tx.flush()
        columns = zip(*changes, strict=True)
        await tx.execute(queries.CHANGE, tx.consumer or "api", current_traceparent(), *columns)
        tx.wrote_outbox(Lane.EVENTS)
        tx.wrote_outbox(Lane.AGENCIES)
