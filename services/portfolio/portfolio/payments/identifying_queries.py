"""The statements by which a payment takes the place of money that a file has stated. The contracts' rows are locked."""

from portfolio.ledger.actors import CURRENT_ACTOR

# $1 payments that were just booked, of contracts that differ; $2 days. Where one payment takes the place of several of
# files, those of the earliest files go first. taken: how much of the file's payment it takes.
FIND = """
SELECT found.*, least(amount, received_amount - start) AS taken, currency,
    (SELECT count(*)::integer FROM payment AS same
        WHERE same.portfolio_id = found.portfolio_id AND same.reference_key = found.reference_key) AS bookings
FROM (
    SELECT stated.*, received.payment_id AS received_id, received.amount AS received_amount,
        received.business_date AS day, sum(stated.amount) OVER earlier - stated.amount AS start
    FROM payment AS received JOIN payment AS stated USING (contract_id)
    WHERE received.payment_id = ANY($1::uuid[]) AND stated.channel = 'file' AND stated.reversed_at IS NULL
        AND received.paid_on <= stated.paid_on AND received.business_date <= stated.paid_on + $2::integer
    WINDOW earlier AS (PARTITION BY stated.contract_id ORDER BY stated.paid_on, stated.sequence)
) AS found
JOIN portfolio USING (portfolio_id)
WHERE start < received_amount
ORDER BY contract_id, start
"""
# $1 payments. What they paid is unpaid again.
UNDO = """
WITH undone AS (
    DELETE FROM payment_allocation WHERE payment_id = ANY($1::uuid[]) RETURNING contract_id, number, amount
)
UPDATE instalment SET unpaid = unpaid + undone.amount
FROM undone WHERE instalment.contract_id = undone.contract_id AND instalment.number = undone.number
"""
REVERSE = f"""
UPDATE payment SET reversed_at = clock_timestamp(), reversal_reason = $2, reversed_by = {CURRENT_ACTOR},
    reversed_on = business_date
WHERE payment_id = ANY($1::uuid[])
"""
# $1 payments of files, $2 the payments that take their places, $3 the amounts that these take, $4 the ids and $5 the
# bookings of what is left, which is entered again. The file has absorbed both. Returns what was entered again.
TAKE = """
WITH given AS MATERIALIZED (
    SELECT * FROM unnest($1::uuid[], $2::uuid[], $3::numeric[], $4::uuid[], $5::integer[])
        AS given (payment_id, received_id, taken, left_id, booking)
), paid AS MATERIALIZED (
    SELECT given.*, contract_id, number, due_on, amount,
        sum(amount) OVER (PARTITION BY payment_id ORDER BY due_on, number) - amount AS start
    FROM given JOIN payment_allocation USING (payment_id)
), absorbed AS (
    UPDATE payment SET absorbed_by = of_file.absorbed_by, credit = 0
    FROM (
        SELECT DISTINCT ON (received_id) received_id, stated.absorbed_by
        FROM given JOIN payment AS stated USING (payment_id)
        ORDER BY received_id, stated.paid_on DESC, stated.sequence DESC
    ) AS of_file
    WHERE payment.payment_id = received_id
), taken AS (
    INSERT INTO payment_allocation (payment_id, contract_id, number, due_on, amount)
    SELECT received_id, contract_id, number, min(due_on), sum(least(amount, taken - start))
    FROM paid WHERE start < taken GROUP BY received_id, contract_id, number
), entered AS (
    INSERT INTO payment (payment_id, contract_id, portfolio_id, amount, paid_on, business_date, channel,
        rebooked_reference, booking, days_past_due_before, episode_before, absorbed_by, holdoff_from)
    SELECT left_id, contract_id, portfolio_id, amount - taken, paid_on, business_date, channel,
        coalesce(reference, rebooked_reference), given.booking, days_past_due_before, episode_before, absorbed_by,
        holdoff_from
    FROM given JOIN payment USING (payment_id) WHERE amount > taken
    RETURNING *
), allocated AS (
    INSERT INTO payment_allocation (payment_id, contract_id, number, due_on, amount)
    SELECT left_id, contract_id, number, due_on, amount - greatest(0, taken - start)
    FROM paid WHERE left_id IN (SELECT payment_id FROM entered) AND start + amount > taken
)
SELECT * FROM entered ORDER BY contract_id
"""
# $1 payments, $2 what they exceed the files' money by. Only this difference moves the balance. The creditor's newest
# amounts lack it, so it comes off these amounts. Returns the credit of each payment.
LAY = """
WITH given AS MATERIALIZED (
    SELECT payment.payment_id, payment.contract_id, given.amount, contract.state IN ('open', 'settled') AS takes_money
    FROM unnest($1::uuid[], $2::numeric[]) AS given (payment_id, amount)
    JOIN payment USING (payment_id) JOIN contract USING (contract_id)
), debt AS MATERIALIZED (
    SELECT given.payment_id, contract_id, number, due_on, unpaid, given.amount,
        sum(unpaid) OVER (PARTITION BY contract_id ORDER BY due_on, number) - unpaid AS start
    FROM given JOIN instalment USING (contract_id) WHERE unpaid > 0 AND takes_money
), share AS MATERIALIZED (
    SELECT payment_id, contract_id, number, due_on, least(unpaid, debt.amount - start) AS amount
    FROM debt WHERE start < debt.amount
), lowered AS (
    UPDATE instalment SET amount = instalment.amount - share.amount, unpaid = unpaid - share.amount
    FROM share WHERE instalment.contract_id = share.contract_id AND instalment.number = share.number
), allocated AS (
    INSERT INTO payment_allocation AS known (payment_id, contract_id, number, due_on, amount)
    SELECT payment_id, contract_id, number, due_on, amount FROM share
    ON CONFLICT (payment_id, number) DO UPDATE SET amount = known.amount + excluded.amount
)
UPDATE payment
SET credit = given.amount - coalesce((SELECT sum(share.amount) FROM share WHERE share.payment_id = given.payment_id), 0)
FROM given WHERE payment.payment_id = given.payment_id
RETURNING payment.payment_id, payment.credit
"""
