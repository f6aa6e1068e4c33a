"""The statements that add up movements and payments. $1 is the portfolio; the days are those after $2, up to $3."""

from portfolio.movements.rules import AGES

OPEN = "('current', 'early', 'late', 'legal')"

BEGIN = "INSERT INTO insight_kept VALUES ($1, '-infinity') ON CONFLICT DO NOTHING"
DAYS = """
SELECT kept_to, business_date - 1 AS last FROM insight_kept JOIN portfolio USING (portfolio_id)
WHERE portfolio_id = $1 AND business_date IS NOT NULL FOR UPDATE OF insight_kept
"""
KEPT = "UPDATE insight_kept SET kept_to = $2 WHERE portfolio_id = $1"
FORGET_MOVEMENTS = "DELETE FROM contract_movement WHERE portfolio_id = $1 AND day < $2::date - $3::integer"

_DAYS = "portfolio_id = $1 AND day > $2::date AND day <= $3::date"
KEEP_DAYS = f"""
INSERT INTO insight_day
SELECT portfolio_id, day, cause, from_stage, to_stage, count(*), sum(from_overdue), sum(to_overdue), sum(from_total),
    sum(to_total)
FROM contract_movement WHERE {_DAYS}
GROUP BY portfolio_id, day, cause, from_stage, to_stage
"""
# What each day of the table ``days`` changes in a stage.
NET = f"""
SELECT portfolio_id, day, to_stage AS stage, contracts, to_overdue AS overdue, to_total AS total FROM days
WHERE to_stage IN {OPEN}
UNION ALL
SELECT portfolio_id, day, from_stage, -contracts, -from_overdue, -from_total FROM days WHERE from_stage IN {OPEN}
"""
# Each day with movements has a row of each stage, so that the newest row before a day is the opening of that day.
KEEP_CLOSES = f"""
WITH days AS (
    SELECT * FROM insight_day WHERE {_DAYS}
), net AS (
    SELECT day, stage, sum(contracts) AS contracts, sum(overdue) AS overdue, sum(total) AS total FROM ({NET}) AS each
    GROUP BY day, stage
), line AS (
    SELECT day, stage, coalesce(net.contracts, 0) AS contracts, coalesce(net.overdue, 0) AS overdue,
        coalesce(net.total, 0) AS total
    FROM (SELECT DISTINCT day FROM days) AS known CROSS JOIN unnest(ARRAY['current', 'early', 'late', 'legal']) AS stage
    LEFT JOIN net USING (day, stage)
)
INSERT INTO insight_close
SELECT $1, stage, day, coalesce(before.contracts, 0) + sum(line.contracts) OVER line,
    coalesce(before.overdue, 0) + sum(line.overdue) OVER line, coalesce(before.total, 0) + sum(line.total) OVER line
FROM line LEFT JOIN LATERAL (
    SELECT contracts, overdue, total FROM insight_close
    WHERE insight_close.portfolio_id = $1 AND insight_close.stage = line.stage AND insight_close.day <= $2
    ORDER BY insight_close.day DESC LIMIT 1
) AS before ON true
WINDOW line AS (PARTITION BY stage ORDER BY day)
"""
# The first day to read again is the first of the month in which the first new day lies.
_MONTH = """date_trunc('month', CASE WHEN $2::date = '-infinity'
    THEN (SELECT min(day) FROM contract_movement WHERE portfolio_id = $1) ELSE $2::date + 1 END)::date"""
FORGET_MONTHS = f"DELETE FROM insight_month WHERE portfolio_id = $1 AND month >= {_MONTH} AND month <= $3::date"


def moved_in_months(portfolio: str, first: str, last: str) -> str:
    """SQL: each contract that moved in a month, with its stage and what was overdue at the beginning and at the end."""
    return f"""
    SELECT DISTINCT ON (contract_id, month) contract_id, month, first_value(from_stage) OVER line AS from_stage,
        last_value(to_stage) OVER line AS to_stage, first_value(from_overdue) OVER line AS from_overdue,
        last_value(to_overdue) OVER line AS to_overdue
    FROM contract_movement JOIN insight_kept USING (portfolio_id)
    CROSS JOIN LATERAL (SELECT date_trunc('month', day)::date AS month) AS calendar
    WHERE portfolio_id = {portfolio} AND day >= {first} AND day <= {last}
    WINDOW line AS (PARTITION BY contract_id, month ORDER BY movement_id
        ROWS BETWEEN UNBOUNDED PRECEDING AND UNBOUNDED FOLLOWING)"""


KEEP_MONTHS = f"""
INSERT INTO insight_month
SELECT $1, month, from_stage, to_stage, count(*), sum(from_overdue), sum(to_overdue)
FROM ({moved_in_months("$1", _MONTH, "$3::date")}) AS moved
WHERE from_stage <> to_stage
GROUP BY month, from_stage, to_stage
"""
KEEP_VINTAGES = f"""
INSERT INTO insight_vintage
SELECT portfolio_id, date_trunc('month', day)::date, sum(contracts), sum(to_total) FROM insight_day
WHERE {_DAYS} AND from_stage = 'new'
GROUP BY 1, 2
ON CONFLICT (portfolio_id, vintage) DO UPDATE SET contracts = insight_vintage.contracts + excluded.contracts,
    total = insight_vintage.total + excluded.total
"""


def recovery(portfolio: str, after: str, to: str) -> str:
    """SQL: the payments and the reversals of these days, each with its vintage, stage and age."""
    columns = f"""
payment.portfolio_id, payment_id, contract_id, contract_number, date_trunc('month', coalesce(handed_over_on,
        (contract.created_at AT TIME ZONE portfolio.timezone)::date))::date AS vintage,
    (ARRAY{list(AGES)})[width_bucket(days_past_due_before, ARRAY{list(AGES)})] AS age,
    stage_of(payment.portfolio_id, payment.business_date, days_past_due_before) AS stage"""
    tables = "payment JOIN contract USING (contract_id) JOIN portfolio ON portfolio.portfolio_id = payment.portfolio_id"
    return f"""
SELECT {columns}, payment.business_date AS day, 1 AS payments, amount AS received, 0 AS reversed FROM {tables}
WHERE payment.portfolio_id = {portfolio} AND payment.business_date > {after} AND payment.business_date <= {to}
UNION ALL
SELECT {columns}, reversed_business_date, 0, 0, amount FROM {tables}
WHERE payment.portfolio_id = {portfolio} AND reversed_business_date > {after} AND reversed_business_date <= {to}
"""


KEEP_RECOVERY = f"""
INSERT INTO insight_recovery
SELECT portfolio_id, day, vintage, stage, age, sum(payments), sum(received), sum(reversed)
FROM ({recovery("$1", "$2::date", "$3::date")}) AS each
GROUP BY portfolio_id, day, vintage, stage, age
"""
