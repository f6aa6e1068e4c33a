"""Facts of the other services, kept in our own tables.

Groups of columns keep a version each and compare an event only with the groups that it carries: a payment that
overtakes its contract's registration does not erase the debtor's address. Nothing here cancels; ``handlers`` does.
"""

from collections.abc import Iterable, Sequence
from typing import Any

from recobro_events import Transaction
from recobro_events.contracts.assignment import (
    ContractPlaced,
    PlacementEvent,
    PlacementKind,
    PlacementReinstated,
)
from recobro_events.contracts.portfolio import (
    ClarificationOpened,
    ClarificationResolved,
    ContractPaused,
    ContractResumed,
    ContractWhole,
    DebtorStatusChanged,
    PortfolioStateChanged,
    PositionEvent,
)
from recobro_events.contracts.promises import PromiseEvent, PromiseMade, PromiseReopened
from recobro_events.contracts.runtime import ContractReplayed, ContractSetAside

from field_visits import projection_queries as queries


def _columns(rows: Iterable[tuple[Any, ...]]) -> list[tuple[Any, ...]]:
    return list(zip(*rows, strict=True))


async def keep_positions(tx: Transaction, events: Sequence[PositionEvent]) -> None:
    """State, stage and balances, where they are newer than what is known."""
    rows = [
        (e.contract_id, e.version, e.as_of, e.state, e.stage, e.overdue_balance, e.total_balance, e.oldest_due_on)
        for e in events
    ]
    await queries.save_positions(tx, _columns(rows))


async def keep_wholes(tx: Transaction, events: Sequence[ContractWhole]) -> None:
    """Everything that a whole contract says: each group where it is newer."""
    await keep_positions(tx, events)
    await queries.save_details(tx, _columns(_details(event) for event in events))
    await queries.save_statuses(tx, _columns((e.contract_id, e.debtor.status_version, e.debtor.status) for e in events))
    await _keep_addresses(tx, events)
    pauses = [(e.contract_id, p.pause_id, p.version, p.starts_on, p.ends_on) for e in events for p in e.pauses]
    if pauses:
        await queries.save_pauses(tx, _columns(pauses))
    await queries.retire_pauses(
        tx, _columns((e.contract_id, e.version) for e in events), _columns(pause[:2] for pause in pauses) or [(), ()]
    )
    disputes = [(e.contract_id, dispute, e.version) for e in events for dispute in e.open_clarifications]
    if disputes:
        await queries.open_clarifications(tx, _columns(disputes))
    facts = _columns((e.contract_id, e.version, False) for e in events)
    await queries.end_clarifications(tx, facts, _columns(dispute[:2] for dispute in disputes) or [(), ()])


def _details(event: ContractWhole) -> tuple[Any, ...]:
    return (
        event.contract_id,
        event.details_version,
        event.portfolio_id,
        event.debtor.debtor_id,
        event.contract_number,
        event.debtor.name,
        event.jurisdiction,
        event.currency,
    )


async def _keep_addresses(tx: Transaction, events: Sequence[ContractWhole]) -> None:
    addresses = [
        (
            event.contract_id,
            event.details_version,
            a.address_id,
            rank,
            a.kind,
            a.street,
            a.exterior,
            a.interior,
            a.neighbourhood,
            a.postal_code,
            a.city,
            a.state,
            a.country,
            a.authorised,
            a.irregular_numbering,
            " ".join(a.issues),
        )
        for event in events
        for rank, a in enumerate(event.addresses)
    ]
    if addresses:
        await queries.save_addresses(tx, _columns(addresses))
    listed = _columns((address[0], address[2]) for address in addresses) or [(), ()]
    await queries.retire_addresses(tx, _columns((e.contract_id, e.details_version) for e in events), listed)


async def keep_statuses(tx: Transaction, events: Sequence[DebtorStatusChanged]) -> None:
    await queries.save_statuses(tx, _columns((e.contract_id, e.status_version, e.status) for e in events))


async def keep_pauses(tx: Transaction, events: Sequence[ContractPaused | ContractResumed]) -> None:
    rows = [(e.contract_id, e.pause_id, e.pause_version, e.starts_on, e.ends_on) for e in events]
    await queries.save_pauses(tx, _columns(rows))


async def keep_clarifications(tx: Transaction, events: Sequence[ClarificationOpened]) -> None:
    await queries.open_clarifications(tx, _columns((e.contract_id, e.clarification_id, e.version) for e in events))


async def keep_resolutions(tx: Transaction, events: Sequence[ClarificationResolved]) -> None:
    """Where contact may not resume yet, the silence stays until a later resolution of the same one allows it."""
    rows = [(e.contract_id, e.clarification_id, e.version, not e.contact_may_resume) for e in events]
    await queries.resolve_clarifications(tx, _columns(rows))
    silent = [(e.contract_id, other) for e in events for other in e.still_open]
    facts = _columns((e.contract_id, e.version, True) for e in events)
    await queries.end_clarifications(tx, facts, _columns(silent) or [(), ()])


async def keep_placements(tx: Transaction, events: Sequence[PlacementEvent]) -> None:
    """Those of the kind visits; the other kinds send nobody to a door."""
    rows = [
        (e.contract_id, e.placement_id, e.version, e.agency_id, *_in_force(e))
        for e in events
        if e.kind is PlacementKind.VISITS
    ]
    if rows:
        await queries.save_placements(tx, _columns(rows))


def _in_force(event: PlacementEvent) -> tuple[Any, Any, Any]:
    """Whether the placement is active after the event, and its dates where the event says them."""
    if isinstance(event, ContractPlaced | PlacementReinstated):
        return True, event.starts_on, event.ends_on
    return False, None, None


async def keep_promises(tx: Transaction, events: Sequence[PromiseEvent]) -> None:
    rows = [
        (e.contract_id, e.promise_id, e.version, isinstance(e, PromiseMade | PromiseReopened), e.silent_until)
        for e in events
    ]
    await queries.save_promises(tx, _columns(rows))


async def keep_portfolios(tx: Transaction, events: Sequence[PortfolioStateChanged]) -> None:
    rows = [(e.portfolio_id, e.version, e.business_date, e.creditor_name or e.name, e.timezone) for e in events]
    await queries.save_portfolios(tx, _columns(rows))


async def keep_set_aside(tx: Transaction, events: Sequence[ContractSetAside]) -> None:
    """Each service counts for itself: the contract is silent while one of them is behind."""
    await queries.set_aside(tx, _columns((e.contract_id, e.service) for e in events))


async def keep_replayed(tx: Transaction, events: Sequence[ContractReplayed]) -> None:
    await queries.replayed(tx, _columns((e.contract_id, e.service) for e in events))
