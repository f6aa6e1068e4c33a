"""Facts of the portfolio service, kept in our own tables.

Position and details keep a version each and compare an event only with the group that it carries: a payment that
overtakes its contract's registration does not keep its details away. Nothing here places or recalls; ``handlers`` does.
"""

from collections.abc import Iterable, Sequence
from typing import Any

from jurisdictions import UnknownJurisdiction, state_named
from recobro_events import Transaction
from recobro_events.contracts.portfolio import (
    ClarificationOpened,
    ClarificationResolved,
    ContractWhole,
    PortfolioStateChanged,
    PositionEvent,
)

from assignment import projection_queries as queries


def _columns(rows: Iterable[tuple[Any, ...]]) -> list[tuple[Any, ...]]:
    return list(zip(*rows, strict=True))


async def keep_positions(tx: Transaction, events: Sequence[PositionEvent]) -> None:
    """State, stage and balances, where they are newer than what is known."""
    rows = [
        (
            e.contract_id,
            e.version,
            e.as_of,
            e.state,
            e.stage,
            e.days_past_due,
            e.overdue_balance,
            e.total_balance,
        )
        for e in events
    ]
    await queries.save_positions(tx, _columns(rows))


async def keep_wholes(tx: Transaction, events: Sequence[ContractWhole]) -> None:
    """Everything that a whole contract says: each group where it is newer."""
    await keep_positions(tx, events)
    rows = [
        (
            e.contract_id,
            e.details_version,
            e.portfolio_id,
            e.contract_number,
            e.currency,
            e.product,
            e.segment,
            _region(e),
        )
        for e in events
    ]
    await queries.save_details(tx, _columns(rows))
    disputes = [(e.contract_id, dispute, e.version) for e in events for dispute in e.open_clarifications]
    if disputes:
        await queries.open_clarifications(tx, _columns(disputes))
    facts = _columns((e.contract_id, e.version, False) for e in events)
    await queries.end_clarifications(tx, facts, _columns(dispute[:2] for dispute in disputes) or [(), ()])


def _region(event: ContractWhole) -> str | None:
    """The usual name of the state that the debtor lives in; as it is written where its jurisdiction names none."""
    if not event.addresses:
        return None
    written = event.addresses[0].state
    try:
        return state_named(event.jurisdiction, written) or written
    except UnknownJurisdiction:
        return written


async def keep_clarifications(tx: Transaction, events: Sequence[ClarificationOpened]) -> None:
    await queries.open_clarifications(tx, _columns((e.contract_id, e.clarification_id, e.version) for e in events))


async def keep_resolutions(tx: Transaction, events: Sequence[ClarificationResolved]) -> None:
    """Where contact may not resume yet, the silence stays until a later resolution of the same one allows it."""
    rows = [(e.contract_id, e.clarification_id, e.version, not e.contact_may_resume) for e in events]
    await queries.resolve_clarifications(tx, _columns(rows))
    silent = [(e.contract_id, other) for e in events for other in e.still_open]
    facts = _columns((e.contract_id, e.version, True) for e in events)
    await queries.end_clarifications(tx, facts, _columns(silent) or [(), ()])


async def keep_portfolios(tx: Transaction, events: Sequence[PortfolioStateChanged]) -> None:
    rows = [(e.portfolio_id, e.version, e.state, e.business_date, e.name, e.timezone) for e in events]
    await queries.save_portfolios(tx, _columns(rows))
