"""SQL that finds the contracts of calls, records calls, judges and reads them."""

from collections.abc import Sequence

from projections.contracts import person
from recobro_events import outbox
from recobro_events.contracts.dialer_feed import CallCompleted

from dialer_feed.lists import frequency
from dialer_feed.lists.others import WAS_LISTED
from dialer_feed.silences import DAY_OF

NO_LIST = "00000000-0000-0000-0000-000000000000"

# The contracts that each call n may be about: the one with its id, or those with its number among the portfolios of its
# list. An agency reports on the contracts that are or were placed with it, and on those of its lists.
CONTRACTS = f"""
SELECT call.n, contract.contract_id, contract.jurisdiction, contract.region, contract.places, contract.conveniences,
    portfolio.creditor_kind, entry.list_id IS NOT NULL AS listed
FROM unnest($1::integer[], $2::uuid[], $3::text[], $4::uuid[]) AS call (n, list_id, contract_number, contract_id)
LEFT JOIN dialing_list list ON list.list_id = call.list_id
LEFT JOIN campaign USING (campaign_id)
CROSS JOIN LATERAL (
    SELECT * FROM contract WHERE contract.contract_id = call.contract_id
    UNION ALL
    SELECT * FROM contract
    WHERE call.contract_id IS NULL AND contract.contract_number = call.contract_number
        AND (campaign.portfolio_ids IS NULL OR contract.portfolio_id = ANY (campaign.portfolio_ids))
) AS contract
LEFT JOIN list_entry entry ON entry.contract_id = contract.contract_id AND entry.list_id = call.list_id
    AND {WAS_LISTED}
LEFT JOIN portfolio ON portfolio.portfolio_id = contract.portfolio_id
WHERE contract.details_version >= 0
    AND ($5::uuid IS NULL OR entry.list_id IS NOT NULL OR EXISTS (
        SELECT FROM placement WHERE placement.contract_id = contract.contract_id AND placement.agency_id = $5))
ORDER BY call.n, contract.contract_id
"""
# Where two people have one number, the last row decides: the debtor, else the party for whom it is dialled.
PHONES = """
SELECT contract_id, contact_id, value FROM contact_point
WHERE contract_id = ANY ($1::uuid[]) AND kind = 'phone'
ORDER BY party_id IS NULL, contact_id DESC
"""
# How many other calls of these contracts by these lists are recorded; without a list, those of the last 24 hours.
# $3 and $4: the calls that do not count.
RECORDED = f"""
SELECT call.contract_id, call.list_id, count(*) AS calls
FROM (SELECT DISTINCT * FROM unnest($1::uuid[], $2::uuid[]) AS given (contract_id, list_id)) AS named
JOIN call_result call USING (contract_id, list_id)
WHERE NOT (call.dialed_for = ANY ($3::uuid[]) AND call.call_id = ANY ($4::text[]))
    AND (call.list_id <> '{NO_LIST}' OR call.reported_at > clock_timestamp() - interval '24 hours')
GROUP BY call.contract_id, call.list_id
"""
# The calls n whose withdrawal from their list some dialer had acknowledged by the start of the call.
ACKNOWLEDGED_BY_THEN = """
SELECT n
FROM unnest($1::integer[], $2::uuid[], $3::uuid[], $4::timestamptz[]) AS call (n, contract_id, list_id, started_at)
JOIN list_entry entry USING (contract_id, list_id)
WHERE EXISTS (
    SELECT FROM acknowledgement known
    WHERE known.list_id = call.list_id AND known.up_to_cursor >= coalesce(entry.cursor, (
            SELECT min(change.cursor) FROM entry_change change
            WHERE change.list_id = call.list_id AND change.other_id = call.contract_id))
        AND known.acknowledged_at <= call.started_at)
"""
# A call counts on its list's day, or on the business date at its start if no list was live then.
BUSINESS_DATE = f"""
CASE WHEN call.started_at < list.live_until THEN list.business_date
    ELSE coalesce({DAY_OF}, portfolio.business_date, call.started_at::date) END"""
"""SQL: the day on which the row ``call`` counts, with the rows ``list``, ``portfolio`` and ``contract``."""
# The other contracts that the entry named when the call started. An entry that had left its list named none.
_ALSO = """
SELECT coalesce(array_agg(other.contract_id ORDER BY other.contract_id), '{}') AS also
FROM list_entry entry
JOIN list_entry lead ON lead.contract_id = coalesce(entry.lead_id, entry.contract_id) AND lead.list_id = entry.list_id
CROSS JOIN LATERAL (
    SELECT lead.contract_id, lead.status, lead.withdrawn_at
    UNION ALL
    SELECT named.contract_id, named.status, named.withdrawn_at FROM list_entry named
    WHERE named.lead_id = lead.contract_id AND named.list_id = entry.list_id
) AS other
WHERE entry.contract_id = call.contract_id AND entry.list_id = call.list_id
    AND other.contract_id <> entry.contract_id
    AND (lead.status = 'listed' OR lead.withdrawn_at > call.started_at)
    AND (other.status = 'listed' OR other.withdrawn_at > call.started_at)"""
_COMPLETED = outbox.rows(
    CallCompleted,
    body=f"""json_build_object('contract_id', contract_id, 'call_id', call_id, 'list_id', list_id,
        'agency_id', nullif(dialed_for, '{NO_LIST}'), 'contact_id', contact_id, 'agent', agent,
        'started_at', started_at, 'duration_seconds', duration_seconds, 'disposition', disposition,
        'right_party', right_party, 'direction', direction, 'also', also, 'recording', recording_uri)""",
    traceparent="$29",
)
# The statement publishes the calls that were new, and returns them.
RECORD = f"""
WITH new AS (
INSERT INTO call_result (dialed_for, call_id, list_id, contract_id, contact_id, dialer_id, agent, business_date,
    started_at, duration_seconds, disposition, right_party, wrongful, acknowledged_by_then, direction, manual, unlisted,
    attempt, breaches, silence, unknown_phone, also, permit_id, overtaken, recording_uri, recording_sha256,
    recording_announced, disposition_code)
SELECT call.dialed_for, call.call_id, call.list_id, call.contract_id, call.contact_id, $1, call.agent,
    {BUSINESS_DATE}, call.started_at, call.duration_seconds, call.disposition, call.right_party,
    call.silence IS NOT NULL AND NOT call.overtaken, call.acknowledged, call.direction, call.manual, call.unlisted,
    call.attempt,
    array_remove(ARRAY[
        CASE WHEN call.outside_hours THEN 'outside_hours' END, CASE WHEN call.lacks_permit THEN 'no_permit' END,
        CASE WHEN call.inconvenient AND call.permit_id IS NULL THEN 'inconvenient' END,
        CASE WHEN EXISTS (
            SELECT FROM suppressed_number suppressed
            WHERE suppressed.number_hash = call.number_hash AND suppressed.since < call.started_at
                AND coalesce(suppressed.until >= call.started_at, true)) THEN 'suppressed' END], NULL),
    call.silence, call.unknown_phone, named.also, call.permit_id, call.overtaken, call.recording_uri,
    call.recording_sha256, call.recording_announced, call.disposition_code
FROM unnest($2::uuid[], $3::text[], $4::uuid[], $5::uuid[], $6::uuid[], $7::text[], $8::timestamptz[], $9::integer[],
    $10::text[], $11::boolean[], $12::text[], $13::boolean[], $14::text[], $15::boolean[], $16::boolean[],
    $17::boolean[], $18::boolean[], $19::text[], $20::uuid[], $21::boolean[], $22::boolean[],
    $23::bytea[], $24::boolean[], $25::text[], $26::text[], $27::boolean[], $28::text[])
    AS call (dialed_for, call_id, list_id, contract_id, contact_id, agent, started_at, duration_seconds, disposition,
        right_party, silence, acknowledged, direction, manual, unlisted, attempt, outside_hours, unknown_phone,
        permit_id, overtaken, lacks_permit, number_hash, inconvenient, recording_uri, recording_sha256,
        recording_announced, disposition_code)
LEFT JOIN dialing_list list USING (list_id)
JOIN contract USING (contract_id)
LEFT JOIN portfolio USING (portfolio_id)
CROSS JOIN LATERAL ({_ALSO}) AS named
ORDER BY call.dialed_for, call.call_id
ON CONFLICT DO NOTHING
RETURNING dialed_for, call_id, list_id, contract_id, contact_id, agent, started_at, duration_seconds, disposition,
    right_party, direction, also, recording_uri, breaches
), published AS (
{_COMPLETED}
FROM new ORDER BY started_at, dialed_for, call_id
)
SELECT dialed_for, call_id, breaches FROM new
"""
_COUNTS = frequency.Counts("contacts.calls", "contacts.visits", "contacts.messages")
# Marks the calls among the given ones that were more than the caps allowed, counted as for the next list: over all
# contracts of the person, with visits, against the contacts that began before. A call counts once, also one that named
# several contracts. $3 to $8: the columns of ``limits``. The statement returns the calls that it has marked.
MARK_TOO_FREQUENT = f"""
WITH frequent AS (
    SELECT call.dialed_for, call.call_id
    FROM unnest($1::uuid[], $2::text[]) AS new (dialed_for, call_id)
    JOIN call_result call USING (dialed_for, call_id)
    JOIN contract called ON called.contract_id = call.contract_id
    LEFT JOIN dialing_list list ON list.list_id = call.list_id
    LEFT JOIN campaign USING (campaign_id)
    CROSS JOIN LATERAL (
        SELECT {frequency.counted("call.business_date - 7")},
            bool_or(contact.right_party AND contact.business_date
                > call.business_date - {frequency.silent_days("contact.contract_id", 3)}) AS spoke
        FROM ({frequency.contacts(person("called"), "call.business_date")}) AS contact
        WHERE contact.started_at IS NULL OR (contact.started_at, contact.dialed_for, contact.call_id)
            < (call.started_at, call.dialed_for, call.call_id)
    ) AS contacts
    WHERE call.attempt AND (contacts.spoke OR CASE
        WHEN contacts.calls + contacts.visits + contacts.messages >= {frequency.least(3)}
        THEN (SELECT attempts >= most FROM ({frequency.nearest(person("called"), _COUNTS, 3)}) AS nearest) END)
)
UPDATE call_result call SET breaches = call.breaches || ARRAY['frequency'] FROM frequent
WHERE call.dialed_for = frequent.dialed_for AND call.call_id = frequent.call_id
RETURNING call.dialed_for, call.call_id
"""
# A call without a list may have been made by a permit of any list; a permit of a campaign holds for each of its lists.
_OF_ITS_LIST = f"""(call.list_id = '{NO_LIST}' OR permit.list_id = call.list_id
        OR permit.list_id IS NULL AND permit.campaign_id = list.campaign_id)"""
# Begins the attempt of each call that names a permit and whose attempt was not reported. A permit counts if the call
# began within its life, on its list, to its number, and no other call has used it. Returns nothing; USED tells.
BEGIN_ATTEMPTS = f"""
INSERT INTO attempt (dialed_for, attempt_id, list_id, contract_id, contact_id, agent, manual, business_date, started_at,
    permit_id, named_permit_id, dialer_id, permit_state)
SELECT call.dialed_for, call.call_id, call.list_id, call.contract_id, call.contact_id, call.agent, call.manual,
    {BUSINESS_DATE}, call.started_at, permit.permit_id, permit.permit_id, $1, 'valid'
FROM unnest($2::uuid[], $3::text[], $4::uuid[], $5::uuid[], $6::uuid[], $7::text[], $8::boolean[], $9::timestamptz[],
    $10::uuid[]) AS call (dialed_for, call_id, list_id, contract_id, contact_id, agent, manual, started_at, permit_id)
JOIN permit ON permit.permit_id = call.permit_id AND permit.reason IS NULL
    AND coalesce(permit.agency_id, '{NO_LIST}') = call.dialed_for
    AND permit.contract_id = call.contract_id AND permit.contact_id = call.contact_id
    AND call.started_at BETWEEN permit.asked_at AND permit.expires_at
LEFT JOIN dialing_list list ON list.list_id = call.list_id
JOIN contract ON contract.contract_id = call.contract_id
LEFT JOIN portfolio USING (portfolio_id)
WHERE {_OF_ITS_LIST}
ORDER BY call.dialed_for, call.call_id
ON CONFLICT DO NOTHING
"""
# The permits by which these calls were made.
USED = f"""
SELECT attempt.dialed_for, attempt.attempt_id AS call_id, permit.permit_id, permit.asked_at
FROM unnest($1::uuid[], $2::text[], $3::uuid[], $4::uuid[], $5::uuid[])
    AS call (dialed_for, call_id, contract_id, contact_id, list_id)
JOIN attempt ON attempt.dialed_for = call.dialed_for AND attempt.attempt_id = call.call_id
JOIN permit USING (permit_id)
LEFT JOIN dialing_list list ON list.list_id = call.list_id
WHERE permit.contract_id = call.contract_id AND permit.contact_id = call.contact_id AND {_OF_ITS_LIST}
"""
END_ATTEMPTS = """
UPDATE attempt SET ended_at = clock_timestamp()
FROM unnest($1::uuid[], $2::text[]) AS call (dialed_for, call_id)
WHERE attempt.dialed_for = call.dialed_for AND attempt.attempt_id = call.call_id AND attempt.ended_at IS NULL
"""
OUTCOMES = """
SELECT dialed_for, call_id, contract_id, unlisted, wrongful, overtaken, breaches
FROM unnest($1::uuid[], $2::text[]) AS given (dialed_for, call_id) JOIN call_result USING (dialed_for, call_id)
"""
BREACHES = {
    order: f"""
SELECT call.call_id, call.dialed_for, call.list_id, call.contract_id, call.contact_id, call.agent, call.started_at,
    call.disposition, call.manual, call.unlisted, call.wrongful, call.silence, call.breaches, call.dialer_id,
    call.reported_at
FROM call_result call
WHERE (call.wrongful OR call.breaches <> '{{}}')
    AND ($1::text IS NULL OR $1 = ANY (call.breaches) OR ($1 = 'silence' AND call.wrongful))
    AND ($2::uuid IS NULL OR call.dialed_for = $2) AND ($3::uuid IS NULL OR call.contract_id = $3)
    AND ($4::timestamptz IS NULL OR (call.reported_at, call.dialed_for, call.call_id) {beyond} ($4, $5, $6))
ORDER BY call.reported_at {order}, call.dialed_for {order}, call.call_id {order} LIMIT $7
"""
    for order, beyond in (("asc", ">"), ("desc", "<"))
}

CALL_ORDER = "(call.reported_at, call.dialed_for, call.call_id)"
"""SQL: the order in which calls are listed. No two calls are equal."""
_CALL = f"""
SELECT call.call_id, call.dialed_for, nullif(call.dialed_for, '{NO_LIST}') AS agency_id,
    nullif(call.list_id, '{NO_LIST}') AS list_id, call.contract_id, call.contact_id, call.agent, call.business_date,
    call.started_at, call.duration_seconds, call.disposition, call.direction, call.manual, call.unlisted,
    call.right_party, call.wrongful, call.overtaken, call.permit_id, call.breaches, call.dialer_id,
    call.reported_at"""
# The number of a call is a contact point of its contract, or is kept with the call where the contract does not have it.
_FOR_OPERATOR = f"""{_CALL},
    contract.contract_number, coalesce(call.unknown_phone, point.value) AS phone, call.silence
FROM call_result call
LEFT JOIN contract USING (contract_id)
LEFT JOIN contact_point point ON point.contract_id = call.contract_id AND point.contact_id = call.contact_id"""
_FOR_AGENCY = f"""{_CALL},
    entry.contract_number, NULL AS phone, NULL AS silence
FROM call_result call
LEFT JOIN list_entry entry ON entry.contract_id = call.contract_id AND entry.list_id = call.list_id"""


# The call, whoever asks, with its recording, its attempt and its permit. An id is looked up for each dialer, for which
# the index of the primary key is enough.
EVIDENCE = f"""
WITH RECURSIVE dialer AS (
    (SELECT dialed_for FROM call_result ORDER BY dialed_for LIMIT 1)
    UNION ALL
    SELECT (SELECT next.dialed_for FROM call_result next WHERE next.dialed_for > dialer.dialed_for
        ORDER BY next.dialed_for LIMIT 1)
    FROM dialer WHERE dialer.dialed_for IS NOT NULL
)
{_CALL}, coalesce(contract.contract_number, entry.contract_number) AS contract_number,
    entry.contract_number AS listed_number,
    coalesce(call.unknown_phone, point.value) AS phone, call.silence,
    call.recording_uri, call.recording_sha256, call.recording_announced, call.disposition_code,
    attempt.attempt_id, attempt.started_at AS attempt_started_at, attempt.reported_at AS attempt_reported_at,
    attempt.ended_at, attempt.permit_state, attempt.caller_id AS attempt_caller_id, permit.permit_id AS named_permit_id,
    permit.reason, permit.asked_at, permit.expires_at, permit.callable_until, permit.caller_id, permit.attempts,
    permit.most_attempts, permit.heard_at, permit.asked_by
FROM call_result call
LEFT JOIN contract USING (contract_id)
LEFT JOIN contact_point point ON point.contract_id = call.contract_id AND point.contact_id = call.contact_id
LEFT JOIN list_entry entry ON entry.contract_id = call.contract_id AND entry.list_id = call.list_id
LEFT JOIN attempt ON attempt.dialed_for = call.dialed_for AND attempt.attempt_id = call.call_id
LEFT JOIN permit ON permit.permit_id = coalesce(call.permit_id, attempt.named_permit_id)
WHERE call.call_id = $1 AND call.dialed_for = ANY (
    CASE WHEN $2::uuid IS NULL THEN ARRAY(SELECT dialed_for FROM dialer) ELSE ARRAY[$2::uuid] END)
ORDER BY call.dialed_for LIMIT 2
"""


def calls(conditions: Sequence[str], order: str, limit: str, *, for_operator: bool) -> str:
    """SQL: the calls for which all conditions hold. Without those that are not asked for, an index gives the order."""
    return f"""{_FOR_OPERATOR if for_operator else _FOR_AGENCY}
WHERE {" AND ".join(conditions or ["true"])}
ORDER BY call.reported_at {order}, call.dialed_for {order}, call.call_id {order} LIMIT {limit}
"""
