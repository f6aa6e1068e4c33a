"""SQL of permits: whom a question is about, the turn of the person, the facts that decide, and what is kept."""

from projections.contracts import person
from recobro_events import barrier, rebuilding

from dialer_feed.lists import frequency, phones
from dialer_feed.lists.eligibility import STEP_FORBIDS, WORTH_DIALING, reason
from dialer_feed.permits.rules import NO_CAMPAIGN

# The lists and campaigns that the client may name; an agency its own. $1 lists, $2 campaigns, $3 agency. An agency's
# request reads them by its own role, whose policies say the same once more: either guard alone would do.
NAMED = """
SELECT list.list_id, list.published_at IS NOT NULL AS is_published, campaign.campaign_id, campaign.agency_id,
    campaign.caller_ids
FROM dialing_list list JOIN campaign USING (campaign_id)
WHERE list.list_id = ANY ($1::uuid[]) AND ($3::uuid IS NULL OR campaign.agency_id = $3)
UNION ALL
SELECT NULL, true, campaign_id, agency_id, caller_ids FROM campaign
WHERE campaign_id = ANY ($2::uuid[]) AND ($3::uuid IS NULL OR agency_id = $3)
"""
ADD_TURNS = """
INSERT INTO person_turn (person_id) SELECT DISTINCT person_id FROM unnest($1::uuid[]) AS person_id ORDER BY person_id
ON CONFLICT DO NOTHING
"""
# Locks the people of these contracts in the order of their ids, then the contracts in the order of theirs. The count
# makes PostgreSQL finish the first lock before the second. A payment that is being applied holds the row of its
# contract, and is waited for. Nothing but a question locks a person.
LOCK = f"""
WITH whose AS MATERIALIZED (
    SELECT contract_id, {person()} AS person_id FROM contract WHERE contract_id = ANY ($1::uuid[])
), turn AS MATERIALIZED (
    SELECT person_id FROM person_turn WHERE person_id IN (SELECT person_id FROM whose) ORDER BY person_id FOR UPDATE
)
SELECT contract.contract_id, whose.person_id, EXISTS (
    SELECT FROM turn WHERE turn.person_id = whose.person_id) AS has_turn
FROM contract JOIN whose USING (contract_id)
WHERE (SELECT count(*) FROM turn) >= 0
ORDER BY contract_id FOR SHARE OF contract
"""
_DAY = "coalesce(list.business_date, portfolio.business_date)"
# Permits that may still be used: they count as attempts until they expire. Ids of permits contain their time, so only
# the partitions of today are read.
_IN_FORCE = f"""
(SELECT count(*) FROM contract other JOIN permit USING (contract_id)
    WHERE {person("other")} = {person()} AND permit.reason IS NULL AND permit.expires_at > moment.at
        AND permit.permit_id >= first_permit_of((moment.at AT TIME ZONE 'UTC')::date - 1)
        AND NOT EXISTS (SELECT FROM attempt WHERE attempt.permit_id = permit.permit_id)
        AND NOT EXISTS (SELECT FROM own_call WHERE own_call.permit_id = permit.permit_id))
"""
_OPEN_ATTEMPTS = f"""
(SELECT count(*) FROM contract other JOIN attempt USING (contract_id)
    WHERE {person("other")} = {person()} AND attempt.ended_at IS NULL
        AND attempt.business_date BETWEEN {_DAY} - 6 AND {_DAY})
"""
_IS_STALE = f"""
(portfolio.portfolio_id IS NULL OR portfolio.state <> 'ready' OR portfolio.business_date IS NULL
    OR {person()} IS DISTINCT FROM asked.person_id
    OR EXISTS (SELECT FROM parked_keys WHERE parked_keys.contract_id = contract.contract_id
        OR parked_keys.key IN (contract.contract_id::text, contract.portfolio_id::text)))
"""
_OF_NUMBER = "phone.contact_id = asked.contact_id"
# The person has called within the last hour, and nobody has called back since. Who writes first is answered once.
_MAY_ANSWER = f"""
EXISTS (
    SELECT FROM contract other JOIN call_result inbound USING (contract_id)
    WHERE {person("other")} = {person()} AND inbound.direction = 'inbound'
        AND inbound.started_at BETWEEN moment.at - interval '1 hour' AND moment.at
        AND NOT EXISTS (SELECT FROM contract same JOIN call_result later USING (contract_id)
            WHERE {person("same")} = {person()} AND later.direction = 'outbound'
                AND later.started_at >= inbound.started_at)
        AND NOT EXISTS (SELECT FROM contract same JOIN attempt later USING (contract_id)
            WHERE {person("same")} = {person()} AND later.started_at >= inbound.started_at)
        AND NOT EXISTS (SELECT FROM contract same JOIN own_call later USING (contract_id)
            WHERE {person("same")} = {person()} AND later.medium = 'call' AND later.made_at >= inbound.started_at)
        AND NOT EXISTS (SELECT FROM contract same JOIN permit later USING (contract_id)
            WHERE {person("same")} = {person()} AND later.reason IS NULL AND later.asked_at >= inbound.started_at
                AND later.expires_at > moment.at
                AND later.permit_id >= first_permit_of((moment.at AT TIME ZONE 'UTC')::date - 1)))
"""
# At the desk, where no row of a campaign is, the parties may be called whom the jurisdiction lets be contacted.
_LISTED_PHONES = f"""(CASE WHEN asked.list_id IS NULL THEN coalesce({phones.OF_CAMPAIGN}, true)
    ELSE {phones.OF_ENTRY} END)"""
_WORTH = f"(campaign.campaign_id IS NULL OR {WORTH_DIALING})"
_COUNTS = frequency.Counts("times.calls + begun.calls", "times.visits", "times.messages")
# What decides each question n, read after the locks were taken. $1 n, $2 contract, $3 list, $4 campaign, which no row
# has when the desk asks, $5 the id of the number, $6 the locked person, $7 the moment (null: now), $8 … $13 the limits
# of call frequency, $14 the number's hash.
JUDGE = f"""
WITH moment AS MATERIALIZED (SELECT coalesce($7::timestamptz, clock_timestamp()) AS at)
SELECT asked.n, moment.at, {person()} AS person_id, {_IS_STALE} AS is_stale,
    known_list.list_id IS NOT NULL
        AND NOT (known_list.status = 'published' AND known_list.live_until > moment.at) AS list_is_over,
    CASE WHEN entry.status = 'withdrawn' THEN entry.reason
        WHEN asked.list_id IS NOT NULL AND entry.list_id IS NULL THEN 'number_not_listed' END AS left_because_of,
    {reason(_LISTED_PHONES, _WORTH)} AS bars,
    EXISTS ({phones.dialable("1", f"{_OF_NUMBER} AND {_LISTED_PHONES}")}) AS number_is_listed,
    (SELECT reported.reason FROM reported_silence reported
        WHERE reported.contract_id = contract.contract_id AND reported.contact_id = asked.contact_id
        ORDER BY reported.silence_id LIMIT 1) AS reported_of_number,
    (SELECT phone.usable FROM contact_point phone
        WHERE phone.contract_id = contract.contract_id AND {_OF_NUMBER}) AS number_is_usable,
    EXISTS (SELECT FROM contact_point phone
        WHERE phone.contract_id = contract.contract_id AND phone.kind = 'phone' AND phone.present
            AND phone.party_role = 'employer' AND {phones.HASH} = asked.number_hash) AS number_is_of_employer,
    EXISTS (SELECT FROM suppressed_number suppressed
        WHERE suppressed.number_hash = asked.number_hash AND suppressed.until IS NULL) AS number_is_suppressed,
    ARRAY({phones.dialable("phone.value", _LISTED_PHONES)}) AS phones,
    {STEP_FORBIDS} AS step_forbids,
    contract.jurisdiction, contract.region, contract.places, contract.conveniences, portfolio.creditor_kind,
    contract.conveniences <> '[]' AND {_MAY_ANSWER} AS may_answer,
    coalesce(portfolio.timezone, 'UTC') AS portfolio_timezone, {_DAY} AS business_date,
    nearest.attempts, coalesce(times.spoke, false) AS spoke, nearest.most,
    {barrier.REACHED_AT} AS heard_at,
    {rebuilding.INCOMPLETE} AS is_rebuilding
FROM moment, unnest($1::integer[], $2::uuid[], $3::uuid[], $4::uuid[], $5::uuid[], $6::uuid[],
    $14::bytea[]) AS asked (n, contract_id, list_id, campaign_id, contact_id, person_id, number_hash)
JOIN contract USING (contract_id)
JOIN contract judged ON judged.contract_id = contract.contract_id
LEFT JOIN campaign ON campaign.campaign_id = asked.campaign_id
LEFT JOIN portfolio ON portfolio.portfolio_id = contract.portfolio_id
LEFT JOIN dialing_list known_list ON known_list.list_id = asked.list_id
LEFT JOIN list_entry entry ON entry.contract_id = asked.contract_id AND entry.list_id = asked.list_id
CROSS JOIN LATERAL (SELECT coalesce(known_list.business_date, portfolio.business_date) AS business_date) AS list
CROSS JOIN LATERAL (
    SELECT {frequency.counted(f"{_DAY} - 7")},
        bool_or(contact.right_party
            AND contact.business_date > {_DAY} - {frequency.silent_days("contact.contract_id", 8)}) AS spoke
    FROM ({frequency.contacts(person("judged"), _DAY)}) AS contact
) AS times
CROSS JOIN LATERAL (SELECT {_OPEN_ATTEMPTS} + {_IN_FORCE} AS calls) AS begun
CROSS JOIN LATERAL ({frequency.nearest(person("judged"), _COUNTS, 8)}) AS nearest
ORDER BY asked.n
"""
KEEP = """
INSERT INTO permit (permit_id, asked_at, reason, expires_at, agency_id, campaign_id, list_id, contract_id, contact_id,
    unknown_phone, caller_id, business_date, callable_until, attempts, most_attempts, heard_at, asked_by)
SELECT uuidv7(asked_at - clock_timestamp()), asked_at, reason, expires_at, agency_id, campaign_id, list_id, contract_id,
    contact_id, unknown_phone, caller_id, business_date, callable_until, attempts, most_attempts, heard_at, $1
FROM unnest($2::timestamptz[], $3::text[], $4::timestamptz[], $5::uuid[], $6::uuid[], $7::uuid[], $8::uuid[],
    $9::uuid[], $10::text[], $11::text[], $12::date[], $13::timestamptz[], $14::integer[], $15::integer[],
    $16::timestamptz[]) WITH ORDINALITY
    AS kept (asked_at, reason, expires_at, agency_id, campaign_id, list_id, contract_id, contact_id, unknown_phone,
        caller_id, business_date, callable_until, attempts, most_attempts, heard_at, n)
ORDER BY n
RETURNING permit_id
"""
_KEPT = f"""
SELECT permit.permit_id, permit.reason IS NULL AS granted, permit.reason, permit.asked_at, permit.expires_at,
    permit.agency_id, nullif(permit.campaign_id, '{NO_CAMPAIGN}') AS campaign_id, permit.list_id, permit.contract_id,
    contract.contract_number,
    permit.unknown_phone AS phone, permit.caller_id, permit.business_date, permit.callable_until, permit.attempts,
    permit.most_attempts, permit.heard_at, permit.asked_by, coalesce(attempt.attempt_id, (
        SELECT own_call.attempt_id::text FROM own_call WHERE own_call.permit_id = permit.permit_id
        ORDER BY own_call.attempt_id LIMIT 1)) AS attempt_id
FROM permit
LEFT JOIN contract USING (contract_id)
LEFT JOIN attempt ON attempt.permit_id = permit.permit_id
"""
ONE = f"{_KEPT} WHERE permit.permit_id = $1"
# The days of $1 up to, and without, $2 are read, and no other partition.
PAGE = {
    order: f"""
{_KEPT}
WHERE permit.permit_id >= first_permit_of($1) AND permit.permit_id < first_permit_of($2)
    AND ($3::uuid IS NULL OR permit.list_id = $3) AND ($4::uuid IS NULL OR permit.contract_id = $4)
    AND ($5::boolean IS NULL OR (permit.reason IS NULL) = $5) AND ($6::text IS NULL OR permit.reason = $6)
    AND ($7::uuid IS NULL OR permit.permit_id {beyond} $7)
ORDER BY permit.permit_id {order} LIMIT $8
"""
    for order, beyond in (("asc", ">"), ("desc", "<"))
}
COUNTS = """
SELECT coalesce(reason, 'granted') AS outcome, count(*)::integer AS permits FROM permit
WHERE list_id = $1 AND permit_id >= first_permit_of($2) GROUP BY 1 ORDER BY permits DESC, outcome
"""
