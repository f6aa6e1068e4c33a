"""Agencies, their service contracts and fees."""

from chassis.letterheads import CHANGED
from chassis.paging import both_orders

_COLUMNS = "agency_id, name, email, letterhead, created_at"
CREATE_AGENCY = f"INSERT INTO agency (name, email) VALUES ($1, $2) RETURNING {_COLUMNS}, version"
CHANGE_AGENCY = f"""
UPDATE agency SET letterhead = {CHANGED}, version = version + 1 WHERE agency_id = $1 RETURNING {_COLUMNS}, version
"""
AGENCY = f"SELECT {_COLUMNS} FROM agency WHERE agency_id = $1"
COUNT_AGENCIES = "SELECT count(*) FROM agency"
LOCK_AGENCY = "SELECT FROM agency WHERE agency_id = $1 FOR UPDATE"
"""No other transaction can give the agency a service contract until this one has ended."""
AGENCIES = both_orders(f"""
SELECT {_COLUMNS} FROM agency WHERE $1::timestamptz IS NULL OR (created_at, agency_id) {{beyond}} ($1, $2)
ORDER BY created_at {{order}}, agency_id {{order}} LIMIT $3
""")
UNKNOWN_AGENCIES = """
SELECT given.agency_id FROM unnest($1::uuid[]) AS given (agency_id)
LEFT JOIN agency USING (agency_id) WHERE agency.agency_id IS NULL ORDER BY 1
"""
COUNT_SERVICE_CONTRACTS = "SELECT count(*) FROM service_contract WHERE agency_id = $1"
OVERLAPPING = """
SELECT service_contract_id FROM service_contract
WHERE agency_id = $1 AND kinds && $2::text[]
    AND starts_on <= coalesce($4::date, 'infinity') AND $3::date <= coalesce(ends_on, 'infinity')
ORDER BY starts_on LIMIT 1
"""
"""The agency's first service contract that covers one of these kinds on one of these days."""
CREATE_SERVICE_CONTRACT = """
INSERT INTO service_contract
    (agency_id, kinds, starts_on, ends_on, capacity, recall_grace_days, attribution_days)
VALUES ($1, $2, $3, $4, $5, $6, $7) RETURNING *
"""
CREATE_FEES = """
INSERT INTO fee (service_contract_id, kind, from_days, to_days, percent)
SELECT $1, * FROM unnest($2::text[], $3::integer[], $4::integer[], $5::numeric[])
"""
SERVICE_CONTRACTS = both_orders("""
SELECT service_contract.*, (
    SELECT coalesce(json_agg(json_build_object('kind', kind, 'from_days', from_days, 'to_days', to_days,
        'percent', percent::text) ORDER BY kind, from_days), '[]')
    FROM fee WHERE fee.service_contract_id = service_contract.service_contract_id) AS fees
FROM service_contract
WHERE agency_id = $1 AND ($2::timestamptz IS NULL OR (created_at, service_contract_id) {beyond} ($2, $3))
ORDER BY created_at {order}, service_contract_id {order} LIMIT $4
""")

EVENTS = """
SELECT position, event_id, type, occurred_at, body FROM agency_event
WHERE agency_id = $1 AND position > $2 ORDER BY position LIMIT $3
"""
# A position is known while its event is kept, and so is the last one, after which nothing has come. A position in front
# of the first kept event has lost nothing either.
POSITION = """
SELECT is_known, NOT is_known AND $2 < coalesce(first, last_position, 0) AS is_expired
FROM (
    SELECT first, last_position, coalesce($2 = last_position OR $2 + 1 = first, false) OR EXISTS (
        SELECT FROM agency_event WHERE agency_id = $1 AND position = $2) AS is_known
    FROM (SELECT
        (SELECT min(position) FROM agency_event WHERE agency_id = $1) AS first,
        (SELECT last_position FROM agency_stream WHERE agency_id = $1) AS last_position) AS bounds
) AS standing
"""
EXPIRE_EVENTS = """
DELETE FROM agency_event WHERE (agency_id, position) IN (
    SELECT agency_id, position FROM agency_event
    WHERE kept_at < now() - make_interval(days => $1) ORDER BY kept_at LIMIT $2)
"""
