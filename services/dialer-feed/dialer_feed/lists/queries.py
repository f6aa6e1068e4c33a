"""SQL that requests and reads lists. An agency sees its own lists; a null agency sees all."""

# A failed list does not count.
LIST_OF_THE_DAY = """
SELECT list_id FROM dialing_list WHERE campaign_id = $1 AND business_date = $2 AND status <> 'failed'
"""
COUNT_OF_THE_DAY = "SELECT count(*) FROM dialing_list WHERE campaign_id = $1 AND business_date = $2"
# Bases lie 10,000,000 apart, which is more than a list has changes. A base is not below that of the minute, so that
# the lists that a restore has lost, and those requested after it, share none. It stays below 2^53 for a century.
_BASES_APART = 10_000_000
_BASES_A_MINUTE = 10
# Returns no row when another transaction has requested the list already.
START = f"""
WITH base AS (
    INSERT INTO cursor_base AS known (newest)
    VALUES (floor(extract(epoch FROM clock_timestamp()) / 60)::bigint * {_BASES_A_MINUTE * _BASES_APART})
    ON CONFLICT (only_row) DO UPDATE SET newest = greatest(known.newest + {_BASES_APART}, excluded.newest)
    RETURNING newest
)
INSERT INTO dialing_list (campaign_id, business_date, status, barrier_id, cursor_base, last_cursor)
SELECT $1, $2, 'building', $3, newest, newest FROM base
ON CONFLICT (campaign_id, business_date) WHERE status <> 'failed' DO NOTHING
RETURNING list_id
"""
# When this barrier, requested in the same transaction, is reached, the portfolio has decided all reports made by now.
AWAIT_ANSWERS = "UPDATE reported_silence SET barrier_id = $1 WHERE barrier_id IS DISTINCT FROM $1"

# A list whose day is over is shown as closed, even if the status in its row is still published.
_LIST = """
SELECT list.list_id, list.campaign_id, campaign.agency_id, list.business_date,
    CASE WHEN list.status = 'published' AND list.live_until <= now() THEN 'closed' ELSE list.status END AS status,
    list.entries, CASE WHEN list.published_at IS NOT NULL THEN list.last_cursor - list.cursor_base - list.changes END
        AS withdrawn,
    list.overdue_total, list.requested_at, list.published_at, list.live_until, list.barrier_id, list.waiting_for,
    list.error, list.error_detail, list.last_cursor, list.cursor_base, campaign.kind,
    campaign.list_order IS NOT NULL AS is_ordered
FROM dialing_list list JOIN campaign USING (campaign_id)
"""
ONE = f"{_LIST} WHERE list.list_id = $1 AND ($2::uuid IS NULL OR campaign.agency_id = $2)"
PAGE = {
    order: f"""
{_LIST}
WHERE ($1::uuid IS NULL OR list.campaign_id = $1) AND ($2::date IS NULL OR list.business_date = $2)
    AND ($3::timestamptz IS NULL OR (list.requested_at, list.list_id) {beyond} ($3, $4))
    AND ($5::uuid IS NULL OR campaign.agency_id = $5)
ORDER BY list.requested_at {order}, list.list_id {order} LIMIT $6
"""
    for order, beyond in (("asc", ">"), ("desc", "<"))
}
ENTRIES_OF_CONTRACT = {
    order: f"""
SELECT list.list_id, list.campaign_id, campaign.name AS campaign_name, campaign.agency_id, list.business_date,
    list.status = 'published' AND list.live_until > now() AS is_live, list.published_at, entry.contract_id,
    entry.contract_number, entry.lead_id, entry.status, entry.reason, entry.caused_at, entry.withdrawn_at
FROM list_entry AS entry JOIN dialing_list AS list USING (list_id) JOIN campaign USING (campaign_id)
WHERE entry.contract_id = $1 AND list.published_at IS NOT NULL
    AND ($2::timestamptz IS NULL OR (list.published_at, list.list_id) {beyond} ($2, $3))
ORDER BY list.published_at {order}, list.list_id {order} LIMIT $4
"""
    for order, beyond in (("asc", ">"), ("desc", "<"))
}
OWN_LISTS = """
SELECT list.list_id, campaign.campaign_id, campaign.agency_id, list.published_at, list.live_until, campaign.permits,
    campaign.kind
FROM dialing_list list JOIN campaign USING (campaign_id)
WHERE list.list_id = ANY ($1::uuid[]) AND list.published_at IS NOT NULL
    AND ($2::uuid IS NULL OR campaign.agency_id = $2)
"""
