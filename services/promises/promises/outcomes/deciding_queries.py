"""Which contracts have an open promise whose time is over, and the day of a check."""

_WITH_TIME_OVER = """
SELECT DISTINCT promise.contract_id
FROM portfolio JOIN promise USING (portfolio_id)
WHERE promise.state = 'open' AND promise.silent_until < {day} AND ($1::uuid IS NULL OR promise.contract_id > $1)
ORDER BY promise.contract_id LIMIT $2
"""
OVER_ON_BUSINESS_DATE = _WITH_TIME_OVER.format(day="portfolio.business_date")
OVER_ON_CHECKED_DAY = _WITH_TIME_OVER.format(day="greatest(portfolio.business_date, portfolio.checked_to)")
CHECK_UP_TO = """
WITH behind AS MATERIALIZED (
    SELECT portfolio_id FROM portfolio
    WHERE coalesce(greatest(business_date, checked_to) < $1, true) ORDER BY portfolio_id FOR UPDATE
)
UPDATE portfolio SET checked_to = $1 FROM behind WHERE portfolio.portfolio_id = behind.portfolio_id
"""
