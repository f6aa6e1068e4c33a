"""SQL that reads the balance as of the business date and writes attendances and results."""

from projections import silence

from field_visits.projection import BUSINESS_DATE
from field_visits.visits.eligibility import REASON

ATTEND = """
INSERT INTO attendance (visit_id, attended_by, at, told_balance, recorded_by, breaches) VALUES ($1, $2, $3, $4, $5, $6)
"""
ATTENDANCES = "SELECT count(*) FROM attendance WHERE visit_id = $1"
# What the allowed hours at the visit's address depend on.
PLACE = """
SELECT contract.jurisdiction, address.city, address.state AS address_state, address.postal_code,
    address.kind, contract.conveniences, portfolio.creditor_kind, portfolio.timezone
FROM visit
JOIN contract USING (contract_id)
JOIN portfolio USING (portfolio_id)
LEFT JOIN address ON address.contract_id = visit.contract_id AND address.address_id = visit.address_id
WHERE visit.visit_id = $1
"""
# Whether the contract is silenced on the day $2, but for an amount that is no longer overdue.
SILENT_ON = f"""
SELECT coalesce({REASON}, 'nothing_overdue') <> 'nothing_overdue'
FROM contract, (SELECT $2::date AS visit_on) AS visit WHERE contract.contract_id = $1
"""
BREACHES = {
    order: f"""
SELECT attendance.attendance_id, visit.visit_id, visit.contract_id, visit.agency_id, visit.visitor,
    attendance.attended_by, attendance.at, attendance.breaches, attendance.recorded_by, attendance.recorded_at,
    attendance.actor
FROM attendance JOIN visit USING (visit_id)
WHERE attendance.breaches <> '{{}}' AND ($1::text IS NULL OR $1 = ANY (attendance.breaches))
    AND ($2::uuid IS NULL OR visit.agency_id = $2) AND ($3::uuid IS NULL OR visit.contract_id = $3)
    AND ($4::bigint IS NULL OR attendance.attendance_id {beyond} $4)
ORDER BY attendance.attendance_id {order} LIMIT $5
"""
    for order, beyond in (("asc", ">"), ("desc", "<"))
}
# How many phones and e-mails the visits of the contract have brought, ever and within 24 hours.
CONTACTS = """
SELECT coalesce(sum(jsonb_array_length(contacts)), 0) AS ever,
    coalesce(sum(jsonb_array_length(contacts)) FILTER (
        WHERE reported_at > clock_timestamp() - interval '24 hours'), 0) AS lately
FROM visit WHERE contract_id = $1
"""
# Whether the agency has the contract, and since when it no longer has it.
PLACED = """
SELECT coalesce(bool_or(active), false) AS is_placed, max(ended_at) AS ended_at
FROM placement WHERE contract_id = $1 AND agency_id = $2
"""
BALANCE = f"""
SELECT contract.overdue_balance, contract.total_balance, contract.currency, {BUSINESS_DATE} AS as_of,
    {silence.days_past_due(BUSINESS_DATE)} AS days_past_due
FROM contract JOIN portfolio USING (portfolio_id) WHERE contract.contract_id = $1
"""
END = """
UPDATE visit SET state = $2, outcome = $3, attended_by = $4, reason_for_non_payment = $5, started_at = $6,
    latitude = $7, longitude = $8, accuracy_metres = $9, address_verdict = $10, contacts = $11, reported_by = $12,
    effective = $13, addresses = $14, result_actor = nullif(current_setting('app.actor', true), '')::jsonb,
    reported_at = clock_timestamp()
WHERE visit_id = $1
"""
