"""Portfolios, contracts and payments as promises keeps them. Nothing here judges promises; ``handlers`` does."""

from collections.abc import Iterable, Iterator, Sequence
from typing import Any
from uuid import UUID

from projections import clarifications
from projections.columns import Column, columns
from projections.contracts import Details, Positions, Wholes
from projections.portfolios import Portfolios
from recobro_events import Transaction
from recobro_events.contracts.portfolio import (
    ContractWhole,
    FilePayment,
    KnownPayment,
    Party,
    PartyChange,
    PartyChanged,
    PaymentReceived,
    PaymentReversed,
)

PORTFOLIOS = Portfolios(
    "name", "company", "letterhead", "business_date", "timezone", "jurisdiction", "promise_limits", "posting_lag_days"
)
POSITIONS = Positions(
    "state", "stage", "days_past_due", "overdue_balance", "total_balance", "as_of", "episode", "components"
)
_DETAILS = Details(
    "portfolio_id",
    "contract_number",
    "currency",
    "product",
    absorbed_version=Column("bigint", lambda whole: whole.version if whole.payments_on_top == 0 else None),
)
_WHOLES = Wholes(POSITIONS, _DETAILS, segments=True)

# Each payment is kept once. A known payment stays as it is, reversed or not. Where the reversal came first, the payment
# fills in the row that the reversal inserted.
_PAYMENTS = """
INSERT INTO payment AS known (payment_id, contract_id, amount, paid_on, business_date)
SELECT * FROM unnest($1::uuid[], $2::uuid[], $3::numeric[], $4::date[], $5::date[])
ON CONFLICT (payment_id) DO UPDATE SET
    amount = excluded.amount, paid_on = excluded.paid_on, business_date = excluded.business_date
WHERE known.paid_on IS NULL
"""
_PARTIES = """
INSERT INTO party AS known (party_id, contract_id, version, role, removed)
SELECT * FROM unnest($1::uuid[], $2::uuid[], $3::bigint[], $4::text[], $5::boolean[])
ON CONFLICT (party_id) DO UPDATE SET
    version = excluded.version, role = excluded.role, removed = excluded.removed
WHERE known.version < excluded.version
"""
_REVERSALS = """
INSERT INTO payment (payment_id, contract_id, amount, reversed)
SELECT *, true FROM unnest($1::uuid[], $2::uuid[], $3::numeric[])
ON CONFLICT (payment_id) DO UPDATE SET reversed = true
"""


async def keep_wholes(tx: Transaction, wholes: Sequence[ContractWhole]) -> None:
    """Keep whole contracts: each group of columns where it is newer, disputes, and the payments that the event lists.

    Payments of channel ``file`` travel in this event alone. An event may list one of them twice.
    """
    await _WHOLES.keep(tx, wholes)
    await clarifications.keep_from_contracts(tx, wholes)
    await _keep_parties(tx, ((whole.contract_id, party, False) for whole in wholes for party in whole.parties or ()))
    if rows := {row[0]: row for whole in wholes for row in _payments_of(whole)}:
        await tx.execute(_PAYMENTS, *columns(rows.values(), 5))
    known = ((whole.contract_id, payment) for whole in wholes for payment in whole.payments)
    if undone := [(p.payment_id, contract_id, p.amount) for contract_id, p in known if p.reversed]:
        await tx.execute(_REVERSALS, *columns(undone, 3))


async def keep_parties(tx: Transaction, changes: Sequence[PartyChanged]) -> None:
    """Keep who besides the debtor has to do with a contract: the role, and never the person's data."""
    await _keep_parties(tx, ((each.contract_id, each.party, each.change is PartyChange.REMOVED) for each in changes))


async def _keep_parties(tx: Transaction, parties: Iterable[tuple[UUID, Party, bool]]) -> None:
    newest = {
        party.party_id: (party.party_id, contract_id, party.version, party.role, removed)
        for contract_id, party, removed in sorted(parties, key=lambda each: each[1].version)
    }
    if newest:
        await tx.execute(_PARTIES, *columns(newest.values(), 5))


def _payments_of(whole: ContractWhole) -> Iterator[tuple[Any, ...]]:
    listed: tuple[FilePayment | KnownPayment, ...] = (*whole.file_payments, *whole.payments)
    return ((p.payment_id, whole.contract_id, p.amount, p.paid_on, p.business_date) for p in listed)


async def keep_payments(tx: Transaction, events: Sequence[PaymentReceived]) -> None:
    """Keep each payment once, however often it is published. ``as_of`` is the business date on which it arrived."""
    rows = ((e.payment_id, e.contract_id, e.amount, e.paid_on, e.as_of) for e in events)
    await tx.execute(_PAYMENTS, *columns(rows, 5))


async def keep_reversals(tx: Transaction, events: Sequence[PaymentReversed]) -> None:
    """Keep reversals. A reversal that comes before its payment is kept too, so that the payment never counts."""
    await tx.execute(_REVERSALS, *columns(((e.payment_id, e.contract_id, e.amount) for e in events), 3))
