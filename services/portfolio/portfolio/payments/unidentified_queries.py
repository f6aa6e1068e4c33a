"""The statements of unidentified payments."""

from chassis.paging import both_orders

from portfolio.ledger.actors import CURRENT_ACTOR

_VIEW = """
unidentified_id, portfolio_id, file_id, row_number, amount, remaining, returned,
(SELECT currency FROM portfolio WHERE portfolio.portfolio_id = unidentified_payment.portfolio_id) AS currency,
state, why, paid_on, channel, reference, contract_number, payment_reference, virtual_account, concept, payer,
received_at, ended_at, return_reason, returned_by, reversed_on,
coalesce((SELECT
    jsonb_agg(jsonb_build_object('payment_id', payment_id, 'contract_id', payment.contract_id,
        'contract_number', contract.contract_number, 'amount', payment.amount::text,
        'received_at', payment.received_at, 'reversed_at', payment.reversed_at) ORDER BY payment.sequence)
    FROM payment JOIN contract USING (contract_id)
    WHERE payment.unidentified_id = unidentified_payment.unidentified_id), '[]') AS allocations
"""
READ = f"""
SELECT {_VIEW} FROM unidentified_payment WHERE unidentified_id = $1
"""
# $1 portfolio or null, $2 state or null, $3 file or null, $4 and $5 the least and the most amount or null, $6 and $7
# the first and the last day or null, $8 the beginning of a reference, or part of the concept or the payer, or null,
# $9 the sequence beyond which the page begins, $10 limit.
LISTED = both_orders(f"""
SELECT {_VIEW}, sequence FROM unidentified_payment
WHERE ($1::uuid IS NULL OR portfolio_id = $1) AND ($2::text IS NULL OR state = $2)
    AND ($3::uuid IS NULL OR file_id = $3)
    AND ($4::numeric IS NULL OR amount >= $4) AND ($5::numeric IS NULL OR amount <= $5)
    AND ($6::date IS NULL OR paid_on >= $6) AND ($7::date IS NULL OR paid_on <= $7)
    AND ($8::text IS NULL OR starts_with(spelling_key(reference), spelling_key($8))
        OR strpos(spelling_key(concat_ws(' ', contract_number, payment_reference, virtual_account, concept, payer)),
            spelling_key($8)) > 0)
    AND sequence {{beyond}} $9
ORDER BY sequence {{order}} LIMIT $10
""")
LOCK = "SELECT * FROM unidentified_payment WHERE unidentified_id = $1 FOR UPDATE"
# $1 unidentified, $2 payment, $3 amount
ALLOCATE = """
WITH of_bank AS (UPDATE payment SET unidentified_id = $1 WHERE payment_id = $2)
UPDATE unidentified_payment SET remaining = remaining - $3, allocations = allocations + 1,
    ended_at = CASE WHEN remaining = $3 THEN clock_timestamp() END
WHERE unidentified_id = $1
"""
# The payment that allocated the amount was reversed: nobody knows again whose money it is. Once the bank itself has
# taken all of it back, nothing is left.
TAKE_BACK = """
UPDATE unidentified_payment SET remaining = remaining + $2, ended_at = NULL
WHERE unidentified_id = $1 AND reversed_at IS NULL
"""
RETURN = f"""
UPDATE unidentified_payment SET returned = returned + remaining, remaining = 0, ended_at = clock_timestamp(),
    return_reason = $2, returned_by = {CURRENT_ACTOR}
WHERE unidentified_id = $1
"""
REVERSE = """
UPDATE unidentified_payment SET remaining = 0, reversed_on = $2, reversed_at = clock_timestamp(),
    ended_at = clock_timestamp()
WHERE unidentified_id = $1
"""
LIVE_ALLOCATIONS = """
SELECT payment_id, contract_id FROM payment WHERE unidentified_id = $1 AND reversed_at IS NULL
ORDER BY contract_id, sequence
"""
# $1 days, $2 rows: what the bank has said of the payer is personal data.
EXPIRE = """
UPDATE unidentified_payment SET concept = NULL, payer = NULL WHERE ctid = ANY (ARRAY(
    SELECT ctid FROM unidentified_payment
    WHERE ended_at < now() - make_interval(days => $1) AND (concept IS NOT NULL OR payer IS NOT NULL) LIMIT $2))
"""
WAITING = """
SELECT count(*) AS count, extract(epoch FROM min(received_at))::float8 AS oldest
FROM unidentified_payment WHERE state = 'open'
"""
