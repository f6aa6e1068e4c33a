"""The cause of an event that a fact brings about for one of several: an agency, or a placement.

So its id does not depend on who the others are, and is the same when the fact is applied again.
"""

from uuid import UUID

from recobro_events import ContractEvent, caused_event_id


def cause_of(event: ContractEvent, whom: UUID) -> UUID:
    """The cause of what ``event`` means for this one."""
    return cause_made_of(event.event_id, type(event).type, whom)


def cause_made_of(event_id: UUID, event_type: str, whom: UUID) -> UUID:
    """``cause_of`` for an event of which these alone are known any more."""
    return caused_event_id(event_id, "assignment", event_type, str(whom), 0)
