"""The statements that find changes of stage which are to be announced."""

from portfolio.ledger.positions_queries import UNTOLD

NEAR = f"""
SELECT contract_id FROM contract JOIN portfolio USING (portfolio_id)
WHERE contract.portfolio_id = $1 AND {UNTOLD}
ORDER BY next_stage_on LIMIT $3
"""
LOCK = "SELECT contract_id FROM contract WHERE contract_id = ANY($1::uuid[]) ORDER BY contract_id FOR UPDATE"
NEXT_NEAR = """
(SELECT min(next_stage_on) - (SELECT stage_notice_days FROM portfolio WHERE portfolio_id = $1) FROM contract
    WHERE portfolio_id = $1 AND state = 'open' AND told_stage_on IS DISTINCT FROM next_stage_on
        AND next_stage_on > $2::date + 1)"""
"""SQL: the next day after the day $2 on which a change of stage of the portfolio $1 is near and was not announced."""
