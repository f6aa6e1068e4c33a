"""The statements of worklists and of the items that operators have."""

from chassis.paging import both_orders

from portfolio.ledger.actors import CURRENT_ACTOR

_WORKLIST = """
SELECT worklist_id, name, portfolio_ids, conditions, active, filled_at, wanted_at IS NOT NULL AS filling, created_at,
    actor, people, expected_value,
    (SELECT count(*) FROM desk_item WHERE desk_item.worklist_id = worklist.worklist_id AND state = 'given') AS given
FROM worklist CROSS JOIN LATERAL (
    SELECT count(*) AS people, coalesce(sum(expected_value), 0) AS expected_value FROM worklist_person
    WHERE worklist_person.worklist_id = worklist.worklist_id AND worklist.active
) AS waiting
"""
WORKLIST = f"{_WORKLIST} WHERE worklist_id = $1"
WORKLISTS = f"{_WORKLIST} WHERE active OR $1 ORDER BY name, worklist_id"
COUNT_WORKLISTS = "SELECT count(*) FROM worklist WHERE active"
NAME_TAKEN = "SELECT EXISTS (SELECT FROM worklist WHERE name = $1 AND active AND worklist_id IS DISTINCT FROM $2)"
LOCK_WORKLIST = "SELECT * FROM worklist WHERE worklist_id = $1 FOR NO KEY UPDATE"
ADD_WORKLIST = """
INSERT INTO worklist (name, portfolio_ids, conditions, wanted_at) VALUES ($1, $2, $3, $4) RETURNING worklist_id
"""
CHANGE_WORKLIST = f"""
UPDATE worklist SET name = $2, conditions = $3, active = $4, wanted_at = $5, actor = {CURRENT_ACTOR}
WHERE worklist_id = $1
"""
UNKNOWN_PORTFOLIOS = """
SELECT count(*) FROM unnest($1::uuid[]) AS given (id)
WHERE NOT EXISTS (SELECT FROM portfolio WHERE portfolio_id = given.id)
"""

# $2 and $3 the value and person after which the page begins.
WAITING = {
    order: f"""
SELECT waiting.person_id, contracts, expected_value, overdue_balance,
    (SELECT operator FROM desk_item WHERE desk_item.person_id = waiting.person_id AND state = 'given') AS given_to,
    (SELECT not_before FROM desk_rest WHERE desk_rest.person_id = waiting.person_id AND not_before > $5) AS not_before
FROM worklist_person AS waiting
WHERE worklist_id = $1 AND ($2::numeric IS NULL OR (-expected_value, person_id) {beyond} (-$2, $3::uuid))
ORDER BY -expected_value {order}, person_id {order} LIMIT $4
"""
    for order, beyond in (("asc", ">"), ("desc", "<"))
}

ITEM = "SELECT * FROM desk_item WHERE item_id = $1"
LOCK_ITEM = f"{ITEM} FOR UPDATE"
# $1 operator, $2 state and $3 worklist, each null for any.
ITEMS = both_orders("""
SELECT * FROM desk_item
WHERE ($1::text IS NULL OR operator = $1) AND ($2::text IS NULL OR state = $2)
    AND ($3::uuid IS NULL OR worklist_id = $3) AND ($4::uuid IS NULL OR item_id {beyond} $4)
ORDER BY item_id {order} LIMIT $5
""")
END = """
UPDATE desk_item SET state = $2, ended_at = $3, outcome = $4, right_party = $5, reason = $6
WHERE item_id = $1 RETURNING *
"""
DECIDE = f"""
UPDATE desk_item SET state = 'decided', decision = $2, decided_at = $3, decided_by = {CURRENT_ACTOR}
WHERE item_id = $1 RETURNING *
"""
REST = """
INSERT INTO desk_rest VALUES ($1, $2) ON CONFLICT (person_id) DO UPDATE SET not_before = excluded.not_before
"""
# The next day begins at midnight in the zone of a contract's portfolio.
TOMORROW = """
SELECT (date_trunc('day', $2::timestamptz AT TIME ZONE timezone) + interval '1 day') AT TIME ZONE timezone
FROM contract JOIN portfolio USING (portfolio_id) WHERE contract_id = $1
"""
ADD_NOTE = "INSERT INTO desk_note (person_id, item_id, note) VALUES ($1, $2, $3)"
COUNT_NOTES = "SELECT count(*) FROM desk_note WHERE item_id = $1"
# What colleagues have noted about the person $1 and its contracts $2, the newest first.
NOTES = """
SELECT note, noted_at, actor FROM (
    SELECT note, noted_at, actor FROM desk_note WHERE person_id = $1
    UNION ALL
    SELECT note, recorded_at, actor FROM attempt WHERE contract_id = ANY($2::uuid[]) AND note IS NOT NULL
) AS said ORDER BY noted_at DESC LIMIT 20
"""
# $1 and $2 the first and the last day, $3 an operator or null. An item pays when money of one of its contracts arrives
# within 7 days.
PRODUCTIVITY = """
SELECT operator, count(*) AS items, count(outcome) AS attempts, count(*) FILTER (WHERE right_party) AS contacts,
    count(*) FILTER (WHERE state = 'rescheduled') AS rescheduled,
    count(*) FILTER (WHERE state IN ('escalated', 'decided')) AS escalated,
    count(*) FILTER (WHERE state = 'released') AS released, count(*) FILTER (WHERE state = 'expired') AS expired,
    count(*) FILTER (WHERE state = 'taken_back') AS taken_back,
    round(extract(epoch FROM avg(ended_at - given_at) FILTER (WHERE state IN ('worked', 'rescheduled', 'escalated',
        'decided'))) / 60, 1)::float8 AS minutes_an_item,
    count(*) FILTER (WHERE outcome IS NOT NULL AND EXISTS (SELECT FROM payment
        WHERE payment.contract_id = ANY(contract_ids) AND reversed_at IS NULL
            AND received_at BETWEEN desk_item.given_at AND desk_item.ended_at + interval '7 days')) AS paid
FROM desk_item
WHERE given_at >= $1::date AND given_at < $2::date + 1 AND ($3::text IS NULL OR operator = $3)
GROUP BY operator ORDER BY operator
"""
