"""The cause of an event that follows from a received event for one agency or one placement of several.

The id of the event that follows therefore does not depend on the other agencies or placements. It is the same when
the received event is applied again.
"""

from uuid import UUID

from recobro_events import ContractEvent, caused_event_id


def cause_of(event: ContractEvent, target_id: UUID) -> UUID:
    """The cause of the event that follows from ``event`` for the agency or placement ``target_id``."""
    return cause_made_of(event.event_id, type(event).type, target_id)


def cause_made_of(event_id: UUID, event_type: str, target_id: UUID) -> UUID:
    """``cause_of`` for an event of which only the id and the type are still stored."""
    return caused_event_id(event_id, "assignment", event_type, str(target_id), 0)
