"""Facts of the portfolio and the assignment service, kept in our own tables. Nothing here judges; ``handlers`` does.

Groups of columns keep a version each and compare an event only with the groups that it carries: a payment that
overtakes its contract's registration does not erase the contract's portfolio.
"""

from collections.abc import Iterable, Sequence
from typing import Any
from uuid import UUID

from recobro_events import Transaction, sorted_unique
from recobro_events.contracts.assignment import PlacementEvent, PlacementState
from recobro_events.contracts.portfolio import (
    ContractWhole,
    DebtorStatusChanged,
    PaymentReceived,
    PaymentReversed,
    PortfolioStateChanged,
    PositionEvent,
)

from promises import projection_queries as queries


def _columns(rows: Iterable[tuple[Any, ...]]) -> list[tuple[Any, ...]]:
    return list(zip(*rows, strict=True))


async def lock(tx: Transaction, contract_ids: Iterable[UUID]) -> None:
    """Lock these contracts in the order of their ids; those that were never heard of get a row first."""
    if ordered := sorted_unique(contract_ids):
        await queries.know_contracts(tx, ordered)
        await queries.lock_contracts(tx, ordered)


async def keep_positions(tx: Transaction, events: Sequence[PositionEvent]) -> None:
    """State and balances, where they are newer than what is known."""
    rows = [(e.contract_id, e.version, e.state, e.overdue_balance, e.total_balance, e.as_of) for e in events]
    await queries.save_positions(tx, _columns(rows))


async def keep_wholes(tx: Transaction, events: Sequence[ContractWhole]) -> None:
    """Everything that a whole contract says: each group where it is newer."""
    await keep_positions(tx, events)
    details = [(e.contract_id, e.details_version, e.portfolio_id, e.contract_number, e.currency) for e in events]
    await queries.save_details(tx, _columns(details))
    await queries.save_statuses(tx, _columns((e.contract_id, e.debtor.status_version, e.debtor.status) for e in events))
    if said := [(e.contract_id, payment) for e in events for payment in e.payments]:
        rows = [(p.payment_id, one, p.amount, p.paid_on, p.business_date) for one, p in said]
        await queries.save_payments(tx, _columns(rows))
    if undone := [(p.payment_id, one, p.amount) for one, p in said if p.reversed]:
        await queries.reverse_payments(tx, _columns(undone))


async def keep_statuses(tx: Transaction, events: Sequence[DebtorStatusChanged]) -> None:
    await queries.save_statuses(tx, _columns((e.contract_id, e.status_version, e.status) for e in events))


async def keep_payments(tx: Transaction, events: Sequence[PaymentReceived]) -> None:
    """Each payment once, however often it is told; ``as_of`` is the business date on which it arrived."""
    await queries.save_payments(
        tx, _columns((e.payment_id, e.contract_id, e.amount, e.paid_on, e.as_of) for e in events)
    )


async def keep_reversals(tx: Transaction, events: Sequence[PaymentReversed]) -> None:
    """One that comes before its payment is remembered: the payment then never counts."""
    await queries.reverse_payments(tx, _columns((e.payment_id, e.contract_id, e.amount) for e in events))


async def keep_placements(tx: Transaction, events: Sequence[PlacementEvent], state: PlacementState) -> None:
    rows = [(e.placement_id, e.version, e.contract_id, e.agency_id, e.kind, state) for e in events]
    await queries.save_placements(tx, _columns(rows))


async def keep_portfolios(tx: Transaction, events: Sequence[PortfolioStateChanged]) -> None:
    await queries.save_portfolios(
        tx, _columns((e.portfolio_id, e.version, e.business_date, e.timezone) for e in events)
    )
