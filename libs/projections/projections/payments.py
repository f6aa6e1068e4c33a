"""Payments, with what the days without contact after each need: the day from which they count, and any reversal.

A table also has claimed payments: the debtor says that it was paid, and no payment has arrived yet.
"""

from collections.abc import Iterator, Sequence
from typing import Any

from recobro_events import Transaction
from recobro_events.contracts.dialer_feed import PaymentClaimed
from recobro_events.contracts.portfolio import ContractWhole, PaymentReceived, PaymentReversed

from projections.columns import columns

TABLE = """
-- business_date is the day on which the payment arrived. Days without contact count from holdoff_from, or from
-- business_date where it is null. claimed: the debtor stated the payment, but no payment has arrived. The payment_id is
-- then generated here, or the id of the event that states the claim.
CREATE TABLE payment (
    contract_id uuid NOT NULL,
    payment_id uuid NOT NULL DEFAULT uuidv7(),
    business_date date NOT NULL,
    holdoff_from date,
    reversed boolean NOT NULL DEFAULT false,
    claimed boolean NOT NULL DEFAULT false,
    PRIMARY KEY (contract_id, payment_id)
);
"""
SILENCES = """
-- figures_version is the contract's version at the newest whole contract. undecided: a person decides which figures
-- hold. payment_silent_until: the last day without contact because of a payment that the creditor's files do not know.
ALTER TABLE contract ADD COLUMN IF NOT EXISTS figures_version bigint NOT NULL DEFAULT -1,
    ADD COLUMN IF NOT EXISTS undecided boolean NOT NULL DEFAULT false,
    ADD COLUMN IF NOT EXISTS payment_silent_until date;
ALTER TABLE portfolio ADD COLUMN IF NOT EXISTS payment_holdoff_days smallint;
"""
"""Adds the columns that ``silence`` reads beside ``TABLE``, which ``contracts.Wholes`` keeps with ``figures``.

The portfolio's is null before it says its days.
"""
HOLDOFF_FROM = "ALTER TABLE payment ADD COLUMN IF NOT EXISTS holdoff_from date;"
"""Adds the column to a table of payments that is older than this module."""

# A payment that was reversed stays so, whichever event arrives first. The day from which its days count is kept once.
_KEEP = """
INSERT INTO payment AS known (contract_id, payment_id, business_date, holdoff_from, reversed)
SELECT * FROM unnest($1::uuid[], $2::uuid[], $3::date[], $4::date[], $5::boolean[])
ON CONFLICT (contract_id, payment_id) DO UPDATE SET
    holdoff_from = coalesce(known.holdoff_from, excluded.holdoff_from),
    reversed = known.reversed OR excluded.reversed
WHERE (excluded.reversed AND NOT known.reversed)
    OR (known.holdoff_from IS NULL AND excluded.holdoff_from IS NOT NULL)
"""
# Days without contact count from the business date, or from the day of the claim where that is later.
_KEEP_CLAIMS = """
INSERT INTO payment (contract_id, payment_id, business_date, holdoff_from, claimed)
SELECT fact.contract_id, fact.claim_id, coalesce(portfolio.business_date, claimed.day),
    greatest(portfolio.business_date, claimed.day), true
FROM unnest($1::uuid[], $2::uuid[], $3::timestamptz[]) AS fact (contract_id, claim_id, at)
JOIN contract USING (contract_id)
LEFT JOIN portfolio USING (portfolio_id)
CROSS JOIN LATERAL (SELECT (fact.at AT TIME ZONE coalesce(portfolio.timezone, 'UTC'))::date AS day) AS claimed
ON CONFLICT DO NOTHING
"""


async def keep(tx: Transaction, events: Sequence[PaymentReceived]) -> None:
    """Keep payments, each with the day from which its days without contact count."""
    await _keep(tx, [(e.contract_id, e.payment_id, e.as_of, e.holdoff_from, False) for e in events])


async def keep_reversals(tx: Transaction, events: Sequence[PaymentReversed]) -> None:
    """Keep reversals. After a reversed payment there are no days without contact, even if the payment arrives later."""
    await _keep(tx, [(e.contract_id, e.payment_id, e.as_of, None, True) for e in events])


async def keep_claims(tx: Transaction, events: Sequence[PaymentClaimed]) -> None:
    """Keep claimed payments, which silence like a payment. The table ``portfolio`` needs the column ``timezone``."""
    await tx.execute(_KEEP_CLAIMS, *columns(((e.contract_id, e.event_id, e.occurred_at) for e in events), 3))


async def keep_from_contracts(tx: Transaction, events: Sequence[ContractWhole]) -> None:
    """Keep the payments and reversals that whole contracts carry.

    A payment of a file travels on a whole contract alone. The others are in case this service missed one.
    """
    rows: dict[tuple[Any, Any], tuple[Any, ...]] = {}
    for row in (row for event in events for row in _carried_by(event)):
        known = rows.get(row[:2], row)
        rows[row[0], row[1]] = (*row[:3], row[3] or known[3], row[4] or known[4])
    if rows:
        await _keep(tx, list(rows.values()))


def _carried_by(event: ContractWhole) -> Iterator[tuple[Any, ...]]:
    if p := event.last_payment:
        yield event.contract_id, p.payment_id, p.business_date, p.holdoff_from, False
    for known in event.payments:
        yield event.contract_id, known.payment_id, known.business_date, known.holdoff_from, known.reversed
    for paid in event.file_payments:
        yield event.contract_id, paid.payment_id, paid.business_date, paid.holdoff_from, False


async def _keep(tx: Transaction, rows: Sequence[Sequence[Any]]) -> None:
    await tx.execute(_KEEP, *columns(rows, 5))
