"""Publishes events on agencies' own topics about the contracts that they have.

The statements that make or change placements publish on these topics as well.
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


async def publish(tx: Transaction, events: Sequence[E], make: Callable[[E, UUID], AgencyEvent]) -> None:
    """Publish each event to every agency that has its contract, once per agency, not once per placement."""
    by_contract = {event.contract_id: event for event in events}
    for row in await tx.fetch(queries.PLACED_WITH, list(by_contract)):
        event = by_contract[row["contract_id"]]
        tx.publish(make(event, row["agency_id"]), cause=cause_of(event, row["agency_id"]), follows=event)


async def publish_withdrawals(tx: Transaction, withdrawals: Sequence[ListEntryWithdrawn]) -> None:
    """Publish to each agency the withdrawals from its own lists, for contracts that it has or had."""
    by_recipient = {(w.contract_id, w.agency_id): w for w in withdrawals if w.agency_id is not None}
    if not by_recipient:
        return
    rows = await tx.fetch(queries.EVER_PLACED_WITH, *zip(*by_recipient, strict=True))
    for contract_id, agency_id in sorted((row["contract_id"], row["agency_id"]) for row in rows):
        withdrawal = by_recipient[contract_id, agency_id]
        event = list_entry_withdrawn(withdrawal, agency_id)
        tx.publish(event, cause=cause_of(withdrawal, agency_id), follows=withdrawal)
