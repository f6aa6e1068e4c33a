"""What agencies hear on their own topics about the contracts that they have: no names, no phones, no addresses."""

from collections.abc import Callable, Sequence
from typing import TypeVar
from uuid import UUID

from chassis import Reader
from recobro_events import ContractEvent, Transaction, caused_event_id
from recobro_events.contracts.agency import AgencyEvent

from assignment.placements.rules import LIVE

E = TypeVar("E", bound=ContractEvent)

_WHO_HAS = f"""
SELECT DISTINCT contract_id, agency_id FROM placement
WHERE contract_id = ANY ($1::uuid[]) AND {LIVE} ORDER BY contract_id, agency_id
"""
_WHO_HAD = """
SELECT DISTINCT contract_id, agency_id FROM placement
JOIN unnest($1::uuid[], $2::uuid[]) AS asked (contract_id, agency_id) USING (contract_id, agency_id)
"""


def cause_of(event: ContractEvent, whom: UUID) -> UUID:
    """The cause of what ``event`` means for one of several: its id does not depend on who the others are."""
    return cause_made_of(event.event_id, type(event).type, whom)


def cause_made_of(event_id: UUID, event_type: str, whom: UUID) -> UUID:
    """``cause_of`` for an event of which these alone are known any more."""
    return caused_event_id(event_id, "assignment", event_type, str(whom), 0)


async def tell(tx: Transaction, events: Sequence[E], saying: Callable[[E, UUID], AgencyEvent]) -> None:
    """Tell every agency that has the contract of one of these events, once, however many placements it has."""
    by_contract = {event.contract_id: event for event in events}
    for row in await tx.fetch(_WHO_HAS, list(by_contract)):
        event = by_contract[row["contract_id"]]
        tx.publish(saying(event, row["agency_id"]), cause=cause_of(event, row["agency_id"]), follows=event)


async def ever_placed(reader: Reader, pairs: Sequence[tuple[UUID, UUID]]) -> set[tuple[UUID, UUID]]:
    """Those of these (contract, agency) where the agency has or had the contract."""
    rows = await reader.fetch(_WHO_HAD, *zip(*pairs, strict=True))
    return {(row["contract_id"], row["agency_id"]) for row in rows}
