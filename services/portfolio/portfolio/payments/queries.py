"""The statements of payments and reversals. Each works on one contract. Those that write need its row locked."""

from portfolio.ledger.actors import CURRENT_ACTOR

# A payment without a reference cannot be recognised again. $1 contract, $2 amount, $3 paid_on, $5 channel.
_DOUBLES = f"""
SELECT payment_id FROM payment
WHERE contract_id = $1 AND amount = $2::numeric AND paid_on = $3 AND channel = $5 AND reference IS NULL
    AND reversed_at IS NULL AND received_at > clock_timestamp() - interval '60 seconds'
    AND actor ->> 'subject' = {CURRENT_ACTOR} ->> 'subject'
ORDER BY sequence DESC LIMIT 1
"""
# $1 contract, $2 amount, $3 paid_on, $4 business date, $5 channel, $6 reference, $7 and $8 days past due and episode
# before the payment, $9 whether the contract takes money (a closed one keeps it as credit), $10 the payment's id,
# $11 the most payments of a contract, $12 whether it is known that it looks like a double.
# Returns no row when one of the reasons of ``REFUSED`` holds.
RECEIVE = f"""
WITH debt AS MATERIALIZED (
    SELECT number, due_on, unpaid, sum(unpaid) OVER (ORDER BY due_on, number) - unpaid AS start
    FROM instalment WHERE contract_id = $1 AND unpaid > 0 AND $9::boolean
), share AS MATERIALIZED (
    SELECT number, due_on, least(unpaid, $2::numeric - start) AS amount FROM debt WHERE start < $2::numeric
), received AS (
    INSERT INTO payment (payment_id, contract_id, portfolio_id, amount, paid_on, business_date, channel, reference,
        days_past_due_before, episode_before, credit)
    SELECT $10, contract_id, portfolio_id, $2::numeric, $3, $4, $5, $6, $7, $8,
        $2::numeric - coalesce((SELECT sum(amount) FROM share), 0)
    FROM contract WHERE contract_id = $1 AND (SELECT count(*) FROM payment WHERE contract_id = $1) < $11
        AND ($12 OR $6::text IS NOT NULL OR NOT EXISTS (SELECT FROM ({_DOUBLES}) AS double))
    ON CONFLICT (portfolio_id, channel, reference) DO NOTHING
    RETURNING payment_id, received_at, credit
), paid AS (
    UPDATE instalment SET unpaid = instalment.unpaid - share.amount
    FROM share, received
    WHERE instalment.contract_id = $1 AND instalment.number = share.number
), allocated AS (
    INSERT INTO payment_allocation (payment_id, contract_id, number, due_on, amount)
    SELECT received.payment_id, $1, share.number, share.due_on, share.amount FROM received, share
)
SELECT * FROM received
"""

CONTRACT_OF = "SELECT contract_id FROM payment WHERE payment_id = $1"

# $1 contract, $2 amount, $3 paid_on, $4 portfolio, $5 channel, $6 reference.
REFUSED = f"""
SELECT (SELECT payment_id FROM payment WHERE portfolio_id = $4 AND channel = $5 AND reference = $6::text) AS known,
    ({_DOUBLES}) AS double
"""

READ = """
SELECT payment.*, payment.actor AS received_by, portfolio.currency,
    coalesce((SELECT
        jsonb_agg(jsonb_build_object('instalment', number, 'due_on', due_on, 'amount', allocation.amount::text)
            ORDER BY due_on, number)
        FROM payment_allocation AS allocation WHERE allocation.payment_id = payment.payment_id), '[]') AS allocations
FROM payment JOIN portfolio USING (portfolio_id)
WHERE payment_id = $1
"""

REVERSE = f"""
UPDATE payment SET reversed_at = clock_timestamp(), reversal_reason = $2, reversed_by = {CURRENT_ACTOR}
WHERE payment_id = $1 AND reversed_at IS NULL
RETURNING *
"""

# Amounts that a file has absorbed go back to their due dates. An amount is added to the instalment with the same due
# date, preferably the one with the old number. Where no instalment has that due date, the amount becomes an instalment
# again, under its old number if that is free.
RESTORE_ABSORBED = """
WITH returned AS (
    SELECT due_on, min(number) AS number, sum(amount) AS amount
    FROM payment_allocation WHERE payment_id = $1 GROUP BY due_on
), placed AS MATERIALIZED (
    SELECT returned.*, same.number AS same_number,
        EXISTS (SELECT FROM instalment WHERE contract_id = $2 AND number = returned.number) AS taken
    FROM returned LEFT JOIN LATERAL (
        SELECT instalment.number FROM instalment
        WHERE contract_id = $2 AND instalment.due_on = returned.due_on
        ORDER BY instalment.number <> returned.number, instalment.number LIMIT 1
    ) AS same ON true
), added AS (
    UPDATE instalment SET amount = instalment.amount + placed.amount, unpaid = instalment.unpaid + placed.amount
    FROM placed WHERE instalment.contract_id = $2 AND instalment.number = placed.same_number
)
INSERT INTO instalment (contract_id, number, due_on, amount, unpaid)
SELECT $2, CASE WHEN taken THEN highest.number + row_number() OVER (ORDER BY due_on) ELSE placed.number END,
    due_on, amount, amount
FROM placed, (
    SELECT greatest((SELECT max(number) FROM instalment WHERE contract_id = $2), (SELECT max(number) FROM placed))
) AS highest (number)
WHERE same_number IS NULL
"""

# On a closed contract credit stays credit. Only the amounts that this payment had paid become unpaid again.
RESTORE_ALLOCATED = """
UPDATE instalment SET unpaid = least(instalment.amount, unpaid + allocation.amount)
FROM payment_allocation AS allocation
WHERE allocation.payment_id = $1 AND instalment.contract_id = allocation.contract_id
    AND instalment.number = allocation.number
"""

COUNTED_PAYMENTS = """
SELECT payment_id, sequence, amount, business_date FROM payment
WHERE contract_id = $1 AND absorbed_by IS NULL AND reversed_at IS NULL ORDER BY sequence
"""

INSTALMENTS = "SELECT due_on, amount FROM instalment WHERE contract_id = $1"

EPISODES_BEFORE = """
UPDATE payment SET episode_before = given.episode
FROM unnest($1::uuid[], $2::integer[]) AS given (payment_id, episode)
WHERE payment.payment_id = given.payment_id
"""

PAYMENTS = """
SELECT payment_id, sequence, amount, paid_on, received_at, business_date, channel, reference, credit, reversed_at
FROM payment WHERE contract_id = $1 AND sequence > $2 ORDER BY sequence LIMIT $3
"""

CONTRACT_EXISTS = "SELECT true FROM contract WHERE contract_id = $1"
