"""The statements that choose which contracts are judged, and the one that judges them."""

from recobro_events import outbox
from recobro_events.contracts.portfolio import ContractEscalated, ContractSegmentChanged

from portfolio.ladder.queries import CLIMBED, steps
from portfolio.ladder.queries import facts as facts_of_ladder
from portfolio.ledger.history import INTO_HISTORY
from portfolio.ledger.positions_queries import POSITION_JSON, renewed
from portfolio.segments.queries import EDGES, FITTED, NEXT_EDGE, facts, rules

# The portfolios in which contracts have changed, or whose rules have.
WAITING = """
SELECT portfolio_id FROM portfolio
WHERE business_date IS NOT NULL AND (
    EXISTS (SELECT FROM judging_mark WHERE judging_mark.portfolio_id = portfolio.portfolio_id)
    OR EXISTS (SELECT FROM judging_anew WHERE judging_anew.portfolio_id = portfolio.portfolio_id))
ORDER BY portfolio_id
"""
# Contracts that somebody else has locked are chosen next time. A run stages those that are due for it, and judges them.
CHANGED = """
SELECT contract_id FROM contract WHERE contract_id IN (
        SELECT DISTINCT contract_id FROM judging_mark WHERE portfolio_id = $1 ORDER BY contract_id LIMIT $3)
    AND (next_change_on IS NULL OR next_change_on > $2 OR state <> 'open')
ORDER BY contract_id FOR UPDATE SKIP LOCKED
"""
# $2 the business date.
DUE = """
(SELECT contract_id FROM judging WHERE portfolio_id = $1 AND due_on <= $2 ORDER BY due_on LIMIT $3)
UNION
(SELECT DISTINCT contract_id FROM judging_mark WHERE portfolio_id = $1 ORDER BY contract_id LIMIT $3)
"""
LOCK_DUE = """
SELECT contract_id FROM contract
WHERE contract_id = ANY($2::uuid[]) AND (
    EXISTS (SELECT FROM judging
        WHERE judging.portfolio_id = $1 AND judging.contract_id = contract.contract_id AND due_on <= $3)
    OR EXISTS (SELECT FROM judging_mark
        WHERE judging_mark.portfolio_id = $1 AND judging_mark.contract_id = contract.contract_id))
ORDER BY contract_id FOR UPDATE
"""
LOCK_ANEW = "SELECT judged_to FROM judging_anew WHERE portfolio_id = $1 FOR UPDATE"
AFTER = """
SELECT contract_id FROM contract JOIN (
    SELECT contract_id FROM judging WHERE portfolio_id = $1 AND contract_id > $2 ORDER BY contract_id LIMIT $3
) AS next USING (contract_id) ORDER BY contract_id FOR UPDATE OF contract
"""
JUDGED_TO = "UPDATE judging_anew SET judged_to = $2 WHERE portfolio_id = $1"
JUDGED_ALL = "DELETE FROM judging_anew WHERE portfolio_id = $1"

# The ladder may ask for the segment, so it reads the new one. Only an open contract gets another.
_SEGMENTED = """
    SELECT contract_id, debtor_id, contract_number, episodes AS episode, state, was_step, was_segment, rule,
        CASE WHEN state = 'open' THEN segment ELSE was_segment END AS segment, overdue_balance, total_balance,
        business_date, days_past_due, debt_age_days, segment_next_on
    FROM segmented"""
_OTHER_SEGMENT = "contract.segment IS DISTINCT FROM climbed.segment"
_OTHER_STEP = "(contract.step, contract.allows) IS DISTINCT FROM (climbed.to_step, climbed.allows)"
_POSITION = POSITION_JSON.format(row="changed")
# A contract that changes both ways has an event for each. The one of the segment comes first.
_SEGMENT_CHANGED = outbox.rows(
    ContractSegmentChanged,
    body=f"""json_build_object({_POSITION.replace("changed.version", "changed.version - other_step::integer")},
            'from_segment', was_segment, 'to_segment', segment, 'rule', rule, 'rules_version', $4::integer)""",
    traceparent="$7",
)
_ESCALATED = outbox.rows(
    ContractEscalated,
    body=f"""json_build_object({_POSITION}, 'from_step', was_step, 'to_step', step, 'cause', why,
            'ladder_version', $6::integer, 'allows', allows)""",
    traceparent="$7",
)
# Marks go by the same statement: whatever they say is known to it, and a later one stays. A later episode than the
# present one never was: a reversed payment had ended the episode before it.
# $1 the portfolio, $2 contracts of it whose rows are locked, $3 rules of segments, $4 their version, $5 the ladder,
# $6 its version, $7 traceparent, $8 whether to publish. Returns how many contracts have changed, how many of them the
# segment, and how many others the step.
JUDGE = f"""
WITH rule AS MATERIALIZED ({rules("$3::jsonb")}
), edges AS MATERIALIZED ({EDGES}
), rung AS MATERIALIZED ({steps("$5::jsonb")}
), segmented AS MATERIALIZED (
    WITH fact AS MATERIALIZED ({facts("SELECT unnest($2::uuid[]) AS contract_id")}
    ), fitted AS MATERIALIZED ({FITTED}
    )
    SELECT fitted.*, business_date + {NEXT_EDGE} AS segment_next_on FROM fitted
), fact AS MATERIALIZED ({facts_of_ladder(_SEGMENTED, "$5::jsonb")}
), climbed AS MATERIALIZED ({CLIMBED}
), unmarked AS (
    DELETE FROM judging_mark WHERE portfolio_id = $1 AND contract_id = ANY($2::uuid[])
), scheduled AS (
    INSERT INTO judging AS known (portfolio_id, contract_id, due_on)
    SELECT $1, contract_id,
        coalesce(least(segment_next_on, business_date + CASE WHEN climbs THEN 1 ELSE wait END), 'infinity')
    FROM climbed ORDER BY contract_id
    ON CONFLICT (portfolio_id, contract_id) DO UPDATE SET due_on = excluded.due_on
    WHERE known.due_on <> excluded.due_on
), forgotten AS (
    DELETE FROM contract_step USING climbed
    WHERE contract_step.contract_id = climbed.contract_id AND contract_step.episode > climbed.episode
), reached_now AS (
    INSERT INTO contract_step (contract_id, episode, step, since, ladder_version)
    SELECT contract_id, episode, next_step, business_date, $6 FROM climbed WHERE climbs
), changed AS (
    UPDATE contract SET segment = climbed.segment, step = to_step, allows = climbed.allows, {renewed("climbed")},
        segment_since = CASE WHEN {_OTHER_SEGMENT} THEN business_date ELSE segment_since END,
        version = version + CASE WHEN $8::boolean THEN ({_OTHER_SEGMENT})::integer + ({_OTHER_STEP})::integer ELSE 0 END
    FROM climbed
    WHERE contract.contract_id = climbed.contract_id AND contract.state IN ('open', 'settled')
        AND ({_OTHER_SEGMENT} OR {_OTHER_STEP})
    RETURNING new.*, was_segment, was_step, rule, business_date, challenged,
        old.segment IS DISTINCT FROM new.segment AS other_segment,
        (old.step, old.allows) IS DISTINCT FROM (new.step, new.allows) AS other_step,
        CASE WHEN climbs OR was_step = reached THEN 'ladder' WHEN reached IS NULL THEN 'cured' ELSE 'restored' END
            AS why
), segments_published AS (
    {_SEGMENT_CHANGED}
    FROM changed WHERE $8::boolean AND other_segment ORDER BY contract_id RETURNING 1
), steps_published AS (
    {_ESCALATED}
    FROM changed WHERE $8::boolean AND other_step AND (SELECT count(*) FROM segments_published) >= 0
    ORDER BY contract_id
), recorded AS (
    {INTO_HISTORY}
    SELECT contract_id, business_date, kind, summary, data
    FROM changed CROSS JOIN LATERAL (VALUES
        (1, other_segment, 'segment_changed',
            format('from %s to %s', coalesce(was_segment, '-'), coalesce(segment, '-')),
            jsonb_build_object('from_segment', was_segment, 'to_segment', segment, 'rule', rule,
                'rules_version', $4::integer)),
        (2, step IS DISTINCT FROM was_step, 'escalated',
            format('from %s to %s (%s)', coalesce(was_step, '-'), coalesce(step, '-'), why),
            jsonb_build_object('from_step', was_step, 'to_step', step, 'cause', why, 'episode', episode,
                'ladder_version', $6::integer, 'challenged', challenged))
    ) AS line (n, applies, kind, summary, data)
    WHERE applies ORDER BY contract_id, n
)
SELECT count(*) AS changed, count(*) FILTER (WHERE other_segment) AS segments,
    count(*) FILTER (WHERE NOT other_segment AND step IS DISTINCT FROM was_step) AS steps
FROM changed
"""

# $1 contracts, $2 the moments, $3 whether somebody tried to reach the debtor, $4 whether the debtor was reached, $5 the
# answers. An attempt belongs to the business date that is as far back as the attempt was on the clock, so that a late
# report keeps its age.
KEEP_ATTEMPTS = """
WITH attempt AS (
    SELECT contract_id, tried, reached, answer, n,
        business_date - greatest(0, (now() AT TIME ZONE timezone)::date - (made_at AT TIME ZONE timezone)::date) AS day
    FROM unnest($1::uuid[], $2::timestamptz[], $3::boolean[], $4::boolean[], $5::text[])
        WITH ORDINALITY AS given (contract_id, made_at, tried, reached, answer, n)
    JOIN contract USING (contract_id) JOIN portfolio USING (portfolio_id)
    WHERE business_date IS NOT NULL
)
INSERT INTO contact_day AS known (contract_id, day, attempts, contacts, last_answer)
SELECT contract_id, day, count(*) FILTER (WHERE tried), count(*) FILTER (WHERE reached),
    (array_agg(answer ORDER BY n DESC))[1]
FROM attempt GROUP BY contract_id, day ORDER BY contract_id, day
ON CONFLICT (contract_id, day) DO UPDATE SET attempts = known.attempts + excluded.attempts,
    contacts = known.contacts + excluded.contacts, last_answer = excluded.last_answer
"""
