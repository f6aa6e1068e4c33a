"""The statements of documents."""

from chassis.paging import both_orders

from portfolio.ledger.actors import CURRENT_ACTOR

CONTRACT = """
SELECT contract.contract_id, contract_number, debtor_name, erased_at, contract.state, total_balance, portfolio.currency,
    portfolio.jurisdiction, coalesce(portfolio.business_date, contract.as_of) AS day, contract.language,
    creditor.name AS creditor_name, creditor.letterhead,
    ARRAY(SELECT name FROM party WHERE party.contract_id = contract.contract_id AND party.current
        AND role = 'joint_obligor' ORDER BY name) AS obligors
FROM contract JOIN portfolio USING (portfolio_id) JOIN creditor ON creditor.creditor_id = contract.creditor_id
WHERE contract_id = $1
"""
PROPOSAL = """
SELECT agreement_id, kind, state, valid_until, awaits_second_person, terms, owed_components
FROM proposal WHERE contract_id = $1 AND agreement_id = $2 AND terms IS NOT NULL
"""
AGREEMENT = "SELECT * FROM agreement WHERE contract_id = $1 AND agreement_id = $2 AND schedule IS NOT NULL"
# The waiver by which the contract was settled, if there is one.
WAIVED = """
SELECT charge.amount, charge.charged_on FROM agreement JOIN charge ON charge_id = waiver_id
WHERE agreement.contract_id = $1 ORDER BY charge.sequence DESC LIMIT 1
"""
PRINTED = """
INSERT INTO printed_document (contract_id, kind, agreement_id, language, sha256) VALUES ($1, $2, $3, $4, $5)
"""
LETTER_PRINTED = """
UPDATE letter SET state = 'printed', printed_at = clock_timestamp()
WHERE contract_id = $1 AND state IN ('due', 'printed')
"""
OF_CONTRACT = """
SELECT document_id, kind, agreement_id, language, encode(sha256, 'hex') AS sha256, printed_at, actor AS printed_by
FROM printed_document WHERE contract_id = $1 ORDER BY document_id DESC LIMIT 100
"""

# state: a letter waits while the contract is not settled, though its agreement is fulfilled.
_LETTERS = """(
SELECT letter.agreement_id, letter.contract_id, contract.portfolio_id, asked_at, printed_at, medium, delivered_on,
    delivered_by, erased_at,
    CASE WHEN letter.state IN ('due', 'printed') AND (contract.state <> 'settled' OR total_balance <> 0) THEN 'waiting'
        ELSE letter.state END AS state
FROM letter JOIN contract USING (contract_id)) AS letter"""
LETTER = f"SELECT * FROM {_LETTERS} WHERE agreement_id = $1"
# $1: the last letter of the page before; $2 the state, $3 the portfolio, $4 the contract, $5 whether it is to be
# delivered now; each null for any.
LETTERS = both_orders(f"""
SELECT * FROM {_LETTERS}
WHERE ($1::uuid IS NULL OR agreement_id {{beyond}} $1) AND ($2::text IS NULL OR state = $2)
    AND ($3::uuid IS NULL OR portfolio_id = $3) AND ($4::uuid IS NULL OR contract_id = $4)
    AND ($5::boolean IS NULL OR (state IN ('due', 'printed') AND erased_at IS NULL) = $5)
ORDER BY agreement_id {{order}} LIMIT $6
""")
LATEST_DAY = """
SELECT greatest(business_date, ($2::timestamptz AT TIME ZONE timezone)::date)
FROM contract JOIN portfolio USING (portfolio_id) WHERE contract_id = $1
"""
DELIVER = f"""
UPDATE letter SET state = 'delivered', medium = $2, delivered_on = $3, delivered_by = {CURRENT_ACTOR}
WHERE agreement_id = $1
"""
