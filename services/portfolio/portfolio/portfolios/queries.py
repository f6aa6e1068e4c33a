"""The statements about creditors and portfolios."""

from chassis.letterheads import CHANGED
from chassis.paging import both_orders

_CREDITOR = "creditor_id, name, kind, country, letterhead, created_at"
ADD_CREDITOR = f"INSERT INTO creditor (name, kind, country) VALUES ($1, $2, $3) RETURNING {_CREDITOR}"
CHANGE_CREDITOR = f"UPDATE creditor SET letterhead = {CHANGED} WHERE creditor_id = $1 RETURNING {_CREDITOR}"
LOCK_PORTFOLIOS_OF = """
SELECT portfolio_id FROM portfolio WHERE creditor_id = $1 ORDER BY portfolio_id FOR UPDATE
"""
CREDITOR = f"SELECT {_CREDITOR} FROM creditor WHERE creditor_id = $1"
CREDITORS = both_orders(f"""
SELECT {_CREDITOR} FROM creditor
WHERE $1::uuid IS NULL OR creditor_id {{beyond}} $1
ORDER BY creditor_id {{order}} LIMIT $2
""")

_PORTFOLIO = """
portfolio_id, creditor_id, name, product, currency, jurisdiction, timezone, state, business_date, staged_to, created_at,
    delta_rows, reductions, empty_cells, posting_lag_days, payment_holdoff_days, payment_channels, promise_limits,
    code_page, snapshot_threshold_percent, returned_at, return_reason,
    allocation_order, stage_notice_days
"""
ADD_PORTFOLIO = """
INSERT INTO portfolio (creditor_id, name, product, currency, jurisdiction, timezone)
VALUES ($1, $2, $3, $4, $5, $6)
RETURNING portfolio_id
"""
CHANGE = f"""
UPDATE portfolio SET delta_rows = coalesce($2, delta_rows), reductions = coalesce($3, reductions),
    empty_cells = coalesce($4, empty_cells), posting_lag_days = coalesce($5, posting_lag_days),
    payment_holdoff_days = coalesce($6, payment_holdoff_days),
    payment_channels = coalesce($7, payment_channels), promise_limits = coalesce($8::jsonb, promise_limits),
    code_page = coalesce($9, code_page), snapshot_threshold_percent = coalesce($10, snapshot_threshold_percent),
    allocation_order = coalesce($11, allocation_order), stage_notice_days = coalesce($12, stage_notice_days)
WHERE portfolio_id = $1
RETURNING {_PORTFOLIO}
"""
PORTFOLIO = f"SELECT {_PORTFOLIO} FROM portfolio WHERE portfolio_id = $1"
PORTFOLIOS = both_orders(f"""
SELECT {_PORTFOLIO} FROM portfolio
WHERE ($1::uuid IS NULL OR portfolio_id {{beyond}} $1) AND ($2::uuid IS NULL OR creditor_id = $2)
    AND ($3::boolean IS NULL OR (returned_at IS NOT NULL) = $3)
ORDER BY portfolio_id {{order}} LIMIT $4
""")
RETURN = f"""
UPDATE portfolio SET returned_at = coalesce(returned_at, clock_timestamp()), return_reason = coalesce(return_reason, $2)
WHERE portfolio_id = $1
RETURNING {_PORTFOLIO}
"""
TODAY = "SELECT ($2::timestamptz AT TIME ZONE timezone)::date FROM portfolio WHERE portfolio_id = $1"

LOCKED = "SELECT * FROM portfolio WHERE portfolio_id = $1 FOR UPDATE"
BUSINESS_DATE = "SELECT business_date FROM portfolio WHERE portfolio_id = $1 FOR SHARE"
MOVE = "UPDATE portfolio SET business_date = $2 WHERE portfolio_id = $1"
STAGED = "UPDATE portfolio SET staged_to = business_date WHERE portfolio_id = $1"
SET_STATE = "UPDATE portfolio SET state = $2 WHERE portfolio_id = $1"
_STATE = """
portfolio.portfolio_id, portfolio.version, portfolio.state, portfolio.staged_to AS business_date,
    portfolio.name, portfolio.creditor_id, creditor.name AS creditor_name, creditor.kind AS creditor_kind,
    portfolio.jurisdiction, portfolio.timezone, portfolio.currency, portfolio.payment_holdoff_days,
    portfolio.promise_limits, portfolio.posting_lag_days, creditor.letterhead
"""
STATE_TO_PUBLISH = f"""
UPDATE portfolio SET version = version + 1
FROM creditor
WHERE portfolio.portfolio_id = $1 AND creditor.creditor_id = portfolio.creditor_id
RETURNING {_STATE}
"""
CURRENT_STATE = f"SELECT {_STATE} FROM portfolio JOIN creditor USING (creditor_id) WHERE portfolio_id = $1"
