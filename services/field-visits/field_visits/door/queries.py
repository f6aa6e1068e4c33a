"""SQL that reads the balance as of the business date and writes attendances and results."""

from projections import silence

from field_visits.projection import BUSINESS_DATE

ATTEND = """
INSERT INTO attendance (visit_id, attended_by, at, told_balance, recorded_by) VALUES ($1, $2, $3, $4, $5)
"""
BALANCE = f"""
SELECT contract.overdue_balance, contract.total_balance, contract.currency, {BUSINESS_DATE} AS as_of,
    {silence.days_past_due(BUSINESS_DATE)} AS days_past_due
FROM contract JOIN portfolio USING (portfolio_id) WHERE contract.contract_id = $1
"""
END = """
UPDATE visit SET state = $2, outcome = $3, attended_by = $4, reason_for_non_payment = $5, started_at = $6,
    latitude = $7, longitude = $8, accuracy_metres = $9, address_verdict = $10, contacts = $11, reported_by = $12,
    reported_at = clock_timestamp()
WHERE visit_id = $1
"""
