"""The statements that compare silences with those published to agencies, and publish the difference."""

from projections.placements import WITH_AGENCY
from projections.silence import each
from recobro_events import outbox
from recobro_events.contracts import agency

from assignment.agency_feed.rules import TOPIC

# $1 contracts, $2 contact points, $3 their versions, $4 the refused media with commas, $5 whether a change states them.
# A change is kept even if nothing is refused, for an older state of the whole contract may come later.
KEEP_OPT_OUTS = """
INSERT INTO opt_out AS known (contract_id, contact_id, version, media)
SELECT fact.contract_id, fact.contact_id, fact.version, string_to_array(fact.media, ',')
FROM unnest($1::uuid[], $2::uuid[], $3::bigint[], $4::text[], $5::boolean[])
    AS fact (contract_id, contact_id, version, media, is_change)
WHERE fact.media IS NOT NULL AND (is_change OR fact.media <> '' OR EXISTS (
    SELECT FROM opt_out
    WHERE opt_out.contract_id = fact.contract_id AND opt_out.contact_id = fact.contact_id))
ON CONFLICT (contract_id, contact_id) DO UPDATE SET version = excluded.version, media = excluded.media
WHERE known.version <= excluded.version
"""

_NOW = f"""
now_silent AS MATERIALIZED (
    SELECT given.contract_id, given.traceparent, today.day, silence.*
    FROM unnest($2::uuid[], $3::text[]) AS given (contract_id, traceparent)
    JOIN contract USING (contract_id)
    LEFT JOIN portfolio USING (portfolio_id)
    CROSS JOIN LATERAL (SELECT greatest(portfolio.business_date, contract.as_of) AS day) AS today
    CROSS JOIN LATERAL (
        SELECT found.*, NULL::text AS medium, NULL::uuid AS contact_id FROM ({each("today.day")}) AS found
        UNION ALL
        SELECT caused_event_id(contact_id, 'silence', 'opted_out', refused.medium, 0), 'opted_out', NULL, NULL,
            nullif(refused.medium, 'all'), contact_id
        FROM opt_out CROSS JOIN unnest(media) AS refused (medium)
        WHERE opt_out.contract_id = contract.contract_id
    ) AS silence
)"""
_BODY = """json_build_object('agency_id', agency_id, 'contract_id', contract_id, 'silence_id', silence_id,
        'reason', reason, 'since', since, 'until', until, 'medium', medium, 'contact_id', contact_id)"""
# The same silence of the same placement has the same event id, whatever event caused it and in whichever order.
_EVENT_ID = outbox.Caused(
    "silence_id", consumer="'silence'", key="concat_ws(':', contract_id, placement_id, until)", n="published"
)
_AGENCIES = f"""(
    SELECT contract_id, agency_id, min(placement_id::text) AS placement_id FROM placement
    WHERE contract_id = ANY ($2::uuid[]) AND {WITH_AGENCY} GROUP BY contract_id, agency_id
) AS placed"""
_EVENTS = outbox.rows(
    {"NOT ended": agency.ContactSilenced, "ended": agency.ContactResumed},
    body=f"""CASE WHEN ended THEN json_build_object('agency_id', agency_id, 'contract_id', contract_id,
        'silence_id', silence_id, 'still_silent', still_silent) ELSE json_strip_nulls({_BODY}) END""",
    traceparent="coalesce(traceparent, $1)",
    event_id=_EVENT_ID,
    topic=TOPIC,
)

# Opt-outs of a contact point bar that point only, so they are not among the reasons for which the contract stays
# silent. A silence that comes back is published again.
# $1 traceparent, $2 contracts, $3 the traceparent of the event behind each.
PUBLISH = f"""
WITH {_NOW}, kept AS (
    INSERT INTO silence AS known (contract_id, silence_id, reason, since, until, medium, contact_id)
    SELECT contract_id, silence_id, reason, coalesce(since, day, current_date), until, medium, contact_id
    FROM now_silent ORDER BY contract_id, silence_id
    ON CONFLICT (contract_id, silence_id) DO UPDATE SET until = excluded.until, reason = excluded.reason,
        since = CASE WHEN known.ended THEN excluded.since ELSE known.since END, published = known.published + 1,
        ended = false
    WHERE known.ended OR (known.until, known.reason) IS DISTINCT FROM (excluded.until, excluded.reason)
    RETURNING known.*
), gone AS (
    UPDATE silence SET ended = true, published = published + 1
    FROM unnest($2::uuid[], $3::text[]) AS given (contract_id, traceparent)
    WHERE silence.contract_id = given.contract_id AND NOT silence.ended AND NOT EXISTS (
        SELECT FROM now_silent
        WHERE now_silent.contract_id = silence.contract_id AND now_silent.silence_id = silence.silence_id)
    RETURNING silence.*, given.traceparent
), changed AS (
    SELECT kept.*, traceparent, NULL::json AS still_silent FROM kept JOIN now_silent USING (contract_id, silence_id)
    UNION ALL
    SELECT gone.*, coalesce((
            SELECT json_agg(DISTINCT reason ORDER BY reason) FROM now_silent
            WHERE now_silent.contract_id = gone.contract_id AND coalesce(now_silent.since <= now_silent.day, true)
                AND (now_silent.contact_id IS NULL OR now_silent.contact_id = gone.contact_id)), '[]')
    FROM gone
)
{_EVENTS}
FROM changed JOIN {_AGENCIES} USING (contract_id)
ORDER BY ended, contract_id, agency_id, CASE WHEN NOT ended THEN since END, silence_id
RETURNING id
"""
# A silence that has ended by its date is forgotten without an event.
FORGET = """
DELETE FROM silence USING contract LEFT JOIN portfolio USING (portfolio_id)
WHERE silence.contract_id = ANY ($1::uuid[]) AND contract.contract_id = silence.contract_id
    AND silence.until < greatest(portfolio.business_date, contract.as_of)
"""
_SILENCED_AT_START = outbox.rows(
    agency.ContactSilenced,
    body=f"json_strip_nulls({_BODY})",
    traceparent="$1",
    event_id=_EVENT_ID,
    topic=TOPIC,
)
# $1 traceparent, $2 new placements, $3 the days on which they begin.
SILENCE_PLACED = f"""
{_SILENCED_AT_START}
FROM (
    SELECT placement_id, agency_id, kind, silence.*
    FROM unnest($2::uuid[], $3::date[]) AS begun (placement_id, day)
    JOIN placement USING (placement_id) JOIN silence USING (contract_id)
    WHERE NOT silence.ended AND (silence.until IS NULL OR silence.until >= begun.day)
) AS in_force
ORDER BY contract_id, kind, since, silence_id
RETURNING id
"""
