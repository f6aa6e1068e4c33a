"""The statements that find the contracts of a bank's payments, and keep what became of each row."""

LAST_ROW = "SELECT coalesce(max(row_number), 0) FROM payment_file_row WHERE file_id = $1"
# $1 file, $2 portfolio, $3 and $4 the rows after the first and up to the second. Every way of naming a contract is
# looked up; only one that names a single contract counts. A number that the file states as the contract's has to be its
# number. Rows are few at a time: nothing is known of a new file's figures, and a plan may compare each row with each.
MATCH = """
WITH stated AS MATERIALIZED (
    SELECT row_number, contract_number, payment_reference, virtual_account, concept,
        spelling_key(payment_reference) AS reference_key, spelling_key(virtual_account) AS account_key,
        spelling_key(concept) AS concept_key
    FROM payment_file_row
    WHERE file_id = $1 AND NOT is_reversal AND outcome IS NULL AND row_number > $3 AND row_number <= $4
), named AS (
    SELECT row_number, contract_id, contract.contract_number = stated.contract_number AS is_stated
    FROM stated JOIN contract USING (contract_number) WHERE contract.portfolio_id = $2
    UNION SELECT row_number, contract_id, NULL
    FROM stated JOIN contract ON contract.contract_number = stated.payment_reference WHERE contract.portfolio_id = $2
    UNION SELECT row_number, contract_id, NULL
    FROM stated JOIN contract ON contract.contract_number = stated.concept WHERE contract.portfolio_id = $2
    UNION SELECT row_number, contract_id, NULL FROM stated JOIN payment_name ON name_key = reference_key
    WHERE portfolio_id = $2 AND kind = 'payment_reference'
    UNION SELECT row_number, contract_id, NULL FROM stated JOIN payment_name ON name_key = concept_key
    WHERE portfolio_id = $2 AND kind = 'payment_reference'
    UNION SELECT row_number, contract_id, NULL FROM stated JOIN payment_name ON name_key = account_key
    WHERE portfolio_id = $2 AND kind = 'virtual_account'
), found AS (
    SELECT row_number, count(DISTINCT named.contract_id) AS contracts, (array_agg(named.contract_id))[1] AS contract_id,
        bool_or(coalesce(is_stated, false)) AS has_stated
    FROM named GROUP BY row_number
)
UPDATE payment_file_row AS one SET
    contract_id = CASE WHEN contracts = 1 AND (has_stated OR stated.contract_number IS NULL) THEN found.contract_id END,
    why = CASE WHEN contracts > 1 THEN 'several'
        WHEN contracts = 1 AND (has_stated OR stated.contract_number IS NULL) THEN NULL ELSE 'unknown' END
FROM stated LEFT JOIN found USING (row_number)
WHERE one.file_id = $1 AND one.row_number = stated.row_number
"""
# A payment below the reversal of its own reference: nobody knows whether it is the money that went back.
AFTER_REVERSALS = """
WITH reversed AS MATERIALIZED (
    SELECT payment_key(channel, reference) AS key, min(row_number) AS place
    FROM payment_file_row WHERE file_id = $1 AND is_reversal GROUP BY 1
)
SELECT row_number, amount FROM payment_file_row JOIN reversed ON key = payment_key(channel, reference)
WHERE file_id = $1 AND NOT is_reversal AND outcome IS NULL AND row_number > place
    AND EXISTS (SELECT FROM reversed)
"""
# $1 file, $2 contract after which this chunk begins, $3 rows. The next payment of each contract: no contract occurs
# twice, so all rows of a chunk are booked at once.
PAYMENTS = """
SELECT DISTINCT ON (contract_id) row_number, contract_id, amount, paid_on, channel, reference FROM payment_file_row
WHERE file_id = $1 AND outcome IS NULL AND NOT is_reversal AND contract_id > $2
ORDER BY contract_id, row_number LIMIT $3
"""
# $1 file, $2 portfolio, $3 row after which this chunk begins, $4 rows. What is known of the reference of each.
UNMATCHED = """
WITH given AS MATERIALIZED (
    SELECT row_number, amount, paid_on, payment_key(channel, reference) AS key, channel, reference FROM payment_file_row
    WHERE file_id = $1 AND outcome IS NULL AND NOT is_reversal AND contract_id IS NULL AND row_number > $3
    ORDER BY row_number LIMIT $4
)
SELECT given.row_number, given.amount, given.channel, given.reference, given.key, given.paid_on,
    live.payment_id, live.amount AS live_amount, live.paid_on AS live_paid_on,
    waiting.unidentified_id, waiting.amount AS waiting_amount, waiting.paid_on AS waiting_paid_on,
    EXISTS (SELECT FROM payment
        WHERE payment.portfolio_id = $2 AND payment.reference_key = given.key AND payment.reversed_at IS NOT NULL)
    OR EXISTS (SELECT FROM unidentified_payment AS past
        WHERE past.portfolio_id = $2 AND past.reference_key = given.key AND past.reversed_at IS NOT NULL
    ) AS was_reversed
FROM given
LEFT JOIN LATERAL (
    SELECT payment_id, amount, paid_on FROM payment
    WHERE portfolio_id = $2 AND reference_key = given.key AND reversed_at IS NULL ORDER BY sequence LIMIT 1
) AS live ON true
LEFT JOIN unidentified_payment AS waiting ON waiting.portfolio_id = $2 AND waiting.reference_key = given.key
    AND waiting.reversed_at IS NULL
ORDER BY given.row_number
"""
# $1 file, $2 portfolio, $3 rows, $4 the ids of their unidentified payments
KEEP_UNIDENTIFIED = """
INSERT INTO unidentified_payment (unidentified_id, portfolio_id, file_id, row_number, amount, remaining, paid_on,
    channel, reference, booking, why, contract_number, payment_reference, virtual_account, end_to_end, concept, payer)
SELECT given.unidentified_id, $2, $1, row_number, amount, amount, paid_on, channel, reference, 1,
    coalesce(why, 'unknown'), contract_number, payment_reference, virtual_account, end_to_end, concept, payer
FROM unnest($3::integer[], $4::uuid[]) AS given (row_number, unidentified_id)
JOIN payment_file_row USING (row_number)
WHERE file_id = $1 ORDER BY row_number
"""
# $1 file, $2 row after which the next is
REVERSAL = """
SELECT row_number, amount, paid_on, channel, reference, end_to_end FROM payment_file_row
WHERE file_id = $1 AND outcome IS NULL AND is_reversal AND row_number > $2 ORDER BY row_number LIMIT 1
"""
# $1 portfolio, $2 channel, $3 reference, $4 the payer's own name of the payment or null. What a reversal may take back,
# and what has been taken back. The bank's reference counts, and only without any the payer's.
REVERSED = """
WITH of_reference AS (
    SELECT unidentified_id, NULL::uuid AS payment_id, amount, reversed_on, reversed_at IS NULL AS is_live
    FROM unidentified_payment WHERE portfolio_id = $1 AND reference_key = payment_key($2, $3)
    UNION ALL SELECT unidentified_id, payment_id, amount, reversed_on, reversed_at IS NULL
    FROM payment WHERE portfolio_id = $1 AND reference_key = payment_key($2, $3) AND unidentified_id IS NULL
), of_payer AS (
    SELECT unidentified_id, NULL::uuid AS payment_id, amount, reversed_on, reversed_at IS NULL AS is_live
    FROM unidentified_payment WHERE unidentified_id IN (
        SELECT one.unidentified_id FROM payment_file_row AS one JOIN payment_file USING (file_id)
        WHERE one.end_to_end = $4 AND portfolio_id = $1 AND outcome = 'unidentified')
    UNION ALL SELECT unidentified_id, payment_id, amount, reversed_on, reversed_at IS NULL
    FROM payment WHERE unidentified_id IS NULL AND payment_id IN (
        SELECT one.payment_id FROM payment_file_row AS one JOIN payment_file USING (file_id)
        WHERE one.end_to_end = $4 AND portfolio_id = $1 AND outcome = 'booked')
)
SELECT * FROM of_reference
UNION ALL SELECT * FROM of_payer WHERE NOT EXISTS (SELECT FROM of_reference)
"""
# $1 file, $2 rows, $3 outcomes, $4 payments, $5 unidentified payments
BECAME = """
UPDATE payment_file_row AS one
SET outcome = given.outcome, payment_id = given.payment_id, unidentified_id = given.unidentified_id
FROM unnest($2::integer[], $3::text[], $4::uuid[], $5::uuid[])
    AS given (row_number, outcome, payment_id, unidentified_id)
WHERE one.file_id = $1 AND one.row_number = given.row_number
"""
# $1 file, $2 rows, $3 codes, $4 reasons
REJECT = """
WITH refused AS (
    UPDATE payment_file_row AS one SET outcome = 'rejected'
    FROM unnest($2::integer[], $3::text[], $4::text[]) AS given (row_number, code, reason)
    WHERE one.file_id = $1 AND one.row_number = given.row_number AND outcome IS NULL
    RETURNING one.row_number, one.cells, given.code, given.reason
)
INSERT INTO payment_file_reject (file_id, row_number, errors, cells)
SELECT $1, row_number, jsonb_build_array(jsonb_build_object('column', NULL, 'code', code, 'reason', reason)), cells
FROM refused
"""
# $1 file, $2 booked, $3 known, $4 reversals, $5 unidentified, $6 rejected, $7 the amount of the rejected payments,
# $8 to $11 the amounts of $2 to $5
PROGRESS = """
UPDATE payment_file SET attempts = 0, payments = payments + $2, known = known + $3, reversals = reversals + $4,
    unidentified = unidentified + $5, rows_accepted = rows_accepted - $6, rows_rejected = rows_rejected + $6,
    amount_accepted = amount_accepted - $7, done = done + $2 + $3 + $4 + $5 + $6,
    amount_payments = amount_payments + $8, amount_known = amount_known + $9, amount_reversals = amount_reversals + $10,
    amount_unidentified = amount_unidentified + $11
WHERE file_id = $1
"""
# $1 file, $2 rows: whether another attempt has judged one of these already.
ALREADY_JUDGED = """
SELECT EXISTS (SELECT FROM payment_file_row
    WHERE file_id = $1 AND row_number = ANY($2::integer[]) AND outcome IS NOT NULL)
"""
# $1 file. Payments of a dry run that repeat the reference of a payment above, which counts.
REPEATS = """
WITH tried AS MATERIALIZED (
    SELECT row_number, contract_id, amount, paid_on, outcome,
        first_value(row_number) OVER above AS first_row, first_value(contract_id) OVER above AS first_contract,
        first_value(amount) OVER above AS first_amount, first_value(paid_on) OVER above AS first_paid_on
    FROM payment_file_row
    WHERE file_id = $1 AND NOT is_reversal AND outcome IN ('booked', 'unidentified')
    WINDOW above AS (PARTITION BY payment_key(channel, reference) ORDER BY contract_id IS NULL, row_number)
)
SELECT row_number, amount, outcome, first_amount, first_paid_on,
    (amount, paid_on) = (first_amount, first_paid_on) AND (contract_id = first_contract) IS NOT FALSE AS is_same
FROM tried WHERE row_number <> first_row ORDER BY row_number
"""
# $1 file, $2 rows of payments: their outcomes and what was counted of them.
FORGET = """
WITH forgotten AS (
    UPDATE payment_file_row SET outcome = NULL WHERE file_id = $1 AND row_number = ANY($2::integer[])
    RETURNING old.outcome, amount
), counted AS (
    SELECT count(*) FILTER (WHERE outcome = 'booked') AS payments,
        count(*) FILTER (WHERE outcome = 'unidentified') AS unidentified,
        coalesce(sum(amount) FILTER (WHERE outcome = 'booked'), 0) AS amount_payments,
        coalesce(sum(amount) FILTER (WHERE outcome = 'unidentified'), 0) AS amount_unidentified
    FROM forgotten
)
UPDATE payment_file AS file SET payments = file.payments - counted.payments,
    unidentified = file.unidentified - counted.unidentified, done = done - counted.payments - counted.unidentified,
    amount_payments = file.amount_payments - counted.amount_payments,
    amount_unidentified = file.amount_unidentified - counted.amount_unidentified
FROM counted WHERE file_id = $1
"""
# $1 file, $2 channel, $3 reference: what the dry run of this file would have done with the reference.
TRIED = """
SELECT amount, is_reversal, paid_on FROM payment_file_row
WHERE file_id = $1 AND payment_key(channel, reference) = payment_key($2, $3)
    AND outcome IN ('booked', 'unidentified', 'reversed')
"""
