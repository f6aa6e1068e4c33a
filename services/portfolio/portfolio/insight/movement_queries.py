"""The statements that read movements: kept sums of past days, and the movements themselves since then."""

from chassis.paging import both_orders

from portfolio.movements.keeping_queries import NET, OPEN, moved_in_months, recovery

# $1 portfolio or null, $2 the first and $3 the last day. Days that are not kept yet are added up from their movements.
_DAYS = """
SELECT portfolio_id, day, cause, from_stage, to_stage, contracts, from_overdue, to_overdue, from_total, to_total
FROM insight_day WHERE ($1::uuid IS NULL OR portfolio_id = $1) AND day BETWEEN $2::date AND $3::date
UNION ALL
SELECT portfolio_id, day, cause, from_stage, to_stage, count(*), sum(from_overdue), sum(to_overdue), sum(from_total),
    sum(to_total)
FROM portfolio LEFT JOIN insight_kept USING (portfolio_id) CROSS JOIN LATERAL (
    SELECT * FROM contract_movement WHERE contract_movement.portfolio_id = portfolio.portfolio_id
        AND day > coalesce(kept_to, '-infinity') AND day BETWEEN $2::date AND $3::date
) AS movement (movement_id, of_portfolio, day, contract_id, cause, from_stage, to_stage, from_overdue, to_overdue,
    from_total, to_total)
WHERE $1::uuid IS NULL OR portfolio_id = $1
GROUP BY portfolio_id, day, cause, from_stage, to_stage
"""
_STAGES = "ARRAY['current', 'early', 'late', 'legal']"


def steps(row: str, weight: str) -> str:
    """SQL: the steps of the waterfall that a movement takes, of ``weight`` contracts: stage, step, contracts, amounts.

    What a movement changes in the amounts is a step of the stage that it leaves. With the rest it goes over.
    """
    came, left = f"{row}.from_stage NOT IN {OPEN}", f"{row}.to_stage NOT IN {OPEN}"
    back = f"array_position({_STAGES}, {row}.to_stage) < array_position({_STAGES}, {row}.from_stage)"
    overdue, total = f"{row}.to_overdue - {row}.from_overdue", f"{row}.to_total - {row}.from_total"
    return f"""(
    SELECT stage, step, contracts, overdue, total FROM (VALUES
        ({row}.to_stage, CASE WHEN {row}.from_stage = 'new' THEN 'new' ELSE 'reopened' END, {weight},
            {row}.to_overdue, {row}.to_total, {came}),
        ({row}.from_stage, {row}.to_stage, -{weight}, -{row}.from_overdue, -{row}.from_total, {left}),
        ({row}.from_stage, {row}.cause, 0, {overdue}, {total},
            NOT ({came}) AND NOT ({left}) AND ({overdue} <> 0 OR {total} <> 0)),
        ({row}.from_stage, CASE WHEN {back} THEN 'cured_out' ELSE 'rolled_out' END, -{weight}, -{row}.to_overdue,
            -{row}.to_total, NOT ({came}) AND NOT ({left}) AND {row}.from_stage <> {row}.to_stage),
        ({row}.to_stage, CASE WHEN {back} THEN 'cured_in' ELSE 'rolled_in' END, {weight}, {row}.to_overdue,
            {row}.to_total, NOT ({came}) AND NOT ({left}) AND {row}.from_stage <> {row}.to_stage)
    ) AS each (stage, step, contracts, overdue, total, applies) WHERE applies)"""


# The open contracts before the day $2: the newest kept close before it, and what the days since then have changed.
_OPENING = f"""
SELECT portfolio_id, stage, sum(contracts) AS contracts, sum(overdue) AS overdue, sum(total) AS total FROM (
    SELECT portfolio_id, stage, contracts, overdue, total
    FROM portfolio CROSS JOIN unnest({_STAGES}) AS stage CROSS JOIN LATERAL (
        SELECT contracts, overdue, total FROM insight_close AS kept
        WHERE kept.portfolio_id = portfolio.portfolio_id AND kept.stage = stage.stage AND day < $2
        ORDER BY day DESC LIMIT 1) AS kept
    WHERE $1::uuid IS NULL OR portfolio_id = $1
    UNION ALL
    SELECT portfolio_id, stage, contracts, overdue, total FROM (
        WITH days AS ({{unkept}}) {NET}) AS net
) AS known GROUP BY portfolio_id, stage
"""
_UNKEPT_BEFORE = """
    SELECT portfolio_id, day, from_stage, to_stage, count(*) AS contracts, sum(from_overdue) AS from_overdue,
        sum(to_overdue) AS to_overdue, sum(from_total) AS from_total, sum(to_total) AS to_total
    FROM portfolio LEFT JOIN insight_kept USING (portfolio_id) CROSS JOIN LATERAL (
        SELECT day, from_stage, to_stage, from_overdue, to_overdue, from_total, to_total FROM contract_movement
        WHERE contract_movement.portfolio_id = portfolio.portfolio_id AND day > coalesce(kept_to, '-infinity')
            AND day < $2::date) AS movement
    WHERE $1::uuid IS NULL OR portfolio_id = $1
    GROUP BY portfolio_id, day, from_stage, to_stage"""
OPENING = _OPENING.format(unkept=_UNKEPT_BEFORE)
WATERFALL = f"""
WITH opening AS ({OPENING}), days AS ({_DAYS})
SELECT portfolio_id, currency, business_date, stage, step, sum(contracts)::bigint AS contracts, sum(overdue) AS overdue,
    sum(total) AS total
FROM (
    SELECT portfolio_id, stage, 'opening' AS step, contracts, overdue, total FROM opening
    UNION ALL
    SELECT portfolio_id, step.* FROM days CROSS JOIN LATERAL {steps("days", "days.contracts")} AS step
) AS each JOIN portfolio USING (portfolio_id)
GROUP BY portfolio_id, currency, business_date, stage, step
"""
# $4 and $5 the stages from and to which, $6 the cause of a change of the amounts, each null for any; $7 and $8 the last
# movement of the page before, $9 limit.
MOVEMENTS = both_orders("""
SELECT movement.movement_id, movement.portfolio_id, movement.day, movement.contract_id, contract_number, movement.cause,
    movement.from_stage, movement.to_stage, movement.from_overdue, movement.to_overdue, movement.from_total,
    movement.to_total
FROM contract_movement AS movement JOIN contract USING (contract_id)
WHERE ($1::uuid IS NULL OR movement.portfolio_id = $1) AND movement.day BETWEEN $2::date AND $3::date
    AND ($4::text[] IS NULL OR from_stage = ANY ($4)) AND ($5::text[] IS NULL OR to_stage = ANY ($5))
    AND ($6::text IS NULL OR cause = $6 AND (from_overdue, from_total) <> (to_overdue, to_total))
    AND ($7::date IS NULL OR (movement.day, movement_id) {beyond} ($7, $8::bigint))
ORDER BY movement.day {order}, movement_id {order} LIMIT $9
""")
_OF_PORTFOLIO = "($1::uuid IS NULL OR portfolio_id = $1)"
# The newest kept close before each of the days ``begin``.
_OPENINGS = f"""
SELECT portfolio_id, begin, stage, contracts, overdue
FROM portfolio CROSS JOIN begins CROSS JOIN unnest({_STAGES}) AS stage CROSS JOIN LATERAL (
    SELECT contracts, overdue FROM insight_close AS kept
    WHERE kept.portfolio_id = portfolio.portfolio_id AND kept.stage = stage.stage AND day < begin
    ORDER BY day DESC LIMIT 1) AS kept
WHERE {_OF_PORTFOLIO}
"""
_ROLLS = f"""
SELECT opening.portfolio_id, currency, opening.begin, opening.stage AS from_stage, moved.to_stage, moved.contracts,
    moved.overdue, opening.contracts AS opening_contracts, opening.overdue AS opening_overdue
FROM ({_OPENINGS}) AS opening JOIN portfolio USING (portfolio_id)
LEFT JOIN moved ON moved.portfolio_id = opening.portfolio_id AND moved.begin = opening.begin
    AND moved.from_stage = opening.stage
WHERE opening.contracts > 0 OR moved.contracts > 0
ORDER BY opening.portfolio_id, opening.begin, opening.stage
"""
# Where the contracts that were open at the beginning of a month or day stand at its end, by month or by day. Months
# hold each contract once, as long as their days are kept; days hold each movement.
ROLLS = {
    "month": f"""
WITH begins AS (
    SELECT generate_series(date_trunc('month', $2::date), $3::date, '1 month')::date AS begin
), moved AS (
    SELECT portfolio_id, month AS begin, from_stage, to_stage, contracts, from_overdue AS overdue
    FROM insight_month JOIN begins ON begin = month WHERE {_OF_PORTFOLIO}
) {_ROLLS}""",
    "day": f"""
WITH days AS ({_DAYS}), begins AS (
    SELECT DISTINCT day AS begin FROM days
), moved AS (
    SELECT portfolio_id, day AS begin, from_stage, to_stage, sum(contracts)::bigint AS contracts,
        sum(from_overdue) AS overdue
    FROM days WHERE from_stage <> to_stage GROUP BY portfolio_id, day, from_stage, to_stage
) {_ROLLS}""",
}
# The contracts behind a cell of a month: $1 portfolio, $2 the month, $3 and $4 its stages; $5 the last contract of the
# page before, $6 limit.
MOVED_CONTRACTS = both_orders(f"""
SELECT contract_id, contract_number, from_stage, to_stage, from_overdue, to_overdue
FROM ({moved_in_months("$1", "$2::date", "least(kept_to, ($2::date + interval '1 month - 1 day')::date)")}) AS moved
JOIN contract USING (contract_id)
WHERE from_stage = $3 AND to_stage = $4 AND ($5::uuid IS NULL OR contract_id {{beyond}} $5)
ORDER BY contract_id {{order}} LIMIT $6
""")
# $2 the first and $3 the last day.
RECOVERY = f"""
SELECT portfolio_id, day, vintage, stage, age, payments, received, reversed FROM insight_recovery
WHERE {_OF_PORTFOLIO} AND day BETWEEN $2::date AND $3::date
UNION ALL
SELECT each.portfolio_id, day, vintage, stage, age, payments, received, reversed
FROM portfolio AS owner LEFT JOIN insight_kept USING (portfolio_id) CROSS JOIN LATERAL (
    {recovery("owner.portfolio_id", "greatest(coalesce(kept_to, '-infinity'), $2::date - 1)", "$3::date")}) AS each
WHERE $1::uuid IS NULL OR owner.portfolio_id = $1
"""
_SUMS = "sum(payments)::bigint AS payments, sum(received) AS received, sum(reversed) AS reversed"
RECOVERED = {
    by: f"""
WITH recovery AS ({RECOVERY})
SELECT portfolio_id, currency, {key} AS key, {_SUMS}
FROM recovery JOIN portfolio USING (portfolio_id) GROUP BY portfolio_id, currency, key ORDER BY portfolio_id, key
"""
    for by, key in {
        "age": "age",
        "stage": "stage",
        "day": "day",
        "month": "date_trunc('month', day)::date",
    }.items()
}
# $4 age, $5 stage, $6 vintage, each null for any; $7 to $9 the last line of the page before, $10 limit. A reversal is
# a line of its own, with 0 payments.
PAYMENTS = both_orders(f"""
SELECT each.portfolio_id, day, payment_id, contract_id, contract_number, vintage, stage, age, payments, received,
    reversed
FROM portfolio AS owner CROSS JOIN LATERAL (
    {recovery("owner.portfolio_id", "$2::date - 1", "$3::date")}) AS each
WHERE ($1::uuid IS NULL OR owner.portfolio_id = $1) AND ($4::integer IS NULL OR age = $4)
    AND ($5::text IS NULL OR stage = $5) AND ($6::date IS NULL OR vintage = $6)
    AND ($7::date IS NULL OR (day, payment_id, payments) {{beyond}} ($7, $8::uuid, $9::integer))
ORDER BY day {{order}}, payment_id {{order}}, payments {{order}} LIMIT $10
""")
# $2 and $3 bound the months in which contracts were handed over; their payments count up to now.
VINTAGES = f"""
WITH recovery AS ({RECOVERY.replace("$2::date", "'2000-01-01'::date").replace("$3::date", "'2100-12-31'::date")}
), handed AS (
    SELECT portfolio_id, vintage, sum(contracts)::bigint AS contracts, sum(total) AS total FROM (
        SELECT portfolio_id, vintage, contracts, total FROM insight_vintage WHERE {_OF_PORTFOLIO}
        UNION ALL
        SELECT portfolio_id, date_trunc('month', day)::date, 1, to_total
        FROM portfolio AS owner LEFT JOIN insight_kept USING (portfolio_id) CROSS JOIN LATERAL (
            SELECT day, to_total FROM contract_movement
            WHERE contract_movement.portfolio_id = owner.portfolio_id AND day > coalesce(kept_to, '-infinity')
                AND from_stage = 'new') AS movement
        WHERE {_OF_PORTFOLIO}
    ) AS each GROUP BY portfolio_id, vintage
)
SELECT portfolio_id, currency, vintage, handed.contracts, handed.total, month, {_SUMS}
FROM handed JOIN portfolio USING (portfolio_id) LEFT JOIN (
    SELECT *, date_trunc('month', day)::date AS month FROM recovery) AS recovery USING (portfolio_id, vintage)
WHERE vintage BETWEEN date_trunc('month', $2::date) AND $3::date
GROUP BY portfolio_id, currency, vintage, handed.contracts, handed.total, month
ORDER BY portfolio_id, vintage, month NULLS FIRST
"""
BUSINESS_DATE = "SELECT max(business_date) FROM portfolio WHERE $1::uuid IS NULL OR portfolio_id = $1"
