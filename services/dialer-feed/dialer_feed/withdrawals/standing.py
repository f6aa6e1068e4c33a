"""Whether what an agency reports takes effect.

A report takes effect if the agency learned the fact while the contract was with the agency and the list was not over,
and if the report comes within the days of grace. Otherwise the report is kept, and a person decides. A report of the
creditor's own people always takes effect.
"""

from collections.abc import Sequence
from datetime import datetime, timedelta
from typing import NamedTuple
from uuid import UUID

from chassis import Principal
from recobro_events import Transaction

from dialer_feed.lists.eligibility import ON_DATE

# An agency has the contract up to the end of any of its placements, of whatever kind.
_HAS_EFFECT = f"""
SELECT coalesce(over.at >= least(fact.found_at, now()) AND over.at + $4::interval >= now(), false) AS effective
FROM unnest($1::uuid[], $2::uuid[], $3::timestamptz[]) WITH ORDINALITY AS fact (list_id, contract_id, found_at, n)
LEFT JOIN dialing_list list USING (list_id)
JOIN contract USING (contract_id)
LEFT JOIN portfolio USING (portfolio_id)
CROSS JOIN LATERAL (
    SELECT max(CASE
        WHEN ours.state = 'active' AND {ON_DATE} <= coalesce(ours.ends_on, 'infinity') THEN 'infinity'
        ELSE least(ours.ended_at, (ours.ends_on + 1)::timestamp AT TIME ZONE coalesce(portfolio.timezone, 'UTC'))
        END) AS at
    FROM placement ours
    WHERE ours.contract_id = fact.contract_id AND ours.agency_id = $5
        AND coalesce(ours.starts_on, '-infinity') <= {ON_DATE}
) AS lost
CROSS JOIN LATERAL (SELECT CASE WHEN lost.at IS NOT NULL THEN least(list.live_until, lost.at) END AS at) AS over
ORDER BY fact.n
"""


class Finding(NamedTuple):
    """What was found out about a contract of a list (zeros: of no list), and when; None for now."""

    list_id: UUID
    contract_id: UUID
    found_at: datetime | None = None


async def have_effect(tx: Transaction, who: Principal, findings: Sequence[Finding], grace: timedelta) -> Sequence[bool]:
    """Return for each finding whether it takes effect."""
    if who.agency_id is None or not findings:
        return [True] * len(findings)
    rows = await tx.fetch(_HAS_EFFECT, *zip(*findings, strict=True), grace, who.agency_id)
    return [row["effective"] for row in rows]
