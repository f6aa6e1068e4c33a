"""The statements that apply a file. Each works on a whole chunk of contracts."""

from portfolio.charges.laying_queries import LAID_PARTS
from portfolio.files.comparing_queries import LINES
from portfolio.files.landing_queries import UNNAMED
from portfolio.files.people_queries import OF_ANOTHER_PERSON
from portfolio.ledger.components import COMPONENT_COLUMNS
from portfolio.tabular.profiles import COMPONENTS

CHUNK = """
SELECT contract_number, contract_id, debtor_id, incomplete FROM file_contract
WHERE file_id = $1 AND ($2::text IS NULL OR contract_number > $2)
ORDER BY contract_number LIMIT $3
"""
APPLIED = """
SELECT contract_number, contract_id FROM file_contract
WHERE file_id = $1 AND contract_number > $2 ORDER BY contract_number LIMIT $3
"""
# $3 the contracts of the chunk
APPLIED_TO = "UPDATE file SET applied_to = $2, attempts = 0, done = done + $3::integer WHERE file_id = $1"
ENTER_PHASE = """
UPDATE file SET phase = $2, phase_started_at = clock_timestamp() WHERE file_id = $1 AND phase IS DISTINCT FROM $2
"""
BALANCES = """
SELECT contract_id, contract_number, total_balance, version, file_id FROM contract WHERE contract_id = ANY($1::uuid[])
"""
ADD_DEBTORS = """
INSERT INTO debtor (debtor_id, creditor_id, debtor_number)
SELECT DISTINCT ON (debtor_id) debtor_id, $3::uuid, debtor_number
FROM file_contract AS stated
WHERE file_id = $1 AND contract_id = ANY($2::uuid[]) AND debtor_id IS NOT NULL AND (debtor_number IS NOT NULL
    OR NOT EXISTS (SELECT FROM contract WHERE contract.contract_id = stated.contract_id))
ORDER BY debtor_id
ON CONFLICT (debtor_id) DO NOTHING
"""
# $1 the debtors that the file states, $2 contracts
LOCK_DEBTORS = """
SELECT FROM debtor WHERE debtor_id IN (
    SELECT unnest($1::uuid[]) UNION SELECT contract.debtor_id FROM contract WHERE contract_id = ANY($2::uuid[]))
ORDER BY debtor_id FOR SHARE
"""
LOCK_CONTRACTS = """
SELECT contract_id, CASE WHEN erased_at IS NULL THEN state ELSE 'erased' END AS state
FROM contract WHERE contract_id = ANY($1::uuid[]) ORDER BY contract_id FOR UPDATE
"""
# $1 file, $2 contracts, $3 portfolio, $4 creditor, $5 business date, $6 as_of of the file
REGISTER = """
INSERT INTO contract (contract_id, portfolio_id, creditor_id, debtor_id, contract_number, incomplete, product,
    debtor_name, debtor_kind, tax_id, language, original_creditor, origination_date, as_of, stated_as_of,
    handed_over_on, file_id, incomplete_by)
SELECT contract_id, $3, $4, debtor_id, contract_number, incomplete, product, debtor_name, debtor_kind, tax_id,
    language, original_creditor, origination_date, $5, $6, $5, file_id,
    CASE WHEN incomplete THEN (SELECT coalesce(amended_root, file_id) FROM file WHERE file_id = $1) END
FROM file_contract WHERE file_id = $1 AND contract_id = ANY($2::uuid[])
ORDER BY contract_id
"""
# An absent column and an empty cell keep what is known, but nothing of one person is kept for another.
REVISE = f"""
UPDATE contract SET incomplete = false, incomplete_by = NULL, product = coalesce(stated.product, contract.product),
    debtor_id = CASE WHEN {OF_ANOTHER_PERSON} THEN stated.debtor_id ELSE contract.debtor_id END,
    debtor_name = stated.debtor_name,
    debtor_kind = CASE WHEN {OF_ANOTHER_PERSON} OR stated.debtor_kind IS NOT NULL
        THEN stated.debtor_kind ELSE contract.debtor_kind END,
    tax_id = CASE WHEN {OF_ANOTHER_PERSON} OR stated.tax_id IS NOT NULL THEN stated.tax_id ELSE contract.tax_id END,
    language = CASE WHEN {OF_ANOTHER_PERSON} OR stated.language IS NOT NULL
        THEN stated.language ELSE contract.language END,
    original_creditor = coalesce(stated.original_creditor, contract.original_creditor),
    origination_date = coalesce(stated.origination_date, contract.origination_date),
    state = CASE WHEN contract.state = 'withdrawn' THEN 'open' ELSE contract.state END, undecided_by = NULL,
    stated_as_of = $3, file_id = $1
FROM file_contract AS stated
WHERE stated.file_id = $1 AND stated.contract_id = contract.contract_id AND contract.contract_id = ANY($2::uuid[])
"""
FLAG_INCOMPLETE = """
UPDATE contract SET incomplete = true, incomplete_by = $2 WHERE contract_id = ANY($1::uuid[])
RETURNING contract_id, NOT old.incomplete AS is_new
"""
# A row without parts keeps the parts that are known of its instalment, without the charges
# that are on top of it. $3 as_of of the file.
KEEP_COMPONENTS = f"""
WITH {LINES}
UPDATE file_row SET calculated_on = known.calculated_on,
    {", ".join(f"{name} = greatest(0, known.{name} - charged.{name})" for name in COMPONENTS)}
FROM line JOIN instalment AS known ON known.contract_id = line.contract_id AND known.number = line.known_number
CROSS JOIN LATERAL ({LAID_PARTS.format(instalment="known")}) AS charged
WHERE file_row.file_id = $1 AND file_row.row_number = line.row_number AND file_row.instalment_number = line.number
    AND file_row.principal IS NULL AND known.principal IS NOT NULL
"""
DELETE_INSTALMENTS = "DELETE FROM instalment WHERE contract_id = ANY($1::uuid[])"
# $3 as_of of the file, for parts without a day of their own.
ADD_INSTALMENTS = f"""
INSERT INTO instalment (contract_id, number, due_on, amount, unpaid, {COMPONENT_COLUMNS}, calculated_on)
SELECT stated.contract_id, file_row.instalment_number, file_row.due_on, file_row.amount, file_row.amount,
    {COMPONENT_COLUMNS}, CASE WHEN principal IS NOT NULL THEN coalesce(calculated_on, $3) END
FROM file_contract AS stated JOIN file_row USING (file_id, contract_number)
WHERE stated.file_id = $1 AND stated.contract_id = ANY($2::uuid[])
"""
STILL_PAYING = """
SELECT DISTINCT contract_id FROM payment
WHERE contract_id = ANY($1::uuid[]) AND absorbed_by IS NULL AND reversed_at IS NULL
"""
LOCK_UNNAMED = f"""
SELECT contract_id, undecided_by FROM contract WHERE {UNNAMED} ORDER BY contract_id LIMIT $3 FOR UPDATE
"""
WITHDRAW = "UPDATE contract SET state = 'withdrawn', undecided_by = NULL WHERE contract_id = ANY($1::uuid[])"
MADE_PROGRESS = "UPDATE file SET attempts = 0 WHERE file_id = $1"
LOADED = """
UPDATE file SET status = 'loaded', finished_at = clock_timestamp() WHERE file_id = $1
RETURNING extract(epoch FROM finished_at - received_at)::float8
"""
"""Returns the seconds since the upload."""
