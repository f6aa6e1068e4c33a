"""The statements that answer what held of a contract on a day. $1 is the contract, $2 the day."""

# Of the day: the last movement up to it. Before the first movement that is kept stands what that movement left.
POSITION = """
SELECT contract.contract_id, portfolio.portfolio_id, portfolio.business_date, stated_as_of,
    (contract.created_at AT TIME ZONE portfolio.timezone)::date AS created_on,
    said.day AS since, coalesce(said.to_stage, later.from_stage, CASE WHEN contract.state = 'open' THEN contract.stage
        WHEN contract.state = 'settled' THEN 'settled' ELSE 'closed' END) AS place,
    coalesce(said.to_overdue, later.from_overdue, contract.overdue_balance) AS overdue_balance,
    CASE WHEN said.day IS NOT NULL THEN said.oldest_due_on
        WHEN later.day IS NULL THEN contract.oldest_due_on END AS oldest_due_on,
    CASE WHEN said.day IS NOT NULL THEN said.oldest_due_on IS NOT NULL OR said.to_total = 0 ELSE later.day IS NULL END
        AS is_whole,
    (SELECT number FROM instalment WHERE instalment.contract_id = contract.contract_id
        AND due_on = said.oldest_due_on ORDER BY number LIMIT 1) AS oldest_number,
    rescheduled_by IS NOT NULL AS is_rescheduled
FROM contract JOIN portfolio USING (portfolio_id)
LEFT JOIN LATERAL (
    SELECT day, to_stage, to_overdue, to_total, oldest_due_on FROM contract_movement AS movement
    WHERE movement.contract_id = contract.contract_id AND day <= $2 ORDER BY movement_id DESC LIMIT 1
) AS said ON true
LEFT JOIN LATERAL (
    SELECT day, from_stage, from_overdue FROM contract_movement AS movement
    WHERE movement.contract_id = contract.contract_id AND said.day IS NULL ORDER BY movement_id LIMIT 1
) AS later ON true
WHERE contract_id = $1
"""

# The days of each pause as the last line of history up to the day states them.
PAUSES = """
SELECT DISTINCT ON (data ->> 'pause_id') (data ->> 'pause_id')::uuid AS pause_id,
    (data ->> 'starts_on')::date AS starts_on, (data ->> 'ends_on')::date AS ends_on,
    coalesce((SELECT kind FROM scoped_pause JOIN pause_scope USING (scope_id)
        WHERE scoped_pause.pause_id = (data ->> 'scoped_pause_id')::uuid), 'contract') AS scope
FROM contract_history
WHERE contract_id = $1 AND business_date <= $2 AND kind IN ('paused', 'resumed')
ORDER BY data ->> 'pause_id', history_id DESC
"""
# The bands that were known to hold on the day: $1 portfolio.
BANDS = """
SELECT bands_id, from_on, early_from, late_from, legal_from FROM stage_bands
WHERE portfolio_id = $1 AND from_on <= $2 AND coalesce(entered_on, from_on) <= $2
ORDER BY from_on DESC, bands_id DESC LIMIT 1
"""
# $3 the first day, $4 limit.
FACTS = """
SELECT kind, business_date, data FROM contract_history
WHERE contract_id = $1 AND business_date <= $2 AND business_date >= $3
    AND kind IN ('registered', 'revised', 'amended', 'payment_received', 'payment_reversed', 'charge_taken',
        'charge_reversed', 'clarification_resolved')
    AND (kind <> 'clarification_resolved' OR data -> 'corrections' <> '[]')
ORDER BY history_id DESC LIMIT $4
"""

# What is known now about a day that is not before the creditor's last statement: the amounts of now without the charges
# that were not taken yet on that day, and the payments of now, as far as they were paid on it, laid end to end on one
# line of money.
KNOWN_NOW = """
WITH paid AS (
    SELECT coalesce(sum(amount), 0) AS amount FROM payment
    WHERE contract_id = $1 AND absorbed_by IS NULL AND reversed_at IS NULL AND paid_on <= $2
), stated AS (
    SELECT instalment.due_on, number, greatest(0, instalment.amount - coalesce((
        SELECT sum(laid.amount) FROM charge_allocation AS laid JOIN charge USING (charge_id)
        WHERE laid.contract_id = $1 AND laid.number = instalment.number AND charge.laid AND charge.charged_on > $2), 0)
        ) AS amount
    FROM instalment WHERE contract_id = $1
), owed AS (
    SELECT due_on, least(stated.amount, greatest(0, sum(stated.amount) OVER (ORDER BY due_on, number)
        - paid.amount)) AS unpaid
    FROM stated CROSS JOIN paid
)
SELECT min(due_on) FILTER (WHERE unpaid > 0) AS oldest_due_on,
    coalesce(sum(unpaid) FILTER (WHERE due_on < $2), 0) AS overdue_balance
FROM owed
"""
PAUSES_NOW = "SELECT starts_on, ends_on FROM pause WHERE contract_id = $1"
STAGE_NOW = "SELECT stage_of($1, $2, $3)"
