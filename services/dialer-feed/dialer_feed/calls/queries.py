"""SQL that records calls, and reads which of their entries had been withdrawn and acknowledged."""

from dialer_feed.lists.eligibility import ON_DATE

# How many other calls of these contracts by these lists are recorded. $4: the calls that do not count.
RECORDED = """
SELECT call.contract_id, call.list_id, count(*) AS calls
FROM (SELECT DISTINCT * FROM unnest($1::uuid[], $2::uuid[]) AS given (contract_id, list_id)) AS named
JOIN call_result call USING (contract_id, list_id)
WHERE NOT (call.dialed_for = ANY ($3::uuid[]) AND call.call_id = ANY ($4::text[]))
GROUP BY call.contract_id, call.list_id
"""
# The withdrawn entries among the given ones.
WITHDRAWN = """
SELECT entry.contract_id, entry.list_id, entry.withdrawn_at, entry.cursor
FROM unnest($1::uuid[], $2::uuid[]) AS given (contract_id, list_id)
JOIN list_entry entry USING (contract_id, list_id)
WHERE entry.cursor IS NOT NULL
"""
# The calls, by their number n, whose withdrawal some dialer had acknowledged by the start of the call.
ACKNOWLEDGED_BY_THEN = """
SELECT n
FROM unnest($1::integer[], $2::uuid[], $3::bigint[], $4::timestamptz[]) AS call (n, list_id, cursor, started_at)
WHERE EXISTS (
    SELECT FROM acknowledgement known
    WHERE known.list_id = call.list_id AND known.up_to_cursor >= call.cursor
        AND known.acknowledged_at <= call.started_at)
"""
# A call counts on its list's day, or on today's business date if the list was over when the call started.
BUSINESS_DATE = f"CASE WHEN call.started_at < list.live_until THEN list.business_date ELSE {ON_DATE} END"
# The statement returns the calls that were new.
RECORD = f"""
INSERT INTO call_result (dialed_for, call_id, list_id, contract_id, contact_id, dialer_id, agent, business_date,
    started_at, duration_seconds, disposition, right_party, wrongful, acknowledged_by_then)
SELECT call.dialed_for, call.call_id, call.list_id, call.contract_id, call.contact_id, $1, call.agent,
    {BUSINESS_DATE}, call.started_at, call.duration_seconds, call.disposition, call.right_party, call.wrongful,
    call.acknowledged
FROM unnest($2::uuid[], $3::text[], $4::uuid[], $5::uuid[], $6::uuid[], $7::text[], $8::timestamptz[], $9::integer[],
    $10::text[], $11::boolean[], $12::boolean[], $13::boolean[])
    AS call (dialed_for, call_id, list_id, contract_id, contact_id, agent, started_at, duration_seconds, disposition,
        right_party, wrongful, acknowledged)
JOIN dialing_list list USING (list_id)
JOIN contract USING (contract_id)
LEFT JOIN portfolio USING (portfolio_id)
ORDER BY call.dialed_for, call.call_id
ON CONFLICT DO NOTHING
RETURNING dialed_for, call_id
"""
