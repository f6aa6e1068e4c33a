"""SQL of attempts: the permit that one names, its record, and those without a result."""

from dialer_feed.calls.queries import BUSINESS_DATE, NO_LIST

OVERDUE_HOURS = 4
"""An attempt without a result is overdue after this time."""

# The call began in time if its report came before the permit had expired, whatever the dialer's clock says.
PERMIT = """
SELECT permit_id, reason, agency_id, campaign_id, list_id, contract_id, contact_id, unknown_phone, caller_id,
    coalesce(clock_timestamp() <= expires_at OR $3 BETWEEN asked_at AND expires_at, false) AS is_in_time
FROM permit WHERE permit_id = $1 AND ($2::uuid IS NULL OR agency_id = $2)
"""
_SHOWN = f"attempt_id, contract_id, nullif(list_id, '{NO_LIST}') AS list_id, permit_state AS permit"
# Returns no row if the attempt is known, or another one has used the permit.
BEGIN = f"""
INSERT INTO attempt (dialed_for, attempt_id, list_id, contract_id, contact_id, unknown_phone, caller_id, agent, manual,
    started_at, business_date, permit_id, named_permit_id, dialer_id, permit_state)
SELECT dialed_for, attempt_id, call.list_id, call.contract_id, contact_id, unknown_phone, caller_id, agent,
    manual OR coalesce(campaign.kind = 'manual', false), started_at, {BUSINESS_DATE},
    CASE WHEN $13 = 'valid' THEN $11::uuid END, $11, $12, $13
FROM (SELECT $1::uuid, $2::text, $3::uuid, $4::uuid, $5::uuid, $6::text, $7::text, $8::text, $9::boolean,
    $10::timestamptz)
    AS call (dialed_for, attempt_id, list_id, contract_id, contact_id, unknown_phone, caller_id, agent, manual,
        started_at)
LEFT JOIN dialing_list list ON list.list_id = call.list_id
LEFT JOIN campaign USING (campaign_id)
JOIN contract ON contract.contract_id = call.contract_id
LEFT JOIN portfolio USING (portfolio_id)
ON CONFLICT DO NOTHING
RETURNING {_SHOWN}
"""
ONE = f"SELECT {_SHOWN} FROM attempt WHERE dialed_for = $1 AND attempt_id = $2"
STATES = {
    "waiting": "attempt.ended_at IS NULL",
    "overdue": f"attempt.ended_at IS NULL AND attempt.started_at < now() - interval '{OVERDUE_HOURS} hours'",
    "ended": "attempt.ended_at IS NOT NULL",
}
"""SQL: the states of attempts, as conditions. One that is overdue also waits."""
# $1 list, $2 contract, $3 agency of the filter, $4 agency of the client, $5 … $7 the key before the page, $8 most rows.
# An agency sees the numbers of contracts on its lists.
PAGE = {
    (state, order): f"""
SELECT attempt.attempt_id, attempt.dialed_for, nullif(attempt.dialed_for, '{NO_LIST}') AS agency_id,
    nullif(attempt.list_id, '{NO_LIST}') AS list_id, attempt.contract_id, entry.contract_number, attempt.agent,
    attempt.manual, attempt.business_date, attempt.started_at, attempt.permit_id, attempt.permit_state AS permit,
    attempt.dialer_id, attempt.reported_at, attempt.ended_at
FROM attempt
LEFT JOIN list_entry entry ON entry.contract_id = attempt.contract_id AND entry.list_id = attempt.list_id
WHERE {condition} AND ($1::uuid IS NULL OR attempt.list_id = $1) AND ($2::uuid IS NULL OR attempt.contract_id = $2)
    AND ($3::uuid IS NULL OR attempt.dialed_for = $3) AND ($4::uuid IS NULL OR attempt.dialed_for = $4)
    AND ($5::timestamptz IS NULL
        OR (attempt.started_at, attempt.dialed_for, attempt.attempt_id) {beyond} ($5, $6::uuid, $7::text))
ORDER BY attempt.started_at {order}, attempt.dialed_for {order}, attempt.attempt_id {order} LIMIT $8
"""
    for state, condition in {"": "true", **STATES}.items()
    for order, beyond in (("asc", ">"), ("desc", "<"))
}
OVERDUE = f"SELECT count(*)::integer FROM attempt WHERE {STATES['overdue']}"
COUNTS = f"""
SELECT count(*)::integer AS attempts, (count(*) FILTER (WHERE {STATES["waiting"]}))::integer AS waiting,
    (count(*) FILTER (WHERE {STATES["overdue"]}))::integer AS overdue,
    (SELECT count(*)::integer FROM call_result WHERE list_id = $1 AND overtaken) AS overtaken_calls
FROM attempt WHERE list_id = $1
"""
