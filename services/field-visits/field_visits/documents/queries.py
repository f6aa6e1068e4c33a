"""SQL that reads the facts of a notification letter beside the visit: balances, business date and company."""

from field_visits.projection import BUSINESS_DATE

OWED = f"""
SELECT contract.overdue_balance, contract.total_balance, contract.currency, {BUSINESS_DATE} AS as_of,
    portfolio.company
FROM contract JOIN portfolio USING (portfolio_id) WHERE contract.contract_id = $1
"""
