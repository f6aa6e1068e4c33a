"""The statements that keep payments, and that earn, take back and read commissions."""

from chassis.paging import both_orders
from recobro_events import outbox
from recobro_events.contracts.assignment import CommissionEarned, CommissionReversed

from assignment.commissions.rules import (
    AGE_ON_PAID_ON,
    AMOUNT,
    FEE_COVERS,
    FIRST,
    IN_FORCE,
    NOT_REVERSED,
)
from assignment.placements.rules import BUSINESS_DATE

# $1 … payments as their own events or whole contracts carry them. Returns those about which something is new.
KEEP = f"""
INSERT INTO commission_payment AS known (payment_id, contract_id, amount, credit, credit_version, currency, paid_on,
    days_past_due, version, overtook)
SELECT fact.payment_id, fact.contract_id, fact.amount, fact.credit, fact.version, fact.currency, fact.paid_on,
    {AGE_ON_PAID_ON}, fact.version, fact.missed OR contract.version < fact.version - 1
FROM unnest($1::uuid[], $2::uuid[], $3::bigint[], $4::numeric[], $5::numeric[], $6::text[], $7::date[], $8::date[],
    $9::integer[], $10::boolean[])
    AS fact (payment_id, contract_id, version, amount, credit, currency, paid_on, business_date, days_before, missed)
JOIN contract USING (contract_id)
WHERE NOT fact.missed OR contract.judged_to IS NULL OR fact.business_date > contract.judged_to
    OR EXISTS (SELECT FROM commission_payment WHERE commission_payment.payment_id = fact.payment_id)
ORDER BY fact.payment_id
ON CONFLICT (payment_id) DO UPDATE SET
    amount = CASE WHEN known.credit_version < excluded.credit_version THEN excluded.amount ELSE known.amount END,
    credit = CASE WHEN known.credit_version < excluded.credit_version THEN excluded.credit ELSE known.credit END,
    credit_version = greatest(known.credit_version, excluded.credit_version),
    paid_on = coalesce(known.paid_on, excluded.paid_on),
    days_past_due = coalesce(known.days_past_due, excluded.days_past_due),
    version = coalesce(known.version, excluded.version),
    overtook = coalesce(known.overtook, excluded.overtook)
WHERE known.credit_version < excluded.credit_version OR known.paid_on IS NULL
RETURNING known.payment_id,
    old.payment_id IS NULL OR old.paid_on IS NULL OR old.amount - old.credit <> new.amount - new.credit AS is_new
"""
KEEP_CREDIT = """
INSERT INTO commission_payment AS known (payment_id, contract_id, credit_version, amount, credit, currency)
SELECT * FROM unnest($1::uuid[], $2::uuid[], $3::bigint[], $4::numeric[], $5::numeric[], $6::text[])
ON CONFLICT (payment_id) DO UPDATE SET
    amount = excluded.amount, credit = excluded.credit, credit_version = excluded.credit_version
WHERE known.credit_version < excluded.credit_version
RETURNING known.payment_id
"""
KEEP_REVERSALS = """
INSERT INTO payment_reversal (payment_id, contract_id, business_date)
SELECT * FROM unnest($1::uuid[], $2::uuid[], $3::date[]) ON CONFLICT DO NOTHING RETURNING payment_id
"""
# The payments from which placements of these contracts that began on or after these days may earn.
SINCE = """
SELECT payment_id, contract_id FROM commission_payment
JOIN unnest($1::uuid[], $2::date[]) AS begun (contract_id, starts_on) USING (contract_id)
WHERE paid_on >= begun.starts_on AND NOT judged_before
"""

# The one placement that earns from each payment. For a payment that was judged before, it is one that earned then.
_TARGET = f"""
target AS MATERIALIZED (
    SELECT DISTINCT ON (paid.payment_id) paid.payment_id, paid.contract_id, placement.placement_id,
        placement.agency_id, placement.kind, paid.days_past_due, paid.base, fee.percent, {AMOUNT} AS amount,
        paid.currency
    FROM (
        SELECT *, amount - credit AS base FROM commission_payment
        WHERE payment_id = ANY ($1::uuid[]) AND paid_on IS NOT NULL
    ) AS paid
    LEFT JOIN LATERAL (
        SELECT kinds FROM commission_precedence
        WHERE commission_precedence.starts_on <= paid.paid_on ORDER BY commission_precedence.starts_on DESC LIMIT 1
    ) AS precedence ON true
    JOIN placement USING (contract_id)
    JOIN service_contract USING (service_contract_id)
    JOIN fee ON fee.service_contract_id = placement.service_contract_id AND {FEE_COVERS}
    WHERE paid.base > 0 AND {NOT_REVERSED} AND CASE WHEN paid.judged_before THEN EXISTS (
            SELECT FROM commission
            WHERE commission.payment_id = paid.payment_id AND commission.placement_id = placement.placement_id)
        ELSE {IN_FORCE} END
    ORDER BY paid.payment_id, {FIRST}
)"""
_DAY = f"""
CROSS JOIN LATERAL (
    SELECT {BUSINESS_DATE} AS day FROM contract LEFT JOIN portfolio USING (portfolio_id)
    WHERE contract.contract_id = {{row}}.contract_id
) AS today"""


# The same earning has the same event id in any order.
_PUBLISH = outbox.rows(
    {"is_reversal": CommissionReversed, "NOT is_reversal": CommissionEarned},
    body="""json_build_object('contract_id', contract_id, 'placement_id', placement_id, 'agency_id', agency_id,
        'payment_id', payment_id, 'base', base::text, 'percent', percent::text, 'amount', amount::text,
        'currency', currency)""",
    traceparent="coalesce(given.traceparent, $4)",
    event_id=outbox.Caused("payment_id", consumer="'commission'", key="placement_id", n="ordinal"),
)

# What is stale is taken back before the payment earns anew, because a payment earns once at a time.
# $1 payments, $2 the traceparent of the event behind each, $3 why, $4 traceparent otherwise.
SETTLE = f"""
WITH {_TARGET}, stale AS MATERIALIZED (
    SELECT commission.payment_id, commission.placement_id, commission.ordinal, today.day
    FROM commission {_DAY.format(row="commission")}
    WHERE commission.payment_id = ANY ($1::uuid[]) AND commission.reversed_on IS NULL AND NOT EXISTS (
        SELECT FROM target
        WHERE (target.payment_id, target.placement_id, target.base, target.percent, target.amount)
            = (commission.payment_id, commission.placement_id, commission.base, commission.percent, commission.amount))
), taken_back AS (
    UPDATE commission SET reversed_on = greatest(stale.day, commission.earned_on), reversed_because = $3
    FROM stale
    WHERE commission.payment_id = stale.payment_id AND commission.placement_id = stale.placement_id
        AND commission.ordinal = stale.ordinal
    RETURNING commission.*
), earned AS (
    INSERT INTO commission (payment_id, placement_id, ordinal, contract_id, agency_id, kind, earned_on, earned_because,
        days_past_due, base, percent, amount, currency)
    SELECT target.payment_id, placement_id, 1 + coalesce((
            SELECT max(ordinal) FROM commission WHERE commission.payment_id = target.payment_id), 0),
        target.contract_id, agency_id, kind, today.day, $3, days_past_due, base, percent, amount, currency
    FROM target {_DAY.format(row="target")}
    WHERE NOT EXISTS (
        SELECT FROM commission
        WHERE commission.payment_id = target.payment_id AND commission.reversed_on IS NULL
            AND (placement_id, ordinal) NOT IN (
                SELECT placement_id, ordinal FROM taken_back WHERE taken_back.payment_id = target.payment_id))
    RETURNING *
), changed AS (
    SELECT true AS is_reversal, * FROM taken_back UNION ALL SELECT false, * FROM earned
)
{_PUBLISH}
FROM changed
JOIN unnest($1::uuid[], $2::text[]) AS given (payment_id, traceparent) USING (payment_id)
ORDER BY NOT is_reversal, contract_id, payment_id, placement_id
RETURNING id
"""

_ITEM = """payment_id, placement_id, contract_id, kind, commission.days_past_due, percent, commission.currency,
        commission.ordinal, earned_on"""


def _entries(entry: str, day: str, because: str, sign: str) -> str:
    """SQL: the items of one side of the report, after the page's key and up to its limit."""
    return f"""
    (SELECT {_ITEM}, {day} AS dated_on, '{entry}' AS entry, {because} AS because, {sign}base AS base,
        {sign}amount AS amount
    FROM commission
    WHERE agency_id = $1 AND {day} IS NOT NULL
        AND ($2::date IS NULL OR {day} >= $2) AND ($3::date IS NULL OR {day} <= $3)
        AND ($4::date IS NULL OR ({day}, payment_id, ordinal, '{entry}', placement_id) {{beyond}} ($4, $5, $6, $7, $8))
    ORDER BY {day} {{order}}, payment_id {{order}}, ordinal {{order}}, placement_id {{order}} LIMIT $9)"""


# $1 agency, $2 and $3 the first and last business date of the period; null leaves that end open. $4 … $8 the key of the
# last item before the page.
ITEMS = both_orders(f"""
SELECT item.*, contract.contract_number
FROM (
{_entries("earned", "earned_on", "earned_because", "")}
    UNION ALL
{_entries("reversed", "reversed_on", "reversed_because", "-")}
) AS item JOIN contract USING (contract_id)
ORDER BY dated_on {{order}}, payment_id {{order}}, ordinal {{order}}, entry COLLATE "C" {{order}},
    placement_id {{order}} LIMIT $9
""")
TOTALS = """
SELECT currency, count(*) AS items, coalesce(sum(amount) FILTER (WHERE amount > 0), 0) AS earned,
    coalesce(-sum(amount) FILTER (WHERE amount < 0), 0) AS reversed, sum(amount) AS amount
FROM (
    SELECT currency, amount FROM commission
    WHERE agency_id = $1 AND ($2::date IS NULL OR earned_on >= $2) AND ($3::date IS NULL OR earned_on <= $3)
    UNION ALL
    SELECT currency, -amount FROM commission
    WHERE agency_id = $1 AND reversed_on IS NOT NULL AND ($2::date IS NULL OR reversed_on >= $2)
        AND ($3::date IS NULL OR reversed_on <= $3)
) AS item
GROUP BY currency ORDER BY currency
"""

PRECEDENCES = """
SELECT starts_on, kinds, created_at FROM commission_precedence ORDER BY starts_on
"""
LOCK_PRECEDENCES = "LOCK TABLE commission_precedence IN EXCLUSIVE MODE"
# The days up to which payments may have been judged: no precedence may begin there any more.
FIRST_FREE_DAY = """
SELECT count(*) AS precedences, greatest(
    (SELECT max(starts_on) FROM commission_precedence),
    (SELECT max(business_date) FROM portfolio), (SELECT max(paid_on) FROM commission_payment), current_date) + 1 AS day
FROM commission_precedence
"""
ADD_PRECEDENCE = """
INSERT INTO commission_precedence (starts_on, kinds) VALUES ($1, $2) RETURNING starts_on, kinds, created_at
"""
