"""The statements of clarifications. Those that write need the contracts' rows locked."""

from portfolio.ledger.actors import CURRENT_ACTOR

OPEN = """
INSERT INTO clarification (clarification_id, contract_id, reason, detail, opened_by, instalments, opened_on,
    deadline_on, near_on)
SELECT clarification_id, contract_id, reason,
    CASE WHEN EXISTS (SELECT FROM contract WHERE contract.contract_id = given.contract_id AND erased_at IS NULL)
        THEN detail END,
    opened_by, $5::integer[], opened_on, deadline_on, near_on
FROM unnest($1::uuid[], $2::text[], $3::text[], $4::text[], $6::date[], $7::date[], $8::date[], $9::uuid[])
    AS given (contract_id, reason, detail, opened_by, opened_on, deadline_on, near_on, clarification_id)
RETURNING *
"""

RESOLVE = f"""
UPDATE clarification
SET resolved_by = {CURRENT_ACTOR}, state = $2, resolved_at = clock_timestamp(), resolution_detail = $3,
    contact_may_resume = $4, document = $5, proof_of_sending = $6
WHERE clarification_id = $1
"""

CONTRACT_OF = "SELECT contract_id FROM clarification WHERE clarification_id = $1"
READ = "SELECT * FROM clarification WHERE clarification_id = $1"
INSTALMENTS = "SELECT number, due_on, amount FROM instalment WHERE contract_id = $1"

# What the creditor's files state is what was decided about, also by a second decision about the same instalment.
DECIDE = """
WITH given AS MATERIALIZED (
    SELECT number, given.amount, instalment.amount + coalesce(before.about - before.amount, 0) AS about
    FROM unnest($2::integer[], $3::numeric[]) AS given (number, amount)
    JOIN instalment USING (number)
    LEFT JOIN amount_decision AS before USING (contract_id, number)
    WHERE instalment.contract_id = $1
), replaced AS (
    DELETE FROM amount_decision WHERE contract_id = $1 AND number IN (SELECT number FROM given)
)
INSERT INTO amount_decision (contract_id, number, about, amount, clarification_id)
SELECT $1, number, about, amount, $4 FROM given WHERE amount <> about
"""
CORRECT = """
UPDATE instalment SET amount = given.amount, unpaid = least(unpaid, given.amount)
FROM unnest($2::integer[], $3::numeric[]) AS given (number, amount)
WHERE instalment.contract_id = $1 AND instalment.number = given.number
"""

STILL_OPEN = """
SELECT clarification_id FROM clarification
WHERE contract_id = $1 AND clarification_id <> $2 AND (state = 'open' OR NOT contact_may_resume)
ORDER BY clarification_id
"""

SETTINGS = """
SELECT contract_id, jurisdiction, coalesce(portfolio.business_date, contract.as_of) AS opened_on
FROM contract JOIN portfolio USING (portfolio_id) WHERE contract_id = ANY($1::uuid[])
"""
# An open clarification of the same reason, in any case and spacing, that covers these instalments. One without
# instalments covers all. Its opener and its detail do not matter: people who repeat a dispute tell it anew.
_COVERS = """
clarification.contract_id = given.contract_id AND clarification.state = 'open'
    AND spelling_key(clarification.reason) = spelling_key(given.reason)
    AND (clarification.instalments = '{}'
        OR given.instalments <> '{}' AND clarification.instalments @> given.instalments)
"""
# $1 contracts, $2 the reason of each; all instalments are disputed.
DISPUTED = f"""
SELECT given.contract_id FROM (
    SELECT contract_id, reason, '{{}}'::integer[] AS instalments
    FROM unnest($1::uuid[], $2::text[]) AS given (contract_id, reason)) AS given
WHERE EXISTS (SELECT FROM clarification WHERE {_COVERS})
"""
SILENCING = """
SELECT contract_id, count(*) AS silencing FROM clarification
WHERE contract_id = ANY($1::uuid[]) AND (state = 'open' OR NOT contact_may_resume) GROUP BY contract_id
"""
# $1 contract, $2 reason, $3 instalments
SAME = f"""
SELECT clarification_id
FROM (SELECT $1::uuid AS contract_id, $2::text AS reason, $3::integer[] AS instalments) AS given
JOIN clarification ON {_COVERS}
ORDER BY opened_at LIMIT 1
"""

# $1 portfolio or null, $2 state or null, $3 the day before which the deadline lies or null, $4 and $5 the moment and id
# after which the page begins or null, $6 limit.
LIST = {
    order: f"""
SELECT clarification.*, contract.portfolio_id, contract_number
FROM clarification JOIN contract USING (contract_id)
WHERE ($1::uuid IS NULL OR portfolio_id = $1) AND ($2::text IS NULL OR clarification.state = $2)
    AND ($3::date IS NULL OR deadline_on < $3)
    AND ($4::timestamptz IS NULL OR (opened_at, clarification_id) {beyond} ($4, $5::uuid))
ORDER BY opened_at {order}, clarification_id {order} LIMIT $6
"""
    for order, beyond in (("asc", ">"), ("desc", "<"))
}
