"""The statements behind live lists, the jobs and figures of a day, and the calls of a period."""

# $1 the day or null for the lists that are live now, $2 the agency or null. An agency may read these columns.
LISTS = """
SELECT list.list_id, list.campaign_id, campaign.name AS campaign, campaign.agency_id, list.business_date,
    list.published_at, list.live_until, list.status = 'published' AND list.live_until > now() AS live, list.entries,
    withdrawn.*, to_acknowledgement.seconds AS p99_seconds_to_acknowledgement, wrongful.*
FROM dialing_list list JOIN campaign USING (campaign_id)
CROSS JOIN LATERAL (
    SELECT max(up_to_cursor) AS up_to FROM acknowledgement WHERE acknowledgement.list_id = list.list_id
) AS known
CROSS JOIN LATERAL (
    SELECT count(*) AS withdrawn, count(*) FILTER (WHERE cursor <= known.up_to) AS acknowledged,
        percentile_disc(0.99) WITHIN GROUP (ORDER BY greatest(0, extract(epoch FROM withdrawn_at - caused_at))::float8)
            AS p99_seconds_to_list
    FROM list_entry WHERE list_entry.list_id = list.list_id AND cursor IS NOT NULL
) AS withdrawn
CROSS JOIN LATERAL (
    SELECT percentile_disc(0.99) WITHIN GROUP (
        ORDER BY greatest(0, extract(epoch FROM one.acknowledged_at - covered.caused_at))::float8) AS seconds
    FROM acknowledgement one CROSS JOIN LATERAL (
        SELECT caused_at FROM list_entry
        WHERE list_entry.list_id = list.list_id AND cursor > one.after_cursor AND cursor <= one.up_to_cursor
        OFFSET 0) AS covered
    WHERE one.list_id = list.list_id
) AS to_acknowledgement
CROSS JOIN LATERAL (
    SELECT count(*) AS wrongful_calls FROM call_result WHERE call_result.list_id = list.list_id AND wrongful
) AS wrongful
WHERE list.published_at IS NOT NULL AND ($2::uuid IS NULL OR campaign.agency_id = $2)
    AND CASE WHEN $1::date IS NULL THEN list.status = 'published' AND list.live_until > now()
        ELSE list.business_date = $1 END
ORDER BY campaign.name, list.list_id LIMIT 1000
"""

# $1 the day or null, $2 the time now. The list of each campaign; the newest attempt counts, unless an earlier one has
# succeeded.
JOBS = """
SELECT campaign.campaign_id, campaign.name, day, list.error_detail,
    coalesce(list.published_at, list.requested_at) AS at,
    CASE list.status WHEN 'published' THEN 'done' WHEN 'closed' THEN 'done' WHEN 'building' THEN 'running'
        WHEN 'failed' THEN 'failed' ELSE 'due' END AS state
FROM campaign
CROSS JOIN LATERAL (
    SELECT coalesce($1::date, max(($2::timestamptz AT TIME ZONE timezone)::date)) AS day FROM portfolio
    WHERE portfolio_ids IS NULL OR portfolio_id = ANY (portfolio_ids)
) AS wanted
LEFT JOIN LATERAL (
    SELECT status, error_detail, published_at, requested_at FROM dialing_list
    WHERE dialing_list.campaign_id = campaign.campaign_id AND business_date = day
    ORDER BY status = 'failed', requested_at DESC LIMIT 1
) AS list ON true
WHERE day IS NOT NULL
ORDER BY campaign.name, campaign.campaign_id LIMIT 1000
"""
BUSINESS_DATE = "SELECT max(business_date) FROM portfolio"
CALLS_OF_DAY = """
SELECT coalesce(sum(calls), 0)::bigint AS calls, coalesce(sum(connected), 0)::bigint AS connected,
    coalesce(sum(right_party), 0)::bigint AS right_party, coalesce(sum(promises), 0)::bigint AS promises,
    coalesce(sum(wrongful), 0)::bigint AS wrongful, coalesce(sum(breached), 0)::bigint AS breached
FROM call_day WHERE business_date = $1
"""
LAST_DAY_OF_CALLS = "SELECT max(business_date) FROM call_day"
_KEYS = {
    "agency": ("dialed_for",),
    "agent": ("dialed_for", "agent"),
    "day": ("business_date",),
}
# The calls of the days $1 to $2, of the agency $3 or of all.
CALLS = {
    by: f"""
SELECT {", ".join(keys)}, sum(calls)::bigint AS calls, sum(connected)::bigint AS connected,
    sum(right_party)::bigint AS right_party, sum(promises)::bigint AS promises, sum(wrongful)::bigint AS wrongful,
    sum(breached)::bigint AS breached, sum(seconds)::bigint AS seconds
FROM call_day WHERE business_date BETWEEN $1 AND $2 AND ($3::uuid IS NULL OR dialed_for = $3)
GROUP BY {", ".join(keys)} HAVING sum(calls) > 0 ORDER BY {", ".join(keys)} LIMIT 5000
"""
    for by, keys in _KEYS.items()
}
