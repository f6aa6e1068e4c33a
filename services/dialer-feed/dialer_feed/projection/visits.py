"""Visits to debtors. Call frequency counts visits together with calls."""

from collections.abc import Sequence

from projections.columns import columns
from recobro_events import Transaction
from recobro_events.contracts.field_visits import AttendedBy, VisitCompleted, VisitOrdered

# A known visit stays as it is, made or not.
_KEEP_ORDERED = """
INSERT INTO visit (contract_id, visit_id, visit_on)
SELECT * FROM unnest($1::uuid[], $2::uuid[], $3::date[]) ON CONFLICT DO NOTHING
"""
# A visit without a known order counts on the portfolio's current business date, or else on the day it started (UTC).
_KEEP_MADE = """
INSERT INTO visit AS known (contract_id, visit_id, visit_on, made, met_debtor)
SELECT fact.contract_id, fact.visit_id, coalesce(portfolio.business_date, (fact.started_at AT TIME ZONE 'UTC')::date),
    true, fact.met_debtor
FROM unnest($1::uuid[], $2::uuid[], $3::timestamptz[], $4::boolean[])
    AS fact (contract_id, visit_id, started_at, met_debtor)
LEFT JOIN contract USING (contract_id)
LEFT JOIN portfolio USING (portfolio_id)
ON CONFLICT (contract_id, visit_id) DO UPDATE SET made = true, met_debtor = excluded.met_debtor
"""


async def keep_ordered(tx: Transaction, events: Sequence[VisitOrdered]) -> None:
    """Keep the days that visits are ordered for. A visit counts on that day."""
    await tx.execute(_KEEP_ORDERED, *columns(((e.contract_id, e.visit_id, e.visit_on) for e in events), 3))


async def keep_made(tx: Transaction, events: Sequence[VisitCompleted]) -> None:
    """Mark visits as made. Every visit is a contact; a visit that met the debtor is a conversation."""
    rows = ((e.contract_id, e.visit_id, e.started_at, e.attended_by is AttendedBy.DEBTOR) for e in events)
    await tx.execute(_KEEP_MADE, *columns(rows, 4))
