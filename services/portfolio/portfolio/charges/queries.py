"""The statements of charges and their reversals. Those that write need the contracts' rows locked."""

from chassis.paging import both_orders

from portfolio.ledger.actors import CURRENT_ACTOR

# $1 contract, $2 kind, $3 reference, $4 charge
LOOK_UP = """
SELECT count(*) AS held,
    $3::text IS NULL OR payment_key($2::text, $3::text) IS NOT NULL AS is_legible,
    (array_agg(charge_id) FILTER (WHERE reversed_at IS NULL AND reference_key = payment_key($2::text, $3::text)))[1]
        AS known,
    (SELECT charge_id FROM charge WHERE charge_id = $4::uuid) AS entered
FROM charge WHERE contract_id = $1
"""
OLDEST_UNPAID = """
SELECT number, due_on FROM instalment WHERE contract_id = $1 AND unpaid > 0 ORDER BY due_on, number LIMIT 1
"""
INSTALMENT = "SELECT number, due_on FROM instalment WHERE contract_id = $1 AND number = $2"
COUNT_INSTALMENTS = "SELECT count(*) FROM instalment WHERE contract_id = $1"
# $1 contract, $2 due_on. An instalment for a charge of a contract that owes nothing.
ADD_INSTALMENT = """
INSERT INTO instalment (contract_id, number, due_on, amount, unpaid)
SELECT $1, coalesce(max(number), 0) + 1, $2::date, 0, 0 FROM instalment WHERE contract_id = $1
RETURNING number, due_on
"""
ADD = """
INSERT INTO charge (charge_id, contract_id, portfolio_id, kind, amount, charged_on, reason, reference, number, due_on,
    business_date)
VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11)
RETURNING *
"""
CONTRACT_OF = "SELECT contract_id, charged_on FROM charge WHERE charge_id = $1"
# $1 charge, $2 reason, $3 reversed_on
REVERSE = f"""
UPDATE charge SET reversed_at = clock_timestamp(), reversal_reason = $2, reversed_on = $3, reversed_by = {CURRENT_ACTOR}
WHERE charge_id = $1 AND reversed_at IS NULL
RETURNING *, (SELECT as_of FROM file WHERE file_id = absorbed_by) AS absorbed_as_of
"""
INSTALMENTS = "SELECT number, amount FROM instalment WHERE contract_id = $1"

CHARGES = both_orders("""
SELECT charge_id, contract_id, sequence, kind, amount, charged_on, reason, reference, number AS instalment,
    business_date, received_at, absorbed_by IS NOT NULL AS in_file, actor AS received_by, reversed_at, reversed_on,
    reversal_reason, reversed_by
FROM charge WHERE contract_id = $1 AND sequence {beyond} $2
ORDER BY sequence {order} LIMIT $3
""")
CONTRACT_EXISTS = "SELECT true FROM contract WHERE contract_id = $1"
IS_PAUSED = """
SELECT EXISTS (SELECT FROM pause
    WHERE contract_id = $1 AND $2::date BETWEEN starts_on AND coalesce(ends_on, 'infinity'))
"""
