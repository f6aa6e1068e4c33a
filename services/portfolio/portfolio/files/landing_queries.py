"""The statements that land a file and check all of it."""

from portfolio.files.findings import MOST_LISTED, listing

START_READING = """
UPDATE file SET status = 'reading', started_at = coalesce(started_at, clock_timestamp()), phase = 'reading',
    phase_started_at = clock_timestamp(), done = 0, expected = NULL
WHERE file_id = $1
"""
ROWS_READ = "UPDATE file SET done = $2 WHERE file_id = $1 AND status = 'reading'"

PART = "SELECT content FROM file_part WHERE file_id = $1 AND part = $2"

FOR_COPY = """
SELECT set_config('portfolio.file_id', $1, true), set_config('statement_timeout', $2, true)
"""

STAGING_TABLES = ("file_row", "file_contract", "file_contact", "file_address", "file_party", "file_party_contact")

DELETE_ROWS = "DELETE FROM {table} WHERE file_id = $1"
_KEY_OF_CONTRACT = {
    "file_row": "contract_number",
    "file_contact": "contract_id",
    "file_address": "contract_id",
    "file_party": "contract_id",
    "file_party_contact": "contract_id",
    "file_contract": "contract_id",
}
# The rows of a contract that was set aside stay until a person has decided. Those of a contract that was left as it
# was, because of rejected rows, stay for an amendment.
DELETE_STAGED = tuple(
    f"""
    DELETE FROM {table} AS staged WHERE file_id = $1 AND NOT EXISTS (
        SELECT FROM contract JOIN file_contract USING (contract_id)
        WHERE (undecided_by = $1 OR incomplete_by = $1 AND contract.file_id IS DISTINCT FROM $1)
            AND file_contract.file_id = $1 AND file_contract.{key} = staged.{key})
    """
    for table, key in _KEY_OF_CONTRACT.items()
)
# $1 days. An amendment comes while the rejected rows are kept.
EXPIRE_STAGED = tuple(
    f"""
    DELETE FROM {table} AS staged USING file
    WHERE staged.file_id = file.file_id AND file.finished_at < now() - make_interval(days => $1) AND NOT EXISTS (
        SELECT FROM contract JOIN file_contract USING (contract_id)
        WHERE undecided_by = staged.file_id AND file_contract.file_id = staged.file_id
            AND file_contract.{key} = staged.{key})
    """
    for table, key in _KEY_OF_CONTRACT.items()
)
DELETE_STAGED_OF = tuple(
    f"""
    DELETE FROM {table} AS staged USING contract
    WHERE staged.file_id = $1 AND contract.contract_id = ANY($2::uuid[]) AND staged.{key} = contract.{key}
    """
    for table, key in _KEY_OF_CONTRACT.items()
)

# $1 file, $2 columns of file_row in the order of the file's header, $3 the file's own header of the contract number.
REFUSE_CLOSED = """
WITH closed AS MATERIALIZED (
    SELECT file_contract.contract_number, contract.state AS contract_state, erased_at IS NOT NULL AS erased
    FROM file_contract JOIN contract USING (contract_id)
    WHERE file_contract.file_id = $1 AND (contract.state IN ('returned', 'written_off') OR erased_at IS NOT NULL)
), deleted AS (
    DELETE FROM file_contract USING closed
    WHERE file_contract.file_id = $1 AND file_contract.contract_number = closed.contract_number
), refused AS (
    DELETE FROM file_row USING closed
    WHERE file_row.file_id = $1 AND file_row.contract_number = closed.contract_number
    RETURNING file_row.row_number, file_row.contract_number, to_jsonb(file_row) AS cells, contract_state, erased
)
INSERT INTO file_reject (file_id, row_number, contract_number, errors, cells)
SELECT DISTINCT ON (row_number) $1, row_number, contract_number,
    jsonb_build_array(jsonb_build_object('column', $3::text,
        'code', CASE WHEN erased THEN 'debtor_erased' ELSE 'contract_closed' END,
        'reason', CASE WHEN erased THEN 'belongs to a customer whose data were erased'
            ELSE 'belongs to a contract that is ' || replace(contract_state, '_', ' ') END)),
    (SELECT jsonb_agg(coalesce(cells ->> name, '') ORDER BY place)
        FROM unnest($2::text[]) WITH ORDINALITY AS own (name, place))
FROM refused
RETURNING row_number
"""
MAKE_CELLS = "CREATE TEMPORARY TABLE own_cells (row_number integer, cells jsonb) ON COMMIT DROP"
PUT_CELLS = """
UPDATE file_reject SET cells = own_cells.cells FROM own_cells
WHERE file_reject.file_id = $1 AND own_cells.row_number = file_reject.row_number
    AND file_reject.row_number = ANY($2::integer[])
"""

# $2 whether a row may describe several instalments
TOTALS = """
SELECT
    CASE WHEN $2 THEN (SELECT count(DISTINCT row_number) FROM file_row WHERE file_id = $1)
        ELSE (SELECT count(*) FROM file_row WHERE file_id = $1) END AS rows_accepted,
    (SELECT count(*) FROM file_contract WHERE file_id = $1) AS contracts_stated,
    (SELECT count(*) FROM file_reject WHERE file_id = $1) AS rows_rejected,
    (SELECT coalesce(sum(amount), 0) FROM file_row WHERE file_id = $1) AS amount_accepted,
    (SELECT count(*) FROM file_contract WHERE file_id = $1 AND debtor_id IS NOT NULL) AS contracts,
    (SELECT count(*) FROM file_contract WHERE file_id = $1 AND incomplete AND (debtor_id IS NOT NULL
        OR EXISTS (SELECT FROM contract WHERE contract.contract_id = file_contract.contract_id))
    ) AS contracts_incomplete
"""

UNNAMED = """
contract.portfolio_id = $2 AND contract.state = 'open' AND NOT EXISTS (
    SELECT FROM file_contract WHERE file_contract.file_id = $1 AND file_contract.contract_id = contract.contract_id)
"""

TO_CLOSE = f"""
SELECT (SELECT count(*) FROM contract WHERE {UNNAMED}) AS closing,
    (SELECT count(*) FROM contract WHERE portfolio_id = $2 AND state = 'open') AS open,
    (SELECT snapshot_threshold_percent FROM portfolio WHERE portfolio_id = $2) AS threshold_percent
"""
LIST_CLOSING = listing(
    f"""
    SELECT 'would_close' AS kind, contract_id, contract_number, NULL AS instalment, NULL AS stated,
        (SELECT coalesce(sum(unpaid), 0) FROM instalment WHERE instalment.contract_id = contract.contract_id) AS known,
        NULL AS detail
    FROM contract WHERE {UNNAMED} LIMIT {MOST_LISTED}
    """
)

READING_ENDED = """
UPDATE file SET attempts = 0, status = $2, header = $3, rows_read = $4::integer + $5::integer, rows_accepted = $4,
    rows_rejected = $5, amount_accepted = $6, contracts = $7, contracts_incomplete = $8, contracts_to_close = $9,
    confirmation_reason = coalesce($10, confirmation_reason), columns = $11, layout = $12, warnings = $13,
    phase = 'applying', phase_started_at = clock_timestamp(), done = 0, expected = $14
WHERE file_id = $1
"""
