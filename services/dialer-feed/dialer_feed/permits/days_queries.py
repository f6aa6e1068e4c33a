"""SQL that makes the days of permits, and forgets old permits."""

MAKE = "SELECT make_permit_days($1)"
# A contract is at rest if it is not open, and nobody has asked or called about it since $1.
FORGET = """
WITH old AS (
    SELECT permit_id FROM permit
    WHERE permit_id < first_permit_of($1)
        AND NOT EXISTS (SELECT FROM contract WHERE contract.contract_id = permit.contract_id AND state = 'open')
        AND NOT EXISTS (SELECT FROM call_result call
            WHERE call.contract_id = permit.contract_id AND call.business_date >= $1)
        AND NOT EXISTS (SELECT FROM permit later
            WHERE later.contract_id = permit.contract_id AND later.permit_id >= first_permit_of($1))
    LIMIT $2
), gone AS (
    DELETE FROM permit USING old WHERE permit.permit_id = old.permit_id RETURNING 1
)
SELECT count(*)::integer FROM gone
"""
# The owner's function drops only days that are empty, and older than three years.
DROP = """
SELECT drop_permit_day(to_date(right(relname, 8), 'YYYYMMDD'))
FROM pg_inherits JOIN pg_class ON pg_class.oid = inhrelid
WHERE inhparent = 'permit'::regclass AND relname ~ '^permit_[0-9]{8}$' AND to_date(right(relname, 8), 'YYYYMMDD') < $1
"""
