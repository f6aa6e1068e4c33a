"""The statements about files, from their upload to their rejected rows."""

from portfolio.ledger.actors import CURRENT_ACTOR

_FILE = """
file_id, portfolio_id, filename, mode, amends, as_of, size_bytes, status, rows_read, rows_accepted, rows_rejected,
contracts, contracts_incomplete, contracts_to_close, amount_accepted, confirmation_reason, code_page, code_pages,
in_posting, differs, unposted, set_aside,
(SELECT count(*) FROM contract WHERE undecided_by = file.file_id) AS undecided, file_payments,
kept_decisions, person_changed, confirmed, error_code, error, received_at, started_at, finished_at,
actor AS uploaded_by, confirmed_by, profile_id, profile_version, warnings, control_rows, control_amount, dry_run,
would_register, would_revise, would_close, phase, phase_started_at, done, expected
"""
FILE = f"SELECT {_FILE} FROM file WHERE file_id = $1"
# $1 portfolio or null, $2 status or null, $3 the sequence after which the page begins, $4 limit, $5 whether
# contracts wait for a decision, or null, $6 the day in the portfolio's zone on which the file was loaded or failed.
FILES = {
    order: f"""
SELECT {_FILE}, sequence FROM file
WHERE ($1::uuid IS NULL OR portfolio_id = $1) AND ($2::text IS NULL OR status = $2)
    AND ($3::bigint IS NULL OR sequence {beyond} $3)
    AND ($5::boolean IS NULL OR $5 = EXISTS (SELECT FROM contract WHERE undecided_by = file.file_id))
    AND ($6::date IS NULL OR $6 = (
        SELECT (finished_at AT TIME ZONE timezone)::date FROM portfolio
        WHERE portfolio.portfolio_id = file.portfolio_id))
ORDER BY sequence {order} LIMIT $4
"""
    for order, beyond in (("asc", ">"), ("desc", "<"))
}

LOCK_IDENTITY = "SELECT pg_advisory_xact_lock(hashtextextended($1, 20260102))"
SAME = """
SELECT file_id, status FROM file WHERE portfolio_id = $1 AND sha256 = $2 AND mode = $3 AND as_of = $4
    AND amends IS NOT DISTINCT FROM $5 AND dry_run = $6 AND profile_id IS NOT DISTINCT FROM $7
    AND profile_version IS NOT DISTINCT FROM $8
"""
DELETE_PARTS = "DELETE FROM file_part WHERE file_id = $1"
ADD_PART = "INSERT INTO file_part (file_id, part, content) VALUES ($1, $2, $3)"
NEWER_LOADED = """
SELECT max(as_of) FROM file WHERE portfolio_id = $1 AND status = 'loaded' AND NOT dry_run HAVING max(as_of) > $2
"""
WAITING = "SELECT count(*) FROM file WHERE portfolio_id = $1 AND status NOT IN ('loaded', 'failed')"
ADD_FILE = f"""
INSERT INTO file (file_id, portfolio_id, filename, mode, as_of, sha256, size_bytes, delta_rows, amends, amended_root,
    dry_run, profile_id, profile_version, control_rows, control_amount)
VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13, $14, $15)
RETURNING {_FILE}
"""
DELETE_REJECTS = "DELETE FROM file_reject WHERE file_id = $1"
DELETE_FINDINGS = "DELETE FROM file_finding WHERE file_id = $1"
# A failed file that is uploaded again gets a new place in the order of upload.
REQUEUE = f"""
UPDATE file SET sequence = DEFAULT, filename = $2, delta_rows = $3, status = 'received', header = NULL,
    rows_read = NULL, rows_accepted = NULL, rows_rejected = NULL, contracts = NULL, contracts_incomplete = NULL,
    contracts_to_close = NULL, amount_accepted = NULL, confirmation_reason = NULL, code_page = NULL,
    code_pages = NULL, in_posting = 0, differs = 0,
    unposted = 0, set_aside = 0, file_payments = 0, kept_decisions = 0, person_changed = 0, confirmed = NULL,
    applied_to = NULL, error_code = NULL, error = NULL, attempts = 0, confirmed_by = NULL, actor = DEFAULT,
    received_at = now(), started_at = NULL, finished_at = NULL, columns = NULL, layout = NULL, warnings = '{{}}',
    control_rows = $4, control_amount = $5, would_register = 0, would_revise = 0, would_close = 0, phase = NULL,
    phase_started_at = NULL, done = 0, expected = NULL
WHERE file_id = $1
RETURNING {_FILE}
"""
PORTFOLIO_OF = "SELECT portfolio_id FROM file WHERE file_id = $1"
LOCKED = "SELECT * FROM file WHERE file_id = $1 FOR UPDATE"
# An attempt is counted before it begins, so also when its process is killed. Any progress sets the count back.
COUNT_ATTEMPT = "UPDATE file SET attempts = attempts + 1 WHERE file_id = $1 RETURNING attempts"
FORGET_ATTEMPT = "UPDATE file SET attempts = greatest(0, attempts - 1) WHERE file_id = $1"
_CONFIRM = f"UPDATE file SET confirmed_by = {CURRENT_ACTOR}, confirmed ="
ACCEPT = f"{_CONFIRM} true, status = 'loading' WHERE file_id = $1"
REFUSE = f"{_CONFIRM} false WHERE file_id = $1"
# A file whose day is far ahead waits before it is read. Accepted, it may wait again for a reason that reading finds.
ASK_FOR_DAY = f"""
UPDATE file SET status = 'needs_confirmation', confirmation_reason = 'future_date' WHERE file_id = $1 RETURNING {_FILE}
"""
ACCEPT_DAY = f"""
UPDATE file SET status = 'received', confirmed_by = {CURRENT_ACTOR}
WHERE file_id = $1 AND status = 'needs_confirmation' AND confirmation_reason = 'future_date' RETURNING file_id
"""
ASK_CODE_PAGE = """
UPDATE file SET status = 'needs_confirmation', confirmation_reason = 'code_page', code_pages = $2::jsonb, attempts = 0
WHERE file_id = $1 AND status = 'reading'
"""
READ_AGAIN = f"""
UPDATE file SET status = 'received', code_page = $2, code_pages = NULL, confirmed_by = {CURRENT_ACTOR}
WHERE file_id = $1
"""
FAIL = """
UPDATE file SET status = 'failed', error_code = $2, error = $3, code_pages = NULL, finished_at = clock_timestamp()
WHERE file_id = $1
RETURNING extract(epoch FROM finished_at - received_at)::float8
"""
"""Returns the seconds since the upload."""
HEADER = "SELECT header, columns FROM file WHERE file_id = $1"
REJECTS = """
SELECT row_number, errors, cells FROM file_reject
WHERE file_id = $1 AND row_number > $2
ORDER BY row_number LIMIT $3
"""

# $1 days, $2 rows.
EXPIRE_REJECTS = """
DELETE FROM file_reject WHERE ctid = ANY (ARRAY(
    SELECT file_reject.ctid FROM file JOIN file_reject USING (file_id)
    WHERE file.finished_at < now() - make_interval(days => $1) LIMIT $2))
"""
UNCONFIRMED = """
SELECT file_id FROM file
WHERE status = 'needs_confirmation' AND received_at < now() - make_interval(days => $1)
ORDER BY sequence LIMIT 1 FOR UPDATE SKIP LOCKED
"""
REJECTS_EXPIRED = "SELECT finished_at < now() - make_interval(days => $2) FROM file WHERE file_id = $1"

UNFINISHED = """
SELECT DISTINCT ON (portfolio_id) portfolio_id, file_id, sequence, status, received_at FROM file
WHERE status NOT IN ('loaded', 'failed')
ORDER BY portfolio_id, status = 'needs_confirmation' AND coalesce(confirmation_reason = 'future_date', false), sequence
"""
"""The next file of each portfolio, in the order of upload. A file whose day is in question lets the others pass."""

WORK = """
SELECT file.file_id, file.portfolio_id, file.mode, file.as_of, file.status, file.amends, file.amended_root,
    portfolio.creditor_id, portfolio.jurisdiction, file.code_page, portfolio.code_page AS usual_code_page,
    portfolio.currency, file.control_rows, file.control_amount, file.dry_run,
    (SELECT layout FROM file_profile_version AS made
        WHERE made.profile_id = file.profile_id AND made.version = file.profile_version) AS layout,
    (SELECT layout FROM file AS root WHERE root.file_id = file.amended_root) AS amended_layout
FROM file JOIN portfolio USING (portfolio_id)
WHERE file_id = $1
"""

LEFTOVERS = """
SELECT file_id, portfolio_id, sha256, mode, as_of, amends, dry_run, profile_id, profile_version
FROM file WHERE status IN ('loaded', 'failed') AND EXISTS (
    SELECT FROM file_part WHERE file_part.file_id = file.file_id)
"""

IS_FINISHED = "SELECT status IN ('loaded', 'failed') FROM file WHERE file_id = $1"

# Contracts that the file set aside. $2: ids and numbers, or null for all.
UNDECIDED = """
SELECT contract_id, contract_number FROM contract
WHERE undecided_by = $1
    AND ($2::text[] IS NULL OR contract_number = ANY($2) OR contract_id::text = ANY($2))
ORDER BY contract_number LIMIT $3
"""
STILL_UNDECIDED = """
SELECT contract_id, undecided_by FROM contract WHERE undecided_by = $1 AND contract_id = ANY($2::uuid[])
"""
SET_ASIDE_ROWS = """
SELECT contract_number, contract_id, debtor_id, incomplete FROM file_contract
WHERE file_id = $1 AND contract_id = ANY($2::uuid[]) ORDER BY contract_number
"""
DECIDED = "UPDATE contract SET undecided_by = NULL WHERE contract_id = ANY($1::uuid[])"
# What the file $1 states of the contracts $2: its customer and its instalments.
_FIGURES = """
SELECT contract_id, sha256(convert_to(concat_ws('|', stated.debtor_id, (
        SELECT string_agg(concat_ws('|', instalment_number, due_on, amount), ';' ORDER BY instalment_number)
        FROM file_row WHERE file_row.file_id = $1 AND file_row.contract_number = stated.contract_number
    )), 'UTF8')) AS figure
FROM file_contract AS stated WHERE file_id = $1 AND contract_id = ANY($2::uuid[])
"""
KEEP_REFUSALS = f"""
INSERT INTO file_refusal (contract_id, figure, file_id)
SELECT contract_id, figure, $1 FROM ({_FIGURES}) AS stated ORDER BY contract_id
ON CONFLICT (contract_id) DO UPDATE
    SET figure = excluded.figure, file_id = excluded.file_id, refused_at = clock_timestamp()
"""
REFUSED = f"SELECT contract_id FROM ({_FIGURES}) AS stated JOIN file_refusal USING (contract_id, figure)"
FORGET_REFUSALS = "DELETE FROM file_refusal WHERE contract_id = ANY($1::uuid[])"

# $1 file, $2 days for which rejected rows are kept
AMENDED = """
SELECT portfolio_id, as_of, status, coalesce(amended_root, file_id) AS root,
    finished_at < now() - make_interval(days => $2) AS expired, dry_run
FROM file WHERE file_id = $1
"""
