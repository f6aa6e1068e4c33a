"""The statements of the daily run, of the totals by stage, and of pauses."""

from portfolio.ledger.actors import CURRENT_ACTOR
from portfolio.ledger.locking import RESTAGED_BY_BANDS
from portfolio.stages.nearing_queries import NEXT_NEAR

NEXT_DAY = f"""
SELECT least($3::date, greatest($2::date + 1, least(
    (SELECT min(next_change_on) FROM contract WHERE portfolio_id = $1 AND state = 'open'),
    (SELECT min(CASE WHEN near_told OR near_on IS NULL OR near_on <= $2 THEN deadline_on + 1 ELSE near_on END)
        FROM clarification JOIN contract USING (contract_id)
        WHERE portfolio_id = $1 AND clarification.state = 'open' AND NOT passed_told),
    (SELECT min(due_on) FROM judging WHERE portfolio_id = $1 AND due_on > $2),
    (SELECT min(from_on) FROM stage_bands WHERE portfolio_id = $1 AND from_on > $2),
    {NEXT_NEAR})))
"""
"""The next day on which a contract, its segment, a deadline of a clarification or the bands change.

Or on which a change of stage is to be announced. The last requested day if that is earlier.
"""

# The deadline of an open clarification is near from near_on up to itself, and has passed after it.
_UNPUBLISHED = """clarification.state = 'open' AND NOT passed_told
    AND (deadline_on < $2 OR (coalesce(near_on, deadline_on) <= $2 AND NOT near_told))"""
DEADLINES_DUE = f"""
SELECT DISTINCT ON (contract_id) contract_id, clarification_id
FROM clarification JOIN contract USING (contract_id)
WHERE portfolio_id = $1 AND {_UNPUBLISHED}
ORDER BY contract_id, deadline_on, clarification_id LIMIT $3
"""
MARK_DEADLINES = f"""
UPDATE clarification SET near_told = true, passed_told = deadline_on < $2
WHERE clarification_id = ANY($1::uuid[]) AND {_UNPUBLISHED}
RETURNING clarification_id, contract_id, deadline_on, passed_told AS has_passed
"""

# The order is by day, not by id: the index yields the first contracts without sorting all that are due.
DUE = """
SELECT contract_id FROM contract
WHERE portfolio_id = $1 AND state = 'open' AND next_change_on <= $2
ORDER BY next_change_on LIMIT $3
"""
STILL_DUE = f"""
SELECT contract_id, {RESTAGED_BY_BANDS} AS restaged_by_bands FROM contract JOIN portfolio USING (portfolio_id)
WHERE contract_id = ANY($1::uuid[]) AND contract.state = 'open' AND next_change_on <= $2
ORDER BY contract_id FOR UPDATE OF contract
"""
ANY_DUE = """
SELECT EXISTS (SELECT FROM contract WHERE portfolio_id = $1 AND state = 'open' AND next_change_on <= $2)
    OR EXISTS (SELECT FROM restaging WHERE portfolio_id = $1)
"""

STAGES = """
SELECT stage, count(*) AS contracts, coalesce(sum(overdue_balance), 0) AS overdue_balance
FROM contract
WHERE state = 'open' AND ($1::uuid IS NULL OR portfolio_id = $1)
GROUP BY stage
"""

# $1 the day, $2 portfolio or null.
DAY_TOTALS = """
SELECT portfolio.portfolio_id, name, currency, payments, paid::text, reversals, reversed::text,
    clarifications_opened, clarifications_resolved
FROM portfolio CROSS JOIN LATERAL (
    SELECT count(*) AS payments, coalesce(sum(amount), 0.00) AS paid FROM payment
    WHERE payment.portfolio_id = portfolio.portfolio_id AND business_date = $1
) AS paid CROSS JOIN LATERAL (
    SELECT count(*) AS reversals, coalesce(sum(amount), 0.00) AS reversed FROM payment
    WHERE payment.portfolio_id = portfolio.portfolio_id AND reversed_on = $1
) AS reversed CROSS JOIN LATERAL (
    SELECT count(*) FILTER (WHERE opened_on = $1) AS clarifications_opened,
        count(*) FILTER (WHERE (resolved_at AT TIME ZONE timezone)::date = $1) AS clarifications_resolved
    FROM clarification JOIN contract USING (contract_id)
    WHERE contract.portfolio_id = portfolio.portfolio_id
) AS disputes
WHERE CASE WHEN $2::uuid IS NOT NULL THEN portfolio.portfolio_id = $2
    ELSE returned_at IS NULL OR payments + reversals + clarifications_opened + clarifications_resolved > 0 END
ORDER BY name, portfolio.portfolio_id
"""

# A pause that was called off ends before it starts. It has no days and overlaps nothing.
OVERLAPPING_PAUSE = """
SELECT pause_id, starts_on, ends_on FROM pause
WHERE contract_id = $1 AND scoped_pause_id IS NULL AND (ends_on IS NULL OR ends_on >= starts_on)
    AND starts_on <= coalesce($3::date, 'infinity') AND coalesce(ends_on, 'infinity') >= $2::date
ORDER BY starts_on LIMIT 1
"""
START_PAUSE = """
INSERT INTO pause (pause_id, contract_id, reason, starts_on, ends_on, version)
VALUES (coalesce($5::uuid, uuidv7()), $1, $2, $3, $4, 0) RETURNING *
"""
PAUSE = "SELECT * FROM pause WHERE pause_id = $1"
CONTRACT_OF_PAUSE = "SELECT contract_id FROM pause WHERE pause_id = $1"
END_PAUSE = f"UPDATE pause SET ends_on = $2, ended_by = {CURRENT_ACTOR} WHERE pause_id = $1 RETURNING *"
SET_PAUSE_VERSION = "UPDATE pause SET version = $2 WHERE pause_id = $1"
COUNT_PAUSES = "SELECT count(*) FROM pause WHERE contract_id = $1 AND scoped_pause_id IS NULL"
