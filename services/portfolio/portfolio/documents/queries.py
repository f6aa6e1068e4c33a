"""The statements of documents."""

CONTRACT = """
SELECT contract.contract_id, contract_number, debtor_name, erased_at, contract.state, total_balance, portfolio.currency,
    portfolio.jurisdiction, coalesce(portfolio.business_date, contract.as_of) AS day, contract.language,
    creditor.name AS creditor_name, creditor.letterhead,
    ARRAY(SELECT name FROM party WHERE party.contract_id = contract.contract_id AND party.current
        AND role = 'joint_obligor' ORDER BY name) AS obligors
FROM contract JOIN portfolio USING (portfolio_id) JOIN creditor ON creditor.creditor_id = contract.creditor_id
WHERE contract_id = $1
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
OF_CONTRACT = """
SELECT document_id, kind, agreement_id, language, encode(sha256, 'hex') AS sha256, printed_at, actor AS printed_by
FROM printed_document WHERE contract_id = $1 ORDER BY document_id DESC LIMIT 100
"""
