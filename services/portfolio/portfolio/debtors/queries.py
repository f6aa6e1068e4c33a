"""The statements of debtors' statuses and of addresses. Those that write need the rows locked."""

DEBTORS = """
SELECT contract_id, debtor_id, status FROM contract JOIN debtor USING (debtor_id) WHERE contract_id = ANY($1::uuid[])
"""
SET_STATUS = """
UPDATE debtor SET status = given.status, status_version = debtor.status_version + 1
FROM unnest($1::uuid[], $2::text[]) AS given (debtor_id, status)
WHERE debtor.debtor_id = given.debtor_id AND debtor.status <> given.status
RETURNING debtor.debtor_id, debtor.status, debtor.status_version
"""
CONTRACTS = "SELECT contract_id, debtor_id FROM contract WHERE debtor_id = ANY($1::uuid[]) ORDER BY contract_id"

STORE_VERDICTS = """
UPDATE address SET
    verdict = given.verdict, authorised = given.verdict <> 'wrong',
    issues = array_remove(issues, 'wrong_address')
        || CASE WHEN given.verdict = 'wrong' THEN ARRAY['wrong_address'] ELSE '{}' END
FROM unnest($1::uuid[], $2::uuid[], $3::text[]) AS given (contract_id, address_id, verdict)
WHERE address.contract_id = given.contract_id AND address.address_id = given.address_id
    AND address.verdict IS DISTINCT FROM given.verdict
RETURNING new.contract_id, old.authorised <> new.authorised AS revised
"""
