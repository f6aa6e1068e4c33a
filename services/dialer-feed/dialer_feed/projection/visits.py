"""Visits to debtors: call frequency counts them with calls."""

from collections.abc import Sequence

from projections.columns import columns
from recobro_events import Transaction
from recobro_events.contracts.field_visits import AttendedBy, VisitCompleted, VisitOrdered

# One that is known, made or not, stays as it is.
_KEEP_ORDERED = """
INSERT INTO visit (contract_id, visit_id, visit_on)
SELECT * FROM unnest($1::uuid[], $2::uuid[], $3::date[]) ON CONFLICT DO NOTHING
"""
# One whose order was never heard of counts on the business date on which it is.
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
    """Keep the days that visits are ordered for: a visit counts on its day."""
    await tx.execute(_KEEP_ORDERED, *columns(((e.contract_id, e.visit_id, e.visit_on) for e in events), 3))


async def keep_made(tx: Transaction, events: Sequence[VisitCompleted]) -> None:
    """Keep that visits were made. Any visit is a contact; meeting the debtor is a conversation."""
    rows = ((e.contract_id, e.visit_id, e.started_at, e.attended_by is AttendedBy.DEBTOR) for e in events)
    await tx.execute(_KEEP_MADE, *columns(rows, 4))
