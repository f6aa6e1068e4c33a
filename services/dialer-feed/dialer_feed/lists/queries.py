"""SQL that requests and reads lists. An agency sees its own lists; a null agency sees all."""

# A failed list does not count.
LIST_OF_THE_DAY = """
SELECT list_id FROM dialing_list WHERE campaign_id = $1 AND business_date = $2 AND status <> 'failed'
"""
COUNT_OF_THE_DAY = "SELECT count(*) FROM dialing_list WHERE campaign_id = $1 AND business_date = $2"
# Returns no row when another transaction has requested the list already.
START = """
INSERT INTO dialing_list (campaign_id, business_date, status, barrier_id) VALUES ($1, $2, 'building', $3)
ON CONFLICT (campaign_id, business_date) WHERE status <> 'failed' DO NOTHING
RETURNING list_id
"""
# When this barrier, requested in the same transaction, is reached, the portfolio has decided all reports made by now.
AWAIT_ANSWERS = "UPDATE reported_silence SET barrier_id = $1 WHERE barrier_id IS DISTINCT FROM $1"

# A list whose day is over is shown as closed, even if the status in its row is still published.
_LIST = """
SELECT list.list_id, list.campaign_id, campaign.agency_id, list.business_date,
    CASE WHEN list.status = 'published' AND list.live_until <= now() THEN 'closed' ELSE list.status END AS status,
    list.entries, CASE WHEN list.published_at IS NOT NULL THEN list.last_cursor END AS withdrawn, list.overdue_total,
    list.requested_at, list.published_at, list.live_until, list.barrier_id, list.waiting_for, list.error,
    list.error_detail, list.last_cursor
FROM dialing_list list JOIN campaign USING (campaign_id)
"""
ONE = f"{_LIST} WHERE list.list_id = $1 AND ($2::uuid IS NULL OR campaign.agency_id = $2)"
PAGE = f"""
{_LIST}
WHERE ($1::uuid IS NULL OR list.campaign_id = $1) AND ($2::date IS NULL OR list.business_date = $2)
    AND ($3::timestamptz IS NULL OR (list.requested_at, list.list_id) < ($3, $4))
    AND ($5::uuid IS NULL OR campaign.agency_id = $5)
ORDER BY list.requested_at DESC, list.list_id DESC LIMIT $6
"""
OWN_LISTS = """
SELECT list.list_id, campaign.agency_id, list.published_at, list.live_until
FROM dialing_list list JOIN campaign USING (campaign_id)
WHERE list.list_id = ANY ($1::uuid[]) AND list.published_at IS NOT NULL
    AND ($2::uuid IS NULL OR campaign.agency_id = $2)
"""
