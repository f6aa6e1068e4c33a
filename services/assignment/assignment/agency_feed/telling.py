"""What agencies hear on their own topics about the contracts that they have.

Placing and changing a placement tell its agency too, in the statements that do so.
"""

from collections.abc import Callable, Sequence
from typing import TypeVar
from uuid import UUID

from recobro_events import ContractEvent, Transaction
from recobro_events.contracts.agency import AgencyEvent
from recobro_events.contracts.dialer_feed import ListEntryWithdrawn

from assignment.agency_feed import queries
from assignment.agency_feed.rules import list_entry_withdrawn
from assignment.causes import cause_of

E = TypeVar("E", bound=ContractEvent)


async def tell(tx: Transaction, events: Sequence[E], saying: Callable[[E, UUID], AgencyEvent]) -> None:
    """Tell every agency that has the contract of one of these events, once, however many placements it has."""
    by_contract = {event.contract_id: event for event in events}
    for row in await tx.fetch(queries.WHO_HAS, list(by_contract)):
        event = by_contract[row["contract_id"]]
        tx.publish(saying(event, row["agency_id"]), cause=cause_of(event, row["agency_id"]), follows=event)


async def tell_withdrawals(tx: Transaction, withdrawals: Sequence[ListEntryWithdrawn]) -> None:
    """Tell each agency what has left its own lists, as long as it has or had the contract."""
    asked = {(w.contract_id, w.agency_id): w for w in withdrawals if w.agency_id is not None}
    if not asked:
        return
    rows = await tx.fetch(queries.WHO_HAS_OR_HAD, *zip(*asked, strict=True))
    for contract_id, agency_id in sorted((row["contract_id"], row["agency_id"]) for row in rows):
        withdrawal = asked[contract_id, agency_id]
        told = list_entry_withdrawn(withdrawal, agency_id)
        tx.publish(told, cause=cause_of(withdrawal, agency_id), follows=withdrawal)
