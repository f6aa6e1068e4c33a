"""SQL that withdraws entries, numbers and reads withdrawals, and keeps dialers' reports and acknowledgements."""

from dialer_feed.lists import others, parties, phones
from dialer_feed.lists.eligibility import LIVE, ON_DATE, reason
from dialer_feed.silences import DAY_OF
from dialer_feed.wakeups import notify

# The entries of these contracts, with what they name: so nobody silences a lead and what its entry names at once.
LOCK_LIVE_ENTRIES = f"""
SELECT FROM list_entry entry JOIN dialing_list list USING (list_id)
WHERE entry.contract_id = ANY ($1::uuid[] || ARRAY(
        SELECT contract_id FROM list_entry
        WHERE lead_id = ANY ($1::uuid[]) AND lead_id IS NOT NULL AND status = 'listed'))
    AND entry.status = 'listed' AND {LIVE}
ORDER BY entry.contract_id, entry.list_id
FOR UPDATE OF entry
"""

# A contract that an entry names changes this entry. ``withdrawn_at`` is set again with the cursor; a contract whose
# entry has left already gets none.
_TAKE = """
UPDATE list_entry entry SET
    status = 'withdrawn', reason = taken.reason, cause_event_id = taken.event_id, caused_at = taken.caused_at,
    withdrawn_at = clock_timestamp()
FROM taken
WHERE entry.contract_id = taken.contract_id AND entry.list_id = taken.list_id AND taken.reason IS NOT NULL
    AND entry.status = 'listed'
RETURNING entry.contract_id, entry.list_id, entry.reason, entry.caused_at, entry.lead_id,
    CASE WHEN entry.lead_id IS NULL THEN 'withdrawn' ELSE 'others_changed' END AS kind
"""
# $5: a list to withdraw from too, live or not; null for none. $6: if true, no other list.
WITHDRAW = f"""
WITH taken AS (
    SELECT entry.contract_id, entry.list_id, cause.reason, cause.event_id, cause.caused_at
    FROM unnest($1::uuid[], $2::text[], $3::uuid[], $4::timestamptz[])
        AS cause (contract_id, reason, event_id, caused_at)
    JOIN list_entry entry USING (contract_id)
    JOIN dialing_list list USING (list_id)
    WHERE entry.status = 'listed' AND (entry.list_id = $5 OR ($6::boolean IS NOT TRUE AND {LIVE}))
)
{_TAKE}
"""
WITHDRAW_WITHIN = f"""
WITH taken AS (
    SELECT entry.contract_id, entry.list_id, cause.reason, cause.event_id, cause.caused_at
    FROM unnest($1::uuid[], $2::text[], $3::uuid[], $4::timestamptz[], $5::uuid[], $6::date[], $7::date[])
        AS cause (contract_id, reason, event_id, caused_at, agency_id, starts_on, ends_on)
    JOIN contract USING (contract_id)
    JOIN list_entry entry USING (contract_id)
    JOIN dialing_list list USING (list_id)
    JOIN campaign USING (campaign_id)
    LEFT JOIN portfolio ON portfolio.portfolio_id = contract.portfolio_id
    WHERE entry.status = 'listed' AND {LIVE}
        AND (cause.agency_id IS NULL OR campaign.agency_id = cause.agency_id)
        AND {ON_DATE} BETWEEN coalesce(cause.starts_on, '-infinity') AND coalesce(cause.ends_on, 'infinity')
)
{_TAKE}
"""
# A number leaves an entry while another is left to dial; else the entry is withdrawn. $6 and $7: as $5 and $6 above.
# $8: whether the entry is then withdrawn for the number's own reason, else for ``no_phone``.
WITHDRAW_NUMBERS = f"""
WITH cause AS (
    SELECT contract_id, min(reason) AS reason, (array_agg(event_id))[1] AS event_id, min(caused_at) AS caused_at,
        array_agg(contact_id) AS contact_ids
    FROM unnest($1::uuid[], $2::text[], $3::uuid[], $4::timestamptz[], $5::uuid[])
        AS cause (contract_id, reason, event_id, caused_at, contact_id)
    GROUP BY contract_id
), hit AS MATERIALIZED (
    SELECT entry.contract_id, entry.list_id, cause.reason, cause.event_id, cause.caused_at, cause.contact_ids,
        EXISTS ({phones.dialable("1", f"{phones.OF_ENTRY} AND phone.contact_id <> ALL (cause.contact_ids)")}) AS others
    FROM cause
    JOIN contract USING (contract_id)
    JOIN list_entry entry USING (contract_id)
    JOIN dialing_list list USING (list_id)
    WHERE entry.status = 'listed' AND (entry.list_id = $6 OR ($7::boolean IS NOT TRUE AND {LIVE}))
        AND entry.contact_ids && cause.contact_ids
), taken AS (
    SELECT contract_id, list_id, event_id, caused_at, CASE WHEN $8::boolean THEN reason ELSE 'no_phone' END AS reason
    FROM hit WHERE NOT others
), changed AS (
    UPDATE list_entry entry SET contact_ids = ARRAY(
        SELECT contact_id FROM unnest(entry.contact_ids) WITH ORDINALITY AS kept (contact_id, n)
        WHERE contact_id <> ALL (hit.contact_ids) ORDER BY n)
    FROM hit
    WHERE hit.others AND entry.contract_id = hit.contract_id AND entry.list_id = hit.list_id
    RETURNING entry.contract_id, entry.list_id, hit.reason, hit.caused_at, entry.lead_id, 'numbers_changed' AS kind
), withdrawn AS (
    {_TAKE}
)
SELECT * FROM changed WHERE lead_id IS NULL UNION ALL SELECT * FROM withdrawn
"""
WITHDRAW_UNFIT = f"""
WITH taken AS (
    SELECT entry.contract_id, entry.list_id, cause.event_id, cause.caused_at, {reason(phones.OF_ENTRY)} AS reason
    FROM unnest($1::uuid[], $2::uuid[], $3::timestamptz[]) AS cause (contract_id, event_id, caused_at)
    JOIN contract USING (contract_id)
    JOIN list_entry entry USING (contract_id)
    JOIN dialing_list list USING (list_id)
    JOIN campaign USING (campaign_id)
    LEFT JOIN portfolio ON portfolio.portfolio_id = contract.portfolio_id
    WHERE entry.status = 'listed' AND {LIVE}
)
{_TAKE}
"""
# The others that an entry names are of its person, else they leave it. $1: contracts whose person may have changed.
WITHDRAW_OTHERS_OF_ANOTHER = f"""
WITH taken AS (
    SELECT entry.contract_id, entry.list_id, cause.event_id, cause.caused_at, 'no_longer_eligible' AS reason
    FROM unnest($1::uuid[], $2::uuid[], $3::timestamptz[]) AS cause (contract_id, event_id, caused_at)
    CROSS JOIN LATERAL (
        SELECT * FROM list_entry WHERE list_entry.contract_id = cause.contract_id AND lead_id IS NOT NULL
        UNION ALL
        SELECT * FROM list_entry WHERE list_entry.lead_id = cause.contract_id
    ) AS entry
    JOIN dialing_list list USING (list_id)
    JOIN contract ON contract.contract_id = entry.contract_id
    WHERE entry.status = 'listed' AND {LIVE} AND {others.OF_ANOTHER}
)
{_TAKE}
"""

# Locks these lists in the order of their ids and gives the entries their next cursors, in the given order.
# PostgreSQL reads a locked row again, because a list may have been published, or a cursor given, while we waited.
# An entry of a list that is still being built was never published and gets no cursor. A change that withdraws nobody
# gets a cursor and a row of its own, unless the entry has left the list. The statement also notifies every process of
# the lists' changes, so that a withdrawal after a payment takes one round trip less.
NUMBER = f"""
WITH held AS MATERIALIZED (
    SELECT list_id, status, campaign_id, last_cursor FROM dialing_list
    WHERE list_id = ANY ($1::uuid[]) ORDER BY list_id FOR NO KEY UPDATE
), numbered AS (
    SELECT taken.contract_id, taken.list_id, taken.lead_id, taken.kind, taken.reason, taken.caused_at,
        campaign.agency_id,
        held.last_cursor + row_number() OVER (PARTITION BY taken.list_id ORDER BY taken.n) AS cursor
    FROM unnest($1::uuid[], $2::uuid[], $3::text[], $4::text[], $5::timestamptz[], $6::uuid[])
        WITH ORDINALITY AS taken (list_id, contract_id, kind, reason, caused_at, lead_id, n)
    JOIN held USING (list_id)
    JOIN campaign USING (campaign_id)
    WHERE held.status IN ('published', 'closed') AND (taken.lead_id IS NULL OR EXISTS (
        SELECT FROM list_entry lead
        WHERE lead.contract_id = taken.lead_id AND lead.list_id = taken.list_id AND lead.status = 'listed'))
), counted AS (
    UPDATE dialing_list list SET last_cursor = newest.cursor, changes = list.changes + newest.changes
    FROM (
        SELECT list_id, max(cursor) AS cursor, count(*) FILTER (WHERE kind <> 'withdrawn') AS changes
        FROM numbered GROUP BY list_id) AS newest
    WHERE list.list_id = newest.list_id
    RETURNING {notify("list.list_id")}
), changed AS (
    INSERT INTO entry_change
        (list_id, cursor, contract_id, contract_number, kind, reason, caused_at, withdrawn_at, other_id)
    SELECT numbered.list_id, numbered.cursor, entry.contract_id, entry.contract_number, numbered.kind, numbered.reason,
        numbered.caused_at, clock_timestamp(), CASE WHEN numbered.lead_id IS NOT NULL THEN numbered.contract_id END
    FROM numbered JOIN list_entry entry
        ON entry.contract_id = coalesce(numbered.lead_id, numbered.contract_id) AND entry.list_id = numbered.list_id
    WHERE numbered.kind <> 'withdrawn'
    RETURNING *
), withdrawn AS (
    UPDATE list_entry entry SET
        cursor = CASE WHEN numbered.kind = 'withdrawn' THEN numbered.cursor END,
        withdrawn_at = (SELECT clock_timestamp())
    FROM numbered
    WHERE entry.contract_id = numbered.contract_id AND entry.list_id = numbered.list_id
        AND numbered.kind <> 'numbers_changed'
    RETURNING entry.contract_id, entry.list_id, entry.contract_number, entry.reason, entry.cause_event_id,
        entry.caused_at, entry.withdrawn_at, entry.cursor, numbered.agency_id, numbered.kind
)
SELECT * FROM withdrawn WHERE kind = 'withdrawn'
UNION ALL
SELECT contract_id, list_id, contract_number, reason, NULL, caused_at, withdrawn_at, cursor, NULL, kind FROM changed
"""


_OWN_PHONES = phones.dialable("phone.value", f"{phones.OF_ENTRY} AND {phones.OF_DEBTOR}", phones.AS_LISTED)


def _items(condition: str) -> str:
    """SQL: the items of the list ``$1`` in its feed: withdrawals, and changes of entries that are still listed.

    The phones of an entry whose numbers have changed are those that may be dialled now. The others of an entry are
    those that it names now.
    """
    return f"""
SELECT cursor, 'withdrawn' AS kind, contract_id, contract_number, reason, NULL::text[] AS phones,
    NULL::jsonb AS party_phones, NULL::jsonb AS also, caused_at, withdrawn_at
FROM list_entry WHERE list_id = $1 AND cursor IS NOT NULL AND {condition}
UNION ALL
SELECT change.cursor, change.kind, contract_id, change.contract_number, change.reason,
    CASE WHEN change.kind <> 'numbers_changed' THEN NULL
        WHEN entry.status = 'listed' THEN ARRAY({_OWN_PHONES}) ELSE '{{}}' END,
    CASE WHEN change.kind <> 'numbers_changed' THEN NULL
        WHEN entry.status = 'listed' THEN {parties.PHONES} ELSE '[]' END,
    CASE WHEN change.kind <> 'others_changed' THEN NULL WHEN entry.status = 'listed' THEN {others.NAMED} ELSE '[]' END,
    change.caused_at, change.withdrawn_at
FROM (
    SELECT list_id, cursor, contract_id, contract_number, kind, reason, caused_at, withdrawn_at
    FROM entry_change WHERE list_id = $1 AND {condition}) AS change
JOIN list_entry entry USING (list_id, contract_id)
LEFT JOIN contract USING (contract_id)
"""


AFTER = f"{_items('cursor > $2')} ORDER BY cursor LIMIT $3"
# The withdrawal, else the latest change of the entry.
FIRST_WITHDRAWAL = f"""
SELECT * FROM ({_items("contract_id = ANY ($2::uuid[])")}) AS item
ORDER BY kind <> 'withdrawn', CASE WHEN kind = 'withdrawn' THEN cursor ELSE -cursor END LIMIT 1
"""

KEEP_REPORT = """
INSERT INTO dialer_report
    (list_id, contract_id, agency_id, reason, contact_ids, call_id, detail, reported_by, effective)
VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9)
"""
REPORTS_BY_HAND = """
SELECT contract_id FROM dialer_report WHERE contract_id = ANY ($1::uuid[]) AND list_id = $2 AND call_id IS NULL
GROUP BY contract_id HAVING count(*) >= $3
"""
REPORTS = {
    order: f"""
SELECT report_id, list_id, contract_id, agency_id, reason, contact_ids, call_id, detail, reported_by, effective,
    reported_at, actor
FROM dialer_report
WHERE ($1::boolean IS NULL OR effective = $1) AND ($2::uuid IS NULL OR contract_id = $2)
    AND ($3::uuid IS NULL OR report_id {beyond} $3)
ORDER BY report_id {order} LIMIT $4
"""
    for order, beyond in (("asc", ">"), ("desc", "<"))
}
# What debtors said of payments, and whether a payment has arrived on the business date of the claim or later.
PAYMENT_CLAIMS = {
    order: f"""
SELECT report.report_id AS claim_id, report.contract_id, contract.contract_number, report.agency_id,
    nullif(report.list_id, '00000000-0000-0000-0000-000000000000') AS list_id, report.call_id, report.detail,
    claimed.day AS claimed_on, report.reported_by, report.reported_at, report.effective, known.paid, report.actor
FROM dialer_report report
JOIN contract USING (contract_id)
CROSS JOIN LATERAL (SELECT report.reported_at AS started_at) AS call
CROSS JOIN LATERAL (SELECT coalesce({DAY_OF}, report.reported_at::date) AS day) AS claimed
CROSS JOIN LATERAL (
    SELECT EXISTS (
        SELECT FROM payment
        WHERE payment.contract_id = report.contract_id AND NOT payment.claimed AND NOT payment.reversed
            AND payment.business_date >= claimed.day) AS paid
) AS known
WHERE report.reason = 'payment_claimed' AND ($1::boolean IS NULL OR known.paid = $1)
    AND ($2::uuid IS NULL OR report.contract_id = $2) AND ($3::uuid IS NULL OR report.agency_id = $3)
    AND ($4::uuid IS NULL OR report.report_id {beyond} $4)
ORDER BY report.report_id {order} LIMIT $5
"""
    for order, beyond in (("asc", ">"), ("desc", "<"))
}
KEEP_SILENCES = """
INSERT INTO reported_silence (contract_id, contact_id, reason)
SELECT * FROM unnest($1::uuid[], $2::uuid[], $3::text[])
"""
# Days without contact count as after a payment: from the business date, or from today where that is later.
KEEP_CLAIMED_PAYMENTS = """
INSERT INTO payment (contract_id, business_date, holdoff_from, claimed)
SELECT DISTINCT contract_id, coalesce(greatest(list.business_date, portfolio.business_date), today.day),
    greatest(list.business_date, portfolio.business_date, today.day), true
FROM unnest($1::uuid[], $2::uuid[]) AS claimed (contract_id, list_id)
LEFT JOIN dialing_list list USING (list_id)
JOIN contract USING (contract_id)
LEFT JOIN portfolio USING (portfolio_id)
CROSS JOIN LATERAL (SELECT (now() AT TIME ZONE coalesce(portfolio.timezone, 'UTC'))::date AS day) AS today
"""

ACKNOWLEDGED = "SELECT cursor FROM acknowledged_up_to WHERE list_id = $1 AND dialer_id = $2"
BETWEEN = """
SELECT contract_id, cursor, caused_at FROM list_entry
WHERE list_id = $1 AND cursor > $2 AND cursor <= $3 ORDER BY cursor
"""
# Returns how far this dialer has acknowledged, and locks it until the transaction ends.
LOCK_DIALER = """
INSERT INTO acknowledged_up_to AS known (list_id, dialer_id, cursor) VALUES ($1, $2, 0)
ON CONFLICT (list_id, dialer_id) DO UPDATE SET cursor = known.cursor
RETURNING cursor
"""
MOVE_DIALER = """
WITH moved AS (UPDATE acknowledged_up_to SET cursor = $4 WHERE list_id = $1 AND dialer_id = $2)
INSERT INTO acknowledgement (list_id, dialer_id, after_cursor, up_to_cursor, acknowledged_at)
VALUES ($1, $2, $3, $4, clock_timestamp()) RETURNING acknowledged_at
"""

# Each acknowledgement looks its withdrawals up by the index of cursors. OFFSET 0 keeps PostgreSQL from comparing all of
# them with all withdrawals.
REPORT = """
WITH withdrawn AS (
    SELECT cursor, caused_at, greatest(0, extract(epoch FROM withdrawn_at - caused_at))::float8 AS seconds
    FROM list_entry WHERE list_id = $1 AND cursor IS NOT NULL
), acknowledged AS (
    SELECT greatest(0, extract(epoch FROM known.acknowledged_at - covered.caused_at))::float8 AS seconds
    FROM acknowledgement known CROSS JOIN LATERAL (
        SELECT caused_at FROM list_entry
        WHERE list_id = $1 AND cursor > known.after_cursor AND cursor <= known.up_to_cursor
        OFFSET 0) AS covered
    WHERE known.list_id = $1
), wrongful AS (
    SELECT count(*) AS calls, count(*) FILTER (WHERE acknowledged_by_then) AS acknowledged
    FROM call_result WHERE list_id = $1 AND wrongful
), overtaken AS (
    SELECT count(*) AS calls FROM call_result WHERE list_id = $1 AND overtaken
)
SELECT
    (SELECT count(*) FROM withdrawn) AS withdrawn,
    (SELECT percentile_disc(ARRAY[0.5, 0.95, 0.99, 1]) WITHIN GROUP (ORDER BY seconds) FROM withdrawn) AS to_list,
    (SELECT percentile_disc(ARRAY[0.5, 0.95, 0.99, 1]) WITHIN GROUP (ORDER BY seconds) FROM acknowledged)
        AS to_acknowledgement,
    wrongful.calls AS wrongful_calls, wrongful.acknowledged AS wrongful_calls_after_acknowledgement,
    overtaken.calls AS overtaken_calls
FROM wrongful, overtaken
"""
