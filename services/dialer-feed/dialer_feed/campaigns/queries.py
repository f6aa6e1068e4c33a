"""SQL that reads and writes campaigns. An agency sees its own campaigns; a null agency sees all."""

from chassis.paging import both_orders

_CAMPAIGN = """
SELECT campaign_id, agency_id, name, min_overdue, stages, segments, steps, payment_holdoff_days, portfolio_ids,
    max_attempts_per_7_days, one_entry_per, parties, caller_ids, permits, kind, min_total, due_within_days, list_order,
    daily_size, phones_per_entry, phone_order, created_at
FROM campaign
"""
CREATE = """
INSERT INTO campaign
    (name, agency_id, min_overdue, stages, payment_holdoff_days, portfolio_ids, max_attempts_per_7_days, one_entry_per,
    parties, segments, steps, caller_ids, permits, kind, min_total, due_within_days, list_order, daily_size,
    phones_per_entry, phone_order)
VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13, $14, $15, $16, $17, $18, $19, $20) RETURNING *
"""
DEMAND = "UPDATE campaign SET caller_ids = $2, permits = $3 WHERE campaign_id = $1"
ONE = f"{_CAMPAIGN} WHERE campaign_id = $1 AND ($2::uuid IS NULL OR agency_id = $2)"
PAGE = both_orders(f"""
{_CAMPAIGN}
WHERE ($1::timestamptz IS NULL OR (created_at, campaign_id) {{beyond}} ($1, $2))
    AND ($3::uuid IS NULL OR agency_id = $3)
ORDER BY created_at {{order}}, campaign_id {{order}} LIMIT $4
""")
COUNT = "SELECT count(*) FROM campaign WHERE agency_id IS NOT DISTINCT FROM $1"
UNKNOWN_PORTFOLIOS = """
SELECT given.portfolio_id FROM unnest($1::uuid[]) AS given (portfolio_id)
LEFT JOIN portfolio USING (portfolio_id) WHERE portfolio.portfolio_id IS NULL
"""
