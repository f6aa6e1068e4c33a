"""The statements that choose which contracts are judged."""

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

# $1 the portfolio, $2 contracts, $3 when time alone may change each next, or null.
JUDGED = """
INSERT INTO judging AS known (portfolio_id, contract_id, due_on)
SELECT $1, contract_id, coalesce(next_on, 'infinity')
FROM unnest($2::uuid[], $3::date[]) AS judged (contract_id, next_on) ORDER BY contract_id
ON CONFLICT (portfolio_id, contract_id) DO UPDATE SET due_on = excluded.due_on WHERE known.due_on <> excluded.due_on
"""
# Before the contracts are judged: whatever these marks say is known then. A later one stays.
UNMARK = "DELETE FROM judging_mark WHERE portfolio_id = $1 AND contract_id = ANY($2::uuid[])"

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
