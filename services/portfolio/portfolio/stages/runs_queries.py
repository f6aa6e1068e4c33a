"""The statements of staging runs."""

from chassis.future import DAYS_AHEAD

from portfolio.ledger.actors import CURRENT_ACTOR

# The portfolios of a run. ``ahead``: the run would move the portfolio to a day far ahead of its today.
# $1 the day, $2 the portfolio or null, $3 the time now.
CHOSEN = f"""
SELECT portfolio_id, name, today, business_date < $1::date AND $1::date > today + {DAYS_AHEAD} AS ahead
FROM portfolio CROSS JOIN LATERAL (SELECT ($3::timestamptz AT TIME ZONE timezone)::date AS today) AS clock
WHERE business_date IS NOT NULL AND ($2::uuid IS NULL OR portfolio_id = $2)
ORDER BY portfolio_id
"""
ADD = """
INSERT INTO staging_run (as_of, portfolio_id, portfolio_ids) VALUES ($1, $2, $3) RETURNING run_id
"""
RUN = "SELECT as_of, portfolio_id, changed, state FROM staging_run WHERE run_id = $1"
UNFINISHED = """
SELECT run_id, as_of, portfolio_id, portfolio_ids, actor FROM staging_run WHERE state = 'running' ORDER BY run_id
"""
IS_UNFINISHED = "SELECT state = 'running' FROM staging_run WHERE run_id = $1"
_CURRENT = """
SELECT run_id, as_of, portfolio_id, changed, started_at, actor AS started_by,
    CASE WHEN stop_asked_at IS NULL THEN 'running' ELSE 'stopping' END AS state, portfolios_left, days_left
FROM staging_run CROSS JOIN LATERAL (
    SELECT count(*) AS portfolios_left, coalesce(max(staging_run.as_of - staged_to), 0) AS days_left
    FROM portfolio
    WHERE portfolio.portfolio_id = ANY (portfolio_ids) AND staged_to < staging_run.as_of
) AS ahead
WHERE staging_run.state = 'running'
"""
CURRENT = f"{_CURRENT} ORDER BY run_id LIMIT 1"
UNFINISHED_RUN = f"{_CURRENT} AND run_id = $1"
ASK_TO_STOP = f"""
UPDATE staging_run SET stop_asked_at = coalesce(stop_asked_at, clock_timestamp()),
    stopped_by = coalesce(stopped_by, {CURRENT_ACTOR})
WHERE run_id = $1 AND state = 'running' RETURNING true
"""
IS_TO_STOP = "SELECT stop_asked_at IS NOT NULL FROM staging_run WHERE run_id = $1"
# A run that was asked to stop when all was done already has not been stopped.
FALLS_SHORT = """
SELECT stop_asked_at IS NOT NULL AND EXISTS (
    SELECT FROM portfolio WHERE portfolio_id = ANY (portfolio_ids) AND staged_to < staging_run.as_of)
FROM staging_run WHERE run_id = $1
"""
COUNT = "UPDATE staging_run SET changed = changed + $2 WHERE run_id = $1"
END = "UPDATE staging_run SET state = $2, finished_at = clock_timestamp() WHERE run_id = $1 AND state = 'running'"
FORGET = "DELETE FROM staging_run WHERE finished_at < now() - make_interval(days => $1)"
