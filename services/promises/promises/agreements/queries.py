"""SQL that writes and reads plans. An agency sees its own plans; a null agency sees all."""

from promises.taking.queries import reason_shown

HAS_OPEN_PLAN = "SELECT EXISTS (SELECT FROM agreement WHERE contract_id = $1 AND state = 'open')"
REACH = """
INSERT INTO agreement
    (contract_id, kind, currency, total, settles_in_full, made_on, made_in, agency_id, agreement_id, version)
SELECT $1, $2, $3, $4, $5, $6, $7, $8, coalesce($9, uuidv7()),
    CASE WHEN $9::uuid IS NULL THEN 1 ELSE first_version() + 1 END
RETURNING agreement_id, version
"""
IS_KNOWN = """
SELECT EXISTS (SELECT FROM agreement WHERE agreement_id = $1)
    OR EXISTS (SELECT FROM promise WHERE promise_id = ANY($2::uuid[]))
"""
CANCEL = """
UPDATE agreement SET state = 'cancelled', version = version + 1, cancellation_reason = $2,
    cancel_actor = nullif(current_setting('app.actor', true), '')::jsonb
WHERE agreement_id = $1
"""
_COLUMNS = """
agreement_id, contract_id, agency_id, kind, state, version, total, currency, settles_in_full, made_on, made_in,
    created_at
"""
AGREEMENT = f"""
SELECT {_COLUMNS}, {reason_shown("agreement", "$2")} FROM agreement
WHERE agreement_id = $1 AND ($2::uuid IS NULL OR agency_id = $2)
"""
# Agreements in the order in which they were reached, or turned. $1 and $2: contract and state, each null for any; $3:
# the last agreement of the page before; $4: the agency.
AGREEMENTS = {
    order: f"""
SELECT {_COLUMNS}, {reason_shown("agreement", "$4")} FROM agreement
WHERE ($1::uuid IS NULL OR contract_id = $1) AND ($2::text IS NULL OR state = $2)
    AND ($3::uuid IS NULL OR agreement_id {beyond} $3) AND ($4::uuid IS NULL OR agency_id = $4)
ORDER BY agreement_id {order} LIMIT $5
"""
    for order, beyond in (("asc", ">"), ("desc", "<"))
}
# Instalments, by agreement and due day.
INSTALMENTS = """
SELECT agreement_id, promise_id, due_on, amount, paid, state
FROM promise WHERE agreement_id = ANY ($1::uuid[]) ORDER BY agreement_id, due_on
"""
