"""The statements of payments and reversals. Those that write need the contracts' rows locked."""

from chassis.paging import both_orders

from portfolio.ledger.actors import CURRENT_ACTOR

# What is known of payments before they are booked, one row each.
# $1 place, $2 contract, $3 portfolio, $4 channel, $5 reference, $6 amount, $7 paid_on.
# A payment without a reference cannot be recognised again. It may only look like a double. The keys are computed first,
# since a plan may compare each of them with every payment.
LOOK_UP = f"""
WITH given AS MATERIALIZED (
    SELECT *, payment_key(channel, reference) AS key
    FROM unnest($1::integer[], $2::uuid[], $3::uuid[], $4::text[], $5::text[], $6::numeric[], $7::date[])
        AS given (place, contract_id, portfolio_id, channel, reference, amount, paid_on)
)
SELECT place, given.key IS NOT NULL AS is_legible,
    live.payment_id AS known, (live.contract_id, live.amount, live.paid_on)
        IS NOT DISTINCT FROM (given.contract_id, given.amount, given.paid_on) AS is_same,
    live.amount AS known_amount, live.paid_on AS known_paid_on,
    (SELECT contract_number FROM contract WHERE contract.contract_id = live.contract_id) AS known_contract,
    waiting.unidentified_id AS unidentified,
    (waiting.amount, waiting.paid_on) IS NOT DISTINCT FROM (given.amount, given.paid_on) AS is_unidentified,
    EXISTS (SELECT FROM unidentified_payment AS gone WHERE gone.portfolio_id = given.portfolio_id
        AND gone.reference_key = given.key AND gone.reversed_at IS NOT NULL) AS was_unidentified,
    past.payment_id AS reversed, coalesce(past.here, false) AS reversed_here, coalesce(past.bookings, 0) AS bookings,
    (SELECT count(*) FROM payment WHERE payment.contract_id = given.contract_id) AS held,
    (
        SELECT payment_id FROM payment
        WHERE payment.contract_id = given.contract_id AND payment.amount = given.amount
            AND payment.paid_on = given.paid_on AND payment.channel = given.channel AND given.reference IS NULL
            AND reference_key IS NULL AND reversed_at IS NULL
            AND received_at > clock_timestamp() - interval '60 seconds'
            AND actor ->> 'subject' = {CURRENT_ACTOR} ->> 'subject'
        ORDER BY sequence DESC LIMIT 1
    ) AS double
FROM given
LEFT JOIN LATERAL (
    SELECT payment_id, contract_id, amount, paid_on FROM payment
    WHERE payment.portfolio_id = given.portfolio_id
        AND reference_key = given.key AND reversed_at IS NULL
    ORDER BY sequence LIMIT 1
) AS live ON true
LEFT JOIN unidentified_payment AS waiting ON waiting.portfolio_id = given.portfolio_id
    AND waiting.reference_key = given.key AND waiting.reversed_at IS NULL
CROSS JOIN LATERAL (
    SELECT (array_agg(payment_id ORDER BY booking DESC))[1] AS payment_id, max(booking) AS bookings,
        bool_or(payment.contract_id = given.contract_id) AS here
    FROM payment
    WHERE payment.portfolio_id = given.portfolio_id
        AND reference_key = given.key AND reversed_at IS NOT NULL
) AS past
ORDER BY place
"""

# $1 place, $2 payment_id, $3 booking, $4 contract, $5 amount, $6 paid_on, $7 holdoff_from, $8 business date,
# $9 channel, $10 reference, $11 and $12 days past due and episode before the payment, $13 whether the contract takes
# money (a closed one keeps it as credit). No contract occurs twice. Returns no row of a payment whose key or id is
# taken. Keys are taken in their order, so that two batches with the same references do not wait for each other.
# file_stated: whether the contract has money that a file has stated, whose place the payment may take.
BOOK = """
WITH given AS MATERIALIZED (
    SELECT * FROM unnest($1::integer[], $2::uuid[], $3::integer[], $4::uuid[], $5::numeric[], $6::date[], $7::date[],
        $8::date[], $9::text[], $10::text[], $11::integer[], $12::integer[], $13::boolean[])
        AS given (place, payment_id, booking, contract_id, amount, paid_on, holdoff_from, business_date, channel,
            reference, days_past_due_before, episode_before, takes_money)
), debt AS MATERIALIZED (
    SELECT instalment.contract_id, number, due_on, unpaid,
        sum(unpaid) OVER (PARTITION BY instalment.contract_id ORDER BY due_on, number) - unpaid AS start
    FROM instalment JOIN given USING (contract_id) WHERE unpaid > 0 AND takes_money
), share AS MATERIALIZED (
    SELECT contract_id, number, due_on, least(unpaid, given.amount - start) AS amount
    FROM debt JOIN given USING (contract_id) WHERE start < given.amount
), received AS (
    INSERT INTO payment (payment_id, contract_id, portfolio_id, amount, paid_on, holdoff_from, business_date, channel,
        reference, rebooked_reference, booking, days_past_due_before, episode_before, credit)
    SELECT payment_id, contract_id, contract.portfolio_id, amount, paid_on, holdoff_from, business_date, channel,
        CASE WHEN booking = 1 THEN reference END, CASE WHEN booking > 1 THEN reference END, booking,
        days_past_due_before, episode_before,
        amount - coalesce((SELECT sum(share.amount) FROM share WHERE share.contract_id = given.contract_id), 0)
    FROM given JOIN contract USING (contract_id)
    ORDER BY contract.portfolio_id, payment_key(channel, reference), place
    ON CONFLICT DO NOTHING
    RETURNING payment_id, contract_id, received_at, credit, holdoff_from
), paid AS (
    UPDATE instalment SET unpaid = instalment.unpaid - share.amount
    FROM share JOIN received USING (contract_id)
    WHERE instalment.contract_id = share.contract_id AND instalment.number = share.number
), allocated AS (
    INSERT INTO payment_allocation (payment_id, contract_id, number, due_on, amount)
    SELECT payment_id, contract_id, number, due_on, amount FROM share JOIN received USING (contract_id)
)
SELECT place, received.*, EXISTS (
        SELECT FROM payment
        WHERE payment.contract_id = received.contract_id AND channel = 'file' AND reversed_at IS NULL) AS file_stated
FROM received JOIN given USING (contract_id)
"""

REFERENCE = "coalesce(payment.reference, payment.rebooked_reference)"
"""SQL: the reference of a payment, whichever booking of its key it is."""

TO_REVERSE = "SELECT contract_id, paid_on FROM payment WHERE payment_id = $1"

READ = f"""
SELECT payment_id, contract_id, amount, currency, paid_on, received_at, payment.business_date,
    coalesce(holdoff_from, payment.business_date) AS holdoff_from, channel, {REFERENCE} AS reference, credit,
    reversed_at, reversed_on, reversal_reason, payment.actor AS received_by, reversed_by,
    coalesce((SELECT
        jsonb_agg(jsonb_build_object('instalment', number, 'due_on', due_on, 'amount', allocation.amount::text)
            ORDER BY due_on, number)
        FROM payment_allocation AS allocation WHERE allocation.payment_id = payment.payment_id), '[]') AS allocations
FROM payment JOIN portfolio USING (portfolio_id)
WHERE payment_id = $1
"""

# $1 payment, $2 reason, $3 reversed_on.
REVERSE = f"""
UPDATE payment SET reversed_at = clock_timestamp(), reversal_reason = $2, reversed_on = $3,
    reversed_by = {CURRENT_ACTOR}
WHERE payment_id = $1 AND reversed_at IS NULL
RETURNING *, (SELECT as_of FROM file WHERE file_id = absorbed_by) AS absorbed_as_of
"""

_RETURNED_BY_PAYMENTS = """
SELECT contract_id, due_on, min(number) AS number, sum(amount) AS amount
FROM payment_allocation WHERE payment_id = ANY($1::uuid[]) GROUP BY contract_id, due_on
"""


# The amounts that a file has absorbed go back to their due dates. An amount is added to the instalment
# with the same due date, preferably the one with the old number. Where no instalment has that due date, the amount
# becomes an instalment again, under its old number if that is free.
def restore_absorbed(returned: str) -> str:
    """SQL: add amounts to instalments of the same due dates, or make instalments of them.

    ``returned`` selects contract, due date, the number that the instalment had, and the amount.
    """
    return f"""
WITH returned AS ({returned}
), placed AS MATERIALIZED (
    SELECT returned.*, same.number AS same_number,
        EXISTS (SELECT FROM instalment AS taken
            WHERE taken.contract_id = returned.contract_id AND taken.number = returned.number)
        OR row_number() OVER (PARTITION BY returned.contract_id, same.number, returned.number ORDER BY due_on) > 1
        AS taken
    FROM returned LEFT JOIN LATERAL (
        SELECT instalment.number FROM instalment
        WHERE instalment.contract_id = returned.contract_id AND instalment.due_on = returned.due_on
        ORDER BY instalment.number <> returned.number, instalment.number LIMIT 1
    ) AS same ON true
), added AS (
    UPDATE instalment SET amount = instalment.amount + placed.amount, unpaid = instalment.unpaid + placed.amount
    FROM placed WHERE instalment.contract_id = placed.contract_id AND instalment.number = placed.same_number
)
INSERT INTO instalment (contract_id, number, due_on, amount, unpaid)
SELECT contract_id,
    CASE WHEN taken THEN highest + row_number() OVER (PARTITION BY contract_id ORDER BY due_on) ELSE number END,
    due_on, amount, amount
FROM placed CROSS JOIN LATERAL (
    SELECT greatest((SELECT max(number) FROM instalment WHERE contract_id = placed.contract_id),
        (SELECT max(every.number) FROM placed AS every WHERE every.contract_id = placed.contract_id))
) AS of_contract (highest)
WHERE same_number IS NULL
"""


RESTORE_ABSORBED = restore_absorbed(_RETURNED_BY_PAYMENTS)
"""$1 payments."""

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

PAYMENTS = both_orders(f"""
SELECT payment_id, sequence, amount, paid_on, received_at, business_date,
    coalesce(holdoff_from, business_date) AS holdoff_from, channel, {REFERENCE} AS reference, credit, reversed_at,
    reversed_on
FROM payment WHERE contract_id = $1 AND sequence {{beyond}} $2
ORDER BY sequence {{order}} LIMIT $3
""")

CONTRACT_EXISTS = "SELECT true FROM contract WHERE contract_id = $1"
