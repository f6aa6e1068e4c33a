"""SQL that reads the facts of a notification letter beside the visit: balances, business date, creditor and agency."""

from field_visits.projection import BUSINESS_DATE

# $1 contract, $2 the agency of the visit, or null.
OWED = f"""
SELECT contract.overdue_balance, contract.total_balance, contract.currency, contract.debtor_kind, contract.components,
    contract.language,
    {BUSINESS_DATE} AS as_of, portfolio.company, portfolio.letterhead AS creditor,
    agency.name AS agency_name, agency.letterhead AS agency
FROM contract JOIN portfolio USING (portfolio_id) LEFT JOIN agency ON agency.agency_id = $2
WHERE contract.contract_id = $1
"""
