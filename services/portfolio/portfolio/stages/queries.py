"""The statements of the daily run."""

NEXT_DAY = """
SELECT least($3::date, greatest($2::date + 1, min(next_change_on)))
FROM contract WHERE portfolio_id = $1 AND state = 'open'
"""
"""The next day on which anything changes, or the last one asked for."""

# By day, not by id: the index gives the first ones without sorting all that are due.
DUE = """
SELECT contract_id FROM contract
WHERE portfolio_id = $1 AND state = 'open' AND next_change_on <= $2
ORDER BY next_change_on LIMIT $3
"""
STILL_DUE = """
SELECT contract_id FROM contract
WHERE contract_id = ANY($1::uuid[]) AND state = 'open' AND next_change_on <= $2
ORDER BY contract_id FOR UPDATE
"""
ANY_DUE = """
SELECT EXISTS (SELECT FROM contract WHERE portfolio_id = $1 AND state = 'open' AND next_change_on <= $2)
"""
PORTFOLIOS = "SELECT portfolio_id FROM portfolio WHERE business_date IS NOT NULL ORDER BY portfolio_id"


STAGES = """
SELECT stage, count(*) AS contracts, coalesce(sum(overdue_balance), 0) AS overdue_balance
FROM contract
WHERE state = 'open' AND ($1::uuid IS NULL OR portfolio_id = $1)
GROUP BY stage
"""
