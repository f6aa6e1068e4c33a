"""SQL that reads contracts to make promises on, and writes and reads promises.

An agency sees its own contracts and promises; a null agency sees all.
"""

from projections.placements import WITH_AGENCY

_PLACED = "placement.contract_id = contract.contract_id AND placement.agency_id = $2 AND placement.state = 'active'"
# Whether a contract's details are known and it is placed with the agency $2. A null $2 requires no placement.
IS_OPEN_TO = f"""
SELECT EXISTS (
    SELECT FROM contract
    WHERE contract_id = $1 AND portfolio_id IS NOT NULL
        AND ($2::uuid IS NULL OR EXISTS (SELECT FROM placement WHERE {_PLACED})))
"""
# The same contract, with what decides about a promise on it. An agency itself may not read this.
# The placement's term may be over before its end arrives. Its first day is not compared, because the business date may
# arrive after the placement.
# $3: the time now. Today is its date in the portfolio's time zone. An episode of arrears ends when nothing is overdue.
CONTRACT = f"""
SELECT contract.contract_id, contract.portfolio_id, contract.state, contract.status, contract.overdue_balance,
    contract.total_balance, contract.currency, contract.stage, contract.days_past_due, contract.product,
    contract.segment, portfolio.promise_limits, portfolio.jurisdiction, portfolio.checked_to, portfolio.timezone,
    CASE WHEN contract.overdue_balance > 0 THEN contract.episode END AS episode,
    greatest(contract.as_of, portfolio.business_date) AS business_date,
    greatest(contract.as_of, portfolio.business_date, portfolio.checked_to) AS day,
    least(greatest(contract.as_of, portfolio.business_date), ($3::timestamptz AT TIME ZONE portfolio.timezone)::date)
        AS made_on,
    EXISTS (
        SELECT FROM clarification
        WHERE clarification.contract_id = contract.contract_id AND clarification.silent) AS disputed
FROM contract LEFT JOIN portfolio USING (portfolio_id)
WHERE contract.contract_id = $1 AND contract.portfolio_id IS NOT NULL
    AND ($2::uuid IS NULL OR EXISTS (
        SELECT FROM placement
        WHERE {_PLACED}
            AND (placement.ends_on IS NULL OR placement.ends_on >= greatest(contract.as_of, portfolio.business_date))))
"""
PARTY_ROLE = "SELECT role FROM party WHERE party_id = $1 AND contract_id = $2 AND NOT removed"
# The first of the days $2 on which an open promise of the contract is due.
FIRST_OPEN_DAY = """
SELECT due_on FROM promise WHERE contract_id = $1 AND state = 'open' AND due_on = ANY ($2::date[])
ORDER BY due_on LIMIT 1
"""
# How many promises of the contract were made on the day $2, and how many are not cancelled.
COUNTS = """
SELECT count(*) FILTER (WHERE made_on = $2), count(*) FILTER (WHERE state <> 'cancelled')
FROM promise WHERE contract_id = $1
"""
# What the open promises of the contract still ask for, and how many promises of the episode $2 were broken. A plan
# counts once.
PROMISED = """
SELECT coalesce(sum(amount - paid) FILTER (WHERE promise.state = 'open'), 0) AS outstanding,
    count(DISTINCT coalesce(agreement_id, promise_id))
        FILTER (WHERE promise.episode = $2 AND 'broken' IN (promise.state, agreement.state)) AS broken
FROM promise LEFT JOIN agreement USING (agreement_id)
WHERE promise.contract_id = $1
"""
MAKE = """
INSERT INTO promise
    (contract_id, portfolio_id, agreement_id, agency_id, currency, made_on, made_in, episode, segment, tolerance,
        party_id, due_on, silent_until, amount, promise_id, version)
SELECT $1, $2, $3, $4, $5, $6, $7, $8, $9, least($10, amount - 0.01), $11, due_on, silent_until, amount,
    coalesce(promise_id, uuidv7()),
    CASE WHEN promise_id IS NULL THEN 1 ELSE first_version() + 1 END
FROM unnest($12::date[], $13::date[], $14::numeric[], $15::uuid[]) AS given (due_on, silent_until, amount, promise_id)
ORDER BY due_on
RETURNING *
"""


def reason_shown(table: str, agency: str) -> str:
    """SQL: the reason of the cancellation, which may say something about the debtor. An agency reads it as long as it
    has the contract."""
    return f"""
    CASE WHEN {agency}::uuid IS NULL OR EXISTS (
        SELECT FROM placement
        WHERE placement.contract_id = {table}.contract_id AND placement.agency_id = {agency}
            AND placement.{WITH_AGENCY})
    THEN {table}.cancellation_reason END AS cancellation_reason"""


_COLUMNS = """
promise_id, contract_id, agreement_id, agency_id, party_id, state, version, amount, paid, currency, made_on, made_in,
    due_on, silent_until, created_at
"""
PROMISE = f"""
SELECT {_COLUMNS}, {reason_shown("promise", "$2")} FROM promise
WHERE promise_id = $1 AND ($2::uuid IS NULL OR agency_id = $2)
"""
# Promises in the order in which they were made, or turned. $1 to $4: contract, state, first and last due day, each null
# for any; $5: the last promise of the page before; $6: the agency; $8 to $10: currency, whether no agency took it, and
# how it was made. FOR_OPERATORS: $11 who made it, $12 its portfolio, $13 the agency that took it, $14
# the segment of its contract.
PROMISES = {
    order: f"""
SELECT {_COLUMNS}, {reason_shown("promise", "$6")} FROM promise
WHERE ($1::uuid IS NULL OR contract_id = $1) AND ($2::text IS NULL OR state = $2)
    AND ($3::date IS NULL OR due_on >= $3) AND ($4::date IS NULL OR due_on <= $4)
    AND ($5::uuid IS NULL OR promise_id {beyond} $5) AND ($6::uuid IS NULL OR agency_id = $6)
    AND ($8::text IS NULL OR currency = $8) AND ($9::boolean IS NULL OR (agency_id IS NULL) = $9)
    AND ($10::text IS NULL OR made_in = $10) {{for_operators}}
ORDER BY promise_id {order} LIMIT $7
"""
    for order, beyond in (("asc", ">"), ("desc", "<"))
}
FOR_OPERATORS = """AND ($11::text IS NULL OR actor ->> 'subject' = $11)
    AND ($12::uuid IS NULL OR portfolio_id = $12) AND ($13::uuid IS NULL OR agency_id = $13)
    AND ($14::text IS NULL OR coalesce(segment, 'unknown') = $14)"""
