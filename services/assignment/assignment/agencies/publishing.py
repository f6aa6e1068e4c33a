"""What the other services know of an agency."""

from recobro_events import Row, Transaction
from recobro_events.contracts.assignment import AgencyChanged

_ALL = "SELECT agency_id, name, letterhead, version FROM agency ORDER BY agency_id FOR UPDATE"


def changed(row: Row) -> AgencyChanged:
    """Return the event with the agency as this row has it."""
    return AgencyChanged.model_validate(dict(row))


async def republish(tx: Transaction) -> None:
    """Republish every agency to ``tx.audience``. Nothing has changed."""
    tx.publish(*(changed(row) for row in await tx.fetch(_ALL)))
