"""The statements that compare a ladder with its challenger."""

from portfolio.ladder.queries import challenged

# The version $2 of the ladder of the portfolio $1, or its last one with a challenger, and the days on which it held.
COMPARED = """
SELECT version, (challenger ->> 'percent')::integer AS percent, began_on, (
    SELECT next.began_on - 1 FROM ladder AS next
    WHERE next.portfolio_id = $1 AND next.version = ladder.version + 1) AS ended_on
FROM ladder WHERE portfolio_id = $1 AND challenger IS NOT NULL AND ($2::integer IS NULL OR version = $2)
ORDER BY version DESC LIMIT 1
"""
# $1 the portfolio, $2 the version, $3 its percent, $4 and $5 the first and the last day. A contract was behind if
# something was overdue on one of the days. Without a movement on them it stood as at its next movement, or as now.
COMPARE = f"""
WITH moved AS MATERIALIZED (
    SELECT contract_id, bool_or(day <= $5) AS in_period,
        bool_or(day <= $5 AND greatest(from_overdue, to_overdue) > 0) AS was_behind,
        (array_agg(from_overdue ORDER BY movement_id))[1] AS before_first,
        count(*) FILTER (WHERE day <= $5 AND from_overdue > 0 AND to_overdue = 0 AND to_stage <> 'closed')
            - count(*) FILTER (WHERE day <= $5 AND cause = 'reversed' AND from_overdue = 0 AND to_overdue > 0) AS cures
    FROM contract_movement WHERE portfolio_id = $1 AND day >= $4 GROUP BY contract_id
), behind AS MATERIALIZED (
    SELECT contract.contract_id, {challenged("$3::integer", "$2::integer")} AS challenged,
        coalesce(cures, 0) > 0 AS cured
    FROM contract LEFT JOIN moved USING (contract_id)
    WHERE contract.portfolio_id = $1 AND CASE
        WHEN in_period THEN was_behind
        ELSE coalesce(before_first, CASE WHEN state = 'open' THEN overdue_balance END, 0) > 0 END
)
SELECT challenged, count(*) AS contracts, count(*) FILTER (WHERE cured) AS cured,
    coalesce(sum(received), 0)::numeric(28, 2) AS recovered, coalesce(sum(payments), 0)::bigint AS payments,
    coalesce(sum(attempts), 0)::bigint AS attempts, coalesce(sum(contacts), 0)::bigint AS contacts
FROM behind LEFT JOIN (
    SELECT contract_id, sum(amount - credit) AS received, count(*) AS payments FROM payment
    WHERE portfolio_id = $1 AND business_date BETWEEN $4 AND $5 AND reversed_at IS NULL GROUP BY contract_id
) AS paid USING (contract_id)
LEFT JOIN LATERAL (
    SELECT sum(attempts) AS attempts, sum(contacts) AS contacts FROM contact_day
    WHERE contact_day.contract_id = behind.contract_id AND day BETWEEN $4 AND $5
) AS tried ON true
GROUP BY challenged
"""
