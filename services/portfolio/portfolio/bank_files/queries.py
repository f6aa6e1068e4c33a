"""The statements about banks' files of payments, from their upload to their rejected rows."""

from chassis.paging import both_orders

_FILE = """
file_id, portfolio_id, filename, coalesce(format, given_format) AS format, channel, size_bytes, status, phase,
phase_started_at, done, expected, rows_read, rows_accepted, rows_rejected, amount_accepted, payments, known, reversals,
unidentified, (SELECT count(*) FROM unidentified_payment AS waiting
    WHERE waiting.file_id = payment_file.file_id AND waiting.state = 'open') AS waiting,
control_rows, control_amount, warnings, error_code, error, received_at, started_at, finished_at, actor AS uploaded_by,
dry_run, amount_payments, amount_known, amount_reversals, amount_unidentified
"""
FILE = f"SELECT {_FILE} FROM payment_file WHERE file_id = $1"
# $1 portfolio or null, $2 status or null, $3 the sequence beyond which the page begins, $4 limit, $5 the day in the
# portfolio's zone on which the file was loaded or failed, or null
FILES = both_orders(f"""
SELECT {_FILE}, sequence FROM payment_file
WHERE ($1::uuid IS NULL OR portfolio_id = $1) AND ($2::text IS NULL OR status = $2) AND sequence {{beyond}} $3
    AND ($5::date IS NULL OR $5 = (
        SELECT (finished_at AT TIME ZONE timezone)::date FROM portfolio
        WHERE portfolio.portfolio_id = payment_file.portfolio_id))
ORDER BY sequence {{order}} LIMIT $4
""")
LOCK_IDENTITY = "SELECT pg_advisory_xact_lock(hashtextextended($1, 20260104))"
IDENTITY = "SELECT portfolio_id, sha256 FROM payment_file WHERE file_id = $1"
SAME = "SELECT file_id, status, dry_run FROM payment_file WHERE portfolio_id = $1 AND sha256 = $2"
DELETE_PARTS = "DELETE FROM payment_file_part WHERE file_id = $1"
ADD_PART = "INSERT INTO payment_file_part (file_id, part, content) VALUES ($1, $2, $3)"
PART = "SELECT content FROM payment_file_part WHERE file_id = $1 AND part = $2"
WAITING = "SELECT count(*) FROM payment_file WHERE portfolio_id = $1 AND status NOT IN ('loaded', 'failed')"
ADD_FILE = f"""
INSERT INTO payment_file (file_id, portfolio_id, sha256, size_bytes, filename, given_format, channel, control_rows,
    control_amount, dry_run)
VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10) RETURNING {_FILE}
"""
DELETE_REJECTS = "DELETE FROM payment_file_reject WHERE file_id = $1"
DELETE_ROWS = "DELETE FROM payment_file_row WHERE file_id = $1"
_NOT_READ = """
sequence = DEFAULT, format = NULL, status = 'received', header = NULL, warnings = '{}', rows_read = NULL,
    rows_accepted = NULL, rows_rejected = NULL, amount_accepted = NULL, payments = 0, known = 0, reversals = 0,
    unidentified = 0, amount_payments = 0, amount_known = 0, amount_reversals = 0, amount_unidentified = 0,
    phase = NULL, phase_started_at = NULL, done = 0, expected = NULL, attempts = 0, error_code = NULL, error = NULL,
    received_at = now(), started_at = NULL, finished_at = NULL, actor = DEFAULT
"""
# A failed or tried file that is sent again gets a new place in the order of upload.
REQUEUE = f"""
UPDATE payment_file SET filename = $2, given_format = $3, channel = $4, control_rows = $5, control_amount = $6,
    dry_run = $7, {_NOT_READ}
WHERE file_id = $1 RETURNING {_FILE}
"""
BOOK_TRIED = f"UPDATE payment_file SET dry_run = false, {_NOT_READ} WHERE file_id = $1 RETURNING {_FILE}"
HAS_PARTS = "SELECT EXISTS (SELECT FROM payment_file_part WHERE file_id = $1)"
# The next file of each portfolio, in the order of upload.
UNFINISHED = """
SELECT DISTINCT ON (portfolio_id) portfolio_id, file_id, sequence, received_at FROM payment_file
WHERE status NOT IN ('loaded', 'failed') ORDER BY portfolio_id, sequence
"""
WORK = """
SELECT file_id, payment_file.portfolio_id, status, given_format, channel, control_rows, control_amount, jurisdiction,
    currency, payment_channels, timezone, business_date, actor, dry_run
FROM payment_file JOIN portfolio USING (portfolio_id) WHERE file_id = $1
"""
LOCKED = "SELECT * FROM payment_file WHERE file_id = $1 FOR UPDATE"
# An attempt is counted before it begins, so also when its process is killed. Any progress sets the count back.
COUNT_ATTEMPT = "UPDATE payment_file SET attempts = attempts + 1 WHERE file_id = $1 RETURNING attempts"
FORGET_ATTEMPT = "UPDATE payment_file SET attempts = greatest(0, attempts - 1) WHERE file_id = $1"
START_READING = """
UPDATE payment_file SET status = 'reading', started_at = coalesce(started_at, clock_timestamp()), phase = 'reading',
    phase_started_at = clock_timestamp(), done = 0, expected = NULL
WHERE file_id = $1
"""
ROWS_READ = "UPDATE payment_file SET done = $2 WHERE file_id = $1 AND status = 'reading'"
FOR_COPY = """
SELECT set_config('portfolio.payment_file_id', $1, true), set_config('statement_timeout', $2, true)
"""
READING_ENDED = """
UPDATE payment_file SET status = 'loading', attempts = 0, format = $2, header = $3, rows_read = $4, rows_accepted = $5,
    rows_rejected = $6, amount_accepted = $7, warnings = $8, phase = 'applying', phase_started_at = clock_timestamp(),
    done = 0, expected = $5
WHERE file_id = $1
"""
FAIL = """
UPDATE payment_file SET status = 'failed', error_code = $2, error = $3, finished_at = clock_timestamp()
WHERE file_id = $1 AND status NOT IN ('loaded', 'failed')
RETURNING extract(epoch FROM finished_at - received_at)::float8
"""
LOADED = """
UPDATE payment_file SET status = 'loaded', phase = 'done', finished_at = clock_timestamp()
WHERE file_id = $1 AND status = 'loading'
RETURNING extract(epoch FROM finished_at - received_at)::float8
"""
# $1 days for which a tried file is kept to be booked, $2 a file or null. Nobody needs the bytes of these any more.
LEFTOVERS = """
SELECT file_id, portfolio_id, sha256 FROM payment_file
WHERE (status = 'failed' OR (status = 'loaded' AND (NOT dry_run OR finished_at < now() - make_interval(days => $1))))
    AND ($2::uuid IS NULL OR file_id = $2)
    AND EXISTS (SELECT FROM payment_file_part WHERE payment_file_part.file_id = payment_file.file_id)
"""
HEADER = "SELECT header FROM payment_file WHERE file_id = $1"
REJECTS = """
SELECT row_number, errors, cells FROM payment_file_reject WHERE file_id = $1 AND row_number > $2
ORDER BY row_number LIMIT $3
"""
REJECTS_EXPIRED = "SELECT finished_at < now() - make_interval(days => $2) FROM payment_file WHERE file_id = $1"
# $1 days, $2 rows. What the bank has said of the payers expires, and with it the cells.
EXPIRE_REJECTS = """
DELETE FROM payment_file_reject WHERE ctid = ANY (ARRAY(
    SELECT payment_file_reject.ctid FROM payment_file JOIN payment_file_reject USING (file_id)
    WHERE payment_file.finished_at < now() - make_interval(days => $1) LIMIT $2))
"""
EXPIRE_ROWS = """
UPDATE payment_file_row SET cells = NULL, concept = NULL, payer = NULL WHERE ctid = ANY (ARRAY(
    SELECT payment_file_row.ctid FROM payment_file JOIN payment_file_row USING (file_id)
    WHERE payment_file.finished_at < now() - make_interval(days => $1) AND cells IS NOT NULL LIMIT $2))
"""
