"""The statements of reports."""

from chassis.paging import both_orders

from portfolio.ledger.actors import CURRENT_ACTOR

KEEP = """
INSERT INTO report (report_id, contract_id, type, body)
SELECT given.* FROM unnest($1::uuid[], $2::uuid[], $3::text[], $4::text[]::jsonb[])
    AS given (report_id, contract_id, type, body)
WHERE NOT EXISTS (
    SELECT FROM contract WHERE contract.contract_id = given.contract_id AND contract.erased_at IS NOT NULL)
ON CONFLICT (report_id) DO NOTHING
"""
READ = "SELECT * FROM report WHERE report_id = $1"
LOCKED = "SELECT * FROM report WHERE report_id = $1 FOR UPDATE"
LISTED = both_orders("""
SELECT * FROM report
WHERE sequence {beyond} $1 AND ($2::text IS NULL OR state = $2) AND ($3::uuid IS NULL OR contract_id = $3)
ORDER BY sequence {order} LIMIT $4
""")
DECIDE = f"""
UPDATE report SET state = $2, detail = $3, decided_at = clock_timestamp(), decided_by = {CURRENT_ACTOR}
WHERE report_id = $1
"""
