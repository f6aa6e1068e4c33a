"""Changes of a placement's state, from active to recalled or ended. The caller has locked the contract's row."""

from collections.abc import Sequence
from datetime import date
from typing import NamedTuple
from uuid import UUID

from recobro_events import Lane, Transaction
from recobro_events.contracts.assignment import PlacementState
from recobro_events.tracing import current_traceparent

from assignment.placements import changing_queries as queries


class Change(NamedTuple):
    """The new state of a placement on the business date ``day``.

    A null ``reason`` keeps the stored reason. ``decision`` is the text of an acknowledgement, or of the decision about
    an objection. ``by_date`` means that no person decides: the grace or term is over, or the reason of the recall is
    gone. ``on_request`` means that an operator recalls the
    contract. ``cause`` is the id of the event that is being applied.
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
    """Change these placements, raise their versions, and publish the changes to all services and to the agencies."""
    if changes:
        # Events that this transaction published to agencies earlier must stand earlier on their topics.
        await tx.flush()
        columns = zip(*changes, strict=True)
        await tx.execute(queries.CHANGE, tx.consumer or "api", current_traceparent(), *columns)
        tx.wrote_outbox(Lane.EVENTS)
        tx.wrote_outbox(Lane.AGENCIES)
